"""F23: signals come in another order than they happened, in other batches, and are folded in other slices: no matter."""

from random import Random
from typing import Any

import pytest

from opsmantik_box.engine.session_rows import COLUMNS
from tests.fault.invariants import read_month
from tests.fault.lab import Lab, lab
from tests.fault.traffic import Sent

ARRIVAL_ORDER = {
    "entry_seq", "exit_seq", "fingerprint_seq", "click_seq", "campaign_seq",  # what numbers the ledger gave
    "fired", "lead_score", "attribution_source", "attribution_rank", "campaign_rank",  # who came first is asked at arrival
    "intents",  # two taps without a stamp: which one is the copy
    "created_month",
}  # fmt: skip
SAME = [column for column in COLUMNS if column not in ARRIVAL_ORDER]


def day(box: Lab) -> list[Sent]:
    """One session after the other, each with times of its own."""
    return [box.visitors.signal(box.now - 3_600_000 + number * 977) for number in range(80)]


def fold(box: Lab, signals: list[Sent], batch: int, limit: int) -> list[dict[str, Any]]:
    for start in range(0, len(signals), batch):
        box.deliver(signals[start : start + batch])
        box.core.catch_up(box.now, limit)
    box.end()
    rows = [
        dict(zip(COLUMNS, row, strict=True))
        for path in sorted((box.root / "months").glob("*.db"))
        for row in read_month(path).sessions
    ]
    return sorted(({name: row[name] for name in SAME} for row in rows), key=lambda row: (row["site_id"], row["id"]))


@pytest.mark.parametrize("order", range(4))
def test_sessions_are_the_same_in_whatever_order_their_signals_come(order: int) -> None:
    with lab(seed=23) as box:
        expected = fold(box, day(box), batch=20, limit=250)
    with lab(seed=23) as box:
        signals = day(box)
        Random(order).shuffle(signals)
        assert fold(box, signals, batch=1 + order * 5, limit=3 + order * 20) == expected


@pytest.mark.parametrize("limit", [1, 2, 7, 1_000])
def test_month_files_are_the_same_in_slices_of_any_size(limit: int) -> None:
    with lab(seed=231) as box:
        signals = day(box)
        box.deliver(signals)
        while box.core.lag:
            box.core.catch_up(box.now, limit)
        box.end()
