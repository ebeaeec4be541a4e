"""F9: the ledger's WAL is corrupt, cut or gone, or an older ledger was put back. The Box does not start, or nothing is missing."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from opsmantik_box.engine.core import Core
from opsmantik_box.engine.folder import DataFolder
from opsmantik_box.errors import BoxError, DataFolderUnusable, LedgerLostItsTail
from tests.fault.invariants import check
from tests.fault.lab import Lab, lab


@pytest.fixture
def box() -> Iterator[Lab]:
    """Signals in the ledger's file, more of them in its WAL, everything projected. Then the process is killed."""
    with lab(seed=9) as made:
        made.send(10)
        made.catch_up()
        made.core.rest(made.now)
        for _ in range(5):
            made.send(10)
        made.catch_up()
        made.kill()
        yield made


def refused(box: Lab) -> BoxError:
    """What a start says."""
    folder = DataFolder(box.root)
    try:
        with pytest.raises(BoxError) as caught:
            Core(folder, box.now)
    finally:
        folder.release()
    return caught.value


def test_a_deleted_wal_is_noticed(box: Lab) -> None:
    (box.root / "ledger.db-wal").unlink()
    error = refused(box)
    assert isinstance(error, LedgerLostItsTail)
    assert error.exit_code == 4
    assert "doctor" in str(error)


def test_an_empty_wal_is_noticed(box: Lab) -> None:
    (box.root / "ledger.db-wal").write_bytes(b"")
    assert isinstance(refused(box), LedgerLostItsTail)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_wal_is_noticed(box: Lab, share: float) -> None:
    wal = box.root / "ledger.db-wal"
    with wal.open("r+b") as file:
        file.truncate(int(wal.stat().st_size * share))
    assert isinstance(refused(box), LedgerLostItsTail)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_a_scribble_in_the_wal_is_noticed(box: Lab, share: float) -> None:
    wal = box.root / "ledger.db-wal"
    content = bytearray(wal.read_bytes())
    at = int(len(content) * share)
    content[at : at + 64] = Random(at).randbytes(64)
    wal.write_bytes(content)
    assert isinstance(refused(box), LedgerLostItsTail)


def put_back_old(box: Lab, old: Path) -> None:
    for path in box.root.glob("ledger.db*"):
        path.unlink()
    shutil.copy(old, box.root / "ledger.db")


def stale(box: Lab, make: Callable[[Lab], None]) -> None:
    """A ledger from before `make`, put back after it."""
    box.start()
    box.stop()
    old = box.root.parent / "old.db"
    shutil.copy(box.root / "ledger.db", old)
    box.start()
    make(box)
    box.catch_up()
    box.stop()
    put_back_old(box, old)


def test_a_stale_ledger_is_noticed(box: Lab) -> None:
    stale(box, lambda box: box.send(3) and None)
    assert isinstance(refused(box), LedgerLostItsTail)


def test_a_stale_ledger_is_noticed_when_everything_since_went_into_a_month_it_does_not_know(box: Lab) -> None:
    def next_month(box: Lab) -> None:
        box.now += 30 * 86_400_000
        for _ in range(20):
            box.send(1)

    with lab(seed=90) as fresh:
        fresh.kill()
        stale(fresh, next_month)
        assert isinstance(refused(fresh), LedgerLostItsTail)


def test_a_deleted_ledger_is_not_replaced_by_an_empty_one_in_silence(box: Lab) -> None:
    for path in box.root.glob("ledger.db*"):
        path.unlink()
    for _ in range(2):
        assert isinstance(refused(box), LedgerLostItsTail), "and so every time"


def test_a_damaged_ledger_is_not_taken_for_a_new_one(box: Lab) -> None:
    (box.root / "ledger.db-wal").unlink()
    content = bytearray((box.root / "ledger.db").read_bytes())
    content[:100] = bytes(range(100))
    (box.root / "ledger.db").write_bytes(content)
    error = refused(box)
    assert isinstance(error, DataFolderUnusable)
    assert error.exit_code == 4
    assert "doctor" in str(error)


def test_after_a_refusal_the_right_files_put_back_are_enough(box: Lab) -> None:
    """A refused start changes nothing that the repair needs."""
    aside = box.root.parent / "aside"
    shutil.copytree(box.root, aside)
    (box.root / "ledger.db-wal").unlink()
    refused(box)
    for path in box.root.glob("ledger.db*"):
        path.unlink()
    for path in aside.glob("ledger.db*"):
        shutil.copy(path, box.root / path.name)
    box.start()
    box.end()


def test_a_lost_wal_that_held_nothing_projected_loses_nothing_that_the_months_show(box: Lab) -> None:
    """A limit, said openly: signals that no month file has are gone with a deleted WAL, and nothing on this disk can know. What is
    left still agrees with itself. (Only a backup, or a second disk, knows more.)"""
    box.start()
    box.send(1)
    box.catch_up()
    box.core.rest(box.now)
    kept = dict(box.client.acknowledged)
    box.send(3)
    box.kill()
    (box.root / "ledger.db-wal").unlink()
    box.client.acknowledged = kept
    box.start()
    box.stop()
    check(box.root, box.client, caught_up=True)
