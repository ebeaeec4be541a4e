"""Whatever visitors of two sites leave between each other, erasing one takes exactly what is theirs, and every invariant holds.

Whose a row is, is said here once more and in other words than the engine's: from what each visitor did, and from the matches as they
stand in the rows."""

import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsmantik_box.domain.ids import event_id
from tests.fault.invariants import (
    check_equals_refold,
    check_month_is_the_fold,
    check_scores,
    check_soundness,
    lend_reserve,
    opened,
    read_month,
    read_signals,
    scratch,
)
from tests.integration.erase_kit import Row, Rows, Scene, visitor
from tests.months import turn_months

EXAMPLES = int(os.environ.get("ERASE_EXAMPLES", "25"))
FINGERPRINTS = (visitor(1), visitor(2), visitor(3), "k3j2h1", "")
"""The fourth is one that identical phones share, the fifth none."""
SIDS = [f"{number:08d}-1111-4111-8111-111111111111" for number in range(6)]
NUMBERS = ("+905321234567", "+905339876543")
SAID_OF_IT = {"erasures", "erased_marks", "erased_counts", "audit_log", "sqlite_sequence", "ledger_identity", "partitions"}

MAY_CHANGE = {"candidates", "session", "session_month"}
"""Of a message of a call: a visit it was said to have come from may be gone."""

places = st.tuples(st.integers(0, 1), st.integers(0, len(SIDS) - 1), st.integers(0, len(FINGERPRINTS) - 1))
steps = st.one_of(
    st.tuples(st.sampled_from(["visit", "click", "tap", "tap"]), places),
    st.tuples(st.just("call"), st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, len(FINGERPRINTS) - 1))),
    st.tuples(st.just("call by number"), st.tuples(st.integers(0, 1), st.integers(0, 1), st.just(4))),
    st.tuples(st.just("form"), places),
    st.tuples(st.sampled_from(["work", "judge", "pick"]), st.tuples(st.integers(0, 40), st.just(0), st.just(0))),
    st.tuples(st.just("wait"), st.tuples(st.sampled_from([1, 20, 60 * 20, 3_600 * 30, 86_400 * 33]), st.just(0), st.just(0))),
)
wanted = st.one_of(
    st.tuples(st.just("fingerprint"), st.integers(0, 3)),
    st.tuples(st.just("session"), st.integers(0, len(SIDS) - 1)),
    st.tuples(st.just("phone"), st.integers(0, 1)),
)


class Visit(NamedTuple):
    """A signal as it was sent. `seq`: its number."""

    seq: int
    site: int
    sid: str
    fp: str


class World:
    """A Box, and what was done on it."""

    def __init__(self, place: Path) -> None:
        lend_reserve(place)
        self.box = Scene(place)
        self.visits: list[Visit] = []

    def step(self, name: str, of: tuple[int, int, int]) -> None:
        box, (a, b, c) = self.box, of
        if name == "wait":
            box.now += a * 1_000
            turn_months(box.core, box.now)
        elif name in ("work", "judge"):
            rows = box.calls()
            if rows:
                number = rows[a % len(rows)]["id"]
                box.work_on(number) if name == "work" else box.judge(number, "junk")
        elif name == "pick":
            self.pick(a)
        elif name.startswith("call"):
            box.call(NUMBERS[b], FINGERPRINTS[c], site=a)
        elif name == "form":
            box.form(SIDS[b], FINGERPRINTS[c], NUMBERS[b % 2], site=a)
        else:
            self.signal(name, a, SIDS[b], FINGERPRINTS[c])

    def pick(self, number: int) -> None:
        """Some visit for some call, of those it may have come from."""
        calls = [row for row in self.box.calls() if row["source"] == "call" and row["candidates"]]
        if calls:
            row = calls[number % len(calls)]
            candidates = json.loads(row["candidates"])
            chosen = candidates[number % len(candidates)]["session_id"]
            self.box.work("pick_visit", row["id"], session=chosen, version=row["version"])

    def signal(self, name: str, site: int, sid: str, fp: str) -> None:
        self.visits.append(Visit(self.box.core.ledger.next_seq, self.box.sites[site].id, sid, fp))
        click = f"click_{sid[:8]}_{fp}" if name == "click" else ""
        if name == "tap":
            self.box.tap(sid, fp, site)
        else:
            self.box.visit(sid, fp, site, click)

    def fingerprints_in(self, session: tuple[int, str]) -> set[str]:
        return {one.fp for one in self.visits if (one.site, one.sid) == session and one.fp.startswith("fp_")}


class Theirs(NamedTuple):
    """(site, sid)s, (site, fingerprint)s, rows of calls."""

    sessions: set[tuple[int, str]]
    fingerprints: set[tuple[int, str]]
    contacts: set[int]


def theirs(world: World, before: Rows, kind: str, told: str) -> Theirs:
    """By the words of docs/privacy.md."""
    calls, sites = before["ledger.db", "calls"], [site.id for site in world.box.sites]
    fps = {(site, told) for site in sites if kind == "fingerprint"}
    begun = {(site, told) for site in sites if kind == "session"}
    called = [row for row in calls if kind == "phone" and row["phone_hash"] == hash_of(world, row["site_id"], told)]
    for row in called:
        if row["match_how"] != "number":
            begun |= {(row["site_id"], row["matched_session_id"])} if row["matched_session_id"] else set()
            known = row["matched_fingerprint"] or ""
            fps |= {(row["site_id"], known)} if known.startswith("fp_") else set()
    for session in begun:
        inside = world.fingerprints_in(session)
        fps |= {(session[0], fp) for fp in inside} if len(inside) == 1 else set()
    sessions = begun | {(one.site, one.sid) for one in world.visits if (one.site, one.fp) in fps}
    contacts = {row["id"] for row in called} | {
        row["id"]
        for row in calls
        if (row["site_id"], row["matched_session_id"]) in sessions or (row["site_id"], row["matched_fingerprint"]) in fps
    }
    return Theirs(sessions, fps, contacts)


def hash_of(world: World, site_id: int, number: str) -> bytes | None:
    return world.box.telling.contacts.hash_number(site_id, number)


def left_of(before: Rows, gone: Theirs) -> dict[tuple[str, str], list[Row]]:
    """What must be there afterwards, without what may change: candidates, and the names of leads that lost their first contact."""
    found: dict[tuple[str, str], list[Row]] = {}
    for (file, table), rows in before.items():
        if table not in SAID_OF_IT | {"checkpoint", "idempotency_keys"}:
            found[file, table] = sorted((plain(table, row) for row in rows if stays(table, row, before, file, gone)), key=repr)
    return found


def stays(table: str, row: dict[str, Any], before: Rows, file: str, gone: Theirs) -> bool:
    if table == "signals":
        return (row["site_id"], session_of(row)) not in gone.sessions
    if table == "sessions":
        return (row["site_id"], row["id"]) not in gone.sessions
    if table == "events":
        owner = next(one for one in before[file, "sessions"] if one["no"] == row["session_no"])
        return (owner["site_id"], owner["id"]) not in gone.sessions
    if table == "touches":
        return (row["site_id"], row["fingerprint"]) not in gone.fingerprints and (
            row["site_id"],
            row["session_id"],
        ) not in gone.sessions
    if table == "calls":
        return row["id"] not in gone.contacts
    if table in ("verdicts", "attempts", "notes", "call_messages"):
        return row["call_id"] not in gone.contacts
    if table in ("leads", "reminders"):
        lead = row["id" if table == "leads" else "lead_id"]
        return any(one["lead_id"] == lead and one["id"] not in gone.contacts for one in before["ledger.db", "calls"])
    if table == "feed":
        body = json.loads(row["body"])
        return (body["call"] if row["topic"] == "work" else int(row["ref"])) not in gone.contacts
    return True


def session_of(row: dict[str, Any]) -> str:
    from opsmantik_box.domain.decisions import decode_decision
    from opsmantik_box.domain.ids import uuid_text

    return uuid_text(decode_decision(row["decision"]).signal.sid)


def plain(table: str, row: dict[str, Any]) -> Row:
    changes = {
        "calls": {"candidates", "lead_id"},
        "attempts": {"lead_id"},
        "notes": {"lead_id"},
        "reminders": {"lead_id"},
        "leads": {"id"},
    }
    kept = {name: value for name, value in row.items() if name not in changes.get(table, ())}
    if table == "feed" and row["topic"] == "call":
        kept["body"] = {name: value for name, value in json.loads(row["body"]).items() if name not in MAY_CHANGE}
    return tuple(kept.items())


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(st.lists(steps, min_size=1, max_size=40), wanted)
def test_erasing_takes_exactly_what_is_theirs(done: list[tuple[str, tuple[int, int, int]]], asked: tuple[str, int]) -> None:
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="erase-") as place:
        world = World(Path(place))
        try:
            for name, of in done:
                world.step(name, of)
            erase_and_look(world, *asked)
        finally:
            world.box.close()
        check_folder(Path(place))


def erase_and_look(world: World, kind: str, number: int) -> None:
    told = {"fingerprint": FINGERPRINTS, "session": SIDS, "phone": NUMBERS}[kind][number]
    before = world.box.rows()
    gone = theirs(world, before, kind, told)
    looked = world.box.erase(kind, told, only_look=True)  # type: ignore[arg-type]
    assert world.box.rows() == before
    receipt = world.box.erase(kind, told)  # type: ignore[arg-type]
    after = world.box.rows()
    assert receipt.tables == looked.tables
    assert left_of(after, Theirs(set(), set(), set())) | {("ledger.db", "feed"): feed_of(after)} == left_of(before, gone)
    assert receipt.tables.get("ledger.db", {}).get("calls", 0) == len(gone.contacts)
    words = {told, *(sid for _, sid in gone.sessions), *(fp for _, fp in gone.fingerprints)} - still_there(after)
    assert world.box.left(*words, *(event_id(sid) or b"" for sid in words if sid in SIDS)) == []
    check_trail(after)


def feed_of(after: Rows) -> list[Row]:
    return sorted((plain("feed", row) for row in after["ledger.db", "feed"] if row["topic"] != "erased"), key=repr)


def still_there(after: Rows) -> set[str]:
    """Ids that others have too: on the other site, or of another kind of phone."""
    found = {
        text
        for (_, table), rows in after.items()
        if table == "sessions"
        for row in rows
        for text in (row["id"], row["fingerprint"])
    }
    return found | {text for row in after["ledger.db", "calls"] for text in (row["matched_session_id"], row["matched_fingerprint"])}


def check_trail(after: Rows) -> None:
    """I12 and I13: every row is what its last verdict says; the feed has each of what is there, in order, none twice."""
    calls = {row["id"]: row for row in after["ledger.db", "calls"]}
    last = {row["call_id"]: row["to_status"] for row in after["ledger.db", "verdicts"]}
    assert last == {number: calls[number]["status"] for number in last}
    told = [(row["topic"], row["ref"], row["version"]) for row in after["ledger.db", "feed"] if row["topic"] != "erased"]
    assert max(Counter(told).values(), default=1) == 1
    assert {int(ref) for topic, ref, _ in told if topic in ("intent", "call")} == set(calls)
    assert Counter(int(ref) for topic, ref, _ in told if topic == "verdict") == Counter(
        row["call_id"] for row in after["ledger.db", "verdicts"]
    )
    for row in calls.values():
        assert row["lead_id"] in calls


def check_folder(folder: Path) -> None:
    """I3, I4, I5, I7, I11 of a folder nobody runs on."""
    with opened(folder / "ledger.db") as ledger:
        check_soundness(ledger, folder / "ledger.db")
        stored = list(read_signals(ledger))
        last = ledger.execute("select seq from sqlite_sequence where name = 'signals'").get or 0
        tables = [
            name
            for (name,) in ledger.execute("select name from sqlite_schema where name glob 'processed_signals_[0-9]*'").fetchall()
        ]
        known = {event for table in tables for (event,) in ledger.execute(f"select event_id from {table}")}
        assert not tables or len(tables) > 1 or {one.event_id for one in stored} <= known
    for path in (folder / "months").glob("????-??.db"):
        month = read_month(path)
        assert month.checkpoint <= last
        check_month_is_the_fold(month, stored)
        check_scores(month, stored)
    check_equals_refold(folder)
