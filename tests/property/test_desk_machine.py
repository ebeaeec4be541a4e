"""Whatever taps, claims, work and verdicts come between each other: every verdict is in the trail (I12), the feed has one row for each
piece, in order, none twice (I13), versions count what happened, and a refusal leaves nothing behind."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.domain.site_entry import SiteEntry
from opsmantik_box.domain.verdicts import JUDGEMENTS
from opsmantik_box.domain.work import LEASE_MS, OUTCOMES
from opsmantik_box.engine.commands import run_command
from opsmantik_box.engine.desk import ring_reminders
from opsmantik_box.engine.peers import Peer
from opsmantik_box.engine.service import Service
from opsmantik_box.engine.waiting import Bounds
from opsmantik_box.link.messages import Command, Done, Failed
from tests.integration.engine_kit import Engine, rows

PEOPLE = st.integers(0, 2)
SEEN = st.sampled_from([0, 0, 0, -1, 1])
"""How far the version an operator looked at is off."""


class DeskMachine(RuleBasedStateMachine):
    """One engine in this process, three operators (the third of another site only), a clock that is moved."""

    contacts = Bundle("contacts")
    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = Engine(Path(self.folder.name) / "data")
        self.open_service()
        self.told: list[tuple[str, str, int]] = []
        self.versions: dict[int, int] = {}
        self.work: dict[int, int] = {}
        self.lead_of: dict[int, int] = {}
        self.holder: dict[int, tuple[int, int]] = {}
        self.trail: dict[int, list[str | None]] = {}

    def open_service(self) -> None:
        engine = self.engine
        self.service = Service(engine.core, engine.vault, lambda: self.engine.now, RateLimits(), Bounds())
        self.line = Peer(self.service, is_gateway=False)

    @initialize()
    def hire(self) -> None:
        directory, now = self.service.directory, self.engine.now
        directory.add_sites([SiteEntry(name="fremd", domains=["fremd.example"])], now)
        self.tokens = []
        for number, site in enumerate(("antika", "antika", "fremd")):
            directory.add_user(f"op{number}@x.example", "", now)
            directory.grant(f"op{number}@x.example", directory.find_site(site), "operate", now)
            self.tokens.append(directory.create_token(now, f"op{number}@x.example", None, "operate", "")["id"])
        self.users = [user["id"] for user in directory.list_users()]

    # --- what happens -------------------------------------------------------------------------------------------------------------

    @rule(target=contacts, visitor=st.integers(0, 3), line=st.integers(0, 1))
    def tap(self, visitor: int, line: int) -> Any:
        before = len(self.engine.calls())
        fingerprint, target = f"fp_{visitor:016x}", f"tel:+90212555014{line}"
        self.engine.send(sid=f"{visitor:08d}-1111-4111-8111-111111111111", ea="phone_call", el=target, meta={"fp": fingerprint})
        calls = self.engine.calls()
        if len(calls) == before:
            return multiple()
        number = calls[-1]["id"]
        self.versions[number], self.trail[number], self.lead_of[number] = 1, [], calls[-1]["lead_id"]
        assert self.lead_of[number] in self.versions
        self.told.append(("intent", str(number), 1))
        return number

    @rule(later=st.sampled_from([1, 1_000, 11_000, LEASE_MS - 1, LEASE_MS, 3_600_000, 86_400_000]))
    def wait(self, later: int) -> None:
        self.engine.now += later

    @rule(number=contacts, who=PEOPLE, status=st.sampled_from(JUDGEMENTS), off=SEEN, amount=st.none() | st.integers(0, 9))
    def judge(self, number: int, who: int, status: str, off: int, amount: int | None) -> None:
        priced = {} if amount is None else {"sale_amount": amount, "currency": "TRY"}
        asked = {"id": number, "status": status, "version": self.versions[number] + off, **priced}
        self.said(number, who, off, self.ask(who, "give_verdict", asked))

    @rule(number=contacts, who=PEOPLE, off=SEEN)
    def undo(self, number: int, who: int, off: int) -> None:
        self.said(number, who, off, self.ask(who, "undo_verdict", {"id": number, "version": self.versions[number] + off}))

    @rule(numbers=st.lists(contacts, min_size=1, max_size=4), who=PEOPLE, status=st.sampled_from(JUDGEMENTS))
    def judge_many(self, numbers: list[int], who: int, status: str) -> None:
        asked = [{"id": number, "status": status, "version": self.versions[number]} for number in numbers]
        answer = self.ask(who, "give_verdicts", {"verdicts": asked})
        assert isinstance(answer, Done)
        for number, told, one in zip(numbers, answer.result, asked, strict=True):
            if told["status"] == 200:
                self.said(number, who, one["version"] - self.versions[number], Done(1, told["row"]))
            else:
                assert (who == 2) == (told["status"] == 404)

    @rule(number=contacts, who=PEOPLE, take_over=st.booleans())
    def claim(self, number: int, who: int, take_over: bool) -> None:
        lead, now = self.lead_of[number], self.engine.now
        held, since = self.holder.get(lead, (-1, 0))
        free = held < 0 or now - since >= LEASE_MS
        answer = self.ask(who, "claim", {"id": number, "take_over": take_over})
        if who == 2:
            assert failure(answer) == "NoSuchIntent"
        elif not free and held != who and not take_over:
            assert failure(answer) == "Conflict"
        else:
            assert answer.result["claim"]["by"] == self.users[who]
            if free or held != who:
                self.worked(lead)
            assert answer.result["version"] == self.work[lead]
            self.holder[lead] = who, now

    @rule(number=contacts, who=PEOPLE)
    def release(self, number: int, who: int) -> None:
        lead = self.lead_of[number]
        held, since = self.holder.get(lead, (-1, 0))
        free = held < 0 or self.engine.now - since >= LEASE_MS
        answer = self.ask(who, "release", {"id": number})
        if who == 2 or (not free and held != who):
            assert failure(answer) == ("NoSuchIntent" if who == 2 else "Conflict")
        elif not free:
            self.worked(lead)
            del self.holder[lead]

    @rule(number=contacts, who=PEOPLE, outcome=st.sampled_from(OUTCOMES))
    def attempt(self, number: int, who: int, outcome: str) -> None:
        when = {"when": "1h"} if outcome == "call_later" else {}
        answer = self.ask(who, "add_attempt", {"id": number, "outcome": outcome, **when})
        self.worked_unless_foreign(number, who, answer)

    @rule(number=contacts, who=PEOPLE, when=st.sampled_from(["15m", "1h", "16:00"]))
    def remind(self, number: int, who: int, when: str) -> None:
        self.worked_unless_foreign(number, who, self.ask(who, "set_reminder", {"id": number, "when": when}))

    @rule(number=contacts, who=PEOPLE)
    def look(self, number: int, who: int) -> None:
        held, since = self.holder.get(self.lead_of[number], (-1, 0))
        sees = held == who and self.engine.now - since < LEASE_MS
        answer = self.ask(who, "reveal_number", {"id": number})
        assert isinstance(answer, Done) == sees

    @rule()
    def ring(self) -> None:
        due = "select lead_id from reminders where closed_at is null and rang_at is null and due_at <= {} order by due_at, id"
        waiting = [row["lead_id"] for row in rows(self.engine.core.ledger.db, due.format(self.engine.now))]
        assert ring_reminders(self.engine.core.ledger, self.engine.now) == len(waiting)
        self.told += [("work", str(lead), self.work[lead]) for lead in waiting]
        assert ring_reminders(self.engine.core.ledger, self.engine.now) == 0

    @rule(target=keys, number=contacts, who=st.integers(0, 1))
    def note_with_a_key(self, number: int, who: int) -> Any:
        asked = {"id": number, "note": "x", "key": f"key-{len(self.told)}"}
        answer = self.ask(who, "add_note", asked)
        self.worked_unless_foreign(number, who, answer)
        return who, asked, answer, self.engine.now

    @rule(kept=consumes(keys))
    def ask_again(self, kept: Any) -> None:
        who, asked, answer, at = kept
        if self.engine.now - at <= 7 * 86_400_000:
            assert self.ask(who, "add_note", asked) == answer
            assert failure(self.ask(who, "add_note", asked | {"note": "y"})) == "KeyUsedBefore"

    @rule()
    def restart(self) -> None:
        self.engine.close()
        self.engine = Engine(Path(self.folder.name) / "data", self.engine.now)
        self.open_service()

    # --- what follows -------------------------------------------------------------------------------------------------------------

    def ask(self, who: int, name: str, arguments: dict[str, Any]) -> Done | Failed:
        return run_command(self.service, self.line, Command(1, name, dict(arguments), self.tokens[who]))

    def said(self, number: int, who: int, off: int, answer: Done | Failed) -> None:
        if isinstance(answer, Failed):
            assert answer.error in ("NoSuchIntent", "Conflict", "UsageError")
            assert (answer.error == "NoSuchIntent") == (who == 2)
            assert answer.error != "Conflict" or answer.current["version"] == self.versions[number]
            return
        assert off == 0, "a stale verdict passed"
        if answer.result["version"] > self.versions[number]:
            self.versions[number] += 1
            self.trail[number].append(answer.result["status"])
            self.told.append(("verdict", str(number), self.versions[number]))
        assert answer.result["version"] == self.versions[number]

    def worked_unless_foreign(self, number: int, who: int, answer: Done | Failed) -> None:
        if who == 2:
            assert failure(answer) == "NoSuchIntent"
            return
        self.worked(self.lead_of[number])
        assert isinstance(answer, Done), answer
        assert answer.result["version"] == self.work[self.lead_of[number]]

    def worked(self, lead: int) -> None:
        self.work[lead] = self.work.get(lead, 0) + 1
        self.told.append(("work", str(lead), self.work[lead]))

    @invariant()
    def the_feed_has_each_piece_once_and_in_order(self) -> None:
        feed = rows(self.engine.core.ledger.db, "select seq, topic, ref, version from feed where topic <> 'alert' order by seq")
        assert [(row["topic"], row["ref"], row["version"]) for row in feed] == self.told

    @invariant()
    def every_verdict_is_in_the_trail_and_the_row_is_its_last_line(self) -> None:
        trail: dict[int, list[str | None]] = {number: [] for number in self.versions}
        last = {}
        for line in rows(self.engine.core.ledger.db, "select * from verdicts order by id"):
            assert line["from_status"] == (trail[line["call_id"]] or ["intent"])[-1]
            trail[line["call_id"]].append(line["to_status"])
            last[line["call_id"]] = (line["to_status"], line["amount"], line["currency"], line["note"])
        assert trail == self.trail
        for row in self.engine.calls():
            assert row["version"] == self.versions[row["id"]] == 1 + len(trail[row["id"]])
            stands = (row["status"], row["sale_amount"], row["currency"], row["note"])
            assert stands == last.get(row["id"], ("intent", None, None, ""))

    @invariant()
    def messages_say_old_and_new(self) -> None:
        newest = rows(self.engine.core.ledger.db, "select topic, body from feed order by seq desc limit 3")
        assert all({"old", "new"} <= set(json.loads(row["body"])) for row in newest if row["topic"] in ("verdict", "work"))

    def teardown(self) -> None:
        self.engine.close()
        self.folder.cleanup()


def failure(answer: Done | Failed) -> str:
    return answer.error if isinstance(answer, Failed) else ""


DeskMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
TestDesk = DeskMachine.TestCase
