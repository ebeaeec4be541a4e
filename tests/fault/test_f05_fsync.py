"""F5: an fsync fails, once or for ever. In this process on the fault disk; test_f05_strace.py does it to a running service."""

from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from opsmantik_box.engine import checkpoints
from opsmantik_box.errors import LedgerPoisoned
from tests.fault.lab import Lab, lab
from tests.fault.vfs import times

ONCE_OR_FOR_EVER = pytest.mark.parametrize("count", [1, None], ids=["once", "for ever"])


@pytest.fixture
def box() -> Iterator[Lab]:
    with lab(seed=5) as made:
        made.send(5)
        made.catch_up()
        yield made


def named(name: str) -> Callable[[Path], bool]:
    return lambda path: path.name == name


@ONCE_OR_FOR_EVER
def test_nothing_is_acknowledged_when_the_ledgers_wal_cannot_be_synced(box: Lab, count: int | None) -> None:
    told = dict(box.client.acknowledged)
    box.disk.fail_sync = times(count, named("ledger.db-wal"))
    with pytest.raises(LedgerPoisoned):
        box.send(3)
    assert box.client.acknowledged == told
    box.lose_power()
    box.start()
    box.send(3)
    box.end()


@ONCE_OR_FOR_EVER
@pytest.mark.parametrize("file", ["ledger.db", "ledger.db-wal"])
def test_the_engine_stops_when_the_ledgers_wal_checkpoint_cannot_be_synced(
    box: Lab, count: int | None, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "PASSIVE_PAGES", 1)
    box.core.ledger.wal._due = 1
    box.send(3)
    box.disk.fail_sync = times(count, named(file))
    with pytest.raises(LedgerPoisoned):
        box.core.tend(box.now)
    box.lose_power()
    box.start()
    box.send(3)
    box.end()


@ONCE_OR_FOR_EVER
def test_the_engine_stops_when_the_wal_cannot_be_cut_while_it_rests(box: Lab, count: int | None) -> None:
    box.disk.fail_sync = times(count, named("ledger.db"))
    with pytest.raises(LedgerPoisoned):
        box.core.rest(box.now)
    box.lose_power()
    box.start()
    box.end()


def test_after_a_failed_sync_nothing_more_is_written_to_the_ledger_not_even_when_it_is_closed(box: Lab) -> None:
    """SQLite would do a WAL checkpoint of its own on the way out: pages nobody can vouch for would go into the database file."""
    told = box.disk.fail_sync = times(None, named("ledger.db-wal"))
    with pytest.raises(LedgerPoisoned):
        box.send(1)
    seen: list[str] = []
    box.disk.watch = lambda kind, path: seen.append(f"{kind} {path.name}")
    assert told.hits == 1
    with pytest.raises(LedgerPoisoned):
        box.core.close()
    assert [what for what in seen if what.endswith(("ledger.db", "ledger.db-wal")) and not what.startswith("sync")] == []


def test_after_a_sync_that_failed_once_no_other_is_asked_for_whoever_comes(box: Lab) -> None:
    """Between the failure and the end of the process the clock may still beat: what it writes would be synced without an error."""
    box.disk.fail_sync = times(1, named("ledger.db-wal"))
    with pytest.raises(LedgerPoisoned):
        box.send(1)
    seen: list[str] = []
    box.disk.watch = lambda kind, path: seen.append(f"{kind} {path.name}")
    box.core.ledger.wal._due = 0
    with pytest.raises(LedgerPoisoned), box.core.ledger.transaction():
        pass
    with pytest.raises(LedgerPoisoned):
        box.core.tend(box.now)
    with pytest.raises(LedgerPoisoned):
        box.core.rest(box.now)
    assert [what for what in seen if "ledger" in what] == []
    box.lose_power()
    box.start()
    box.end()


@pytest.mark.parametrize("file", ["2026-10.db", "2026-10.db-wal"])
def test_a_month_that_cannot_be_synced_is_set_aside_and_folded_again(box: Lab, file: str) -> None:
    """A month file holds nothing of its own: the Box goes on, nobody waits, a person is told."""
    box.disk.fail_sync = times(1, named(file))
    box.core.rest(box.now)
    assert box.alerts() == ["PARTITION_FAULT"]
    assert box.core.projector.rebuilding
    box.catch_up()
    box.send(3)
    box.look()
    assert list((box.root / "months").glob("2026-10.db.aside-*"))
    box.end()


def test_a_month_whose_disk_stays_broken_stops_the_engine_and_loses_nothing(box: Lab) -> None:
    box.disk.fail_sync = times(None, lambda path: path.parent.name == "months")
    with pytest.raises((LedgerPoisoned, apsw.IOError)):
        box.core.rest(box.now)
    box.lose_power()
    box.start()
    box.end()


def test_a_month_that_cannot_be_made_durable_stops_the_engine_and_is_made_by_the_next(box: Lab) -> None:
    box.disk.fail_sync = times(None, lambda path: path.name.startswith("2026-12.making"))
    with pytest.raises((LedgerPoisoned, apsw.IOError)):
        box.core.make_month("2026-12", box.now)
    box.lose_power()
    box.start()
    assert box.month("2026-12").exists()
    box.end()
