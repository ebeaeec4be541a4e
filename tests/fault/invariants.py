"""What must hold at all times, checked against a dead Box's data folder and the client's own list.

Reads with apsw, and with write access (a WAL is recovered): give it an image or a copy. I4 is checked twice over: against the pure
fold of domain/sessions.py here (`check`), and against new files made by the engine from nothing but the ledger (`refold`). I6 has
its own tests, where the scoped connection is; here only that no row changed its site."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import msgspec

from opsmantik_box.domain.decisions import Decision, decode_decision
from opsmantik_box.domain.ids import uuid_text
from opsmantik_box.domain.scoring import score
from opsmantik_box.domain.sessions import Session, duration_sec, fold
from opsmantik_box.domain.signals import Payload, decode_payload
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.folder import RESERVE_BYTES, DataFolder
from opsmantik_box.engine.session_rows import COLUMNS, to_row
from tests.fault.desk_invariants import check_desk
from tests.fault.traffic import Client, catch_up

SESSIONS = f"select {', '.join(COLUMNS)} from sessions order by site_id, id"
EVENTS = """select s.id, e.created_at, e.seq, e.event_id, e.site_id, e.url, e.event_category, e.event_action, e.event_label,
    e.event_value, e.metadata, e.received_at, s.site_id from events e join sessions s on s.no = e.session_no order by e.seq"""
ON_THE_SESSION = {"fp", "gclid", "wbraid", "gbraid"}


@dataclass
class Stored:
    """One row of `signals`, with its decision (None: in quarantine)."""

    seq: int
    site: str
    event_id: bytes
    received_at: int
    payload: Payload
    decision: Decision | None


@dataclass
class Month:
    """A month file's rows and what it says it has applied."""

    path: Path
    checkpoint: int
    sessions: list[tuple[Any, ...]]
    events: list[tuple[Any, ...]]


@contextmanager
def opened(path: Path) -> Iterator[apsw.Connection]:
    """A database of a dead Box."""
    db = apsw.Connection(str(path))
    try:
        yield db
    finally:
        db.close()


def check(folder: Path, client: Client, *, caught_up: bool = False) -> list[Stored]:
    """I1 to I5, I7 and I11 to I13. `caught_up`: the engine has said that nothing is left to project; then every month reaches what
    the ledger says it must. Returns the stored signals."""
    with opened(folder / "ledger.db") as ledger:
        stored = check_ledger(ledger, folder / "ledger.db", client)
        reach = dict(ledger.execute("select month, last_seq from partitions").fetchall())
        trimmed = {month for (month,) in ledger.execute("select month from trimmed")}
        last = ledger.execute("select coalesce(max(seq), 0) from sqlite_sequence where name = 'signals'").get
    for path in sorted((folder / "months").glob("????-??.db")):
        month = read_month(path)
        assert month.checkpoint <= last, f"I5: {path.name} has applied {month.checkpoint}, the ledger ends at {last}"
        if path.stem not in trimmed:  # it is what was backed up, without its events
            check_month_is_the_fold(month, stored)
            check_scores(month, stored)
        if caught_up:
            assert month.checkpoint >= reach.get(path.stem, 0), f"{path.name} is behind and nobody says so"
    if caught_up:
        missing = [month for month, seq in reach.items() if seq and not (folder / "months" / f"{month}.db").exists()]
        assert not missing, f"I4: no file for {missing}"
    return stored


def check_ledger(ledger: apsw.Connection, path: Path, client: Client) -> list[Stored]:
    """What of it can be seen in the ledger alone, also in one that is open. Returns the stored signals."""
    check_soundness(ledger, path)
    stored = list(read_signals(ledger))
    check_acknowledged_is_stored(stored, client)
    check_stored_was_sent(stored, client)
    check_each_once(ledger, stored, client)
    check_feed(ledger, stored)
    check_desk(ledger, stored)
    return stored


def check_acknowledged_is_stored(stored: list[Stored], client: Client) -> None:
    lost = set(client.acknowledged) - {(one.site, one.event_id) for one in stored} - client.erased
    assert not lost, f"I1: {len(lost)} of {len(client.acknowledged)} acknowledged signals are gone: {sorted(lost)[:3]}"
    twice = [key for key, times in client.acknowledged.items() if times > 1]
    assert not twice, f"I3: acknowledged as new more than once: {twice[:3]}"


def check_stored_was_sent(stored: list[Stored], client: Client) -> None:
    """Stored is what somebody sent, with a content somebody sent."""
    for one in stored:
        sent = client.sent.get((one.site, one.event_id))
        assert sent, f"I2: {one.event_id.hex()} was never sent"
        if one.decision is not None:
            told = (one.payload.sid, one.payload.ea, one.payload.ts)
            assert told in {(each.body["sid"], each.body["ea"], each.body["ts"]) for each in sent}, f"I2: {told} was never sent"


def check_each_once(ledger: apsw.Connection, stored: list[Stored], client: Client) -> None:
    keys = [(one.site, one.event_id) for one in stored]
    assert len(keys) == len(set(keys)), "I3: a signal lies in the ledger twice"
    tables = [name for (name,) in ledger.execute("select name from sqlite_schema where name glob 'processed_signals_[0-9]*'")]
    claimed: dict[tuple[int, bytes], int] = {}
    for table in tables:
        for site_id, event, seq in ledger.execute(f"select site_id, event_id, seq from {table}"):
            assert (site_id, event) not in claimed, "I3: an id is claimed in two months"
            claimed[site_id, event] = seq
    sites = dict(ledger.execute("select id, public_id from sites").fetchall())
    known = {(sites[site_id], event) for site_id, event in claimed}
    assert set(keys) <= known, "I3: a signal's id is not known"
    assert known - set(keys) <= client.erased, "I3: an id is known without its signal"


def check_month_is_the_fold(month: Month, stored: list[Stored]) -> None:
    """I4 and I5: exactly the decisions up to the checkpoint, folded, and nothing else."""
    mine = [one for one in stored if one.decision and one.decision.month == month.path.stem and one.seq <= month.checkpoint]
    assert [event[2] for event in month.events] == [one.seq for one in mine], f"I5: {month.path.name} lacks rows or has others"
    assert month.events == [event_row(one) for one in mine], f"I4: events of {month.path.name}"
    folded = sorted(to_row(0, session)[1:] for session in fold_all(mine).values())
    assert sorted(month.sessions) == folded, f"I4: sessions of {month.path.name}"


def fold_all(stored: list[Stored]) -> dict[tuple[int, bytes], Session]:
    """Sessions, by the pure fold in one go."""
    sessions: dict[tuple[int, bytes], Session] = {}
    times: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    for one in stored:
        assert one.decision is not None
        key = (one.decision.site_id, one.decision.signal.sid)
        sessions[key] = fold(sessions.get(key), one.decision, one.seq, one.payload.u)
        times[key].append(one.decision.signal.at)
    for key, session in sessions.items():
        session.duration_sec = duration_sec(sorted(times[key]))
    return sessions


def event_row(one: Stored) -> tuple[Any, ...]:
    decision, payload = one.decision, one.payload
    assert decision is not None
    meta = {name: value for name, value in (payload.meta or {}).items() if name not in ON_THE_SESSION}
    if payload.r:
        meta["referrer"] = payload.r
    return (uuid_text(decision.signal.sid), decision.signal.at, one.seq, one.event_id, decision.site_id, payload.u,
            decision.signal.category, payload.ea or "view", payload.el, payload.ev, meta, one.received_at,
            decision.site_id)  # fmt: skip


def check_scores(month: Month, stored: list[Stored]) -> None:
    """I11: a session's score is a function of the OR over its events' fired bits. Computed from the decisions alone."""
    fired: defaultdict[str, int] = defaultdict(int)
    for one in stored:
        if one.decision and one.decision.month == month.path.stem and one.seq <= month.checkpoint:
            fired[f"{one.decision.site_id} {uuid_text(one.decision.signal.sid)}"] |= one.decision.fired
    site, sid, bits, told = (COLUMNS.index(name) for name in ("site_id", "id", "fired", "lead_score"))
    shown = {f"{row[site]} {row[sid]}": (row[bits], row[told]) for row in month.sessions}
    assert shown == {session: (value, score(value)) for session, value in fired.items()}, f"I11: scores of {month.path.name}"


def check_feed(ledger: apsw.Connection, stored: list[Stored]) -> None:
    """I13: one row for every intent and every change of an alert, in order, none twice; and an intent for every decision that says so.
    (Calls and what sites' servers tell are no signals.)"""
    told = ledger.execute("select topic, ref, version from feed where topic in ('intent', 'alert') order by seq").fetchall()
    assert len(set(told)) == len(told), "I13: none twice"
    for topic, table in (("intent", "calls where source <> 'call'"), ("alert", "alerts")):
        refs = [int(ref) for kind, ref, version in told if kind == topic and version == 1]
        assert refs == [number for (number,) in ledger.execute(f"select id from {table} order by id")], f"I13: feed and {table}"
    intents = sum(one.decision.intent for one in stored if one.decision)
    kept = "select count(*) from calls where source <> 'call' and intent_stamp not like 'lead-%'"
    trimmed = ledger.execute("select exists (select 1 from trimmed)").get
    there = ledger.execute(kept).get
    assert intents <= there if trimmed else intents == there, "I13: intents decided and intents kept"


def check_soundness(db: apsw.Connection, path: Path) -> None:
    assert db.execute("pragma integrity_check").fetchall() == [("ok",)], f"I7: {path.name}"
    assert db.execute("pragma foreign_key_check").fetchall() == [], f"I7: {path.name}"


def read_signals(ledger: apsw.Connection) -> Iterator[Stored]:
    sites = dict(ledger.execute("select id, public_id from sites").fetchall())
    for seq, site_id, event, at, payload, decision in ledger.execute(
        "select seq, site_id, event_id, received_at, payload, decision from signals order by seq"
    ):
        if decision is None:
            yield Stored(seq, sites[site_id], event, at, Payload(u=""), None)
            continue
        yield Stored(seq, sites[site_id], event, at, decode_payload(payload), decode_decision(decision))


def read_month(path: Path) -> Month:
    """What a month file holds. A crash may leave one that was made and never written: it has no checkpoint yet."""
    with opened(path) as db:
        check_soundness(db, path)
        if not db.execute("select count(*) from sqlite_schema").get:
            return Month(path, 0, [], [])
        checkpoint = db.execute("select seq from checkpoint").get or 0
        sessions = db.execute(SESSIONS).fetchall()
        events = [(*row[:10], msgspec.json.decode(row[10]), *row[11:]) for row in db.execute(EVENTS)]
        return Month(path, checkpoint, sessions, events)


def check_recovers(folder: Path, client: Client, now: int) -> None:
    """Open the Box again as a start would, let it heal, and look."""
    lend_reserve(folder)
    core = Core(DataFolder(folder), now)
    try:
        catch_up(core, now)
    finally:
        core.close()
    check(folder, client, caught_up=True)


def refold(folder: Path) -> dict[str, Month]:
    """New month files, folded by the engine from nothing but the ledger; by month. The folder is a dead Box's, and not touched."""
    with tempfile.TemporaryDirectory(dir=scratch()) as place:
        target = Path(place)
        (target / "months").mkdir()
        for path in folder.glob("ledger.db*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, target / path.name)
        with opened(target / "ledger.db") as ledger:
            ledger.execute("update partitions set state = 'open'")
        lend_reserve(target)
        core = Core(DataFolder(target), 0)
        try:
            catch_up(core, 0)
        finally:
            core.close()
        return {path.stem: read_month(path) for path in sorted((target / "months").glob("????-??.db"))}


def check_equals_refold(folder: Path) -> None:
    """I4 in its own words: the month files are what new ones would be. Everything must have been projected."""
    fresh = refold(folder)
    for path in sorted((folder / "months").glob("????-??.db")):
        mine = read_month(path)
        assert (mine.sessions, mine.events) == (fresh[path.stem].sessions, fresh[path.stem].events), f"I4: {path.name}"


def scratch() -> str | None:
    """Memory to work in, where there is some: an image is opened a thousand times."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 256 * 1024 * 1024 else None


def lend_reserve(folder: Path) -> None:
    """One sparse reserve file for all images: sixteen megabytes are not written again and again."""
    with (folder / "reserve").open("wb") as file:
        file.truncate(RESERVE_BYTES)
