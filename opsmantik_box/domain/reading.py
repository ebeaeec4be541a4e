"""Reading a signal: from what a tracker sent to what the engine decides about, with every rule that needs no state.

Pure, and total: any WireSignal gives a Reading or a Refusal, never an exception. What leaves here is masked, cut and on the
allow-list, and holds no full address. This is the hot path: what repeats between signals (page, referrer, user agent, target,
address) is cached where it is read.
"""

import math
import re
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from opsmantik_box.domain import ids, metadata
from opsmantik_box.domain.addresses import address_prefix, is_internal
from opsmantik_box.domain.agents import read_agent
from opsmantik_box.domain.arrivals import read_report
from opsmantik_box.domain.attribution import CLICK_KINDS, is_google, rank_signal
from opsmantik_box.domain.consent import meta_without_ids, page_without_ids, read_consent, refuses_ids, withhold
from opsmantik_box.domain.intents import read_tap
from opsmantik_box.domain.months import read_hint
from opsmantik_box.domain.origins import host_within
from opsmantik_box.domain.places import NOWHERE, Place, first_known, read_name
from opsmantik_box.domain.scoring import fired_rules, scroll_depth
from opsmantik_box.domain.signals import Arrival, Click, Payload, Signal, WireSignal
from opsmantik_box.domain.site_rules import SiteRules, site_rules
from opsmantik_box.domain.sites import Site
from opsmantik_box.domain.targets import read_target
from opsmantik_box.domain.time import corrected_time, whole_ms
from opsmantik_box.domain.urls import Page, is_click_id, read_url, referrer

MAX_NAME, MAX_LABEL, MAX_REFERRER, MAX_SID, MAX_RAW = 64, 512, 2_048, 64, 64
DAY_SEC = 86_400
VIEWS = frozenset({"view", "page_view", "pageview"})
UNTOUCHED = frozenset({"system", "conversion"})
"""Categories a click id does not turn into `acquisition`."""

_NUMERIC = re.compile(r"\s*[+-]?(?:\d{1,32}(?:\.\d{0,32})?|\.\d{1,32})(?:e[+-]?\d{1,3})?\s*", re.IGNORECASE | re.ASCII)
_decode_json = msgspec.json.Decoder().decode
_encode_payload = msgspec.json.Encoder().encode


class Context(Struct, frozen=True, gc=False):
    """What the request tells besides the signal. Times in UTC milliseconds; `sent_at` is the body's `st`, as sent; `address` is the
    client's, in full; `told_place` is a trusted proxy's word, `found_place` the installed file's."""

    received_at: int
    sent_at: float | None
    user_agent: str
    address: str
    told_place: Place = NOWHERE
    found_place: Place = NOWHERE


class Refusal(Struct, frozen=True, gc=False):
    """`reason` is counted; `message` is what wire.md answers ('' for missing_id, which is no error there)."""

    reason: str
    message: str


class Reading(Struct, frozen=True, gc=False):
    """`dropped`: names of `meta` that were not kept. `notes`: what else was not as it should be, to be counted (ev_unreadable,
    id_malformed, u_cut)."""

    arrival: Arrival
    dropped: tuple[str, ...]
    notes: tuple[str, ...]


MISSING_ID = Refusal("missing_id", "")
BAD_URL = Refusal("url_malformed", "Invalid url format")
BAD_SITE = Refusal("site_id_malformed", "Invalid site_id format")
BAD_JSON = Refusal("json_malformed", "Invalid JSON payload")
META_TOO_BIG = Refusal("meta_too_big", "Invalid JSON payload")


def read_signal(wire: WireSignal, site: Site, context: Context) -> Reading | Refusal:
    """One signal of a site that is known and allowed. The caller has looked at `s`."""
    rules = site_rules(site)
    if not wire.u:
        return MISSING_ID
    page = read_url(clean(wire.u), rules.keep_params)
    if page is None:
        return BAD_URL
    meta, dropped = metadata.keep_allowed(wire.meta, clean) if wire.meta else ({}, [])
    notes: list[str] = []
    if refuses_ids(meta):
        page, meta, wire = page_without_ids(page), meta_without_ids(meta), _withheld(wire)
    event = ids.event_id(wire.id)
    payload = _payload(wire, event, page, rules, meta, notes)
    encoded = _encode_payload(payload)
    if len(encoded) > metadata.MAX_META and len(metadata.encode(meta)) > metadata.MAX_META:
        return META_TOO_BIG
    signal = _read(wire, event or ids.payload_hash(encoded), page, payload, rules, context)
    event_ids = [event] if event else ids.legacy_event_ids(rules.id, signal.sid, encoded, context.received_at)
    arrival = Arrival(event_ids, ids.payload_hash(encoded), encoded, signal, read_report(payload.meta) if payload.meta else None)
    return Reading(arrival, tuple(dropped), tuple(notes))


def _withheld(wire: WireSignal) -> WireSignal:
    """The same signal, its addresses without click ids."""
    label = withhold(wire.el) if isinstance(wire.el, str) else wire.el
    return replace(wire, r=withhold(wire.r) if wire.r else wire.r, el=label)


def clean(text: str) -> str:
    """Without NUL (SQLite and C end a text there) and without half surrogates (UTF-8 has none)."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _payload(
    wire: WireSignal, event: bytes | None, page: Page, rules: SiteRules, meta: dict[str, Any], notes: list[str]
) -> Payload:
    """What the ledger keeps. `meta` gets what the Box itself has to say."""
    value = _read_value(wire.ev, meta, notes) if wire.ev else None
    if page.cut:
        meta["u_cut"] = 1
        notes.append("u_cut")
    if event is None and wire.id:
        notes.append("id_malformed")
    if "referrer" in meta:
        meta["referrer"] = _referrer_text(metadata.read_text(meta["referrer"]), rules)
    return Payload(
        u=page.text,
        sid=clean(str(wire.sid))[:MAX_SID] if wire.sid is not None else None,
        sm=clean(wire.sm[:16]) if wire.sm else None,
        ec=_name(wire.ec),
        ea=_name(wire.ea),
        el=_label(wire.el, rules) if wire.el is not None else None,
        ev=value,
        r=_referrer_text(wire.r, rules) or None if wire.r else meta.get("referrer"),
        meta=meta or None,
        id=wire.id if event else None,
        ts=whole_ms(wire.ts),
    )


def _name(text: str | None) -> str | None:
    return clean(text.strip())[:MAX_NAME] or None if text else None


def _referrer_text(text: str, rules: SiteRules) -> str:
    return referrer(clean(text), rules.keep_params)[0]


def _label(label: str | float, rules: SiteRules) -> str | None:
    """As sent; but one that is an address is masked like any other. A WhatsApp link holds the site's own number, and keeps it."""
    if not isinstance(label, str):
        return str(label).lower()[:MAX_LABEL]
    text = clean(label)
    if "?" in text and "://" in text and not read_target(text, rules.region, rules.wa_hosts):
        text = referrer(text, rules.keep_params)[0]
    return text[:MAX_LABEL] or None


def _read_value(raw: msgspec.Raw, meta: dict[str, Any], notes: list[str]) -> float | None:
    """A finite number, or a text that spells one; anything else is null, and kept as `meta.ev_raw`."""
    data = bytes(raw).strip()
    if not data or data == b"null":
        return None
    value = _number(data)
    if value is None:
        meta["ev_raw"] = clean(data[: 4 * MAX_RAW].decode("utf-8", "replace"))[:MAX_RAW]
        notes.append("ev_unreadable")
    return value


def _number(data: bytes) -> float | None:
    text = data.decode("utf-8", "replace")
    if text.startswith('"'):
        try:
            decoded = _decode_json(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        text = decoded if isinstance(decoded, str) else ""
    if not _NUMERIC.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _read(wire: WireSignal, event: bytes, page: Page, payload: Payload, rules: SiteRules, context: Context) -> Signal:
    """The signal. `event` is its id, or what stands for it."""
    meta = payload.meta or {}
    category, action, label = (payload.ec or "interaction").lower(), (payload.ea or "view").lower(), payload.el or ""
    host = referrer(payload.r, rules.keep_params)[1] if payload.r else ""
    click = _read_click(page, meta)
    scroll = metadata.read_count(meta.get("scroll_pct"), 100)
    fingerprint = metadata.read_text(meta.get("fp") or meta.get("fingerprint"))[:128]
    agent = read_agent(context.user_agent)
    sent_at = wire.st if context.sent_at is None else context.sent_at
    hovers = metadata.read_count(meta.get("cta_hovers"), 1)
    place = first_known(context.told_place, context.found_place, _meta_place(meta))
    return Signal(
        sid=ids.session_id(rules.id, payload.sid, fingerprint, event),
        at=corrected_time(context.received_at, sent_at, wire.ts),
        received_at=context.received_at,
        month_hint=read_hint(payload.sm),
        category="acquisition" if click and category not in UNTOUCHED else category,
        fired=int(fired_rules(category, action, label, payload.ev, scroll, hovers, is_google(host))),
        rank=int(rank_signal(click is not None, page.params, host)),
        fingerprint=fingerprint,
        weak=ids.is_weak(fingerprint),
        address_prefix=address_prefix(context.address),
        is_view=action in VIEWS,
        click=click,
        tap=read_tap(action, label, meta, rules.region, rules.wa_hosts),
        campaign=page.campaign or None,
        referrer_host=host,
        device=agent.device,
        browser=agent.browser,
        bot_reason=agent.bot_reason,
        internal=_is_internal(page, meta, rules, context.address),
        consent=read_consent(meta),
        city=place.city,
        district=place.district,
        scroll_pct=max(scroll, scroll_depth(action, label, payload.ev)),
        active_sec=metadata.read_count(meta.get("active_sec"), DAY_SEC),
        sent_at=whole_ms(sent_at),
    )


def _read_click(page: Page, meta: dict[str, Any]) -> Click | None:
    """The click id of the address, else of `meta` (which old trackers repeat for ever)."""
    if page.click:
        return Click(page.click[0], page.click[1], True)
    for kind in CLICK_KINDS:
        if kind in meta:
            value = metadata.read_text(meta[kind])
            if is_click_id(value):
                return Click(kind, value, False)
    return None


def _is_internal(page: Page, meta: dict[str, Any], rules: SiteRules, address: str) -> bool:
    return (
        page.internal
        or metadata.read_flag(meta.get("internal"))
        or (rules.staging != () and any(host_within(page.host, staging) for staging in rules.staging))
        or (rules.internal != () and is_internal(address, rules.internal))
    )


def _meta_place(meta: dict[str, Any]) -> Place:
    if "city" not in meta and "district" not in meta:
        return NOWHERE
    return Place(read_name(metadata.read_text(meta.get("city"))), read_name(metadata.read_text(meta.get("district"))))
