"""Reading a signal, rule by rule of wire.md."""

from typing import Any

import msgspec
import pytest

from opsmantik_box.domain import ids
from opsmantik_box.domain.attribution import Rank
from opsmantik_box.domain.reading import Context, Reading, Refusal, read_signal
from opsmantik_box.domain.scoring import Rule
from opsmantik_box.domain.signals import Arrival, Click, Payload, Signal, Tap, WireSignal, decode_payload
from opsmantik_box.domain.sites import Site

NOW = 1_763_700_000_000
EVENT = "8f8827ea-34c7-4cd3-845e-208eae8955b2"
SID = "c90dcfff-8d54-4517-b33e-59880cea325f"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1"
)
SITE = Site(
    id=7,
    public_id="0b7f1f7e-6a1f-4c6e-9f3c-1f2e3d4c5b6a",
    name="Antika",
    domains=["antika.example"],
    staging_domains=["deneme.antika.example"],
    timezone="Europe/Istanbul",
    default_region="TR",
    currency="TRY",
    consent="pending",
    internal_addresses=["10.0.0.0/8"],
    trusted_proxies=[],
    settings={"keep_params": ["Siparis"], "wa_hosts": ["git.antika.example"]},
)
decode = msgspec.json.Decoder(WireSignal).decode


def read(user_agent: str = PHONE, address: str = "78.190.12.7", sent_at: float | None = None, **signal: Any) -> Reading | Refusal:
    body = {"u": "https://antika.example/", "sid": SID, "id": EVENT, **signal}
    return read_signal(decode(msgspec.json.encode(body)), SITE, Context(NOW, sent_at, user_agent, address))


def arrived(**signal: Any) -> Arrival:
    found = read(**signal)
    assert isinstance(found, Reading), found
    return found.arrival


def signal_of(**signal: Any) -> Signal:
    return arrived(**signal).signal


def payload_of(**signal: Any) -> Payload:
    return decode_payload(arrived(**signal).payload)


def test_the_least_a_signal_can_be_is_a_view_of_its_page():
    signal = signal_of()
    assert (signal.category, signal.is_view, signal.fired) == ("interaction", True, Rule.INTERACTION)
    assert (signal.at, signal.received_at, signal.sid) == (NOW, NOW, ids.event_id(SID))
    assert (signal.device, signal.browser, signal.address_prefix) == ("mobile", "Safari", "78.190.12.0")
    assert signal.rank == Rank.ORGANIC
    assert signal.tap is signal.click is signal.campaign is None


@pytest.mark.parametrize("u", [None, ""])
def test_a_signal_without_an_address_is_no_error(u: str | None):
    assert read(u=u) == Refusal("missing_id", "")


@pytest.mark.parametrize("u", ["x", "ftp://a.example/", " ", "https://", "\0"])
def test_a_malformed_address_is_refused(u: str):
    assert read(u=u) == Refusal("url_malformed", "Invalid url format")


def test_a_click_id_makes_the_category_acquisition_but_is_scored_as_sent():
    url = "https://antika.example/?gclid=CLICK"
    assert (signal_of(u=url).category, signal_of(u=url).fired) == ("acquisition", Rule.INTERACTION)
    assert signal_of(u=url, ec="whatever").category == "acquisition"
    assert signal_of(u=url, ec="conversion").category == "conversion"
    assert signal_of(u=url, ec="system").category == "system"
    assert signal_of(u=url).rank == Rank.FIRST_CLICK


def test_a_click_id_in_meta_counts_and_says_where_it_was():
    assert signal_of(u="https://antika.example/?wbraid=W", meta={"gclid": "C"}).click == Click("wbraid", "W", in_url=True)
    assert signal_of(meta={"gbraid": "G", "gclid": "C"}).click == Click("gclid", "C", in_url=False)
    assert signal_of(meta={"gclid": ""}).click is None
    assert signal_of(meta={"gclid": "C"}).rank == Rank.FIRST_CLICK


@pytest.mark.parametrize(("ev", "value"), [(50, 50.0), ("90", 90.0), (" 1.5e1 ", 15.0), (-0.5, -0.5), (None, None), (0, 0.0)])
def test_a_value_is_a_number_or_a_text_that_spells_one(ev: object, value: float | None):
    payload = payload_of(ev=ev)
    assert payload.ev == value
    assert payload.meta is None


@pytest.mark.parametrize("ev", ["50%", "", "nan", "Infinity", "1_000", "0x10", True, False, [1], {"a": 1}, "1e999", "x" * 5_000])
def test_any_other_value_is_null_and_kept_raw(ev: object):
    found = read(ev=ev)
    assert isinstance(found, Reading)
    payload = decode_payload(found.arrival.payload)
    assert payload.ev is None
    assert payload.meta == {"ev_raw": msgspec.json.encode(ev).decode()[:64]}
    assert found.notes == ("ev_unreadable",)


@pytest.mark.parametrize("raw", [b"1e999", b"-1e400", b"1" + b"0" * 400, b'"\\ud800"', b"[[[[", b'"unfinished', b'"\xff"', b"\xff"])
def test_a_value_no_json_library_agrees_on_is_null(raw: bytes):
    wire = WireSignal(u="https://antika.example/", ev=msgspec.Raw(raw))
    found = read_signal(wire, SITE, Context(NOW, None, PHONE, ""))
    assert isinstance(found, Reading)
    assert decode_payload(found.arrival.payload).ev is None


def test_only_what_is_allowed_is_kept_of_meta():
    found = read(
        meta={
            "fp": "fp_1",
            "gpu": "Adreno",
            "mem": 8,
            "screen": "1x1",
            "intent_stamp": "s",
            "seq": 3,
            "lost": {"quota": 2},
            "title": ["x"],
            "city": None,
        }
    )
    assert isinstance(found, Reading)
    assert decode_payload(found.arrival.payload).meta == {"fp": "fp_1", "intent_stamp": "s", "seq": 3, "lost": {"quota": 2}}
    assert found.dropped == ("gpu", "mem", "screen", "title")


def test_a_trackers_own_note_is_not_believed():
    assert payload_of(meta={"ev_raw": "x", "u_cut": 1}).meta is None


def test_a_big_meta_loses_what_is_unknown_and_is_refused_when_it_stays_too_big():
    assert isinstance(read(meta={"fp": "fp_1", "x": "y" * 20_000}), Reading)
    big = {
        "referrer": "ü" * 2_048,
        "title": "ü" * 256,
        "gclid": "ü" * 512,
        "wbraid": "ü" * 512,
        "gbraid": "ü" * 512,
        "fp": "ü" * 128,
        "text": "ü" * 160,
        "lost": {f"{n}": "ü" * 64 for n in range(16)},
        "parked": {f"{n}": "ü" * 64 for n in range(16)},
    }
    assert read(meta=big) == Refusal("meta_too_big", "Invalid JSON payload")


def test_queries_are_masked_wherever_an_address_stands():
    secret = "https://a.example/?m=ali@ornek.com"
    payload = payload_of(
        u="https://antika.example/?m=ali@ornek.com&siparis=1234567890", r=secret, el=secret, meta={"referrer": secret}
    )
    assert payload.u == "https://antika.example/?m=[email]&siparis=1234567890"
    assert payload.r == payload.el == "https://a.example/?m=[email]"
    assert payload.meta == {"referrer": "https://a.example/?m=[email]"}


def test_a_whatsapp_link_keeps_the_sites_own_number():
    link = "https://api.whatsapp.com/send?phone=905325550143&text=Merhaba"
    arrival = arrived(ec="conversion", ea="whatsapp", el=link, meta={"intent_stamp": "s", "position": "float"})
    assert arrival.signal.tap == Tap("whatsapp", "wa:+905325550143", "s", "float")
    assert decode_payload(arrival.payload).el == link


def test_the_sites_own_whatsapp_hosts_are_whatsapp():
    assert signal_of(ea="click", el="https://git.antika.example/wa").tap == Tap("whatsapp", "wa:git.antika.example/wa")


def test_an_id_is_the_event_and_a_malformed_one_is_absent():
    assert arrived().event_ids == [ids.event_id(EVENT)]
    found = read(id="not-a-uuid")
    assert isinstance(found, Reading)
    assert len(found.arrival.event_ids) == 3
    assert found.notes == ("id_malformed",)
    assert decode_payload(found.arrival.payload).id is None


def test_the_same_signal_sent_again_is_the_same_but_for_nothing():
    first, again = arrived(ts=NOW - 9, st=NOW, id=None), arrived(ts=NOW - 9, st=NOW + 5_000, id=None)
    assert first.payload == again.payload
    assert first.payload_hash == again.payload_hash
    assert first.event_ids == again.event_ids
    assert arrived(ts=NOW - 9).payload_hash != arrived(ts=NOW - 8).payload_hash


def test_the_time_is_corrected_by_the_difference_of_the_browsers_own_clock():
    assert signal_of(ts=5_000, sent_at=12_000).at == NOW - 7_000
    assert signal_of(ts=5_000, st=12_000).at == NOW - 7_000
    assert payload_of(ts=5_000, sent_at=12_000).ts == 5_000
    assert signal_of(ts=5_000, sent_at=12_000).sent_at == 12_000


@pytest.mark.parametrize(
    ("fp", "weak"),
    [("fp_abc-DEF_0123456789abc", False), ("1a2b3c", True), ("zzzzzzz", True), ("12345678", False), ("", False), ("fp_1", False)],
)
def test_a_short_hash_is_a_weak_fingerprint(fp: str, weak: bool):
    signal = signal_of(meta={"fp": fp})
    assert (signal.fingerprint, signal.weak) == (fp, weak)


@pytest.mark.parametrize(
    "signal",
    [
        {"meta": {"internal": 1}},
        {"meta": {"internal": True}},
        {"meta": {"internal": "1"}},
        {"u": "https://antika.example/?opsmantik=internal"},
        {"u": "https://deneme.antika.example/"},
        {"u": "https://x.deneme.antika.example/"},
        {"address": "10.1.2.3"},
    ],
)
def test_the_agencys_own_visits_are_internal(signal: dict[str, Any]):
    assert signal_of(**signal).internal


@pytest.mark.parametrize(
    "signal", [{}, {"meta": {"internal": 0}}, {"meta": {"internal": "no"}}, {"address": "11.1.2.3"}, {"address": "nonsense"}]
)
def test_a_visitors_are_not(signal: dict[str, Any]):
    assert not signal_of(**signal).internal


def test_a_google_referrer_fires_its_rule_and_a_google_mail_does_not():
    assert signal_of(ec="system", r="https://www.google.com.tr/").fired == Rule.GOOGLE_REFERRER
    assert signal_of(ec="system", r="https://mail.google.com/").fired == 0
    assert signal_of(ec="system", r="https://evil.example/?google.com").fired == 0


def test_an_old_trackers_scroll_label_counts():
    signal = signal_of(ea="scroll_depth", el="90%")
    assert signal.fired == Rule.INTERACTION | Rule.SCROLL_50 | Rule.SCROLL_90
    assert signal.scroll_pct == 90


def test_heartbeats_carry_counts_that_are_believed_within_reason():
    signal = signal_of(ec="system", ea="heartbeat", meta={"scroll_pct": "75%", "active_sec": 1e9, "cta_hovers": 3})
    assert (signal.scroll_pct, signal.active_sec) == (75, 86_400)
    assert signal.fired == Rule.SCROLL_50 | Rule.HOVER_INTENT
    assert signal_of(meta={"active_sec": -5, "scroll_pct": "x"}).active_sec == 0


def test_a_robot_is_kept_and_named():
    signal = signal_of(user_agent="")
    assert (signal.device, signal.bot_reason) == ("bot", "no user agent")


def test_consent_and_place_are_read():
    signal = signal_of(
        meta={"consent": {"ad_user_data": "denied", "ad_storage": "granted"}, "city": "Bursa", "district": "Nilüfer"}
    )
    assert (signal.consent, signal.city, signal.district) == ("ad_storage=granted,ad_user_data=denied", "Bursa", "Nilüfer")
    assert signal_of(meta={"consent": "granted"}).consent == "granted"


def test_texts_are_cut_and_hold_no_nul():
    payload = payload_of(
        ec="c" * 99,
        ea="a" * 99,
        el="l\0" * 999,
        r="https://a.example/" + "r" * 3_000,
        sm="2026-11-01" + "x" * 99,
        meta={"fp": "\0" + "f" * 999},
    )
    assert (
        len(payload.ec or ""),
        len(payload.ea or ""),
        len(payload.r or ""),
        len(payload.meta["fp"] if payload.meta else ""),
    ) == (64, 64, 2_048, 128)
    assert payload.el == "l" * 512


def test_a_long_address_is_cut_and_says_so():
    found = read(u="https://antika.example/?x=" + "y" * 3_000 + "&gclid=CLICK")
    assert isinstance(found, Reading)
    assert found.notes == ("u_cut",)
    assert decode_payload(found.arrival.payload).meta == {"u_cut": 1}
    assert found.arrival.signal.click == Click("gclid", "CLICK", in_url=True)


@pytest.mark.parametrize(("el", "label"), [(50, "50"), (1.5, "1.5"), (True, "true"), ("", None), (None, None), ("50%", "50%")])
def test_a_label_of_another_type_is_kept_as_text(el: object, label: str | None):
    assert payload_of(el=el).el == label


def test_a_changed_site_is_read_by_its_new_rules():
    changed = msgspec.structs.replace(SITE, internal_addresses=["78.190.12.0/24"])
    wire = decode(msgspec.json.encode({"u": "https://antika.example/"}))
    for site, internal in [(SITE, False), (changed, True), (SITE, False)]:
        found = read_signal(wire, site, Context(NOW, None, PHONE, "78.190.12.7"))
        assert isinstance(found, Reading)
        assert found.arrival.signal.internal is internal


def test_a_sites_stored_mistakes_do_not_stop_it():
    broken = msgspec.structs.replace(
        SITE,
        id=8,
        internal_addresses=["x"],
        default_region="??",
        settings={"keep_params": 5, "wa_hosts": [1]},
        staging_domains=["...", ""],
    )
    found = read_signal(
        decode(b'{"u":"https://antika.example/","ea":"phone_call","el":"tel:0532"}'), broken, Context(NOW, None, PHONE, "")
    )
    assert isinstance(found, Reading)
