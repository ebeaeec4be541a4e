"""What each exchange's requests tell, read from samples of them (tests/data/telephony)."""

import re
from typing import get_args
from urllib.parse import urlencode

import pytest

from opsmantik_box.adapters.telephony.fields import MAX_AHEAD_MS, read_time, read_update
from opsmantik_box.adapters.telephony.refused import EventRefused
from opsmantik_box.adapters.telephony.tables import PROVIDERS, Told, load_map
from opsmantik_box.domain.calls import CallState, CallUpdate, merge_call
from tests.harness import ROOT

SAMPLES = ROOT / "tests" / "data" / "telephony"
START = 1_795_176_000_000  # 2026-11-20 12:00:00 UTC, 15:00:00 in Istanbul
NOW = START + 600_000
CALLER = "+905321234567"
LINE = "+902123205062"


def provider_of(name: str) -> str:
    return name.partition("_")[0]


def read(name: str, now: int = NOW) -> CallUpdate | None:
    return read_update(provider_of(name), (SAMPLES / name).read_bytes(), "TR", now)


def told(name: str) -> CallUpdate:
    found = read(name)
    assert found is not None
    return found


def call_of(*names: str) -> CallState:
    call: CallState | None = None
    for name in names:
        call = merge_call(call, told(name))
    assert call is not None
    return call


def seconds(at: int | None) -> float | None:
    """Since the first ring."""
    return None if at is None else (at - START) / 1000


# --- one event --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "state", "at", "direction", "number", "called", "answered", "ended", "duration"),
    [
        ("verimor_ringing.form", "ringing", 0, "inbound", CALLER, "", None, None, None),
        ("verimor_answer.form", "answered", 0, "inbound", CALLER, "", 8, None, None),
        ("verimor_hangup.form", "ended", 0, "inbound", CALLER, LINE, 8, 73, 65),
        ("verimor_missed.form", "missed", 0, "inbound", CALLER, LINE, None, 40, None),
        ("verimor_outbound.form", "missed", 0, "outbound", CALLER, "", None, 25, None),
        ("netgsm_inbound.json", "ringing", 0.926, "inbound", CALLER, "+908503041234", None, None, None),
        ("netgsm_inbound_call.json", "ringing", 1.926, "inbound", CALLER, "", None, None, None),
        ("netgsm_answer.json", "answered", 9.926, "", CALLER, "", 9.926, None, None),
        ("netgsm_hangup.json", "ended", 74.926, "", CALLER, "", None, 74.926, 65),
        ("netgsm_hangup_missed.json", "missed", 30.926, "", CALLER, "", None, 30.926, None),
        ("netgsm_cdr.json", "ended", 0, "inbound", CALLER, "+903129110000", None, None, 73),
        ("netgsm_cdr_missed.json", "missed", 0, "inbound", CALLER, "+903129110000", None, None, None),
        ("netgsm_outbound.json", "ringing", 0.926, "outbound", CALLER, "", None, None, None),
        ("bulutfon_init.json", "ringing", 0.086, "inbound", CALLER, "+908508850000", None, None, None),
        ("bulutfon_extension.json", "ringing", 4.086, "inbound", CALLER, "+908508850000", None, None, None),
        ("bulutfon_hangup.json", "ended", 74.086, "inbound", CALLER, "+908508850000", None, 74.086, 65),
        ("bulutfon_hangup_menu.json", "missed", 30.086, "inbound", CALLER, "+908508850000", None, 30.086, None),
        ("bulutfon_missing.json", "missed", 30.086, "inbound", CALLER, "+908508850000", None, 30.086, None),
        ("bulutfon_hangup_old.json", "ended", 0, "inbound", CALLER, "+908508850000", 9, 74, None),
        ("bulutfon_hangup_old.form", "ended", 0, "inbound", CALLER, "+908508850000", 9, 74, None),
        ("bulutfon_outbound.json", "ringing", 0.086, "outbound", "+4915112345678", "", None, None, None),
        ("twilio_ringing.form", "ringing", 0, "inbound", CALLER, LINE, None, None, None),
        ("twilio_in_progress.form", "answered", 9, "inbound", CALLER, LINE, 9, None, None),
        ("twilio_completed.form", "ended", 74, "inbound", CALLER, LINE, None, 74, 65),
        ("twilio_no_answer.form", "missed", 30, "inbound", CALLER, LINE, None, 30, None),
        ("twilio_anonymous.form", "ringing", 0, "inbound", "", LINE, None, None, None),
        ("twilio_outbound.form", "missed", 12, "outbound", CALLER, "", None, 12, None),
        ("telnyx_initiated.json", "ringing", 0.521, "inbound", CALLER, LINE, None, None, None),
        ("telnyx_answered.json", "answered", 0.521, "", "", "", 9.521, None, None),
        ("telnyx_hangup.json", "missed", 0.521, "", "", "", None, 74.521, None),
        ("telnyx_outgoing.json", "ringing", 0.521, "outbound", CALLER, "", None, None, None),
        ("generic_ended.json", "ended", 0, "inbound", CALLER, LINE, 9, 74, 65),
        ("generic_ringing.form", "ringing", 600, "", CALLER, LINE, None, None, None),
    ],
)  # fmt: skip
def test_an_event_is_read(name, state, at, direction, number, called, answered, ended, duration):
    update = told(name)
    assert (update.provider, bool(update.provider_call_id)) == (provider_of(name), True)
    assert (update.state, seconds(update.at), update.direction) == (state, at, direction)
    assert (update.number_e164, update.called_number) == (number, called)
    assert (seconds(update.answered_at), seconds(update.ended_at), update.duration_sec) == (answered, ended, duration)


@pytest.mark.parametrize(
    "name",
    [
        "verimor_test.form", "verimor_test_braces.form", "verimor_internal.form", "netgsm_queue.json", "netgsm_dtmf.json",
        "bulutfon_fax.json", "twilio_dial_leg.form", "telnyx_recording.json",
    ],
)  # fmt: skip
def test_an_empty_test_a_step_inside_a_call_and_a_call_between_extensions_tell_nothing(name):
    assert read(name) is None


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_empty_request_tells_nothing(provider: str):
    for body in (b"", b" \r\n", b"{}"):
        assert read_update(provider, body, "TR", NOW) is None


def test_the_number_is_kept_as_it_was_sent_too():
    assert told("generic_ended.json").number == "0532 123 45 67"
    assert told("bulutfon_init.json").number == "905321234567"
    withheld = read_update("verimor", b"event_type=ringing&direction=inbound&call_uuid=1&caller_id_number=anonymous", "TR", NOW)
    assert withheld
    assert (withheld.number, withheld.number_e164) == ("anonymous", "")


def test_a_withheld_number_is_empty_though_it_looks_like_one():
    assert b"From=%2B266696687" in (SAMPLES / "twilio_anonymous.form").read_bytes()
    assert told("twilio_anonymous.form").number == ""


@pytest.mark.parametrize("text", ["0850 DESTEK 1", "client:ayse", "1001", "8503041234-queue-Destek", "9" * 80, "+" * 9])
def test_what_spells_no_number_is_not_read_as_one(text: str):
    update = read_update(
        "generic", urlencode({"call_id": 1, "state": "ringing", "number": text, "called_number": text}).encode(), "TR", NOW
    )
    assert update
    assert (update.number, update.number_e164, update.called_number) == (text[:64], "", "")


def test_a_number_without_a_country_is_the_sites_own():
    body = b"state=ringing&call_id=1&number=030+901820"
    german = read_update("generic", body, "DE", NOW)
    assert german
    assert german.number_e164 == "+4930901820"


# --- the events of one call -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "state", "at", "number", "called", "answered", "ended", "duration"),
    [
        (("verimor_ringing.form", "verimor_answer.form", "verimor_hangup.form"), "ended", 0, CALLER, LINE, 8, 73, 65),
        (("verimor_ringing.form", "verimor_missed.form"), "missed", 0, CALLER, LINE, None, 40, None),
        (("netgsm_inbound.json", "netgsm_inbound_call.json", "netgsm_answer.json", "netgsm_hangup.json", "netgsm_cdr.json"),
         "ended", 0, CALLER, "+903129110000", 9.926, 74.926, 65),
        (("netgsm_inbound.json", "netgsm_hangup_missed.json", "netgsm_cdr_missed.json"),
         "missed", 0, CALLER, "+903129110000", None, 30.926, None),
        (("bulutfon_init.json", "bulutfon_extension.json", "bulutfon_hangup.json"),
         "ended", 0.086, CALLER, "+908508850000", None, 74.086, 65),
        (("bulutfon_init.json", "bulutfon_missing.json", "bulutfon_hangup_menu.json"),
         "missed", 0.086, CALLER, "+908508850000", None, 30.086, None),
        (("twilio_ringing.form", "twilio_in_progress.form", "twilio_completed.form"), "ended", 0, CALLER, LINE, 9, 74, 65),
        (("twilio_ringing.form", "twilio_no_answer.form"), "missed", 0, CALLER, LINE, None, 30, None),
        (("telnyx_initiated.json", "telnyx_answered.json", "telnyx_hangup.json"), "ended", 0.521, CALLER, LINE, 9.521, 74.521, 65),
        (("telnyx_initiated.json", "telnyx_hangup.json"), "missed", 0.521, CALLER, LINE, None, 74.521, None),
    ],
)  # fmt: skip
def test_the_events_of_a_call_make_one_call_in_either_order(names, state, at, number, called, answered, ended, duration):
    call = call_of(*names)
    assert (call.state, seconds(call.at), call.direction, call.number, call.called_number) == (state, at, "inbound", number, called)
    assert (seconds(call.answered_at), seconds(call.ended_at), call.duration_sec) == (answered, ended, duration)
    assert call_of(*reversed(names)) == call
    assert call_of(*names, *names) == call


# --- times, durations -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unit", "at"),
    [
        ("1795176000", "s", START),
        ("1795176000123", "ms", START + 123),
        ("1795176000123999", "us", START + 123),
        ("2026-11-20 15:00:00", "ms", START),
        ("2026-11-20T15:00", "ms", START),
        ("2026-11-20 15:00", "ms", START),
        ("2026-11-20 15:00:00 +0300", "ms", START),
        ("2026-11-20 15:00:00  0300", "ms", START),
        ("2026-11-20 14:00:00 +02:00", "ms", START),
        ("2026-11-20 07:00:00 -0500", "ms", START),
        ("2026-11-20T12:00:00Z", "ms", START),
        ("2026-11-20T12:00:00.123456Z", "ms", START + 123),
        ("Fri, 20 Nov 2026 12:00:00 +0000", "ms", START),
        ("Fri, 20 Nov 2026 15:00:00 +0300", "ms", START),
        ("", "ms", None),
        ("yarın", "ms", None),
        ("2026-13-40 00:00:00", "ms", None),
        ("0000-00-00 00:00:00", "ms", None),
        ("-5", "ms", None),
        ("9" * 19, "ms", None),
        ("0001-01-01T00:00:00+23:59", "ms", -62_135_683_140_000),
        ("٣", "ms", None),
    ],
)
def test_a_time_is_read_however_it_is_written(text: str, unit: str, at: int | None):
    assert read_time(text, unit, "Europe/Istanbul") == at


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (NOW, NOW),
        (NOW + MAX_AHEAD_MS, NOW + MAX_AHEAD_MS),
        (NOW + MAX_AHEAD_MS + 1, NOW),
        (NOW - 30 * 86_400_000, NOW - 30 * 86_400_000),
        (NOW - 30 * 86_400_000 - 1, NOW),
        (0, NOW),
        (NOW * 1000, NOW),
        (NOW // 1000, NOW),
    ],
)
def test_a_time_that_no_clock_should_show_is_the_time_of_receipt(sent: int, kept: int):
    update = read_update("generic", f"call_id=1&state=ringing&at={sent}".encode(), "TR", NOW)
    assert update
    assert update.at == kept


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("65", 65), ("01:05", 65), ("00:01:05", 65), ("0", 0),
        ("", None), ("1:2:3:4", None), ("x", None), ("-1", None), ("6.5", None),
    ],
)  # fmt: skip
def test_a_duration_is_seconds_or_a_clock(text: str, duration: int | None):
    body = f"event_type=hangup&answered=true&direction=inbound&call_uuid=1&duration={text}".encode()
    update = read_update("verimor", body, "TR", NOW)
    assert update
    assert update.duration_sec == duration


def test_a_menu_that_takes_every_call_answers_none():
    """Verimor writes a time of answering as soon as the queue takes the call, Bulutfon counts its menus as talking."""
    assert b"answer_stamp=2026" in (SAMPLES / "verimor_missed.form").read_bytes()
    assert b'"talk_duration": 26' in (SAMPLES / "bulutfon_hangup_menu.json").read_bytes()
    assert (told("verimor_missed.form").state, told("bulutfon_hangup_menu.json").state) == ("missed", "missed")


def test_without_a_word_of_its_own_a_time_of_answering_or_talking_says_that_a_call_was_answered():
    bare = "event_type=hangup&direction=inbound&call_uuid=1"
    states = [
        read_update("verimor", f"{bare}{more}".encode(), "TR", NOW)
        for more in ("", "&duration=0", "&duration=3", "&answer_stamp=2026-11-20 15:00:08")
    ]
    assert [update.state for update in states if update] == ["missed", "missed", "ended", "ended"]


# --- what cannot be read ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "body", "reason"),
    [
        ("netgsm", b"scenario=Answer", "body_not_json"),
        ("netgsm", b"[1]", "body_not_json"),
        ("netgsm", b'"x"', "body_not_json"),
        ("netgsm", b'{"a":NaN}', "body_not_json"),
        ("netgsm", b"\xff{}", "body_not_json"),
        ("telnyx", b'{"a":' * 30_000, "body_not_json"),
        ("bulutfon", b"{", "body_not_json"),
        ("verimor", b"\xff=1", "body_not_form"),
        ("verimor", b'--x\r\nContent-Disposition: form-data; name="event_type"\r\n\r\nringing\r\n--x--', "body_not_form"),
        ("verimor", b"a=1&" * 300, "body_not_form"),
        ("verimor", b"event_type=ringing&direction=inbound", "call_id_missing"),
        ("netgsm", b'{"scenario":"Answer","unique_id":"","asteriskId":null,"kimlik":{}}', "call_id_missing"),
        ("netgsm", b'{"scenario":"Answer","unique_id":"' + b"x" * 201 + b'"}', "call_id_too_long"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(provider: str, body: bytes, reason: str):
    with pytest.raises(EventRefused) as refused:
        read_update(provider, body, "TR", NOW)
    assert (refused.value.reason, refused.value.status) == (reason, 400)


# --- the tables -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_table_is_sound(provider: str):
    table = load_map(provider)
    for words in (table.state, table.direction, table.outcome):
        assert all(word == word.lower() for word in words.words)
        assert bool(words.fields) == bool(words.words)
    assert set(table.state.words.values()) <= set(get_args(Told))
    assert read_time("2026-11-20 15:00:00", table.times.unit, table.times.zone) in (START, START + 3 * 3_600_000)


def test_every_table_lies_in_the_package_and_has_samples():
    package = ROOT / "opsmantik_box" / "adapters" / "telephony"
    assert {path.stem for path in package.glob("*.toml")} == set(PROVIDERS)
    assert {provider_of(path.name) for path in SAMPLES.iterdir()} == set(PROVIDERS)


def test_the_manual_says_how_to_connect_every_exchange():
    manual = (ROOT / "docs" / "telephony.md").read_text()
    for provider in PROVIDERS:
        assert re.search(rf"`{provider}`", manual)
