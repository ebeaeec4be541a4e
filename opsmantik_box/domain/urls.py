"""Page addresses: what is kept of one (masked, at most 2,048 characters), where it points, what advertising wrote into it.

Pure and cached: a day's signals carry few addresses, many times each. Never raises; a text that is no http(s) address is None.
"""

import re
from functools import lru_cache
from urllib.parse import unquote_plus

from msgspec import Struct

from opsmantik_box.domain.attribution import CLICK_KINDS
from opsmantik_box.domain.masking import CLICK_KEYS, is_plain, mask_pair, mask_query

MAX_URL = 2_048
MAX_VALUE = 255
MAX_CLICK_ID = 512
CACHED, CACHED_LENGTH = 4_096, 1_024
"""Longer addresses are read anew each time: a cache of them would be a visitor's to fill."""

CAMPAIGN_KEYS = (
    *(f"utm_{name}" for name in ("source", "medium", "campaign", "term", "content")),
    *("campaignid", "adgroupid", "keyword", "matchtype", "network", "device", "loc_physical_ms"),
)
_PARAMS = frozenset({"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "ttclid", "fbclid"})
_READ = frozenset(CAMPAIGN_KEYS) | _PARAMS | frozenset(CLICK_KINDS) | {"opsmantik"}

_URL = re.compile(r"(https?)://(?:[^/?#@\s]*@)?([^/?#\s:@\[\]]+|\[[0-9a-f:.]+\])(?::\d{0,5})?(?=[/?#]|$)([^?#]*)(?:\?([^#]*))?(?:#(.*))?",
                  re.IGNORECASE | re.DOTALL)  # fmt: skip
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\]", re.ASCII)
_CLICK_ID = re.compile(rf"[!-z|~]{{1,{MAX_CLICK_ID}}}", re.ASCII)
_NO_CLICK_ID = frozenset({"null", "undefined", "none", "true", "false", "0"})


class Page(Struct, frozen=True, gc=False):
    """`text` is what is kept; `host` lower case, without port; `click` is (kind, id). `campaign` and `params` hold decoded values
    by lower-case key, empty ones left out. `cut`: it was longer than 2,048. `internal`: it marks the browser as the agency's."""

    text: str
    host: str
    path: str
    click: tuple[str, str] | None
    campaign: dict[str, str]
    params: dict[str, str]
    cut: bool
    internal: bool


def read_url(text: str, keep_params: frozenset[str]) -> Page | None:
    """A page's address; None when it is no absolute http(s) address with a host. `keep_params`: keys the site never has masked."""
    return _cached_page(text, keep_params) if len(text) <= CACHED_LENGTH else _read_page(text, keep_params)


def referrer(text: str, keep_params: frozenset[str]) -> tuple[str, str]:
    """(what is kept of it, its host). The host is '' when it is no http(s) address (`android-app://…`, nonsense)."""
    return _cached_referrer(text, keep_params) if len(text) <= CACHED_LENGTH else _read_referrer(text, keep_params)


def _read_page(text: str, keep: frozenset[str]) -> Page | None:
    found = _URL.fullmatch(text.strip())
    host = read_host(found[2]) if found else ""
    if not found or not host:
        return None
    path, query = found[3], found[4] or ""
    known = _read_query(query) if query else {}
    kept, cut = _kept_text(found, host, keep)
    return Page(
        text=kept if kept != text else text,
        host=host,
        path=(path or "/")[:MAX_URL],
        click=next(((kind, known[kind]) for kind in CLICK_KINDS if is_click_id(known.get(kind, ""))), None),
        campaign={key: known[key][:MAX_VALUE] for key in CAMPAIGN_KEYS if key in known} if known else {},
        params={key: value[:MAX_VALUE] for key, value in known.items() if key in _PARAMS},
        cut=cut,
        internal=known.get("opsmantik") == "internal",
    )


def _read_referrer(text: str, keep: frozenset[str]) -> tuple[str, str]:
    page = _read_page(text, keep)
    if page:
        return page.text, page.host
    head, mark, query = text.partition("?")
    return (f"{head}?{mask_query(query, keep)}" if mark else head)[:MAX_URL], ""


_cached_page = lru_cache(maxsize=CACHED)(_read_page)
_cached_referrer = lru_cache(maxsize=CACHED)(_read_referrer)


def read_host(host: str) -> str:
    """A host's one spelling: lower case, punycode, no dot at the end; '' when it cannot be one."""
    plain = host.lower()
    if not plain.isascii():
        try:
            plain = plain[:253].encode("idna").decode("ascii").lower()
        except UnicodeError:
            return ""
    elif "%" in plain:
        return ""
    plain = plain.removesuffix(".")
    return plain if _HOST.fullmatch(plain) and ".." not in plain else ""


def is_click_id(value: str) -> bool:
    """Is it one at all? Unfilled templates (`{gclid}`), words of scripts (`undefined`) and texts are not."""
    return bool(_CLICK_ID.fullmatch(value)) and value.lower() not in _NO_CLICK_ID


def _read_query(query: str) -> dict[str, str]:
    """The keys that mean something here, lower case; of a key that comes twice the first that is not empty."""
    known: dict[str, str] = {}
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        key = key.lower()
        if key in _READ and key not in known:
            clean = (unquote_plus(value) if "%" in value or "+" in value else value).replace("\0", "").strip()
            if clean:
                known[key] = clean
    return known


def _kept_text(found: re.Match[str], host: str, keep: frozenset[str]) -> tuple[str, bool]:
    """The address as kept, and whether it had to be cut. A user name and password in it are dropped."""
    path, query, fragment = found[3], found[4], found[5]
    port = found.string[found.end(2) : found.start(3)]
    base = f"{found[1].lower()}://{host}{port}{path}"
    if len(base) + len(query or "") > MAX_URL:
        return _cut(base, query or "", keep), True
    text = base if query is None else f"{base}?{mask_query(query, keep)}"
    whole = text if fragment is None else f"{text}#{_mask_fragment(fragment, keep)}"
    return whole[:MAX_URL], len(whole) > MAX_URL


def _mask_fragment(fragment: str, keep: frozenset[str]) -> str:
    """Single-page sites carry a second query there, and sign-ins their token."""
    if "=" not in fragment:
        return fragment
    head, mark, query = fragment.rpartition("?")
    return f"{head}{mark}{mask_query(query, keep)}"


def _cut(base: str, query: str, keep: frozenset[str]) -> str:
    """At most 2,048 characters: the path's beginning, then what advertising wrote, then what else there is room for. A parameter is
    kept whole or not at all; the fragment goes."""
    pairs = [pair for pair in query.split("&") if pair]
    text, mark = base[: MAX_URL // 2] if pairs else base[:MAX_URL], "?"
    for pair in sorted(pairs, key=lambda pair: _worth(pair, keep)):
        if len(text) + 1 + len(pair) <= MAX_URL:
            text, mark = f"{text}{mark}{mask_pair(pair, keep)}", "&"
        if len(text) > MAX_URL - 2:
            break
    return text[:MAX_URL]


def _worth(pair: str, keep: frozenset[str]) -> int:
    key = pair.partition("=")[0].lower()
    return 0 if key in CLICK_KEYS else 1 if key.startswith("utm_") else 2 if is_plain(key, keep) else 3
