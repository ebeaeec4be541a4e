"""Whatever comes, reading gives an answer, and what it keeps is within its promises."""

import math

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmantik_box.domain.reading import Context, Reading, Refusal, read_signal
from opsmantik_box.domain.signals import WireSignal, decode_payload
from opsmantik_box.domain.sites import Site

SITE = Site(
    1,
    "0b7f1f7e-6a1f-4c6e-9f3c-1f2e3d4c5b6a",
    "Antika",
    ["antika.example"],
    ["deneme.example"],
    "Europe/Istanbul",
    "TR",
    "TRY",
    "pending",
    ["10.0.0.0/8"],
    [],
    {"keep_params": ["no"], "wa_hosts": ["git.example/wa"]},
)
NOW = 1_763_700_000_000

any_text = st.text(st.characters(), max_size=80)  # half surrogates and NUL included
urls = st.builds(
    "https://{}/{}?{}#{}".format,
    st.sampled_from(["antika.example", "a", "ü.example", "[::1]:8", "u:p@x.example"]),
    any_text,
    st.lists(
        st.builds("{}={}".format, st.sampled_from(["gclid", "utm_source", "m", "tel", "UTM_MEDIUM"]) | any_text, any_text),
        max_size=6,
    ).map("&".join),
    any_text,
)
links = st.builds(
    "{}{}".format,
    st.sampled_from(["tel:", "https://wa.me/", "whatsapp://send?phone=", "https://wa.me/message/", "callto:+90"]),
    any_text,
)
numbers = st.none() | st.integers() | st.floats()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text | urls,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
names = (
    st.sampled_from(
        [
            "fp",
            "gclid",
            "wbraid",
            "intent_stamp",
            "intent_action",
            "scroll_pct",
            "active_sec",
            "cta_hovers",
            "internal",
            "consent",
            "city",
            "referrer",
            "lost",
            "title",
            "position",
            "ev_raw",
            "gpu",
        ]
    )
    | any_text
)
actions = st.sampled_from(["view", "phone_call", "whatsapp", "form_submit", "scroll_depth", "heartbeat"]) | any_text
wires = st.builds(
    WireSignal,
    u=st.none() | urls | any_text,
    sid=st.none() | any_text | st.integers() | st.uuids().map(str),
    sm=st.none() | any_text | st.sampled_from(["2026-11-01", "9999-12-01"]),
    ec=st.none() | any_text | st.sampled_from(["conversion", "system", "interaction"]),
    ea=st.none() | actions,
    el=st.none() | any_text | links | urls | st.integers() | st.floats() | st.booleans(),
    ev=st.binary(max_size=40).map(msgspec.Raw)
    | st.sampled_from([b"", b"50", b'"50"', b"1e999", b"null", b'"\\ud800"', b"[" * 3_000]).map(msgspec.Raw),
    r=st.none() | any_text | urls,
    meta=st.none() | st.dictionaries(names, json_values, max_size=8),
    id=st.none() | any_text | st.uuids().map(str),
    ts=numbers,
    st=numbers,
)
contexts = st.builds(Context, st.just(NOW), numbers, any_text, any_text | st.ip_addresses().map(str))


@settings(max_examples=300, deadline=None)
@given(wires, contexts)
def test_any_signal_is_read_or_refused(wire: WireSignal, context: Context):
    found = read_signal(wire, SITE, context)
    if isinstance(found, Refusal):
        assert found.reason in ("missing_id", "url_malformed", "meta_too_big")
        return
    signal, payload = found.arrival.signal, decode_payload(found.arrival.payload)
    assert 0 <= signal.fired < 64
    assert 1 <= signal.rank <= 6
    assert len(signal.sid) == 16
    assert all(len(event_id) == 16 for event_id in found.arrival.event_ids)
    assert len(found.arrival.event_ids) in (1, 3)
    assert NOW - 30 * 86_400_000 <= signal.at <= NOW
    assert 0 <= signal.scroll_pct <= 100
    assert payload.ev is None or math.isfinite(payload.ev)
    assert len(payload.u) <= 2_048
    assert len(payload.el or "") <= 512
    assert len(payload.r or "") <= 2_048
    assert b"\0" not in found.arrival.payload
    assert b"\\u0000" not in found.arrival.payload
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found.arrival), type=type(found.arrival)) == found.arrival


@settings(max_examples=150, deadline=None)
@given(wires, contexts)
def test_reading_twice_gives_the_same(wire: WireSignal, context: Context):
    assert read_signal(wire, SITE, context) == read_signal(wire, SITE, context)


@settings(max_examples=150, deadline=None)
@given(wires, contexts, numbers)
def test_when_it_was_sent_changes_neither_payload_nor_hash(wire: WireSignal, context: Context, later: float | None):
    first = read_signal(wire, SITE, context)
    again = read_signal(wire, SITE, msgspec.structs.replace(context, sent_at=later))
    if isinstance(first, Reading):
        assert isinstance(again, Reading)
        assert (first.arrival.payload, first.arrival.payload_hash) == (again.arrival.payload, again.arrival.payload_hash)


@settings(max_examples=150, deadline=None)
@given(wires, contexts)
def test_reading_what_was_kept_gives_the_same_signal(wire: WireSignal, context: Context):
    """The ledger's payload is enough: nothing that decides is lost by masking and cutting, but what it was for."""
    first = read_signal(wire, SITE, context)
    if not isinstance(first, Reading):
        return
    kept = decode_payload(first.arrival.payload)
    again = read_signal(
        WireSignal(u=kept.u, sid=kept.sid, sm=kept.sm, ec=kept.ec, ea=kept.ea, r=kept.r, meta=kept.meta, id=kept.id), SITE, context
    )
    assert isinstance(again, Reading)
    one, other = first.arrival.signal, again.arrival.signal
    assert (one.category, one.rank, one.click, one.fingerprint, one.month_hint) == (
        other.category,
        other.rank,
        other.click,
        other.fingerprint,
        other.month_hint,
    )
