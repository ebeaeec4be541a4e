"""The daily summary: a site's day in a few rows, by where its visits came from and on what. Pure.

A day is always summed up whole, from the rows as they are now: so it is exact after late arrivals and verdicts, whatever their order.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

from opsmantik_box.domain.attribution import NAMES, Rank
from opsmantik_box.domain.days import day_of, days_of_range

QUARTER_MS = 15 * 60_000
"""What changed is marked by quarters of an hour: every zone's days are whole ones."""
EVERY_DAY = 0
"""The quarter that stands for all days of a site."""
_STEP_MS = 12 * 3_600_000


MOST_DAYS = 1_000
"""What a helper sums up at a time: a few MB of rows."""


class Order(Struct, frozen=True):
    """For the helper: what became due before `round`, at most MOST_DAYS that follow `after` (site, day). `sites`: of these only, where any
    are named."""

    data: str
    now: int
    round: int
    after: tuple[int, str] = (0, "")
    sites: list[int] = []


class SummaryRow(Struct, frozen=True):
    """A row of daily_counts."""

    site_id: int
    day: str
    attribution_rank: int
    traffic_source: str
    device_type: str
    is_bot: int
    is_internal: int
    sessions: int = 0
    without_fingerprint: int = 0
    conversion_events: int = 0
    total_duration_sec: int = 0
    bounces: int = 0
    without_intent: int = 0
    denied: int = 0
    phone: int = 0
    whatsapp: int = 0
    form: int = 0
    calls: int = 0
    sealed: int = 0


class Summarised(Struct, frozen=True):
    """Sites of which every day is summed up (told with the first days), days that were (site, day), and all their rows."""

    sites: list[int]
    days: list[tuple[int, str]]
    rows: list[SummaryRow]


class Counted(NamedTuple):
    """A row of sum_sessions."""

    attribution_rank: int
    traffic_source: str
    device_type: str
    is_bot: int
    is_internal: int
    sessions: int
    without_fingerprint: int
    conversion_events: int
    total_duration_sec: int
    bounces: int
    without_intent: int
    denied: int


class Contact(NamedTuple):
    """A row of list_contacts."""

    id: int
    at: int
    rank: int
    is_bot: int
    is_internal: int
    source: str
    action: str
    session: str | None
    month: str | None
    is_sealed: int


DeviceOf = Callable[[Contact], str]


def sum_up(
    site_id: int, day: str, start: int, sessions: Iterable[Counted], contacts: Sequence[Contact], device: DeviceOf
) -> list[SummaryRow]:
    """A day's rows. `contacts` begin half an hour before `start`: those are there only so that their call is left out."""
    sums: defaultdict[tuple[int, str, int, int], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in sessions:
        mine = sums[one.attribution_rank, one.device_type, one.is_bot, one.is_internal]
        for name in Counted._fields[5:]:
            mine[name] += getattr(one, name)
    tapped = {one.session for one in contacts if one.is_sealed and one.source == "click" and one.action == "phone" and one.session}
    for one in contacts:
        if one.at >= start:
            mine = sums[one.rank, device(one), one.is_bot, one.is_internal]
            mine["calls" if one.source == "call" else one.action] += 1
            mine["sealed"] += one.is_sealed and not (one.source == "call" and one.session in tapped)
    return [_row(site_id, day, *key, told=told) for key, told in sorted(sums.items())]


def _row(site_id: int, day: str, rank: int, device: str, is_bot: int, is_internal: int, told: defaultdict[str, int]) -> SummaryRow:
    numbers = {name: told[name] for name in SummaryRow.__struct_fields__[7:]}
    return SummaryRow(site_id, day, rank, NAMES[Rank(rank)], device, is_bot, is_internal, **numbers)


def quarters_of(first: int, last: int) -> Iterable[int]:
    """Of a session that lasted from one time to another: a quarter of every day it touches, wherever its days begin."""
    return (at // QUARTER_MS for at in (*range(first, last, _STEP_MS), last))


def days_of_quarter(quarter: int, timezone: str) -> set[str]:
    """The day it lies in, there; two where a zone of old began its days in the middle of one."""
    start = quarter * QUARTER_MS
    return {day_of(start, timezone), day_of(start + QUARTER_MS - 1, timezone)}


def days_between(first: int, last: int, timezone: str) -> list[str]:
    """The days there that a time touches, both ends inside."""
    return days_of_range(day_of(first, timezone), day_of(last, timezone))
