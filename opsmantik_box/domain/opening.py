"""When a site can be reached: its opening hours, by its own clocks, on days of 23 to 25 hours too. Pure.

A site's setting `opening_hours` names days (or ranges of them) and times; a day that is not named is closed:
{"mon-fri": "09:00-19:00", "sat": "10:00-13:00, 14:00-18:00"}. A night is written on both days: "00:00-02:00, 18:00-24:00".
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, cast

from msgspec import Struct

from opsmantik_box.domain.days import day_of, moment
from opsmantik_box.errors import UsageError

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MS = 86_400_000
MOST_TARGET_MIN = 7 * 1440

Spans = tuple[tuple[int, int], ...]
"""Minutes after midnight from which to which, in order."""

_DAYS = re.compile(rf"({'|'.join(WEEK)})(?:-({'|'.join(WEEK)}))?")
_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)


class Hours(Struct, frozen=True):
    """The spans of each day of the week, Monday first, by the clocks of `timezone`. Made by `read_hours`: at least one day is open."""

    timezone: str
    week: tuple[Spans, ...]


DEFAULT = {"mon-sat": "09:00-19:00"}
ANSWER_TARGET_MIN = 5
"""Within so many open minutes somebody who got in touch is to be answered; a site's setting `answer_target` says otherwise."""


def read_hours(value: object, timezone: str) -> Hours:
    """A site's setting; the default when it is absent. Raises UsageError saying what is wrong in it."""
    week: list[Spans] = [()] * 7
    for days, times in _entries(DEFAULT if value is None else value).items():
        found = _DAYS.fullmatch(days.strip().lower())
        first, last = (WEEK.index(found[1]), WEEK.index(found[2] or found[1])) if found else (1, 0)
        if first > last:
            raise UsageError(problem=f"opening_hours: {days!r} is no day like mon, or days like mon-fri")
        week[first : last + 1] = [_spans(times)] * (last - first + 1)
    if not any(week):
        raise UsageError(problem="opening_hours: no day is open")
    return Hours(timezone, tuple(week))


def told_hours(settings: Mapping[str, object]) -> dict[str, str]:
    """A site's hours as they are written; the default when what is stored cannot be read: a mistake there must not stop its queue."""
    told = settings.get("opening_hours")
    try:
        read_hours(told, "UTC")
    except UsageError:
        return DEFAULT
    return DEFAULT if told is None else _entries(told)


def hours_of(settings: Mapping[str, object], timezone: str) -> Hours:
    """A site's hours."""
    return read_hours(told_hours(settings), timezone)


def answer_target(settings: Mapping[str, object]) -> int:
    """In open milliseconds."""
    told = settings.get("answer_target")
    usable = isinstance(told, int | float) and not isinstance(told, bool) and 0 < told <= MOST_TARGET_MIN
    return int((told if usable else ANSWER_TARGET_MIN) * 60_000)  # type: ignore[operator]


def _entries(value: object) -> dict[str, str]:
    entries = cast("dict[Any, Any]", value) if isinstance(value, dict) else {}
    if not entries or not all(isinstance(text, str) for pair in entries.items() for text in pair):
        raise UsageError(problem='opening_hours: expected days and times like {"mon-fri": "09:00-19:00"}')
    return entries


def _spans(text: str) -> Spans:
    spans = tuple(_span(part.strip()) for part in text.split(",")) if text.strip() else ()
    edges = [minute for span in spans for minute in span]
    if edges != sorted(set(edges)):
        raise UsageError(
            problem=f"opening_hours: {text!r} is not in order; a night is written on both days, until 24:00 and from 00:00"
        )
    return spans


def _span(text: str) -> tuple[int, int]:
    found = _SPAN.fullmatch(text)
    opens, closes = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
    if not found or closes > 1440:
        raise UsageError(problem=f"opening_hours: {text!r} is not like 09:00-19:00")
    return opens, closes


def open_spans(hours: Hours, at: int) -> Iterator[tuple[int, int]]:
    """The times the site is open from `at` on, without end: the first begins at `at` when it is open then."""
    day, until = date.fromisoformat(day_of(at, hours.timezone)), at
    while True:
        for opens, closes in hours.week[day.weekday()]:
            start, end = (moment(day.isoformat(), minutes, hours.timezone) for minutes in (opens, closes))
            if end > max(start, until):
                yield max(start, until), end
                until = end
        day += timedelta(days=1)


def open_at_or_after(hours: Hours, at: int) -> int:
    """`at` when the site is open then, else when it opens."""
    return next(open_spans(hours, at))[0]


def next_opening(hours: Hours, at: int) -> int:
    """When it opens the next time after `at`, also when it is open now; a day later for a site that never closes."""
    closes = at
    for start, end in open_spans(hours, at):
        if start > closes:
            return start
        if end > at + 8 * DAY_MS:
            break
        closes = end
    return at + DAY_MS


def waited(hours: Hours, since: int, now: int) -> int:
    """Open milliseconds between two times: what somebody waited, by the site's own promise to be there."""
    total = 0
    for start, end in open_spans(hours, since):
        if start >= now:
            break
        total += min(end, now) - start
    return total


def answer_by(hours: Hours, since: int, target: int) -> int:
    """When somebody will have waited `target` open milliseconds."""
    left = target
    for start, end in open_spans(hours, since):
        if left <= end - start:
            return start + left
        left -= end - start
    raise AssertionError("open spans never end")
