"""May this page send for this site? By parsed hosts, equal or a subdomain; never by substring. Pure and cached.

Rule of wire.md, "Origin". A public id is public: this keeps other people's pages out of a site's numbers, nothing more.
"""

import re
from functools import lru_cache

from opsmantik_box.domain.urls import read_host

OK, MISSING, NULL, REFUSED = "ok", "missing_origin", "null_origin", "not_allowed"

_ORIGIN = re.compile(r"https?://([^/?#@\s:\[\]]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?/?", re.IGNORECASE)
MAX_ORIGIN = 300


def origin_allowed(origin: str | None, page_host: str, domains: tuple[str, ...], allowed: tuple[str, ...]) -> tuple[bool, str]:
    """(may it?, why). `domains` are the site's, `allowed` the Box's own. A page without an origin (`null`: a sandbox, a file, some
    redirects) is judged by the host of its address `u`, and labelled in either case."""
    if not origin:
        return False, MISSING
    if origin == "null":
        return _belongs(page_host, domains, allowed), NULL
    host = origin_host(origin) if len(origin) <= MAX_ORIGIN else ""
    return (True, OK) if host and _belongs(host, domains, allowed) else (False, REFUSED)


@lru_cache(maxsize=1024)
def origin_host(origin: str) -> str:
    """The host of an Origin header: lower case, without port; '' when it is none."""
    found = _ORIGIN.fullmatch(origin)
    return read_host(found[1]) if found else ""


@lru_cache(maxsize=2048)
def _belongs(host: str, domains: tuple[str, ...], allowed: tuple[str, ...]) -> bool:
    return any(host_within(host, read_domain(known)) for known in (*domains, *allowed))


def host_within(host: str, domain: str) -> bool:
    """Is it that host or a subdomain of it? Both in read_host's spelling; nothing is within ''."""
    return bool(domain) and (host == domain or host.endswith("." + domain))


def read_domain(text: str) -> str:
    """A domain as people write it down (`Example.com`, `*.example.com`, `https://example.com/`): its host, '' when it is none."""
    bare = text.strip()
    return origin_host(bare) if "//" in bare else read_host(bare.removeprefix("*.").partition("/")[0].partition(":")[0])
