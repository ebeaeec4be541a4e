"""One tracked website, as the gateway needs to know it."""

from msgspec import Struct


class Site(Struct, frozen=True, array_like=True, gc=False):
    """`id` is internal (small, never shown to another tenant); `public_id` (UUID v4 with hyphens, lower case) is what trackers carry.

    `settings` holds what is optional: `keep_params` (query keys never masked), `wa_hosts`, `city_header` and `district_header` (in which
    its proxy tells the place), `opening_hours` and `answer_target` (domain/opening.py), `retention` (days by kind), `watch`
    (thresholds of its alerts), `hot_score` (from which on a contact is told outside), `rate` and `weights`."""

    id: int
    public_id: str
    name: str
    domains: list[str]
    staging_domains: list[str]
    timezone: str
    default_region: str
    currency: str
    consent: str
    internal_addresses: list[str]
    trusted_proxies: list[str]
    settings: dict[str, object]
