"""F18: a file of every schema there was becomes one of today; power that goes at any write or sync of that leaves a file that the next
start brings up; a file of a newer schema is refused in a sentence and not touched."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import apsw
import pytest

from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.engine.migrations import APPLICATION_IDS, migrate, steps
from opsmantik_box.engine.start import open_service
from opsmantik_box.engine.waiting import Bounds
from opsmantik_box.errors import NewerSchema
from tests.fault.invariants import scratch
from tests.fault.test_f03_power_loss import IMAGES
from tests.fault.vfs import Disk, plugged
from tests.integration.engine_kit import NOON, engine

KINDS = ("ledger", "month", "vault")
KEPT = {
    "sites": "insert into sites (id, public_id, name, created_at) values (7, '00112233-4455-4677-8899-aabbccddeeff', 'a', 1)",
    "signals": "insert into signals (seq, site_id, event_id, received_at, payload) values (41, 7, x'01', 2, x'7b7d')",
    "touches": "insert into touches (site_id, fingerprint, kind, click_id, at, session_id) values (7, 'fp', 'gclid', 'c', 3, 's')",
    "feed": "insert into feed (seq, at, topic, site_id, ref, body) values (90, 4, 'alert', 7, '1', '{}')",
    "audit_log": "insert into audit_log (at, actor, action, ref) values (5, 'op', 'x', '1')",
}
"""Rows of tables of the first schema, each of which must outlive every step."""


def schema_of(db: apsw.Connection) -> list[tuple[str, str]]:
    """By name; spaces are nothing."""
    told = db.execute(
        "select name, sql from sqlite_schema where sql is not null and name not like 'sqlite_%' order by name"
    ).fetchall()
    return [(name, " ".join(sql.replace('"', "").split())) for name, sql in told]


def make_old(path: Path, kind: str, version: int) -> None:
    """A file as the Box of that schema left it, with some rows from the time of the first."""
    db = apsw.Connection(str(path))
    for number, sql in steps(kind):
        if number > version:
            break
        db.execute(sql)
        if number == 1 and kind == "ledger":
            for statement in KEPT.values():
                db.execute(statement)
    db.pragma("user_version", version)
    db.pragma("application_id", APPLICATION_IDS[kind])
    db.close()


def kept_rows(db: apsw.Connection) -> dict[str, int]:
    return {table: db.execute(f"select count(*) from {table}").get for table in KEPT}


@pytest.mark.parametrize(("kind", "version"), [(kind, version) for kind in KINDS for version, _ in steps(kind)])
def test_a_file_of_every_schema_there_was_becomes_one_of_today(tmp_path: Path, kind: str, version: int) -> None:
    make_old(tmp_path / "old.db", kind, version)
    new, old = apsw.Connection(str(tmp_path / "new.db")), apsw.Connection(str(tmp_path / "old.db"))
    assert migrate(new, kind, tmp_path) == len(steps(kind))
    assert migrate(old, kind, tmp_path) == len(steps(kind)) - [number for number, _ in steps(kind)].index(version) - 1
    assert schema_of(old) == schema_of(new)
    assert old.pragma("user_version") == steps(kind)[-1][0]
    assert old.execute("pragma integrity_check").get == "ok"
    assert old.execute("pragma foreign_key_check").fetchall() == []
    if kind == "ledger":
        assert kept_rows(old) == dict.fromkeys(KEPT, 1)
        assert old.execute("select seq from sqlite_sequence where name = 'feed'").get == 90
    assert migrate(old, kind, tmp_path) == 0


# --- power ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="migration-") as folder:
        yield Path(folder)


class Look:
    """At every moment: whatever is on the disk then, the next start brings it up, with every row."""

    def __init__(self, disk: Disk, place: Path) -> None:
        self._disk, self._place, self._random = disk, place, Random(18)
        self.images, self.found, self._busy = 0, set[int](), False

    def __call__(self, kind: str, path: Path) -> None:
        if self._busy:
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
        self._disk.image(target, self._random)
        try:
            self._check(target / "ledger.db")
        except BaseException as error:
            error.add_note(f"power lost at image {self.images}: {kind} {path.name}")
            raise
        shutil.rmtree(target)

    def _check(self, path: Path) -> None:
        db = apsw.Connection(str(path))
        self.found.add(db.pragma("user_version"))
        db.close()
        ledger = Ledger(path, 1)
        try:
            assert ledger.db.pragma("user_version") == steps("ledger")[-1][0]
            assert ledger.db.execute("pragma integrity_check").get == "ok"
            assert kept_rows(ledger.db) == dict.fromkeys(KEPT, 1)
        finally:
            ledger.close()


def test_power_that_goes_at_any_moment_of_a_migration_leaves_one_schema_or_the_next(place: Path) -> None:
    root = place / "box"
    root.mkdir()
    make_old(root / "ledger.db", "ledger", 1)
    with plugged(root) as disk:
        look = Look(disk, place)
        disk.watch = look
        ledger = Ledger(root / "ledger.db", 1, disk.name)
        disk.watch = lambda _kind, _path: None
        ledger.close()
    assert look.images > 50 * IMAGES
    assert look.found == {version for version, _ in steps("ledger")}, "a moment of each schema was looked at"


# --- newer ------------------------------------------------------------------------------------------------------------------------


FILES: dict[str, Callable[[Path], Path]] = {
    "ledger": lambda data: data / "ledger.db",
    "vault": lambda data: data / "vault.db",
    "month": lambda data: next((data / "months").glob("????-??.db")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_a_newer_schema_is_refused_in_a_sentence_and_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    data = tmp_path / "data"
    with engine(data) as made:
        made.send()
        made.catch_up()
    path, newer = FILES[kind](data), steps(kind)[-1][0] + 1
    db = apsw.Connection(str(path))
    db.pragma("user_version", newer)
    db.close()
    with pytest.raises(NewerSchema, match=rf"newer OpsMantik Box \(schema {newer}, this one knows {newer - 1}\)"):
        open_service(data, lambda: NOON, RateLimits(), Bounds())
    assert not list((data / "months").glob("*.aside-*"))
    db = apsw.Connection(str(path))
    assert db.pragma("user_version") == newer
    db.close()
