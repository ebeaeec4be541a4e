"""A site's visits for a year and eight weeks: quiet nights, weekends, busy and quiet days, holidays, days of 23 and 25 hours."""

import bisect
import math
import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from opsmantik_box.domain.days import HOUR_MS, day_bounds, days_of_range, hour_starts, zone
from opsmantik_box.domain.watch.pattern import WEEKS, Counts, Pattern, sure_of

MINUTE_MS = 60_000
TIMEZONE = "Europe/Berlin"
BY_HOUR = (25, 15, 10, 8, 8, 12, 25, 50, 90, 130, 160, 170, 160, 160, 170, 170, 160, 150, 140, 140, 130, 110, 80, 45)
BY_DAY = (1, 1, 1, 1, 1, 0.85, 0.7)
SPREAD = 0.15
"""How much days differ by themselves (log-normal)."""
HOLIDAY = (0.3, 0.5)
"""What comes on a holiday, of a usual day's."""
STAY_SEC, BETWEEN_SEC = 75, 20
"""How long people stay, on average, and how often they are heard of meanwhile."""
DAYS = days_of_range("2027-01-01", "2028-02-25")
WARM_UP = 7 * WEEKS
START = day_bounds(DAYS[0], TIMEZONE)[0]
FROM = day_bounds(DAYS[WARM_UP], TIMEZONE)[0]


class Year(NamedTuple):
    """`visits`: when sessions began, ascending; `heard`: when each was heard of last. `counts` by hour since START."""

    a_day: float
    visits: Sequence[int]
    heard: Sequence[int]
    counts: Sequence[int]
    holidays: frozenset[str]

    def pattern(self) -> Pattern:
        first = START // HOUR_MS
        return Pattern(TIMEZONE, first, lambda hours: [Counts(self.counts[hour - first]) for hour in hours])

    def sure(self, pattern: Pattern, since: int, now: int) -> float:
        end = bisect.bisect_right(self.visits, since)
        return sure_of(pattern, "sessions", since, now, lambda hour: end - bisect.bisect_left(self.visits, hour * HOUR_MS))

    def gaps(self) -> Iterator[tuple[int, int]]:
        """Of the year after the warm-up: from when on nobody was heard of, until somebody came."""
        first, quiet = bisect.bisect_left(self.visits, FROM), 0
        for heard, following in zip(self.heard[first:], self.visits[first + 1 :], strict=False):
            quiet = max(quiet, heard)
            if following > quiet:
                yield quiet, following

    def last_before(self, at: int) -> int:
        return self.visits[bisect.bisect_right(self.visits, at) - 1]


def usual_rate(a_day: float, at: int) -> float:
    """Sessions an hour on a usual day of its kind."""
    local = datetime.fromtimestamp(at / 1000, zone(TIMEZONE))
    return a_day * BY_HOUR[local.hour] / sum(BY_HOUR) * BY_DAY[local.weekday()]


def play_year(a_day: float, seed: int) -> Year:
    """`a_day` sessions on a usual working day."""
    chance = random.Random(seed)
    singles, longer = chance.sample(range(WARM_UP, len(DAYS)), 7), chance.sample(range(WARM_UP, len(DAYS) - 4), 2)
    holidays = frozenset(DAYS[day] for day in [*singles, *(day + more for day in longer for more in range(4))])
    visits: list[int] = []
    counts: list[int] = []
    for day in DAYS:
        level = math.exp(chance.gauss(0, SPREAD)) * (chance.uniform(*HOLIDAY) if day in holidays else 1)
        for start in hour_starts(day, TIMEZONE):
            before = len(visits)
            visits += [start + int(at * HOUR_MS) for at in _arrivals(chance, level * usual_rate(a_day, start))]
            counts.append(len(visits) - before)
    heard = [at + int(chance.expovariate(1 / STAY_SEC) // BETWEEN_SEC) * BETWEEN_SEC * 1000 for at in visits]
    return Year(a_day, visits, heard, counts, holidays)


def _arrivals(chance: random.Random, an_hour: float) -> Iterator[float]:
    at = chance.expovariate(an_hour)
    while at < 1:
        yield at
        at += chance.expovariate(an_hour)
