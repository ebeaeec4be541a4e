"""The session fold: what a session is, given the decisions about its signals. Pure, and the same in any order.

Every field is a minimum, a maximum, a sum, an OR, or a register: the value carried by the signal with the smallest (or largest) key
(time, seq). So a month file can be thrown away and folded again, in slices of any size, and equal what it was.
"""

from collections.abc import Iterable

from msgspec import Struct

from opsmantik_box.domain.decisions import Decision
from opsmantik_box.domain.scoring import CONVERSION, SCROLLED

GAP_MS = 30 * 60_000
"""A longer silence is not time on the site."""
LONGEST_SEC = 4 * 3_600
BOUNCE_MS = 10_000


class Session(Struct, gc=False):
    """A session as folded so far; times in UTC milliseconds. The `*_key` pairs are registers' keys (time, seq)."""

    site_id: int
    id: bytes
    month: str
    entry_key: tuple[int, int]
    entry_page: str
    exit_key: tuple[int, int]
    exit_page: str
    fired: int
    rank: int
    event_count: int = 0
    page_views: int = 0
    intents: int = 0
    conversion_events: int = 0
    scroll_pct: int = 0
    active_sec: int = 0
    address_prefix: str = ""
    device: str = ""
    browser: str = ""
    referrer_host: str = ""
    city: str = ""
    district: str = ""
    consent: str = ""
    fingerprint_key: tuple[int, int] | None = None
    fingerprint: str = ""
    weak: bool = False
    click_key: tuple[int, int] | None = None
    click_kind: str = ""
    click_id: str = ""
    campaign_key: tuple[int, int, int] | None = None
    campaign: dict[str, str] = {}
    bot_reason: str = ""
    internal: bool = False
    weights_version: int = 1
    duration_sec: int = 0


def fold(session: Session | None, decision: Decision, seq: int, page: str) -> Session:
    """One more signal. `page` is its URL as kept. Changes and returns `session`; None starts one."""
    signal = decision.signal
    key = (signal.at, seq)
    if session is None:
        session = Session(decision.site_id, signal.sid, decision.month, key, "", key, "", 0, decision.rank)
        entered = left = True
    else:
        entered, left = key < session.entry_key, key > session.exit_key
    session.event_count += 1
    session.page_views += signal.is_view
    session.intents += decision.intent
    session.conversion_events += bool(signal.fired & CONVERSION)
    session.fired |= decision.fired
    session.rank = min(session.rank, decision.rank)
    session.scroll_pct = max(session.scroll_pct, signal.scroll_pct)
    session.active_sec = max(session.active_sec, signal.active_sec)
    session.internal |= signal.internal
    session.weights_version = max(session.weights_version, decision.weights_version)
    if signal.bot_reason:
        session.bot_reason = min(session.bot_reason or signal.bot_reason, signal.bot_reason)
    if entered:
        _enter(session, key, page, decision)
    if left:
        session.exit_key, session.exit_page, session.consent = key, page, signal.consent
    _register_visitor(session, key, decision)
    return session


def _enter(session: Session, key: tuple[int, int], page: str, decision: Decision) -> None:
    signal = decision.signal
    session.entry_key, session.entry_page = key, page
    session.address_prefix, session.device, session.browser = signal.address_prefix, signal.device, signal.browser
    session.referrer_host, session.city, session.district = signal.referrer_host, signal.city, signal.district


def _register_visitor(session: Session, key: tuple[int, int], decision: Decision) -> None:
    signal = decision.signal
    if signal.fingerprint and (session.fingerprint_key is None or key < session.fingerprint_key):
        session.fingerprint_key, session.fingerprint, session.weak = key, signal.fingerprint, signal.weak
    if signal.click and (session.click_key is None or key > session.click_key):
        session.click_key, session.click_kind, session.click_id = key, signal.click.kind, signal.click.id
    if signal.campaign:
        campaign_key = (decision.rank, *key)
        if session.campaign_key is None or campaign_key < session.campaign_key:
            session.campaign_key, session.campaign = campaign_key, signal.campaign


def duration_sec(times: Iterable[int]) -> int:
    """Seconds from the first to the last event, gaps over 30 min cut out, at most 4 h. `times` ascending, in milliseconds."""
    total, before = 0, None
    for at in times:
        if before is not None and at - before <= GAP_MS:
            total += at - before
        before = at
    return min(total // 1000, LONGEST_SEC)


def is_bounce(session: Session) -> bool:
    """One page view, no intent, form or conversion event, scroll under 50 %, under 10 s."""
    return (
        session.page_views <= 1
        and not session.intents
        and not session.conversion_events
        and not session.fired & SCROLLED
        and session.exit_key[0] - session.entry_key[0] < BOUNCE_MS
    )
