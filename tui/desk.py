"""The operator's desk: what the Box says, kept up by the stream, and what the operator decides, on its way to the Box.

Promises: what is decided is on disk before it is sent, is sent in order, and is gone from the screen only when the Box refuses it; a claim
is the Box's word, never a guess. Tells whoever watches what changed; knows no widget.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal, Protocol, cast

import msgspec

from opsmantik_box.clock import Clock
from opsmantik_box.domain.desk import LeadState, Number
from opsmantik_box.domain.verdicts import Row
from tui.model.actions import Action, Kind, new_action, rebase
from tui.model.lead import Contact, Lead
from tui.model.link import Link, failed, heard
from tui.model.messages import Envelope, Message, Present
from tui.model.pages import Detail, QueuePage, Timeline
from tui.model.store import Store
from tui.model.watch import Alert, AlertPage, Alerts, Delivery, HealthTold, Rates
from tui.net.client import Client, Refused, Unreachable
from tui.net.follow import Follower
from tui.net.kept import Kept

MOST_LEADS_ASKED = 1_000
MOST_ALERTS_ASKED = 200
AGAIN_SEC = 1.0
"""Until what was not taken is sent again, while the stream lives."""
Work = Literal["claim", "release"]
Care = Literal["acknowledge", "silence"]


class Watcher(Protocol):
    """Who draws."""

    def changed(self) -> None:
        """Something is not as it was; drawing may wait a moment."""
        ...

    def news(self, lead: Lead, message: Message) -> None:
        """A message of the stream changed this lead."""
        ...

    def refused(self, action: Action, problem: Refused) -> None:
        """The Box said no: it is taken back. Of a conflict, `problem.current` says what stands."""
        ...

    def say(self, sentence: str, /, **values: object) -> None:
        """A sentence of the catalogue for the operator."""
        ...


class Nobody:
    """Watches until the screen is there."""

    def changed(self) -> None: ...
    def news(self, lead: Lead, message: Message) -> None: ...
    def refused(self, action: Action, problem: Refused) -> None: ...
    def say(self, sentence: str, /, **values: object) -> None: ...


class Desk:
    """One operator at one Box."""

    def __init__(self, client: Client, kept: Kept, clock: Clock) -> None:
        self.client, self.kept, self.watcher = client, kept, cast("Watcher", Nobody())
        self.store, self.link, self.people = Store(), Link(since=clock()), dict[int, str]()
        self.present: list[Present] = []
        self.health: dict[str, Any] = {}
        self.alerts, self.read_health, self.rates = Alerts(), HealthTold(), Rates()
        self.read_health_at = 0
        self._clock, self._ahead_ms = clock, 0
        self._follower = Follower(client, self, self._load)
        self._waiting = asyncio.Event()
        self._unsent: list[Action] = []

    def now(self) -> int:
        """The Box's time, as far as it has told it: waiting is counted by its clock, not by that of this machine."""
        return self._clock() + self._ahead_ms

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.to_thread(self.client.load)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follower.run())
            tasks.create_task(self._send_all())

    # --- what the Box says --------------------------------------------------------------------------------------------------------

    async def _load(self, reason: str) -> str:
        """Reads the page anew. The position from which the stream goes on. Raises Refused, Unreachable."""
        page = await self.client.get("/api/v1/queue", QueuePage, limit=MOST_LEADS_ASKED)
        self.take_page(page)
        self.alerts.load((await self.client.get("/api/v1/alerts", AlertPage, limit=MOST_ALERTS_ASKED)).alerts)
        if reason:
            self.watcher.say("reset", reason=reason)
        self.heard()
        return page.feed

    def take_page(self, page: QueuePage) -> None:
        """Everything as the page says."""
        self._ahead_ms = page.now - self._clock()
        store, first = self.store, self.store.me is None
        store.me, store.sites = page.me.id, {site.id: site for site in page.sites}
        self.people = {person.id: person.name for person in page.people}
        store.load(one.as_lead() for one in page.leads)
        if first:
            self._take_up_again(page.me.id)

    def _take_up_again(self, me: int) -> None:
        """What was decided before this console ended goes on its way."""
        self._unsent = list(self.kept.actions(self.client.url, me))
        for action in self._unsent:
            self.store.begin(action)
        if self._unsent:
            self.watcher.say("resumed", n=len(self._unsent))
            self._waiting.set()

    def opened(self) -> None:
        self.heard()
        self._waiting.set()

    def heard(self) -> None:
        was_live, self.link = self.link.is_live, heard(self.link, self.now())
        if not was_live:
            self.watcher.changed()

    def told(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.topic == "presence":
                self.present = msgspec.convert(message.told.body.get("people", []), list[Present])
            elif message.topic == "health":
                self.health = message.told.body
            elif message.topic == "alert":
                self.alerts.take(message)
                self.store.events.append(message)
            elif (lead := self.store.take(message)) is not None:
                self.watcher.news(lead, message)
        if messages:
            self.watcher.changed()

    def failed(self, problem: Refused | Unreachable) -> None:
        status = problem.status if isinstance(problem, Refused) else 0
        self.link = failed(self.link, self.now(), str(problem), refused=status)
        self.watcher.changed()

    # --- what the operator decides ------------------------------------------------------------------------------------------------

    def decide(self, kind: Kind, lead: Lead, contact: int, **body: Any) -> Action:
        """A verdict, an attempt, a reminder or a note: shown at once, kept, sent as soon as possible. Raises OSError when it cannot be
        kept."""
        action = new_action(kind, lead, contact, self.now(), body, box=self.client.url, by=self.store.me or 0)
        self.kept.keep(action)
        self.store.begin(action)
        self._unsent.append(action)
        self._waiting.set()
        self.watcher.changed()
        return action

    def withdraw(self, action: Action) -> bool:
        """Before it was sent: as if it had never been decided. False when it is too late for that."""
        waiting = action.key in {one.key for one in self._unsent} and not self.link.is_live
        if waiting:
            self._unsent = [one for one in self._unsent if one.key != action.key]
            self.kept.forget(action.key)
            self.store.end(action.key)
            self.watcher.changed()
        return waiting

    @property
    def unsent(self) -> int:
        return len(self._unsent)

    async def _send_all(self) -> None:
        """One after the other, in order; what the network swallows is sent again with the same key."""
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            while self._unsent and self.link.is_live:
                if not await self._send(self._unsent[0]):
                    await asyncio.sleep(AGAIN_SEC)

    async def _send(self, action: Action) -> bool:
        """Whether it is settled, done or refused."""
        try:
            answer = await self.client.post(action.path, action.body, msgspec.Raw, action.key)
        except Unreachable:
            return False
        except Refused as problem:
            if problem.may_pass:
                return False
            self._settle(action)
            self._take_current(action, problem)
            self.watcher.refused(action, problem)
            return True
        self._settle(action)
        self._take_answer(action, bytes(answer))
        self.watcher.changed()
        return True

    def _settle(self, action: Action) -> None:
        self._unsent = [one for one in self._unsent if one.key != action.key]
        self.kept.forget(action.key)
        self.store.end(action.key)

    def _take_answer(self, action: Action, answer: bytes) -> None:
        """The Box's word comes over the stream as well; the version is needed at once, by what was decided on top of this."""
        if action.kind != "verdict":
            self.store.accept(action, msgspec.json.decode(answer, type=LeadState))
            return
        row = msgspec.json.decode(answer, type=Row)
        self.store.take_row(row)
        self._rebase(action, row)

    def _take_current(self, action: Action, problem: Refused) -> None:
        if action.kind == "verdict" and problem.current:
            self.store.take_row(msgspec.convert(problem.current, Row))

    def _rebase(self, done: Action, row: Row) -> None:
        for number, later in enumerate(self._unsent):
            changed = rebase(later, done, row)
            if changed is not later:
                self._unsent[number] = changed
                self.kept.keep(changed)
                self.store.begin(changed)

    # --- what is asked of the Box at once ----------------------------------------------------------------------------------------

    async def work(self, what: Work, lead: Lead, **body: Any) -> LeadState:
        """A claim or its end: the Box's word, now or not at all. Raises Refused (409: `current` says who has it), Unreachable."""
        if not self.link.is_live:
            raise Unreachable("offline")
        try:
            state = await self.client.post(f"/api/v1/intents/{lead.head.id}/{what}", body, LeadState)
        except Refused as problem:
            if problem.current:
                self.store.take_state(msgspec.convert(problem.current, LeadState))
            raise
        self.store.take_state(state)
        self.watcher.changed()
        return state

    async def undo(self, contact: int, version: int) -> Row:
        """Takes one's own newest verdict back. Raises Refused, Unreachable."""
        row = await self.client.post(f"/api/v1/intents/{contact}/undo", {"version": version}, Row)
        self.store.take_row(row)
        self.watcher.changed()
        return row

    async def pick(self, call: Contact, session: str | None) -> None:
        """Says which visit a call came from; None: none of its candidates. Raises Refused, Unreachable."""
        asked = {"session": session, "version": call.version}
        told = await self.client.post(f"/api/v1/intents/{call.id}/pick", asked, dict[str, Any])
        self.store.take(Message("", "call", Envelope(call.site_id, call.at, str(call.id), told["version"], told)))
        self.watcher.changed()

    async def number(self, contact: int) -> str:
        """Whom to call back, in full; '' when nobody told. Raises Refused (409: not claimed), Unreachable."""
        told = await self.client.get(f"/api/v1/intents/{contact}/number", Number)
        return told.number or told.email or ""

    async def at_lead(self, contact: int | None) -> None:
        """Tells the others where I am. They are none the worse for not hearing it."""
        with suppress(Refused, Unreachable):
            await self.client.post("/api/v1/presence", {"lead": contact}, msgspec.Raw)

    # --- the Box itself -----------------------------------------------------------------------------------------------------------

    async def ask_health(self) -> HealthTold:
        """How the Box is now. Raises Refused, Unreachable."""
        told = self.read_health = await self.client.get("/api/v1/health", HealthTold)
        self.read_health_at = self.now()
        self.health = {name: getattr(told, name) for name in ("accepting", "reason", "lag_signals", "lag_ms")}
        if told.box is not None:
            self.rates.add(self.now(), told.box.accepted_per_sec)
        self.watcher.changed()
        return told

    async def ask_alerts(self) -> None:
        """All of them, those that are over too. Raises Refused, Unreachable."""
        page = await self.client.get("/api/v1/alerts", AlertPage, state="all", limit=MOST_ALERTS_ASKED)
        for alert in page.alerts:
            self.alerts.put(alert)

    async def alert(self, what: Care, number: int, **body: Any) -> Alert:
        """Acknowledges or silences one: the Box's word, now or not at all. Raises Refused, Unreachable."""
        alert = await self.client.post(f"/api/v1/alerts/{number}/{what}", body, Alert)
        self.alerts.put(alert)
        self.watcher.changed()
        return alert

    async def retry(self, delivery: Delivery) -> Delivery:
        """Has one sent again that was given up. Raises Refused, Unreachable."""
        return await self.client.post(f"/api/v1/deliveries/{delivery.id}/retry", {}, Delivery)

    # --- a lead -------------------------------------------------------------------------------------------------------------------

    async def detail(self, lead: Lead) -> Detail:
        """Everything about a lead, with the events of its visit. Raises Refused, Unreachable."""
        base = f"/api/v1/sites/{lead.site_id}"
        found = await self.client.get(f"{base}/intents/{lead.head.id}", Detail)
        self.store.put_told(found.lead)
        if found.session is None:
            return found
        visit = await self.client.get(f"{base}/sessions/{found.session.id}", Timeline, limit=200)
        return msgspec.structs.replace(found, steps=visit.events)
