"""What people and exchanges do at a Box, as steps of a state machine: calls and forms are told, intents are judged and worked on, visits
are picked. Each is compared with what the disk said before: a refusal leaves nothing behind, and what was answered is there for good."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from opsmantik_box.domain.calls import CallUpdate
from opsmantik_box.domain.desk import KEPT_MS
from opsmantik_box.domain.verdicts import JUDGEMENTS
from opsmantik_box.domain.work import OUTCOMES
from opsmantik_box.engine.commands import run_command
from opsmantik_box.engine.desk import ring_reminders
from opsmantik_box.errors import LedgerFull
from opsmantik_box.link.messages import Command, Done, Failed, TellCall, TellForm
from tests.fault.desk_invariants import rows
from tests.fault.lab import Lab
from tests.fault.traffic import Sent

LINE = "+902125550142"
"""What visitors tap (traffic.py)."""
STATES = ("ringing", "answered", "missed", "ended")
WORK = {"claim": ["take_over"], "release": [], "add_attempt": ["outcome", "when"], "set_reminder": ["when"], "reveal_number": []}
"""Command → its arguments."""
CALLS, WAITING = "source = 'call'", "source = 'call' and match_how = ''"
CLAIMED = "lead_id in (select id from leads where claimed_by is not null)"
PEOPLE = st.sampled_from(["operator", "operator", "operator", "colleague", "stranger"])
PICK = st.integers(0, 10_000)
SEEN = st.sampled_from([0, 0, 0, 0, 0, -1, 1])
"""How far the version an operator looked at is off."""
FULL = ("LedgerFull", "Unavailable")

some_room = precondition(lambda self: not self.lab.core.full)
some_rows = precondition(lambda self: not self.lab.core.full and self.numbers())
some_calls = precondition(lambda self: not self.lab.core.full and self.numbers(CALLS))
some_waiting = precondition(lambda self: not self.lab.core.full and self.numbers(WAITING))


class DeskSteps(RuleBasedStateMachine):
    """Two sites; two operators of the first and one of the second. `told`: (topic, ref, version) of what was answered with yes."""

    lab: Lab

    def deliver(self, signals: list[Sent]) -> object:
        """Signals, all or nothing."""
        raise NotImplementedError

    def hire(self) -> None:
        directory = self.lab.service.directory
        self.told: set[tuple[str, str, int]] = set()
        self.keys: list[tuple[int, dict[str, Any], Any, int]] = []
        self.latest = self.lab.now
        self.tokens: list[int] = []
        for number, site in enumerate((1, 1, 2)):
            email = f"op{number}@x.example"
            directory.add_user(email, "", 1)
            directory.grant(email, directory.find_site(site), "operate", 1)
            self.tokens.append(directory.create_token(1, email, None, "operate", "")["id"])

    # --- told from outside --------------------------------------------------------------------------------------------------------

    @some_room
    @rule(call=st.integers(0, 5), by=st.sampled_from(["line", "line", "visitor", ""]), pick=PICK, state=st.sampled_from(STATES),
          ago=st.sampled_from([0, 0, 0, 7, 90, 90_000]), message=st.sampled_from(["", "", "", "m1"]))  # fmt: skip
    def call(self, call: int, by: str, pick: int, state: str, ago: int, message: str) -> None:
        """An event of one of a few calls of either site: the line that visitors tap was called, or one of them by his fingerprint."""
        known = sorted({sent[0].body["meta"]["fp"] for sent in self.lab.client.sent.values()})
        caller = known[pick % len(known)] if by == "visitor" else ""
        self.tell_call(call, LINE if by == "line" else "", caller, state, self.lab.now - ago * 1_000, message)

    def tell_call(self, call: int, line: str, caller: str, state: str, at: int, message: str = "") -> None:
        number = "+905321234567"
        update = CallUpdate("generic", str(call), state, at, "inbound", number, number, line)  # type: ignore[arg-type]
        self.tell(TellCall(1, call % 2 + 1, update, caller, message))

    @some_room
    @rule(site=st.integers(1, 2), form=st.sampled_from("ab"), pick=PICK)
    def tell_form(self, site: int, form: str, pick: int) -> None:
        self.tell(TellForm(1, site, f"lead-{form}", self.lab.now, fingerprint=f"fp_{pick % 40:08}", phone="+905321234567"))

    @some_waiting
    @rule(pick=PICK, seconds=st.sampled_from([-130, -60, 7, 7, 7, 90, 1_700, 1_900]), tap=st.booleans())
    def arrive_late(self, pick: int, seconds: int, tap: bool) -> None:
        """What lay in the outbox of a phone: a tap on the line around a call without a visit, or a visit of its caller."""
        call = self.row(self.chosen(pick, WAITING))
        site, fingerprint = self.lab.sites[call["site_id"] - 1], call["matched_fingerprint"] or f"fp_late_{pick:012}"
        body = {"ec": "conversion", "ea": "phone_call", "el": f"tel:{LINE}"} if tap else {"ec": "interaction", "ea": "view"}
        sid, at = self.lab.visitors.uuid(), max(1, min(self.lab.now, call["at"] - seconds * 1_000))
        told = {"id": self.lab.visitors.uuid(), "sid": sid, "ts": at, "u": "https://antika.example/", "meta": {"fp": fingerprint}}
        self.deliver([Sent(site, body | told)])

    def tell(self, told: TellCall | TellForm) -> None:
        before = self.ends()
        try:
            answer = self.lab.service.telling.tell(told, self.lab.now)
        except LedgerFull:
            assert self.ends() == before
            return
        row = self.row(answer.call_id)
        assert answer.session_id == row["matched_session_id"]
        self.told |= self.news(before)

    # --- the desk -----------------------------------------------------------------------------------------------------------------

    @some_rows
    @rule(pick=PICK, who=PEOPLE, status=st.sampled_from([*JUDGEMENTS, "undo"]), off=SEEN, amount=st.none() | st.integers(0, 9))
    def judge(self, pick: int, who: str, status: str, off: int, amount: int | None) -> None:
        if status == "undo":
            self.change(self.chosen(pick, "id in (select call_id from verdicts)"), who, off, "undo_verdict")
        else:
            priced = {} if amount is None or status in ("junk", "intent") else {"sale_amount": amount, "currency": "TRY"}
            self.change(self.chosen(pick), who, off, "give_verdict", status=status, **priced)

    @some_rows
    @rule(picks=st.lists(PICK, min_size=1, max_size=4), who=PEOPLE, status=st.sampled_from(JUDGEMENTS))
    def judge_many(self, picks: list[int], who: str, status: str) -> None:
        found = [self.row(self.chosen(pick)) for pick in picks]
        asked = [{"id": row["id"], "status": status, "version": row["version"]} for row in found]
        token = self.token(found[0]["id"], who)
        answer = self.ask(token, "give_verdicts", {"verdicts": asked})
        for row, one in zip(found, answer.result if isinstance(answer, Done) else [], strict=isinstance(answer, Done)):
            assert (one["status"] == 404) == (token not in (self.token(row["id"], "operator"), self.token(row["id"], "colleague")))

    @some_calls
    @rule(pick=PICK, who=PEOPLE, off=SEEN, candidate=st.integers(-2, 3))
    def pick_visit(self, pick: int, who: str, off: int, candidate: int) -> None:
        """One of its candidates, none of them (-1), or whatever the Box finds (-2)."""
        number = self.chosen(pick, "candidates is not null" if candidate >= 0 else CALLS)
        found = self.lab.service.telling.calls.read(number).candidates
        if candidate == -2:
            self.change(number, who, off, "unpick_visit")
        else:
            session = found[candidate % len(found)].session_id if found and candidate >= 0 else None
            self.change(number, who, off, "pick_visit", session=session)

    def change(self, number: int, who: str, off: int, name: str, **asked: Any) -> None:
        """Something that is based on a version of a row."""
        before = self.row(number)
        answer = self.ask(self.token(number, who), name, {"id": number, "version": before["version"] + off, **asked})
        if isinstance(answer, Done):
            assert off == 0, "what was based on an old version passed"
            assert answer.result["version"] == self.row(number)["version"] <= before["version"] + 1
        elif answer.error not in FULL:
            assert (answer.error == "NoSuchIntent") == (who == "stranger")
            assert answer.error in ("NoSuchIntent", "Conflict", "UsageError")
            assert answer.error != "Conflict" or answer.current["version"] == before["version"]

    @some_rows
    @rule(
        pick=PICK,
        who=PEOPLE,
        name=st.sampled_from(["claim", "claim", *WORK]),
        outcome=st.sampled_from(OUTCOMES),
        take_over=st.booleans(),
    )
    def work(self, pick: int, who: str, name: str, outcome: str, take_over: bool) -> None:
        """A piece of work on the lead of a row: it is refused to a stranger, and to whom another's claim keeps out."""
        number = self.chosen(pick // 2, CLAIMED if pick % 2 else "true")
        token = self.token(number, who)
        held, mine = self.holder(number), self.user(token)
        told = {"outcome": outcome, "when": "1h", "take_over": take_over}
        answer = self.ask(token, name, {"id": number} | {key: told[key] for key in WORK[name]})
        keeps_out = {"claim": held not in (None, mine) and not take_over, "release": held not in (None, mine),
                     "reveal_number": held != mine}.get(name, False)  # fmt: skip
        if who == "stranger":
            assert isinstance(answer, Failed)
            assert answer.error == "NoSuchIntent"
        elif not (isinstance(answer, Failed) and answer.error in FULL):
            assert isinstance(answer, Failed) == keeps_out, answer

    @some_rows
    @rule(pick=PICK, who=PEOPLE)
    def note_with_a_key(self, pick: int, who: str) -> None:
        asked = {"id": self.chosen(pick), "note": "x", "key": f"key-{len(self.keys)}"}
        token = self.token(asked["id"], who)
        answer = self.ask(token, "add_note", asked)
        if isinstance(answer, Done):
            self.keys.append((token, asked, answer.result, self.lab.now))

    @precondition(lambda self: self.keys and not self.lab.core.full)
    @rule(pick=PICK)
    def ask_again(self, pick: int) -> None:
        token, asked, result, at = self.keys[pick % len(self.keys)]
        before = self.ends()
        answer = self.ask(token, "add_note", asked)
        if isinstance(answer, Done) and self.latest - at < KEPT_MS:
            assert (answer.result, self.ends()) == (result, before)

    @some_room
    @rule()
    def ring(self) -> None:
        before = self.ends()
        try:
            rung = ring_reminders(self.lab.core.ledger, self.lab.now)
        except LedgerFull:
            assert self.ends() == before
        else:
            assert ring_reminders(self.lab.core.ledger, self.lab.now) == 0
            assert self.ends()[0] == before[0] + rung

    # --- how ----------------------------------------------------------------------------------------------------------------------

    def ask(self, token: int, name: str, arguments: dict[str, Any]) -> Done | Failed:
        """A refusal leaves nothing behind; what is answered with yes is remembered."""
        before = self.ends()
        answer = run_command(self.lab.service, self.lab.line, Command(1, name, dict(arguments), token))
        assert isinstance(answer, Done | Failed)
        if isinstance(answer, Failed):
            assert self.ends() == before, answer
        self.told |= self.news(before)
        return answer

    def read(self, sql: str) -> list[dict[str, Any]]:
        return rows(self.lab.core.ledger.db, sql)

    def ends(self) -> tuple[int, int, int]:
        """The last rows of feed, trail and record."""
        [row] = self.read(
            "select (select max(seq) from feed) a, (select max(id) from verdicts) b, (select max(id) from audit_log) c"
        )
        return row["a"] or 0, row["b"] or 0, row["c"] or 0

    def news(self, before: tuple[int, int, int]) -> set[tuple[str, str, int]]:
        return {(row["topic"], row["ref"], row["version"]) for row in self.read(f"select * from feed where seq > {before[0]}")}

    def numbers(self, which: str = "true") -> list[int]:
        return [row["id"] for row in self.read(f"select id from calls where {which} order by id")]

    def chosen(self, pick: int, which: str = "true") -> int:
        """One of those, if there are any; else one of all."""
        found = self.numbers(which) or self.numbers()
        return found[pick % len(found)]

    def row(self, number: int) -> dict[str, Any]:
        return self.read(f"select * from calls where id = {number}")[0]

    def token(self, number: int, who: str) -> int:
        """That of somebody who stands so to this row. The second site has one operator, who is his own colleague."""
        mine = self.row(number)["site_id"] == 1
        return self.tokens[{"operator": 0, "colleague": 1, "stranger": 2}[who] if mine else 0 if who == "stranger" else 2]

    def user(self, token: int) -> int:
        return self.read(f"select user_id from api_tokens where id = {token}")[0]["user_id"]

    def holder(self, number: int) -> int | None:
        lead = self.read(f"select * from leads where id = {self.row(number)['lead_id']} and claimed_by is not null")
        return lead[0]["claimed_by"] if lead and self.lab.now < lead[0]["claimed_until"] else None
