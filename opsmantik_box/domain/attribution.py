"""Where a visit came from. Pure. The rank decides; the name is what people read.

Rule of product.md: the best (smallest) rank over all of a session's signals, whatever their order. `ads only` = google + assisted.
"""

import enum
from collections.abc import Mapping

DAY_MS = 86_400_000
LOOKBACK_MS = 183 * DAY_MS
"""A touch assists for six months (183 days)."""

CLICK_KINDS = ("gclid", "wbraid", "gbraid")
PAID_MEDIA = frozenset({"cpc", "ppc", "paid"})
GOOGLE_SOURCES = frozenset({"google", "adwords"})
SOCIAL_HOSTS = ("facebook.com", "instagram.com", "tiktok.com", "twitter.com", "x.com", "t.co", "linkedin.com", "lnkd.in",
                "pinterest.com", "youtube.com", "snapchat.com", "reddit.com", "threads.net")  # fmt: skip


class Rank(enum.IntEnum):
    """Smaller is better. Stored with every decision: never renumber."""

    FIRST_CLICK = 1
    PAID_UTM_GOOGLE = 2
    PAID_UTM_OTHER = 3
    ASSISTED = 4
    PAID_SOCIAL = 5
    ORGANIC = 6


NAMES = {
    Rank.FIRST_CLICK: "First Click (Paid)",
    Rank.PAID_UTM_GOOGLE: "Paid (UTM)",
    Rank.PAID_UTM_OTHER: "Paid (UTM)",
    Rank.ASSISTED: "Ads Assisted",
    Rank.PAID_SOCIAL: "Paid Social",
    Rank.ORGANIC: "Organic",
}

GOOGLE = (Rank.FIRST_CLICK, Rank.PAID_UTM_GOOGLE)
ADS = (*GOOGLE, Rank.ASSISTED)
OTHER_PAID = (Rank.PAID_UTM_OTHER, Rank.PAID_SOCIAL)


def rank_signal(has_click: bool, params: Mapping[str, str], referrer_host: str) -> Rank:
    """The rank one signal earns by itself. `params` are the URL's query parameters by name."""
    if has_click:
        return Rank.FIRST_CLICK
    medium = params.get("utm_medium", "").lower()
    source = params.get("utm_source", "").lower()
    if medium in PAID_MEDIA:
        return Rank.PAID_UTM_GOOGLE if source in GOOGLE_SOURCES else Rank.PAID_UTM_OTHER
    if (medium == "paid_social" or "ttclid" in params) and is_social(referrer_host):
        return Rank.PAID_SOCIAL
    return Rank.ORGANIC


def is_social(host: str) -> bool:
    """Is this host one of the social networks, or a subdomain of one?"""
    return any(host == known or host.endswith("." + known) for known in SOCIAL_HOSTS)


def is_google(host: str) -> bool:
    """google.com, google.<cc>, google.com.<cc>, google.co.<cc>, bare or with www."""
    labels = host.removeprefix("www.").split(".")
    if labels[0] != "google":
        return False
    rest = labels[1:]
    return rest == ["com"] or (len(rest) == 1 and _is_country(rest[0])) or (
        len(rest) == 2 and rest[0] in ("com", "co") and _is_country(rest[1])
    )  # fmt: skip


def _is_country(label: str) -> bool:
    return len(label) == 2 and label.isalpha() and label.isascii()


def rank_with_past(own: int, returning: bool) -> int:
    """The rank of a signal once its visitor's past is known: a return visitor is at least assisted."""
    return min(own, int(Rank.ASSISTED)) if returning else own
