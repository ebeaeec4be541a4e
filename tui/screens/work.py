"""What an operator's keys do to a lead: claim, outcome, verdict, reminder, note, undo. Asks in a line where something must be said.

Promises: what is said is shown at once; undoing says what it undoes before it does; nothing typed is gone before the Box has it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct

from opsmantik_box.domain.amounts import read_amount, read_currency
from opsmantik_box.domain.work import OUTCOMES, REMINDERS, SUGGESTS, is_held, read_when
from opsmantik_box.errors import BoxError
from tui.desk import Desk
from tui.model.actions import Action
from tui.model.lead import Contact, Kind, Lead
from tui.model.urgency import clock_text
from tui.net.client import Refused, Unreachable
from tui.screens.bottom import Typing
from tui.speech import Speech
from tui.views.rows import reach_text
from tui.widgets.menu import Question

RENEW_MS = 60_000
"""A claim is renewed by keys, but not by each of them."""
VERDICT_KEYS = {"confirmed": "s", "qualified": "q", "real": "R", "junk": "x"}


class Host(Protocol):
    """The screen the keys come from."""

    desk: Desk
    speech: Speech

    def chosen_lead(self) -> Lead | None: ...
    def marked_leads(self) -> Sequence[Lead]: ...
    def unmark(self) -> None: ...
    def ask(self, question: Question) -> None: ...
    def type(self, typing: Typing) -> None: ...
    def say(self, sentence: str, /, **values: object) -> None: ...
    def start(self, work: Awaitable[None]) -> None: ...
    def redraw(self) -> None: ...
    def copy(self, digits: str) -> None: ...


class Did(Struct, frozen=True):
    """Something that may be taken back. `words` say what it was."""

    words: str
    back: Callable[[], Awaitable[None]]


class Work:
    """The keys' meaning."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._done: list[Did] = []
        self._renewed: dict[int, int] = {}
        self._numbers: dict[int, str] = {}

    @property
    def _desk(self) -> Desk:
        return self._host.desk

    def number_of(self, lead: Lead) -> str:
        """What the Box has revealed of it, as long as it is mine; else ''."""
        return self._numbers.get(lead.id, "") if self._is_mine(lead) else ""

    def _is_mine(self, lead: Lead) -> bool:
        return lead.claim is not None and lead.claim.by == self._desk.store.me and is_held(lead.claim, self._desk.now())

    # --- claims -------------------------------------------------------------------------------------------------------------------

    def claim(self, *, take_over: bool = False) -> None:
        if (lead := self._one()) is not None:
            self._host.start(self._claim(lead, take_over))

    async def _claim(self, lead: Lead, take_over: bool) -> None:
        try:
            state = await self._desk.work("claim", lead, take_over=take_over)
            number = await self._desk.number(lead.head.id) if lead.kind is not Kind.TEL else ""
        except Unreachable:
            self._host.say("work.claim_offline")
            return
        except Refused as problem:
            self._say_taken(lead, problem)
            return
        self._renewed[lead.id] = self._desk.now()
        if number:
            self._numbers[lead.id] = number
        self._did("release", lead, lambda: self._release(lead))
        at = clock_text(state.claim.until, self._site(lead).timezone) if state.claim else ""
        self._host.say("work.claimed" if number else "work.claimed_no_number", at=at, number=number)
        self._host.redraw()

    def _say_taken(self, lead: Lead, problem: Refused) -> None:
        now = self._desk.store.shown(lead.id)
        if problem.status == 409 and now is not None and now.claim is not None:
            since = clock_text(now.claim.since, self._site(lead).timezone)
            self._host.say("work.taken", who=now.claimed_by, at=since)
        else:
            self._host.say("work.refused", reason=problem.detail)

    async def _release(self, lead: Lead) -> None:
        await self._desk.work("release", lead)
        self._numbers.pop(lead.id, None)

    def renew(self) -> None:
        """A key on a row one has claimed: ten more minutes."""
        lead, now = self._host.chosen_lead(), self._desk.now()
        if lead is not None and self._is_mine(lead) and now - self._renewed.get(lead.id, 0) >= RENEW_MS:
            self._renewed[lead.id] = now
            self._host.start(self._renew(lead))

    async def _renew(self, lead: Lead) -> None:
        try:
            await self._desk.work("claim", lead, take_over=False)
        except Unreachable:
            self._renewed.pop(lead.id, None)  # the next key tries again
        except Refused:
            self._numbers.pop(lead.id, None)

    # --- which visit a call came from ---------------------------------------------------------------------------------------------

    def pick(self) -> None:
        """Asks which of a call's candidates it was."""
        lead, say = self._one(), self._host.speech
        call = lead.head if lead else None
        if lead is None or call is None or not call.candidates:
            self._host.say("work.no_candidates")
            return
        told = call.candidates[:8]
        answers = tuple((str(number), candidate_words(one, self._site(lead).timezone, say)) for number, one in enumerate(told, 1))
        chosen = {str(number): str(one["session_id"]) for number, one in enumerate(told, 1)}
        title = say("work.pick")
        self._host.ask(
            Question(
                title, (*answers, ("0", say("work.pick_none"))), lambda key: self._host.start(self._pick(call, chosen.get(key)))
            )
        )

    async def _pick(self, call: Contact, session: str | None) -> None:
        try:
            await self._desk.pick(call, session)
        except Unreachable:
            self._host.say("work.undo_offline")
        except Refused as problem:
            self._host.say("work.refused", reason=problem.detail)
        else:
            self._host.say("work.picked")

    # --- verdicts -----------------------------------------------------------------------------------------------------------------

    def seal(self) -> None:
        leads = self._leads()
        if len(leads) != 1:
            self._judge(leads, "confirmed")
        elif leads:
            lead = leads[0]
            currency = self._site(lead).currency
            title = self._host.speech("work.amount", currency=currency)
            self._host.type(Typing(title, lambda text: self._sealed(lead, text), f"seal-{lead.id}"))

    def _sealed(self, lead: Lead, text: str) -> str:
        try:
            amount = read_price(text, self._site(lead).currency)
        except BoxError as problem:
            return str(problem)
        self._judge([lead], "confirmed", **amount)
        return ""

    def judge(self, status: str) -> None:
        """Qualified, real, junk. Junk on more than one asks once."""
        leads = self._leads()
        if status == "junk" and len(leads) > 1:
            title = self._host.speech("work.junk_many", n=len(leads))
            self._host.ask(Question(title, (("y", self._host.speech("word.yes")),), lambda _: self._judge(leads, status)))
        else:
            self._judge(leads, status)

    def _judge(self, leads: Sequence[Lead], status: str, **more: Any) -> None:
        actions = [
            self._desk.decide("verdict", lead, lead.head.id, status=status, version=lead.head.version, **more)
            for lead in leads
            if lead.head.status != status or more
        ]
        if not actions:
            self._host.say("work.nothing_new")
            return
        words = self._host.speech.word("status", status)
        amount = self._host.speech.money(more["sale_amount"], more["currency"]) if more else ""
        about = self._about(leads[0]) if len(leads) == 1 else self._host.speech("work.rows", n=len(leads))
        said = " ".join(part for part in (words, about, amount) if part)
        self._did_words(said, lambda: self._take_back(actions))
        self._host.unmark()
        self._host.say("work.said" if self._desk.link.is_live else "work.said_offline", what=said)

    async def _take_back(self, actions: Sequence[Action]) -> None:
        for action in reversed(actions):
            if self._desk.withdraw(action):
                continue
            lead = self._desk.store.shown(action.lead)
            contact = next((one for one in lead.contacts if one.id == action.contact), None) if lead else None
            if contact is not None:
                await self._desk.undo(contact.id, contact.version)

    # --- attempts, reminders, notes -----------------------------------------------------------------------------------------------

    def outcome(self) -> None:
        if (lead := self._one()) is not None:
            say = self._host.speech
            answers = tuple((str(number), say.word("outcome", name)) for number, name in enumerate(OUTCOMES, 1))
            self._host.ask(Question(say("work.outcome"), answers, lambda key: self._came(lead, OUTCOMES[int(key) - 1])))

    def _came(self, lead: Lead, outcome: str) -> None:
        if outcome == "call_later":
            self._when(lead, lambda at: self._attempted(lead, outcome, when=at))
        else:
            self._attempted(lead, outcome)

    def _attempted(self, lead: Lead, outcome: str, **more: Any) -> None:
        self._desk.decide("attempt", lead, lead.head.id, outcome=outcome, **more)
        say = self._host.speech
        suggested = SUGGESTS.get(outcome)  # pyright: ignore[reportArgumentType]  # one of the outcomes, from their own list
        if suggested and not lead.head.is_judged:
            self._host.say(
                "work.suggests",
                outcome=say.word("outcome", outcome),
                verdict=say.word("status", suggested),
                press=VERDICT_KEYS[suggested],
            )
        else:
            self._host.say("work.done", what=say.word("outcome", outcome))

    def remind(self) -> None:
        if (lead := self._one()) is not None:
            self._when(lead, lambda at: self._reminded(lead, at))

    def _reminded(self, lead: Lead, at: int) -> None:
        self._desk.decide("reminder", lead, lead.head.id, when=at)
        self._host.say("work.reminded", at=clock_text(at, self._site(lead).timezone, self._desk.now()))

    def _when(self, lead: Lead, done: Callable[[int], None]) -> None:
        """Asks for a time: one of the usual ones, or any of their kind."""
        say, zone = self._host.speech, self._site(lead).timezone
        answers = (
            *((str(number), say.word("when", text)) for number, text in enumerate(REMINDERS, 1)),
            ("5", say("work.other_time")),
        )

        def answered(key: str) -> None:
            if key == "5":
                self._host.type(Typing(say("work.when"), typed))
            else:
                done(read_when(REMINDERS[int(key) - 1], self._desk.now(), zone))

        def typed(text: str) -> str:
            try:
                done(read_when(text, self._desk.now(), zone))
            except BoxError as problem:
                return str(problem)
            return ""

        self._host.ask(Question(say("work.remind"), answers, answered))

    def note(self) -> None:
        if (lead := self._one()) is not None:
            self._host.type(Typing(self._host.speech("work.note"), lambda text: self._noted(lead, text), f"note-{lead.id}"))

    def _noted(self, lead: Lead, text: str) -> str:
        if text.strip():
            self._desk.decide("note", lead, lead.head.id, note=text.strip())
            self._host.say("work.done", what=self._host.speech("word.note"))
        return ""

    # --- the rest -----------------------------------------------------------------------------------------------------------------

    def copy(self) -> None:
        """The number, while one has it. Digits of ours only: what came from outside goes into no clipboard."""
        lead = self._one()
        number = self.number_of(lead) if lead else ""
        digits = "".join(char for char in number if char in "+0123456789")
        if not digits:
            self._host.say("work.claim_first")
            return
        self._host.copy(digits)
        self._host.say("work.copied", number=digits)

    def undo(self) -> None:
        """The last thing I did: said, and done at the second key."""
        if not self._done:
            self._host.say("work.nothing_to_undo")
            return
        last, say = self._done[-1], self._host.speech
        self._host.ask(Question(say("work.undo", what=last.words), (("u", say("work.undo_it")),), lambda _: self._undo(last)))

    def _undo(self, last: Did) -> None:
        self._done.remove(last)
        self._host.start(self._undone(last))

    async def _undone(self, last: Did) -> None:
        try:
            await last.back()
        except Unreachable:
            self._done.append(last)
            self._host.say("work.undo_offline")
        except Refused as problem:
            self._host.say("work.refused", reason=problem.detail)
        else:
            self._host.say("work.undone", what=last.words)
        self._host.redraw()

    def conflict(self, action: Action, problem: Refused) -> None:
        """Somebody was faster. His stays unless mine is sent again on top of it."""
        say, lead = self._host.speech, self._desk.store.shown(action.lead)
        if lead is None or action.kind != "verdict" or problem.status != 409:
            self._host.say("work.refused", reason=problem.detail)
            return
        current = problem.current or {}
        who = self._desk.people.get(current.get("confirmed_by") or 0, say("word.somebody"))
        his, mine = verdict_words(current, say), verdict_words(action.body, say)
        title = say("conflict.title", who=who, row=self._about(lead), his=his)
        answers = (("k", say("conflict.keep")), ("m", say("conflict.mine", mine=mine)))
        self._host.ask(Question(title, answers, lambda key: self._resolve(lead, action, current, key)))

    def _resolve(self, lead: Lead, action: Action, current: dict[str, Any], key: str) -> None:
        if key == "m":
            self._desk.decide("verdict", lead, action.contact, **(action.body | {"version": current.get("version", 0)}))

    # --- how ----------------------------------------------------------------------------------------------------------------------

    def _one(self) -> Lead | None:
        lead = self._host.chosen_lead()
        if lead is not None and not self._site(lead).may_operate:
            self._host.say("work.read_only")
            return None
        return lead

    def _leads(self) -> Sequence[Lead]:
        """Those that are marked, else the one under the cursor."""
        marked = self._host.marked_leads()
        one = self._one()
        return marked or ([one] if one is not None else [])

    def _site(self, lead: Lead) -> Any:
        return self._desk.store.site(lead.site_id)

    def _about(self, lead: Lead) -> str:
        return f"{self._site(lead).name} {reach_text(lead, self._site(lead), self._desk.now(), self._host.speech)}"

    def _did(self, key: str, lead: Lead, back: Callable[[], Awaitable[None]]) -> None:
        self._did_words(self._host.speech(f"undo.{key}", row=self._about(lead)), back)

    def _did_words(self, words: str, back: Callable[[], Awaitable[None]]) -> None:
        self._done = [*self._done[-49:], Did(words, back)]


def read_price(text: str, currency: str) -> dict[str, Any]:
    """'2500', '2.500,50', '40 USD': what a verdict says of it; nothing for nothing. Raises UsageError."""
    words = text.strip()
    if not words:
        return {}
    number = words.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").strip()
    code = read_currency(words[len(number) :] or currency)
    return {"sale_amount": read_amount(number, code), "currency": code}


def candidate_words(candidate: dict[str, Any], timezone: str, say: Speech) -> str:
    """14:29 score 60, 71 %."""
    at, likelihood = candidate.get("last_event_at") or 0, candidate.get("likelihood") or 0
    return say("work.candidate", at=clock_text(at, timezone), score=candidate.get("score") or 0, percent=f"{likelihood:.0%}")


def verdict_words(told: dict[str, Any], say: Speech) -> str:
    """sealed, 2.500 TRY."""
    amount = told.get("sale_amount")
    status = say.word("status", told.get("status") or "intent")
    return status if amount is None else f"{status}, {say.money(amount, told.get('currency'))}"
