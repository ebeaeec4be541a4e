"""What a site usually has, by the hour of its week, and how sure it is that a gap is more than chance. Pure.

An hour's mean is that of the same hour (by the site's clocks) in up to eight weeks before, the best and the worst of them left out once
there are five: a holiday or an outage among them changes little. Visitors come independently of each other (Poisson), on days that
are busier or quieter than others (a day's rate is gamma distributed about the pattern's). So after a day that brought `came` where
`usual` were to be expected, the chance of none in a time in which `expected` more were is

    ((A + usual) / (A + usual + expected)) ** (A + came)         (negative binomial)

and its negative logarithm is what `sure_of` gives: so many were to be expected on a day like this one. On a usual day that is little
less than the pattern says, on a holiday much less, and in the first hours of a day, which may be any, about half.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from opsmantik_box.domain.days import HOUR_MS, day_bounds, day_of, zone

WEEKS = 8
TRIMMED_FROM = 5
PROVEN_MS = 14 * 86_400_000
"""Before that a site has no pattern."""
DAY_WEIGHT = 8.0
"""A: two days in three bring within a third of what the pattern says."""
STRETCHES = (12, 60)
"""How far back the day is looked at: until so many were usual. The short one sees ads that have just stopped for the day."""


class Counts(NamedTuple):
    """What a site had in an hour."""

    sessions: int = 0
    clicks: int = 0
    intents: int = 0


class Pattern:
    """Of one site. `first`: the first hour (since 1970) it is known from. `read` gives what it had in hours of the past, in order."""

    def __init__(self, timezone: str, first: int, read: Callable[[Sequence[int]], Sequence[Counts]]) -> None:
        self.timezone, self.first = timezone, first
        self._read = read
        self._known: dict[int, tuple[float, ...]] = {}

    def is_proven(self, now: int) -> bool:
        """Two weeks are enough to expect anything."""
        return now - self.first * HOUR_MS >= PROVEN_MS

    def expects(self, name: str, start: int, end: int) -> float:
        """How many of `name` (a field of Counts) are usual between two times."""
        which, total = Counts._fields.index(name), 0.0
        for hour in range(start // HOUR_MS, -(-end // HOUR_MS)):
            inside = min(end, (hour + 1) * HOUR_MS) - max(start, hour * HOUR_MS)
            total += inside / HOUR_MS * self._usual(hour)[which]
        return total

    def _usual(self, hour: int) -> tuple[float, ...]:
        """The mean of each field of Counts."""
        if hour not in self._known:
            before = [same for weeks in range(1, WEEKS + 1) if (same := self._weeks_before(hour, weeks)) >= self.first]
            self._known[hour] = tuple(map(trimmed_mean, zip(*self._read(before), strict=True))) or (0.0,) * len(Counts._fields)
        return self._known[hour]

    def _weeks_before(self, hour: int, weeks: int) -> int:
        """The hour in which the site's clocks showed the same, so many weeks before."""
        local = datetime.fromtimestamp(hour * 3600, zone(self.timezone))
        return int((local - timedelta(weeks=weeks)).timestamp()) // 3600

    def forget_before(self, hour: int) -> None:
        """What nobody asks about any more."""
        for old in [known for known in self._known if known < hour]:
            del self._known[old]


def trimmed_mean(counts: Sequence[int]) -> float:
    """Without the best and the worst, once there are enough."""
    kept = sorted(counts)[1:-1] if len(counts) >= TRIMMED_FROM else counts
    return sum(kept) / len(kept)


def sure_of(pattern: Pattern, name: str, since: int, now: int, had: Callable[[int], int] | None) -> float:
    """How many were to be expected since `since`, when the last one came: the chance of none is e to the minus that. `had` says how
    many came from an hour (since 1970) on until then (None: nobody knows). Each day is a day of its own: of those after the first,
    nothing is known yet."""
    total = 0.0
    for start, end in _by_day(pattern.timezone, since, now):
        expected = pattern.expects(name, start, end)
        stretches = _stretches(pattern, name, since, had) if had is not None and start == since else NO_EVIDENCE
        total += min([expected, *(_on_a_day(expected, usual, came) for usual, came in stretches)])
    return total


NO_EVIDENCE = ((0.0, 0),)


def _on_a_day(expected: float, usual: float, came: int) -> float:
    return (DAY_WEIGHT + came) * math.log1p(expected / (DAY_WEIGHT + usual))


def _by_day(timezone: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A time, cut at the site's midnights."""
    while start < end:
        midnight = day_bounds(day_of(start, timezone), timezone)[1]
        yield start, min(midnight, end)
        start = midnight


def _stretches(pattern: Pattern, name: str, until: int, had: Callable[[int], int]) -> Iterator[tuple[float, int]]:
    """(usual, came) of the day's hours before `until`, back to where each of STRETCHES is reached, or to midnight."""
    midnight = day_bounds(day_of(until, pattern.timezone), pattern.timezone)[0]
    hour, usual = until // HOUR_MS, 0.0
    for enough in STRETCHES:
        while usual < enough and hour * HOUR_MS >= midnight:
            usual += pattern.expects(name, hour * HOUR_MS, min(until, (hour + 1) * HOUR_MS))
            hour -= 1
        yield usual, had(hour + 1)
