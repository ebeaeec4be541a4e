"""Who is there, and at which lead. Pure; kept in memory only, and gone with it."""

from collections.abc import Collection, Mapping

from msgspec import Struct

TOLD_MS = 60_000
"""Who said where he is says it again within this time, or is there no more."""


class Person(Struct, frozen=True, array_like=True):
    """Somebody who is there: on these sites, at this lead of one of them (0, 0: at none) since then (UTC ms). `who`: how he is called."""

    id: int
    who: str
    sites: tuple[int, ...]
    site_id: int
    lead: int
    since: int


class PersonView(Struct, frozen=True):
    """Somebody as another sees him: site (public id) and lead are null when he is at none, or at one that the other does not see."""

    id: int
    who: str
    site_id: str | None
    lead: int | None
    since: int


def seen_by(people: Collection[Person], sites: Collection[int], public_ids: Mapping[int, str]) -> list[PersonView]:
    """Who shares one of these sites, in the order of their numbers."""
    shared = sorted((one for one in people if not set(one.sites).isdisjoint(sites)), key=lambda one: one.id)
    return [_seen(one, public_ids.get(one.site_id) if one.site_id in sites else None) for one in shared]


def _seen(person: Person, site: str | None) -> PersonView:
    return PersonView(person.id, person.who, site, person.lead if site else None, person.since)
