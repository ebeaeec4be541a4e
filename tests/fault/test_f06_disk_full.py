"""F6: the disk is full at the N-th write, then there is room again. Nothing is stored of what was refused, and the Box recovers by
itself. In this process on the fault disk; test_f06_small_disk.py fills a real one under a running service."""

from contextlib import suppress

import pytest

from opsmantik_box.engine.core import Core
from opsmantik_box.engine.folder import DataFolder
from opsmantik_box.errors import DataFolderUnusable, LedgerFull
from tests.fault.invariants import lend_reserve
from tests.fault.lab import lab
from tests.fault.traffic import Sent, incoming
from tests.fault.vfs import plugged
from tests.months import turn_months

WRITES = 60
"""More than a batch of five and its projection take."""


@pytest.mark.parametrize("room", range(0, WRITES, 2))
def test_a_full_disk_refuses_whole_batches_and_takes_them_when_there_is_room(room: int) -> None:
    with lab(seed=6) as box:
        box.send(5)
        box.catch_up()
        turned_away: list[Sent] = []
        box.disk.room = room
        for _ in range(6):
            if box.core.full:
                break
            signals = [box.visitors.signal(box.now) for _ in range(5)]
            before = dict(box.client.acknowledged)
            try:
                box.deliver(signals)
            except LedgerFull:
                turned_away += signals
                assert box.client.acknowledged == before
            if not box.core.full:
                box.core.catch_up(box.now)
            box.look()
        assert box.core.full
        box.disk.room = None
        assert box.core.recover()
        assert not any(answer.duplicate for answer in box.deliver(turned_away)), "what was refused was not stored"
        assert box.alerts() == [], "a full disk is no damage: no month is thrown away"
        box.end()


@pytest.mark.parametrize("room", range(0, 40, 4))
def test_a_full_disk_does_not_spoil_a_wal_checkpoint(room: int) -> None:
    with lab(seed=61) as box:
        box.send(20)
        box.catch_up()
        box.disk.room = room
        box.core.rest(box.now)
        box.look()
        box.disk.room = None
        box.core.recover()
        box.send(3)
        assert box.alerts() == []
        box.end()


@pytest.mark.parametrize("reserve", [0, 500])
@pytest.mark.parametrize("room", range(0, 60, 5))
def test_a_full_disk_does_not_spoil_the_turn_of_a_month(room: int, reserve: int) -> None:
    """Next month's file is made, an old month is closed: both are put off."""
    with lab(seed=62) as box:
        box.deliver([box.visitors.signal(box.now, sm="2026-09-01") for _ in range(8)])
        if room % 2:
            box.catch_up()
        box.now += 26 * 86_400_000
        box.disk.room, box.disk.reserve = room, reserve
        turn_months(box.core, box.now)
        box.disk.room = None
        box.core.recover()
        turn_months(box.core, box.now)
        assert ("2026-12", "2026-12.db") in box.core.months.names()
        assert "2026-09" in box.core.months.closed
        box.send(3)
        assert box.alerts() == []
        box.end()


@pytest.mark.parametrize("room", [0, 20, 40, 60, 90, 130])
def test_a_full_disk_while_a_batch_is_run_one_by_one_leaves_nothing_of_it(room: int) -> None:
    """A signal that cannot be stored (here: of a site that is gone) sends its batch through savepoints."""
    with lab(seed=65) as box:
        box.send(3)
        tap = box.visitors.signal(box.now, ec="conversion", ea="phone_call", el="tel:+902125550142")
        bad = incoming(box.core, tap, box.now)._replace(site_id=99)
        good = [box.visitors.signal(box.now) for _ in range(400)]
        batch = [incoming(box.core, signal, box.now) for signal in good]
        box.core.ledger.db.pragma("cache_size", 1)  # what does not fit is written before the commit
        last, count = box.core.ledger.last_seq(), "select count(*) from signals"
        box.disk.room = room
        with suppress(LedgerFull):
            box.core.accept([*batch[:3], bad, *batch[3:]], box.now)
            raise AssertionError("there was room for all of it")
        assert (box.core.ledger.last_seq(), box.core.ledger.db.execute(count).get) == (last, last)
        box.disk.room = None
        assert box.core.recover()
        box.deliver(good)
        box.end()


@pytest.mark.parametrize("room", [0, 2, 5, 12])
def test_a_start_on_a_full_disk_says_what_is_wrong_and_loses_nothing(room: int) -> None:
    """The ledger has a signal of a month whose file was never made: making it is what there is no room for."""
    with lab(seed=66) as box:
        box.send(3)
        box.kill()
        lend_reserve(box.root)
        with plugged(box.root) as disk:
            disk.room = room
            folder = DataFolder(box.root)
            try:
                with pytest.raises((DataFolderUnusable, LedgerFull)):
                    Core(folder, box.now, disk.name)
            finally:
                folder.release()
        box.start()
        box.end()


def test_a_box_that_ends_on_a_full_disk_ends_well() -> None:
    with lab(seed=63) as box:
        box.send(20)
        box.disk.room = 3
        box.stop()
        box.start()
        box.send(1)
        box.end()


def test_the_reserve_is_given_when_the_disk_is_full_and_taken_back_afterwards() -> None:
    with lab(seed=64) as box:
        box.disk.room = 0
        with pytest.raises(LedgerFull) as caught:
            box.send(1)
        assert (caught.value.status, caught.value.retry_after) == (503, 10)
        assert not box.core.folder.reserve.exists()
        box.disk.room = None
        assert box.core.recover()
        assert box.core.folder.reserve.stat().st_size == 16 * 1024 * 1024
        box.end()
