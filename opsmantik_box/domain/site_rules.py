"""What of a site's settings the reading of its signals needs, in the shapes it needs them in. Derived once for each Site. Pure.

A stored mistake (an address that is none, a setting of another type) is left out, never an error: it must not stop a site.
"""

from msgspec import Struct

from opsmantik_box.domain.addresses import Networks, read_networks
from opsmantik_box.domain.origins import read_domain
from opsmantik_box.domain.sites import Site


class SiteRules(Struct, frozen=True, gc=False):
    """`keep_params`: query keys never masked (lower case). `wa_hosts`: its own WhatsApp addresses, host or host/path. `domains` and
    `staging` are hosts in read_host's spelling. `place_headers`: in which a trusted proxy tells city and district, b'' for none."""

    id: int
    region: str
    domains: tuple[str, ...]
    staging: tuple[str, ...]
    keep_params: frozenset[str]
    wa_hosts: tuple[str, ...]
    internal: Networks
    trusted: Networks
    place_headers: tuple[bytes, bytes]


_derived: dict[int, tuple[Site, SiteRules]] = {}


def site_rules(site: Site) -> SiteRules:
    """A changed site comes as another object: what was derived from the old one is forgotten then."""
    known = _derived.get(site.id)
    if known is not None and known[0] is site:
        return known[1]
    rules = derive_rules(site)
    _derived[site.id] = (site, rules)
    return rules


def derive_rules(site: Site) -> SiteRules:
    """Without the cache."""
    return SiteRules(
        id=site.id,
        region=site.default_region.upper(),
        domains=_hosts(site.domains),
        staging=_hosts(site.staging_domains),
        keep_params=frozenset(key.lower() for key in _texts(site.settings.get("keep_params"))),
        wa_hosts=tuple(_texts(site.settings.get("wa_hosts"))),
        internal=read_networks(site.internal_addresses),
        trusted=read_networks(site.trusted_proxies),
        place_headers=(_header(site.settings.get("city_header")), _header(site.settings.get("district_header"))),
    )


def _hosts(texts: list[str]) -> tuple[str, ...]:
    return tuple(filter(None, map(read_domain, texts)))


def _header(value: object) -> bytes:
    return value.strip().lower().encode("ascii", "ignore") if isinstance(value, str) else b""


def _texts(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list | tuple) else []  # pyright: ignore[reportUnknownVariableType]
