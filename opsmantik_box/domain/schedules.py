"""When a job is due: functions from a time to the next one after it. Pure; UTC milliseconds, days and months UTC."""

from collections.abc import Callable

from opsmantik_box.domain.months import HOUR_MS, make_ahead_at, month_of, next_month

MINUTE_MS = 60_000
DAY_MS = 24 * HOUR_MS

When = Callable[[int], int]
"""The first due time after a time."""

RETRY_MS = (MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS)
"""How long a job that failed once, twice, … waits."""


ALARM_AFTER = 3
"""Failures in a row that somebody should know of; by then it was tried again for six minutes."""


def every(period: int, offset: int = 0) -> When:
    """Each `period`, `offset` after its beginning."""
    return lambda at: (at - offset) // period * period + period + offset


def make_ahead(at: int) -> int:
    """The 25th of each month, 03:00 UTC."""
    month = month_of(at)
    return make_ahead_at(month) if make_ahead_at(month) > at else make_ahead_at(next_month(month))


def due_at(told: int | None, when: When | None, now: int) -> int | None:
    """When a job is due that was told to run at `told`. A clock that was set back keeps nothing waiting: no due time lies further ahead
    than the next one. None: only by hand."""
    if when is None:
        return told
    following = when(now)
    return following if told is None else min(told, following)


def after_failure(failures: int, when: When | None, now: int) -> int:
    """When a job is tried again after so many failures in a row, at its next due time at the latest."""
    again = now + RETRY_MS[min(failures, len(RETRY_MS)) - 1]
    return again if when is None else min(again, when(now))
