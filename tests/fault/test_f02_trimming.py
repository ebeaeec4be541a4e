"""Trimming: nothing goes without a verified backup; cut off by power loss at any write or sync, nothing else is lost and the next run
completes; what is left of a trimmed month is never taken for the whole of it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from opsmantik_box.domain.decisions import decode_decision
from opsmantik_box.domain.months import closes_at, month_start, next_month
from opsmantik_box.domain.retention import BY_NAME, DAY_MS
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.folder import DataFolder
from opsmantik_box.engine.jobs import SQL
from opsmantik_box.engine.trimming import Trimming
from tests.fault.invariants import EVENTS, SESSIONS, check, lend_reserve, opened, scratch
from tests.fault.test_f03_power_loss import IMAGES, new_box, play
from tests.fault.traffic import Client, Visitors, add_sites, catch_up
from tests.fault.vfs import Disk, plugged
from tests.months import turn_months

OVER, STAYS = "2026-10", "2026-12"
EVENT_DAYS = BY_NAME["events"].days or 0
LATER = month_start(next_month(OVER)) + EVENT_DAYS * DAY_MS
"""The days of October's last event are over."""


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="trimming-") as folder:
        yield Path(folder)


class Scene:
    """A Box with two sites over a month's end; October is sealed."""

    def __init__(self, root: Path, disk: Disk) -> None:
        self.client, self.root, self.disk = Client(), root, disk
        self.core = new_box(root, disk)
        self.sites = add_sites(self.core)
        play(self.core, self.client, Visitors(self.sites, seed=5))
        turn_months(self.core, LATER)
        while self.core.lag:
            catch_up(self.core, LATER)
        self.core.rest(LATER)

    def back_up(self, *, sha256: str | None = None, seq: int | None = None, verified_at: int = LATER - DAY_MS) -> None:
        """As the job writes it down, of October's file as it is and the whole ledger."""
        ledger = self.core.ledger
        partition = next(one for one in ledger.partitions() if one.month == OVER)
        lying = {"place": "p", "name": "n", "is_elsewhere": 1, "made_at": 1, "bytes": 1, "problem": ""}
        month = {"place": "p", "month": OVER, "object": "o", "bytes": 1, "verified_at": verified_at}
        with ledger.transaction():
            told = {"last_seq": ledger.last_seq() if seq is None else seq, "verified_at": verified_at}
            ledger.db.execute(SQL["save_backup"], lying | told)
            ledger.db.execute(SQL["save_backed_up_month"], month | {"sha256": sha256 or partition.sha256})

    def old_signals(self) -> list[int]:
        rows = self.core.ledger.db.execute("select seq, decision from signals where decision is not null").fetchall()
        return [seq for seq, told in rows if decode_decision(told).month == OVER]


@contextmanager
def scene(place: Path) -> Iterator[Scene]:
    root = place / "box"
    with plugged(root) as disk:
        made = Scene(root, disk)
        try:
            yield made
        finally:
            disk.watch = lambda _kind, _path: None
            made.core.close()


def rows_now(made: Scene, month: str) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """As a kill would leave it."""
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        made.disk.image(Path(folder) / "now", None)
        return rows_of(Path(folder) / "now", month)


def trim(core: Core, now: int = LATER) -> Trimming:
    trimming = Trimming(core, lambda: now)
    for _ in trimming.work():
        pass
    return trimming


def rows_of(folder: Path, month: str) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    with opened(folder / "months" / f"{month}.db") as db:
        return db.execute(SESSIONS).fetchall(), db.execute(EVENTS).fetchall()


# --- when -------------------------------------------------------------------------------------------------------------------------


def test_a_month_that_is_over_and_safe_loses_its_events_and_signals_and_nothing_else(place: Path) -> None:
    with scene(place) as made:
        old, sessions = len(made.old_signals()), rows_now(made, OVER)[0]
        others = made.core.ledger.db.execute("select count(*) from signals").get - old
        contacts = made.core.ledger.db.execute("select count(*) from calls").get
        made.back_up()
        trimming = trim(made.core)
        assert trimming.deleted == {"events": old, "signals": old}
        assert old > 10
        assert (made.old_signals(), made.core.ledger.db.execute("select count(*) from signals").get) == ([], others)
        assert made.core.ledger.db.execute("select count(*) from calls").get == contacts
        assert made.core.unsealed_months() == [OVER], "it is sealed anew, and counts as safe when that was backed up"
        turn_months(made.core, LATER)
        assert rows_now(made, OVER) == (sessions, [])
        assert len(rows_now(made, STAYS)[1]) == others
        assert trim(made.core).deleted == {}


@pytest.mark.parametrize("why", ["no backup", "another file", "a shorter ledger", "long ago", "not over"])
def test_nothing_goes_without_a_verified_backup_nor_before_its_days_are_over(place: Path, why: str) -> None:
    with scene(place) as made:
        match why:
            case "another file":
                made.back_up(sha256="00" * 32)
            case "a shorter ledger":
                made.back_up(seq=max(made.old_signals()) - 1)
            case "long ago":
                made.back_up(verified_at=LATER - 29 * DAY_MS)
            case "not over":
                made.back_up()
            case _:
                pass
        before = made.old_signals()
        trimming = trim(made.core, LATER - 1 if why == "not over" else LATER)
        assert (trimming.deleted, made.old_signals()) == ({}, before)
        assert trimming.waits == ([] if why == "not over" else [OVER])
        assert not made.core.ledger.is_trimmed(OVER)


def test_a_sites_own_days_count_for_it_alone(place: Path) -> None:
    with scene(place) as made:
        db = made.core.ledger.db
        db.execute("update sites set settings = ? where id = (select min(id) from sites)", ('{"retention": {"events": 70}}',))
        made.back_up(verified_at=LATER - 20 * DAY_MS)
        trim(made.core, LATER - 20 * DAY_MS)
        left = {site_id for (site_id,) in db.execute("select distinct site_id from signals where seq in "
                f"({','.join(map(str, made.old_signals()))})")}  # fmt: skip
        assert left == {site_id for (site_id,) in db.execute("select id from sites where id > (select min(id) from sites)")}


# --- cut off ----------------------------------------------------------------------------------------------------------------------


class Look:
    """At every so-manieth moment: a Box starts on what is on the disk, trims to the end, and has everything else."""

    def __init__(self, made: Scene, place: Path, every: int) -> None:
        self._made, self._place, self._random, self._every = made, place, Random(2), every
        self.images = self.moments = 0
        self._busy = False
        self._sessions = {month: rows_now(made, month)[0] for month in (OVER, STAYS)}
        self._events = rows_now(made, STAYS)[1]

    def __call__(self, kind: str, path: Path) -> None:
        self.moments += 1
        if self._busy or self.moments % self._every:
            return
        self._busy = True
        try:
            for _ in range(IMAGES):
                self._look(kind, path)
        finally:
            self._busy = False

    def _look(self, kind: str, path: Path) -> None:
        self.images += 1
        target = self._place / "image"
        self._made.disk.image(target, self._random)
        lend_reserve(target)
        core = Core(DataFolder(target), LATER)
        try:
            trim(core)
            catch_up(core, LATER)
        finally:
            core.close()
        check(target, self._made.client, caught_up=True)
        with opened(target / "ledger.db") as ledger:
            told = ledger.execute("select decision from signals where decision is not null").fetchall()
            assert OVER not in {decode_decision(one).month for (one,) in told}, (kind, path.name)
        assert rows_of(target, OVER) == (self._sessions[OVER], []), (kind, path.name)
        assert rows_of(target, STAYS) == (self._sessions[STAYS], self._events), (kind, path.name)
        assert not list((target / "months").glob("*.aside-*"))
        shutil.rmtree(target)


def test_power_that_goes_at_any_moment_loses_nothing_else_and_the_next_run_completes(place: Path) -> None:
    with scene(place) as made:
        made.back_up()
        public = dict(made.core.ledger.db.execute("select id, public_id from sites").fetchall())
        old = set(made.old_signals())
        for seq, site_id, event in made.core.ledger.db.execute("select seq, site_id, event_id from signals").fetchall():
            if seq in old:
                made.client.erased.add((public[site_id], event))
        look = Look(made, place, every=2)
        made.disk.watch = look
        trim(made.core)
        made.disk.watch = lambda _kind, _path: None
        assert look.images >= 5 * IMAGES, look.moments


# --- what is left -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["gone", "damaged"])
def test_a_trimmed_month_that_is_lost_is_not_folded_from_what_is_left(place: Path, how: str) -> None:
    with scene(place) as made:
        made.back_up()
        trim(made.core)
        if how == "gone":
            turn_months(made.core, LATER)
    path = made.root / "months" / f"{OVER}.db"
    whole = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[:4096] + b"\x55" * 4096 + whole[8192:])
    core = Core(DataFolder(made.root), LATER)
    try:
        assert OVER not in dict(core.months.names())
        assert core.unsealed_months() == []
        (alert,) = [one for one in core.ledger.alerts.open_ones() if one.code == Code.PARTITION_FAULT]
        assert "back from a backup" in alert.text
        assert not list((made.root / "months").glob("*.aside-*"))
    finally:
        core.close()
    path.chmod(0o640) if path.exists() else None
    path.write_bytes(whole)
    core = Core(DataFolder(made.root), LATER)
    try:
        assert OVER in dict(core.months.names()), "it was put back"
    finally:
        core.close()


def test_a_month_that_is_over_closes_before_its_events_go() -> None:
    """Else signals of it could still come."""
    assert closes_at(OVER) < LATER
