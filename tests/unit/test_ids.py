"""Identities that trackers send, and those the Box makes."""

import pytest

from opsmantik_box.domain import ids

EVENT = "8f8827ea-34c7-4cd3-845e-208eae8955b2"
SITE = "0b7f1f7e-6a1f-4c6e-9f3c-1f2e3d4c5b6a"


@pytest.mark.parametrize("text", [EVENT, EVENT.upper(), EVENT.replace("-", ""), EVENT.replace("-", "").upper()])
def test_an_event_id_is_the_same_in_every_spelling(text: str):
    assert ids.event_id(text) == bytes.fromhex(EVENT.replace("-", ""))


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        EVENT[:-1],
        EVENT + "0",
        EVENT.replace("8f", "zz"),
        " " * 32,
        "\t" * 4 + "ab" * 14,
        "8f8827ea34-c7-4cd3-845e-208eae8955b2",
        EVENT.replace("-", " "),
        "é" * 32,
        "{" + EVENT[1:-1] + "}",
        "٣" * 32,
    ],
)
def test_what_is_no_uuid_is_no_event_id(text: str | None):
    assert ids.event_id(text) is None


def test_a_site_id_has_one_spelling():
    assert ids.site_id_text(SITE.upper().replace("-", "")) == SITE
    assert ids.uuid_text(bytes.fromhex(SITE.replace("-", ""))) == SITE


@pytest.mark.parametrize("text", [None, "", "site", SITE.replace("4c6e", "1c6e"), SITE.replace("9f3c", "1f3c"), f" {SITE}"])
def test_a_site_id_is_a_uuid_of_version_4_and_nothing_else(text: str | None):
    assert ids.site_id_text(text) is None


def test_a_session_of_version_4_is_itself_on_every_site():
    assert ids.session_id(1, EVENT, "fp", b"a") == ids.session_id(2, EVENT.upper(), "", b"b") == ids.event_id(EVENT)


def test_another_text_gives_a_session_of_its_own_on_each_site():
    assert ids.session_id(1, "abc", "fp_1", b"a") == ids.session_id(1, "abc", "fp_2", b"b")
    assert ids.session_id(1, "abc", "", b"a") != ids.session_id(2, "abc", "", b"a")
    assert ids.session_id(1, 42, "", b"a") == ids.session_id(1, "42", "", b"a")


def test_without_a_sid_each_signal_is_a_session_of_its_own():
    assert ids.session_id(1, None, "fp", b"a") == ids.session_id(1, "", "fp", b"a")
    assert len({ids.session_id(1, None, fp, event) for fp in ("", "fp") for event in (b"a", b"b")}) == 4


def test_a_derived_session_never_passes_for_a_trackers_own():
    assert ids.site_id_text(ids.uuid_text(ids.session_id(1, "abc", "", b""))) is None


@pytest.mark.parametrize("later", [0, 1, 4_000, 10_000, 19_999])
def test_a_copy_within_twenty_seconds_meets_the_first_ones_id(later: int):
    first = ids.legacy_event_ids(1, b"s", b"body", 1_763_700_009_999)
    assert first[0] in ids.legacy_event_ids(1, b"s", b"body", 1_763_700_009_999 + later)


def test_a_copy_after_thirty_seconds_is_a_signal_of_its_own():
    first = ids.legacy_event_ids(1, b"s", b"body", 1_763_700_000_000)
    assert first[0] not in ids.legacy_event_ids(1, b"s", b"body", 1_763_700_030_000)


def test_another_site_session_or_body_is_another_signal():
    cases = [(1, b"s", b"body"), (2, b"s", b"body"), (1, b"t", b"body"), (1, b"s", b"bodz"), (1, b"sb", b"ody")]
    assert len({ids.legacy_event_ids(*case, 5_000_000)[0] for case in cases}) == len(cases)


def test_a_payload_is_told_from_another_by_eight_bytes():
    assert len(ids.payload_hash(b"a")) == 8
    assert ids.payload_hash(b"a") != ids.payload_hash(b"b")
