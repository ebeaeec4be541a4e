"""Days of a site: its own time zone's, 23 to 25 hours long (or whatever that zone's law made of them). Pure but for the zone files.

UTC milliseconds everywhere else; a local time never leaves this module.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

HOUR_MS = 3_600_000
_SOON = 6
"""Hours after a midnight that does not exist within which the day begins."""


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Raises ValueError for a name that is no time zone."""
    try:
        return ZoneInfo(name)
    except (OSError, KeyError, ValueError) as problem:  # not found, a folder's name, a path
        raise ValueError(f"{name!r} is no time zone") from problem


@lru_cache(maxsize=4096)
def day_bounds(day: str, timezone_name: str) -> tuple[int, int]:
    """The first millisecond of a day 'YYYY-MM-DD' and that of the next one. Raises ValueError for a day or zone there is not."""
    first = date.fromisoformat(day)
    if first.isoformat() != day or not 1970 <= first.year < 9999:
        raise ValueError(f"{day!r} is no day like 2026-11-20")
    where = zone(timezone_name)
    return _midnight(first, where), _midnight(first + timedelta(days=1), where)


def _midnight(day: date, where: ZoneInfo) -> int:
    """Where clocks jump over midnight, the day begins where they land; where midnight comes twice, with the first."""
    local = datetime(day.year, day.month, day.day, tzinfo=where)
    at = int(local.timestamp()) * 1000
    before = datetime.fromtimestamp(at / 1000 - 1, where)
    if before.date() >= day:  # the gap's earlier offset points past the jump
        return _jump(at - _SOON * HOUR_MS, at, day, where)
    return at


def _jump(low: int, high: int, day: date, where: ZoneInfo) -> int:
    """The first second of `day` between two times."""
    while high - low > 1000:
        middle = (low + high) // 2000 * 1000
        if datetime.fromtimestamp(middle / 1000, where).date() >= day:
            high = middle
        else:
            low = middle
    return high


def moment(day: str, minutes: int, timezone_name: str) -> int:
    """When the clocks there show so many minutes (0 to 1440, where the next day begins) after midnight of a day. A time that comes twice
    is the first; one that clocks jump over is as much later as they jump."""
    start, end = day_bounds(day, timezone_name)
    if minutes in (0, 1440):
        return end if minutes else start
    local = datetime.fromisoformat(day).replace(hour=minutes // 60, minute=minutes % 60, tzinfo=zone(timezone_name))
    return int(local.timestamp()) * 1000


def hour_starts(day: str, timezone_name: str) -> list[int]:
    """The first millisecond of each hour of a day, 23 to 25 of them. Hours are counted from the day's beginning."""
    start, end = day_bounds(day, timezone_name)
    return list(range(start, end, HOUR_MS))


def day_of(at: int, timezone_name: str) -> str:
    """The day a time lies in, there."""
    where = zone(timezone_name)
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(where).date().isoformat()


def days_of_range(first: str, last: str) -> list[str]:
    """The days from `first` to `last`, both inside. Raises ValueError for a day there is not."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(begin + timedelta(days=number)).isoformat() for number in range((end - begin).days + 1)]


class Days(NamedTuple):
    """The days `first` to `last`, both inside, of a time zone."""

    first: str
    last: str
    timezone: str

    def span(self) -> dict[str, int]:
        """From their first millisecond to that after them, as statements name it. Raises ValueError."""
        return {"from_ms": day_bounds(self.first, self.timezone)[0], "to_ms": day_bounds(self.last, self.timezone)[1]}

    def named(self) -> dict[str, str]:
        """As statements name a range of days."""
        return {"from_day": self.first, "to_day": self.last}

    def hours(self) -> list[int]:
        """The first millisecond of each hour of each day."""
        return [start for day in self.each() for start in hour_starts(day, self.timezone)]

    def each(self) -> list[str]:
        """One by one."""
        return days_of_range(self.first, self.last)
