"""F2: a running service is killed at each named point of engine/faults.py, under load; it starts again and nothing is missing."""

import re
import time
from pathlib import Path

import pytest

from opsmantik_box.domain.months import closes_at
from opsmantik_box.engine.faults import POINTS
from tests.fault.invariants import opened
from tests.fault.live import LiveBox, live_box, load, wait_until
from tests.fault.traffic import LAST_SECONDS

KILL_AT = "OPSMANTIK_TEST_KILL_AT"
IN_NOVEMBER = LAST_SECONDS + 20 * 86_400_000
"""When the start makes December."""


def die_at(live: LiveBox, point: str, count: int, *, idle_after: float | None = None, at: int | None = None) -> None:
    """Start with the point armed, send until the engine is gone, look; start again without, send again, stop, look. `idle_after`:
    seconds of load, then silence (the engine does some things only when nobody comes). `at`: then it is this time. A start commits
    too, the more often the longer it takes: a `count` of commits lies well behind it."""
    assert live.box.stop() == 0
    if at is not None:
        live.set_clock(at)
    live.box.env[KILL_AT] = f"{point}:{count}"
    live.start(wait=False)
    process = live.box.process
    assert process is not None
    wait_until(lambda: process.poll() is not None or live.is_ready(), "a start, or its end", 30)
    with load(live, seed=count) as senders:
        if idle_after is not None:
            time.sleep(idle_after)  # the length of the load, not a wait for something
            for sender in senders:
                sender.over.set()
        wait_until(lambda: process.poll() is not None, f"dying at {point}", 30)
    assert process.returncode == -9
    del live.box.env[KILL_AT]
    live.check()
    unsure = [signal for sender in senders for signal in sender.unsure]
    live.start()
    with load(live, seed=1_000 + count, first=unsure):
        wait_until(lambda: sum(live.statuses.values()) > 5, "an answer")
    live.stop_and_check()


@pytest.mark.parametrize("count", [60, 200])
def test_before_ledger_commit(count: int) -> None:
    with live_box() as live:
        die_at(live, "before_ledger_commit", count)


@pytest.mark.parametrize("count", [60, 200])
def test_after_ledger_commit(count: int) -> None:
    with live_box() as live:
        die_at(live, "after_ledger_commit", count)


@pytest.mark.parametrize("count", [1])
def test_before_projection(count: int) -> None:
    with live_box() as live:
        die_at(live, "before_projection", count)


@pytest.mark.parametrize("count", [7])
def test_after_projection(count: int) -> None:
    with live_box() as live:
        die_at(live, "after_projection", count)


def test_month_written() -> None:
    with live_box() as live:
        die_at(live, "month_written", 1, at=IN_NOVEMBER)


def test_month_renamed() -> None:
    with live_box() as live:
        die_at(live, "month_renamed", 1, at=IN_NOVEMBER)


def after_the_month(live: LiveBox, point: str) -> None:
    """Its month is over, and sealed at the next start; that dies at the point, and the one after it seals it."""
    with load(live, seed=7):
        wait_until(lambda: live.statuses.get(200, 0) > 50, "signals of the month")
    live.box.wait_projected()
    die_at(live, point, 1, at=closes_at("2026-10") + 60_000)
    with opened(live.data / "ledger.db") as ledger:
        assert ledger.execute("select count(*) from partitions where month = '2026-10' and sha256 is not null").get == 1


def test_month_unsealed() -> None:
    with live_box() as live:
        after_the_month(live, "month_unsealed")


def test_month_sealed() -> None:
    with live_box() as live:
        after_the_month(live, "month_sealed")


@pytest.mark.parametrize("count", [2])
def test_after_wal_checkpoint(count: int) -> None:
    """The first is the ledger's, the second a month's: both when nobody came for five seconds."""
    with live_box() as live:
        die_at(live, "after_wal_checkpoint", count, idle_after=1.0)


def test_every_named_point_has_a_test() -> None:
    files = Path(__file__).parent.glob("test_f02_*.py")
    here = set(re.findall(r"^def test_(\w+)\(", "".join(file.read_text() for file in files), re.MULTILINE))
    assert set(POINTS) <= here, f"without a test: {set(POINTS) - here}"


def test_every_named_point_is_in_the_engine() -> None:
    engine = Path(__file__).parents[2] / "opsmantik_box" / "engine"
    called = set(re.findall(r'point\("(\w+)"\)', "".join(file.read_text() for file in engine.glob("*.py"))))
    assert called == set(POINTS)
