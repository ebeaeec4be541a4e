"""Which leads a list shows, and in which order. Pure.

Promises: an order is a permutation of what was chosen; the row under the cursor stays on its line, whatever arrives.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from opsmantik_box.domain.days import day_bounds, day_of
from opsmantik_box.domain.work import is_held
from tui.model.lead import Kind, Lead
from tui.model.sites import Site
from tui.model.urgency import MINUTE, Band, Place, place

List = Literal["queue", "all", "mine", "missed"]
LISTS: tuple[List, ...] = ("queue", "all", "mine", "missed")
NEEDS_SOMEBODY = (Band.DUE, Band.RUNNING, Band.LATE, Band.YOURS)
"""What the number on the Queue tab counts."""


class Filter(Struct, frozen=True):
    """What is left out. `search` matches anywhere; with a leading '!' it turns round. `day`: 0 today, -1 yesterday, …; `late`: only what
    is late. `ads` leaves out what is known to come from elsewhere: a call nobody could match is not."""

    ads: bool = True
    site: str = ""
    search: str = ""
    kind: Kind | None = None
    late: bool = False
    day: int = 0

    @property
    def is_narrow(self) -> bool:
        return bool(self.site or self.search or self.kind or self.late or self.day)


class Arrangement(Struct, frozen=True):
    """`lists`: lead ids, top first, by list. `places` of all of them. `until`: when time alone may change it (None: not)."""

    lists: dict[List, tuple[int, ...]]
    places: dict[int, Place]
    until: int | None = None

    def count(self, listing: List, *bands: Band) -> int:
        return sum(self.places[number].band in bands for number in self.lists[listing])


EMPTY = Arrangement(dict.fromkeys(LISTS, ()), {})


class Board:
    """Arranges again and again: of a lead that did not change, and whose time has not come, it knows the place."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Lead, Site, int | None, Place]] = {}

    def arrange(
        self, leads: Iterable[Lead], site_of: Callable[[str], Site], chosen: Filter, now: int, me: int | None
    ) -> Arrangement:
        """All lists as they are at `now`, for the operator `me`."""
        known, self._known = self._known, {}
        found: dict[List, list[tuple[tuple[float, ...], int]]] = {name: [] for name in LISTS}
        places: dict[int, Place] = {}
        for lead in leads:
            site = site_of(lead.site_id)
            spot = self._known[lead.id] = _place(known.get(lead.id), lead, site, now, me)
            if passes(lead, site, chosen):
                on_day = _is_on_day(lead.at, site.timezone, now, chosen.day)
                for name in LISTS:
                    if _belongs(lead, spot[3], on_day, name, chosen, now, me):
                        places[lead.id] = spot[3]
                        found[name].append((spot[3].order if name in ("queue", "mine") else (-lead.at,), lead.id))
        lists: dict[List, tuple[int, ...]] = {name: tuple(number for _, number in sorted(rows)) for name, rows in found.items()}
        return Arrangement(lists, places, min((one.until for one in places.values() if one.until is not None), default=None))


def _place(
    known: tuple[Lead, Site, int | None, Place] | None, lead: Lead, site: Site, now: int, me: int | None
) -> tuple[Lead, Site, int | None, Place]:
    if (
        known is not None
        and known[0] is lead
        and known[1] is site
        and known[2] == me
        and (known[3].until is None or now < known[3].until)
    ):
        return known
    return lead, site, me, place(lead, site, now, me)


def _is_on_day(at: int, timezone: str, now: int, day: int) -> bool:
    begin, end = _bounds(timezone, now // MINUTE, day)
    return begin <= at < end


@lru_cache(maxsize=64)
def _bounds(timezone: str, minute: int, day: int) -> tuple[int, int]:
    today = date.fromisoformat(day_of(minute * MINUTE, timezone))
    return day_bounds((today + timedelta(days=day)).isoformat(), timezone)


def passes(lead: Lead, site: Site, chosen: Filter) -> bool:
    """Is it what the filter asks for, the day left aside?"""
    if not lead.is_human or (chosen.site and lead.site_id != chosen.site) or (chosen.kind and lead.kind is not chosen.kind):
        return False
    if chosen.ads and not (lead.is_ad or all(one.attribution is None for one in lead.contacts)):
        return False
    return not chosen.search or matches(lead, site, chosen.search)


def matches(lead: Lead, site: Site, search: str) -> bool:
    """Does a word stand anywhere in what is known of it? '!word': does it not?"""
    wanted = search.removeprefix("!").casefold().strip()
    return not wanted or (wanted in _haystack(lead, site)) != search.startswith("!")


def _haystack(lead: Lead, site: Site) -> str:
    texts = [site.name, lead.claimed_by]
    for one in lead.contacts:
        texts += [one.number, one.name, one.email, one.page or "", one.target or "", one.attribution or "", one.note, one.status or "",
                  one.place, one.kind.value]  # fmt: skip
    return "\n".join(texts).casefold()


def _belongs(lead: Lead, spot: Place, on_day: bool, listing: List, chosen: Filter, now: int, me: int | None) -> bool:
    """Is it one of this list's? What is undecided stays in the queue whatever day it came; what is done goes at midnight."""
    if chosen.late and spot.band is not Band.LATE:
        return False
    if listing == "mine":
        return _is_mine(lead, now, me)
    if listing == "missed":
        return lead.kind is Kind.MISS and (on_day or lead.waits_since is not None)
    if listing == "all" or chosen.day:
        return on_day
    return on_day or spot.band not in (Band.DONE, Band.QUIET)


def _is_mine(lead: Lead, now: int, me: int | None) -> bool:
    claimed = lead.claim is not None and is_held(lead.claim, now) and lead.claim.by == me
    reminded = lead.reminder is not None and not lead.reminder.closed_at and lead.reminder.by == me
    return me is not None and (claimed or reminded)


def keep_in_place(order: Sequence[int], kept: int | None, index: int) -> tuple[int, ...]:
    """The order with one lead at a certain index, if it is in it: the others flow round it."""
    if kept is None or kept not in order:
        return tuple(order)
    others = [one for one in order if one != kept]
    index = max(0, min(index, len(others)))
    return (*others[:index], kept, *others[index:])
