"""One site as the hot path meets it: who may send for it, and from which address a request came. Everything that is the same for
request after request is worked out once and kept; a changed site gets a new door.
"""

from functools import lru_cache

from opsmantik_box.domain.addresses import Networks, bucket_key, client_address, is_internal
from opsmantik_box.domain.origins import origin_allowed
from opsmantik_box.domain.places import NOWHERE, Place, read_header
from opsmantik_box.domain.site_rules import site_rules
from opsmantik_box.domain.sites import Site
from opsmantik_box.domain.urls import read_url
from opsmantik_box.gateway.asgi import HeaderMap

_KEPT = 1_024
_NOTHING_KEPT: frozenset[str] = frozenset()


class Door:
    """`judge` and `address` for one site of one Box; both remember their last thousand callers."""

    def __init__(self, site: Site, trusted: Networks, allowed_origins: tuple[str, ...]) -> None:
        self.site = site
        rules = site_rules(site)
        domains = (*rules.domains, *rules.staging)
        proxies = (*trusted, *rules.trusted)

        @lru_cache(maxsize=_KEPT)
        def judge(origin: bytes, page_host: str) -> tuple[bool, str]:
            return origin_allowed(origin.decode("latin-1"), page_host, domains, allowed_origins)

        @lru_cache(maxsize=_KEPT)
        def address(peer: str, forwarded_for: bytes) -> tuple[str, str]:
            client = client_address(peer, forwarded_for.decode("latin-1"), proxies)
            return client, bucket_key(client)

        self._judge = judge
        self._proxies, self._place_headers = proxies, rules.place_headers
        self.address = address
        """(the client's address, the key of its rate bucket) for a peer and its X-Forwarded-For."""

    def judge(self, origin: bytes, page_url: str | None) -> tuple[bool, str]:
        """(may it send here?, the word for X-CORS-Reason). The page's host is looked at for `null` alone."""
        if origin != b"null":
            return self._judge(origin, "")
        page = read_url(page_url, _NOTHING_KEPT) if page_url else None
        return self._judge(origin, page.host if page else "")

    def told_place(self, peer: str, headers: HeaderMap) -> Place:
        """What the site's proxy says in the headers the site names; NOWHERE from anybody else, whose word it would be."""
        if self._place_headers == (b"", b"") or not is_internal(peer, self._proxies):
            return NOWHERE
        return Place(*(read_header(headers.get(name, b"")) for name in self._place_headers))
