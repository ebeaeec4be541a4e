"""The daily summary: a site's day in a few rows, by where its visits came from and on what. Pure.

A day is always summed up whole, from the rows as they are now: so it is exact after late arrivals and verdicts, whatever their order.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

from opsmantik_box.domain.attribution import NAMES, Rank
from opsmantik_box.domain.days import day_of, days_of_range

LOOKED_BACK = 40
"""Days that are summed up again every night, whatever is known of changes."""


class Reached(Struct, frozen=True):
    """Up to which signal and verdict everything is in the summary, and when it was refreshed (UTC ms)."""

    seq: int = 0
    verdict_id: int = 0
    at: int = 0


class Order(Struct, frozen=True):
    """For the helper. `since` None: every day there is; `also_from`: and whatever else, every day from this time on (UTC ms). `sites`: of
    these only, where any are named."""

    data: str
    now: int
    since: Reached | None
    also_from: int | None = None
    sites: list[int] = []


class SummaryRow(Struct, frozen=True):
    """A row of daily_summary. Bots and internal visits are counted apart, and in nothing else; intents are phone and WhatsApp."""

    site_id: int
    day: str
    traffic_source: str
    device_type: str
    sessions: int = 0
    conversion_events: int = 0
    intents: int = 0
    sealed: int = 0
    total_duration_sec: int = 0
    bounces: int = 0
    bots: int = 0
    internal: int = 0


class Summarised(Struct, frozen=True):
    """Days that were summed up (site, day), all their rows, and how far the summary is with them."""

    days: list[tuple[int, str]]
    rows: list[SummaryRow]
    reached: Reached


class Visits(NamedTuple):
    """A row of sum_sessions."""

    traffic_source: str
    device_type: str
    sessions: int
    conversion_events: int
    total_duration_sec: int
    bounces: int
    bots: int
    internal: int


class Contact(NamedTuple):
    """A row of list_contacts."""

    id: int
    at: int
    rank: int
    is_human: int
    source: str
    action: str
    session: str | None
    month: str | None
    is_sealed: int


DeviceOf = Callable[[Contact], str]


def sum_up(
    site_id: int, day: str, start: int, visits: Iterable[Visits], contacts: Sequence[Contact], device: DeviceOf
) -> list[SummaryRow]:
    """A day's rows. `contacts` begin half an hour before `start`: those are there only so that their call is left out."""
    sums: defaultdict[tuple[str, str], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in visits:
        mine = sums[one.traffic_source, one.device_type]
        for name in Visits._fields[2:]:
            mine[name] += getattr(one, name)
    for one in _counted(contacts, start):
        mine = sums[NAMES[Rank(one.rank)], device(one)]
        mine["intents"] += one.source == "click" and one.action in ("phone", "whatsapp")
        mine["sealed"] += one.is_sealed
    return [SummaryRow(site_id, day, *key, **mine) for key, mine in sorted(sums.items()) if any(mine.values())]


def _counted(contacts: Sequence[Contact], start: int) -> Iterable[Contact]:
    """People's, of the day; a sealed call that was matched with a sealed tap is that tap."""
    tapped = {one.session for one in contacts if one.is_sealed and one.source == "click" and one.action == "phone" and one.session}
    for one in contacts:
        doubled = one.is_sealed and one.source == "call" and one.session in tapped
        if one.at >= start and one.is_human and not doubled:
            yield one


def days_between(first: int, last: int, timezone: str) -> list[str]:
    """The days there that a time touches, both ends inside."""
    return days_of_range(day_of(first, timezone), day_of(last, timezone))
