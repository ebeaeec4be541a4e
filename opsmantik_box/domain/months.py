"""Months: which one a session belongs to, when it closes, what it is called. Pure. A month is 'YYYY-MM', UTC; times milliseconds.

Rule of architecture.md: chosen once, from the first accepted signal of a session; whatever the clocks say, there is always one.
"""

import re
from collections.abc import Container
from datetime import UTC, datetime
from functools import lru_cache

HOUR_MS = 3_600_000
EDGE_MS = 48 * HOUR_MS
"""A tracker's clock may be this far off at a month's edge; and a month stays open this long after its end."""

FIRST, LAST = "1970-01", "9998-12"
"""What can be written as a month at all: times outside are taken for the nearest."""

_HINT = re.compile(r"(\d{4}-(?:0[1-9]|1[0-2]))(?:-\d{2})?", re.ASCII)
_LIMITS = (0, 253_370_764_800_000)  # 1970-01-01 and 9999-01-01


@lru_cache(maxsize=1024)
def month_start(month: str) -> int:
    """Its first millisecond."""
    return int(datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC).timestamp()) * 1000


def month_of(at: int) -> str:
    """The month a time lies in."""
    inside = min(max(at, _LIMITS[0]), _LIMITS[1] - 1)
    return _month_of_hour(inside // HOUR_MS)


@lru_cache(maxsize=4096)
def _month_of_hour(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3_600, UTC).strftime("%Y-%m")


def next_month(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year:04}-{number + 1:02}" if number < 12 else f"{year + 1:04}-01"


def previous_month(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year:04}-{number - 1:02}" if number > 1 else f"{year - 1:04}-12"


def closes_at(month: str) -> int:
    """When it takes no signal any more: the next month's end and 48 hours."""
    return month_start(next_month(next_month(month))) + EDGE_MS


def make_ahead_at(month: str) -> int:
    """When the file of the month after this one is made: the 25th, 03:00 UTC."""
    return month_start(month) + (24 * 24 + 3) * HOUR_MS


def partition_names(month: str) -> tuple[str, str]:
    """What `partitions` calls a month's two tables: sessions_2026_11, events_2026_11."""
    name = month.replace("-", "_")
    return f"sessions_{name}", f"events_{name}"


def ready_sentence(month: str, made_at: int) -> str:
    """What doctor and console say of the month that comes next."""
    made = datetime.fromtimestamp(made_at / 1000, UTC)
    return f"Next month ready: {', '.join(partition_names(month))}, made {made.day} {made:%b %H:%M} UTC"


def read_hint(sm: str | None) -> str:
    """The month a tracker says its session began in (`2026-11-01` or `2026-11`), '' when that is absent or malformed."""
    found = _HINT.fullmatch(sm) if sm and len(sm) <= 10 else None
    return found[1] if found and FIRST <= found[1] <= LAST else ""


def choose_month(hint: str, at: int, received_at: int, closed: Container[str], oldest_open: str) -> str:
    """The month a new session goes into. The hint counts within the previous and this month (a clock 48 h off at the edges allowed
    for), else the event's time, never later than the next month; a closed month gives way to the oldest open one."""
    month = hint if hint and _is_plausible(hint, received_at) else min(month_of(at), next_month(month_of(received_at)))
    return oldest_open if month in closed else month


def _is_plausible(hint: str, received_at: int) -> bool:
    earliest = previous_month(month_of(received_at - EDGE_MS))
    return earliest <= hint <= month_of(received_at + EDGE_MS)


def months_of_range(from_ms: int, to_ms: int) -> list[str]:
    """The months a span of time touches, oldest first. `to_ms` is outside; an empty span touches none."""
    if to_ms <= from_ms:
        return []
    months, last = [month_of(from_ms)], month_of(to_ms - 1)
    while months[-1] < last:
        months.append(next_month(months[-1]))
    return months
