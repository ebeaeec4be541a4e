"""How a folded session lies in a month file: one table of columns, read and written by it."""

from collections.abc import Sequence
from typing import Any

from opsmantik_box.domain.attribution import CLICK_KINDS, NAMES, Rank
from opsmantik_box.domain.ids import uuid_text
from opsmantik_box.domain.scoring import score
from opsmantik_box.domain.sessions import Session
from opsmantik_box.sql import load

CAMPAIGN = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "campaignid", "adgroupid", "keyword", "matchtype",
            "network", "device", "loc_physical_ms")  # fmt: skip

IDENTITY = ("site_id", "id", "created_month")
"""What never changes; writing it again would write its index again."""

COLUMNS = (
    "site_id", "id", "created_month", "created_at", "entry_seq", "entry_page", "last_event_at", "exit_seq", "exit_page", "ip_address",
    "fingerprint", "fingerprint_strength", "fingerprint_at", "fingerprint_seq", "gclid", "wbraid", "gbraid", "click_at", "click_seq",
    *CAMPAIGN, "campaign_rank", "campaign_at", "campaign_seq", "attribution_source", "attribution_rank", "fired", "lead_score",
    "weights_version", "event_count", "page_views", "intents", "conversion_events", "scroll_pct", "total_duration_sec", "active_sec",
    "device_type", "browser", "referrer_host", "city", "district", "consent", "is_bot", "bot_reason", "is_internal",
)  # fmt: skip

_names = {
    "columns": ", ".join(COLUMNS),
    "marks": ", ".join("?" * (len(COLUMNS) + 1)),
    "updates": ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in IDENTITY),
}
_SQL = load("engine_month")
FIND_SESSION = _SQL["find_session"].format(**_names)
SAVE_SESSION = _SQL["save_session"].format(**_names)


def to_row(no: int, s: Session) -> tuple[Any, ...]:
    """A session as the parameters of save_session."""
    entry_at, entry_seq = s.entry_key
    exit_at, exit_seq = s.exit_key
    return (
        no, s.site_id, uuid_text(s.id), s.month, entry_at, entry_seq, s.entry_page, exit_at, exit_seq, s.exit_page,
        s.address_prefix or None, s.fingerprint or None, ("weak" if s.weak else "strong") if s.fingerprint else None,
        *(s.fingerprint_key or (None, None)),
        *(s.click_id if s.click_kind == kind else None for kind in CLICK_KINDS), *(s.click_key or (None, None)),
        *map(s.campaign.get, CAMPAIGN), *(s.campaign_key or (None, None, None)), NAMES[Rank(s.rank)], s.rank, s.fired, score(s.fired),
        s.weights_version, s.event_count, s.page_views, s.intents, s.conversion_events, s.scroll_pct, s.duration_sec, s.active_sec,
        s.device, s.browser, s.referrer_host or None, s.city or None, s.district or None, s.consent, int(bool(s.bot_reason)),
        s.bot_reason or None, int(s.internal),
    )  # fmt: skip


def from_row(row: Sequence[Any], session_id: bytes) -> tuple[int, Session]:
    """(number, session) of a row of find_session."""
    no, values = row[0], dict[str, Any](zip(COLUMNS, row[1:], strict=True))
    get = values.__getitem__
    kind = next((kind for kind in CLICK_KINDS if get(kind) is not None), "")
    return no, Session(
        site_id=get("site_id"), id=session_id, month=get("created_month"),
        entry_key=(get("created_at"), get("entry_seq")), entry_page=get("entry_page"),
        exit_key=(get("last_event_at"), get("exit_seq")), exit_page=get("exit_page"),
        fired=get("fired"), rank=get("attribution_rank"), event_count=get("event_count"), page_views=get("page_views"),
        intents=get("intents"), conversion_events=get("conversion_events"), scroll_pct=get("scroll_pct"), active_sec=get("active_sec"),
        address_prefix=get("ip_address") or "", device=get("device_type"), browser=get("browser"),
        referrer_host=get("referrer_host") or "", city=get("city") or "", district=get("district") or "", consent=get("consent"),
        fingerprint_key=None if get("fingerprint_at") is None else (get("fingerprint_at"), get("fingerprint_seq")),
        fingerprint=get("fingerprint") or "", weak=get("fingerprint_strength") == "weak",
        click_key=None if get("click_at") is None else (get("click_at"), get("click_seq")),
        click_kind=kind, click_id=get(kind) if kind else "",
        campaign_key=None if get("campaign_rank") is None else (get("campaign_rank"), get("campaign_at"), get("campaign_seq")),
        campaign={name: get(name) for name in CAMPAIGN if get(name) is not None},
        bot_reason=get("bot_reason") or "", internal=bool(get("is_internal")), weights_version=get("weights_version"),
        duration_sec=get("total_duration_sec"),
    )  # fmt: skip
