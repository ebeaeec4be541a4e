"""What an operator's keys do to a lead: claim, outcome, verdict, reminder, note, undo. Asks in a line where something must be said.

Promises: what is said is shown at once; undoing says what it undoes before it does; nothing typed is gone before the Box has it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from opsmantik_box.domain.work import OUTCOMES, REMINDERS, SUGGESTS, read_when
from opsmantik_box.errors import BoxError
from tui.desk import Desk
from tui.model.actions import Action
from tui.model.lead import Contact, Lead
from tui.model.urgency import clock_text
from tui.net.client import Refused, Unreachable
from tui.screens.bottom import Typing
from tui.screens.claims import Claims
from tui.screens.host import Back, Did, Host
from tui.views.rows import reach_text
from tui.views.verdicts import candidate_words, read_price, verdict_words
from tui.widgets.menu import Question

VERDICT_KEYS = {"confirmed": "s", "qualified": "q", "real": "R", "junk": "x"}


class Work:
    """The keys' meaning."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._done: list[Did] = []
        self.claims = Claims(host, lambda lead, back: self._did(host.speech("undo.release", row=self._about(lead)), back))

    @property
    def _desk(self) -> Desk:
        return self._host.desk

    # --- claims -------------------------------------------------------------------------------------------------------------------

    def claim(self, *, take_over: bool = False) -> None:
        if (lead := self._one()) is not None:
            self._host.start(self.claims.claim(lead, take_over))

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
        self._did(said, lambda: self._take_back(actions), *(action.key for action in actions))
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
        number = self.claims.number_of(lead) if lead else ""
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
        """Somebody was faster. His stays unless mine is sent again on top of it; what was refused cannot be taken back."""
        self._done = [one for one in self._done if one.actions != frozenset((action.key,))]
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

    def _did(self, words: str, back: Back, *actions: str) -> None:
        self._done = [*self._done[-49:], Did(words, back, frozenset(actions))]
