"""F8: a month file is corrupt, cut, somebody else's, or gone. It is set aside, folded again, and a person is told."""

import shutil
from collections.abc import Iterator

import apsw
import pytest

from opsmantik_box.domain.months import closes_at, month_of
from opsmantik_box.errors import MonthDamaged
from tests.fault.lab import Lab, lab
from tests.fault.test_state_machine import damage
from tests.fault.traffic import Sent
from tests.fault.vfs import times
from tests.months import turn_months

DAMAGES = ["scribble", "header", "cut", "empty"]


@pytest.fixture
def box() -> Iterator[Lab]:
    """Two open months, projected, with their content in the files and not only in the WALs."""
    with lab(seed=8) as made:
        for _ in range(6):
            made.send(20)
            made.now += 4_000
        made.catch_up()
        made.core.rest(made.now)
        made.send(10)
        made.catch_up()
        yield made


@pytest.mark.parametrize("with_wal", [True, False], ids=["its wal is there", "its wal is gone"])
@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_month_is_set_aside_and_folded_again(box: Lab, how: str, with_wal: bool) -> None:
    box.kill()
    path = box.month("2026-10")
    if not with_wal:
        path.with_name("2026-10.db-wal").unlink(missing_ok=True)
    damage(path, how, box.random)
    box.start()
    asides = list((box.root / "months").glob("2026-10.db.aside-*"))
    # A WAL may hold every damaged page anew, and SQLite then repairs the file by itself.
    assert with_wal or asides
    assert box.alerts() == (["PARTITION_FAULT"] if asides else [])
    box.send(5)
    box.end()


@pytest.mark.parametrize("with_wal", [True, False], ids=["its wal is left behind", "its wal is gone too"])
def test_a_deleted_month_is_folded_again_and_an_old_wal_is_not_replayed_into_it(box: Lab, with_wal: bool) -> None:
    box.kill()
    box.month("2026-10").unlink()
    if not with_wal:
        box.month("2026-10").with_name("2026-10.db-wal").unlink()
    box.start()
    box.look(caught_up=True)
    assert box.alerts() == ["PARTITION_FAULT"]
    box.end()


def test_another_boxes_month_is_set_aside(box: Lab) -> None:
    with lab(seed=80) as other:
        other.send(3)
        other.catch_up()
        other.stop()
        box.kill()
        box.month("2026-10").with_name("2026-10.db-wal").unlink()
        shutil.copy(other.month("2026-10"), box.month("2026-10"))
    box.start()
    assert box.alerts() == ["PARTITION_FAULT"]
    box.end()


def test_the_other_months_stay_as_they_are(box: Lab) -> None:
    box.kill()
    damage(box.month("2026-10"), "header", box.random)
    before = box.month("2026-11").stat().st_ino
    box.start()
    assert box.month("2026-11").stat().st_ino == before
    box.end()


def test_damage_found_by_a_decision_costs_one_refusal_and_not_the_engine(box: Lab) -> None:
    """The session of a signal is looked up in its month; what is not in memory any more is read from the file."""
    box.core.sessions._known.clear()
    known = next(sent[0] for sent in box.client.sent.values())
    for file in box.core.months.files():
        file.db.pragma("cache_size", 0)
        file.db.execute("pragma shrink_memory")
    box.disk.fail_read = times(1, lambda path: path.name.startswith("2026-10.db"))
    with pytest.raises(MonthDamaged):
        box.deliver([box.visitors.signal(box.now, sid=known.body["sid"])])
    assert not box.core.full
    assert box.core.projector.rebuilding
    box.catch_up()
    assert box.alerts() == ["PARTITION_FAULT"]
    box.deliver([box.visitors.signal(box.now, sid=known.body["sid"])])
    box.end()


def test_damage_found_while_projecting_is_healed_at_once(box: Lab) -> None:
    box.send(5)
    box.disk.fail_read = times(1, lambda path: path.parent.name == "months")
    for file in box.core.months.files():
        file.db.pragma("cache_size", 0)
        file.db.execute("pragma shrink_memory")
    box.catch_up()
    assert box.alerts() == ["PARTITION_FAULT"]
    box.end()


def test_a_reader_in_the_way_puts_off_the_closing_of_a_month_and_stops_nobody(box: Lab) -> None:
    reader = apsw.Connection(str(box.month("2026-10")), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("begin")
    reader.execute("select count(*) from sessions").fetchall()
    box.now = closes_at("2026-10") + 1_000
    turn_months(box.core, box.now)
    assert "2026-10" not in box.core.months.closed
    box.send(3)
    reader.close()
    turn_months(box.core, box.now)
    assert "2026-10" in box.core.months.closed
    box.end()


def test_a_closed_month_is_not_folded_into_again(box: Lab) -> None:
    """Who comes back to a session of a closed month begins anew in an open one; nothing of what they do is lost."""
    old = next(sent[0] for sent in box.client.sent.values())
    box.deliver([Sent(old.site, old.body | {"id": box.visitors.uuid(), "ts": box.now})])
    box.now = closes_at("2026-10") + 1_000
    turn_months(box.core, box.now)
    assert "2026-10" in box.core.months.closed
    box.deliver([Sent(old.site, old.body | {"id": box.visitors.uuid(), "ts": box.now})])
    box.catch_up()
    assert {one.decision.month for one in box.look(caught_up=True)[-1:] if one.decision} == {month_of(box.now)}
    box.end()
