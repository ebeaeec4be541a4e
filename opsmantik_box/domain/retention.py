"""What is kept, how long, and who receives it: the one table that deleting, reporting and documenting stand on. Pure.

Every table of every file of the Box belongs to a kind; a test finds the one that does not. A kind's texts (what it is, why it is kept)
are in the catalogues under `kept.<name>` and `why.<name>`. A site may keep a kind for fewer days: its setting `retention`, like
`{"events": 30}`; for more it may not, and what belongs to the Box as a whole has no override.
"""

from collections.abc import Mapping
from typing import cast

from msgspec import Struct

from opsmantik_box.domain.months import month_start, next_month

DAY_MS = 86_400_000


class Kind(Struct, frozen=True):
    """`days`: None is as long as the site, or the person, is with the Box. `by_site`: a site may shorten it. `personal`: is about visitors
    or callers. `deleted_by`: what deletes it when its days are over, '' while nothing does yet (the report then says so)."""

    name: str
    days: int | None
    tables: tuple[str, ...]
    by_site: bool = False
    personal: bool = True
    deleted_by: str = ""


_CONTACT = ("calls", "verdicts", "leads", "attempts", "notes", "reminders")

_MACHINERY = (
    "ledger_identity", "partitions", "jobs", "backups", "backed_up_months", "erasing", "checkpoint", "tracker_count", "relay_state", "keys",
    "token_key", "box_keys", "watch", "lanes", "sending", "trimmed", "summary_round", "days_due",
)  # fmt: skip

KINDS = (
    Kind("events", 90, ("events", "signals"), by_site=True, deleted_by="engine/trimming.py"),
    Kind("sessions", 183, ("sessions",), by_site=True),
    Kind("touches", 183, ("touches",), by_site=True, deleted_by="engine/retention.py"),
    Kind("unsealed", 183, _CONTACT, by_site=True, deleted_by="engine/retention.py"),
    Kind("sealed", 396, _CONTACT, by_site=True, deleted_by="engine/retention.py"),
    Kind("feed", 30, ("feed",), deleted_by="engine/feed.py"),
    Kind("ids", 35, ("processed_signals",), deleted_by="engine/ledger.py"),
    Kind("relayed", 35, ("envelopes",), deleted_by="relay/outbox.py"),
    Kind("messages", 35, ("call_messages",), deleted_by="engine/calls.py"),
    Kind("answers", 7, ("idempotency_keys",), personal=False, deleted_by="engine/desk_commands.py"),
    Kind("deliveries", 90, ("outbox",), deleted_by="engine/retention.py"),
    Kind("arrivals", 35, ("tracker_hours",), personal=False, deleted_by="engine/arrivals.py"),
    Kind("alerts", 396, ("alerts", "audits"), personal=False, deleted_by="engine/retention.py"),
    Kind("refusals", 396, ("refusals",), personal=False, deleted_by="engine/retention.py"),
    Kind("hours", 84, ("site_hours",), personal=False, deleted_by="engine/site_counts.py"),
    Kind("audit", 730, ("audit_log",), personal=False, deleted_by="engine/retention.py"),
    Kind("erasures", None, ("erasures", "erased_marks"), personal=False),
    Kind("summaries", None, ("daily_counts", "ad_clicks", "client_counts", "erased_counts"), personal=False),
    Kind("people", None, ("users", "site_members", "api_tokens", "passwords", "user_credentials"), personal=False),
    Kind("settings", None, ("sites", "hooks", "hook_secrets", "hook_keys", "webhooks"), personal=False),
    Kind("machinery", None, _MACHINERY, personal=False),
)
"""In the order of the report: about visitors first. Touches: an ad assists for six months. Sealed: a year, and a month to compare it in.
Unsealed: as long as an ad can have led to them."""

BY_NAME = {kind.name: kind for kind in KINDS}

META_PURPOSES: dict[str, tuple[str, ...]] = {
    "visitor": ("fp", "fp_prev", "fingerprint", "client_sid"),
    "click": ("gclid", "wbraid", "gbraid"),
    "contact": ("intent_stamp", "intent_action", "position", "text", "form", "widget", "via", "wa_ref"),
    "attention": ("scroll_pct", "cta_hovers", "active_sec", "seq", "page_view", "view_id", "visible"),
    "page": ("title", "referrer"),
    "place": ("city", "district"),
    "consent": ("consent", "ad_storage", "analytics_storage", "ad_user_data", "ad_personalization", "denied"),
    "internal": ("internal",),
    "health": ("tracker", "dup", "lost", "parked", "outbox", "depth", "attempts", "buffered", "storage", "breaker"),
}
"""What a tracker may send beside the page's address, by what it is for: every name of domain/metadata.py, once."""

NEVER = ("full_address", "cookies_of_others", "hardware", "contents", "numbers_of_taps")
"""What is not kept at all; texts under `never.<name>`."""

SENDS: dict[str, tuple[str, ...]] = {
    "geo": (), "telephony": (), "places": (), "http": (), "standard_webhooks": ("unsealed", "sealed", "alerts"),
    "telegram": ("unsealed", "alerts"), "mail": ("unsealed", "alerts"),
}  # fmt: skip
"""Adapter → the kinds it gives to somebody outside, where it is switched on: of contacts no number, and a page or a note only where that
is switched on as well. Geo and telephony only take in, http carries for others; where copies of everything went, the ledger knows
(`backups`). Whoever adds one that sends says so here."""


def days_of(settings: Mapping[str, object], kind: Kind) -> int | None:
    """How many days a site's rows of a kind are kept. A stored mistake is left out, never an error: then the table's days count."""
    if not kind.by_site or kind.days is None:
        return kind.days
    told = settings.get("retention")
    days = cast("Mapping[str, object]", told).get(kind.name) if isinstance(told, dict) else None
    return days if isinstance(days, int) and not isinstance(days, bool) and 1 <= days < kind.days else kind.days


def kept_since(settings: Mapping[str, object], kind: Kind, now: int) -> int | None:
    """The first moment whose rows are still kept (UTC milliseconds); what is older is to be deleted. None: all of it is kept."""
    days = days_of(settings, kind)
    return None if days is None else now - days * DAY_MS


def is_month_over(settings: Mapping[str, object], month: str, now: int) -> bool:
    """Are the days of all of a month's events over? They are deleted a month at a time: counted from its end."""
    since = kept_since(settings, BY_NAME["events"], now)
    return since is not None and month_start(next_month(month)) <= since
