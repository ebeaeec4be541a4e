"""Which signals are contact attempts."""

from typing import Any

import pytest

from opsmantik_box.domain.intents import NEVER_BY_LABEL, read_tap
from opsmantik_box.domain.signals import Tap


def tap(action: str, label: str = "", **meta: Any) -> Tap | None:
    return read_tap(action, label, meta, "TR", ())


@pytest.mark.parametrize("action", ["phone_call", "phone_click", "call_click", "tel_click", "Phone_Call"])
def test_a_phone_action_is_a_phone_tap(action: str):
    assert tap(action, "tel:05325550143") == Tap("phone", "tel:+905325550143")


@pytest.mark.parametrize("action", ["whatsapp", "whatsapp_click", "wa_click"])
def test_a_whatsapp_action_is_a_whatsapp_tap(action: str):
    assert tap(action, "https://wa.me/905325550143") == Tap("whatsapp", "wa:+905325550143")


def test_a_tap_whose_target_cannot_be_read_is_still_a_tap():
    assert tap("phone_call", "Hemen ara") == Tap("phone", "tel:unknown")


def test_meta_names_the_action_before_ea_does():
    assert tap("click", "x", intent_action="whatsapp") == Tap("whatsapp", "wa:unknown")
    assert tap("whatsapp", "https://wa.me/905325550143", intent_action="phone_call") == Tap("phone", "tel:+905325550143")


def test_a_link_in_the_label_is_enough():
    assert tap("click", "tel:05325550143") == Tap("phone", "tel:+905325550143")
    assert tap("button", "https://wa.me/905325550143") == Tap("whatsapp", "wa:+905325550143")


@pytest.mark.parametrize("action", sorted(NEVER_BY_LABEL))
def test_looking_at_a_link_is_no_tap(action: str):
    assert tap(action, "tel:05325550143") is None
    assert tap("click", "tel:05325550143", intent_action=action) is None


def test_a_form_is_an_intent_of_its_own_and_an_attempt_is_none():
    assert tap("form_submit", "iletisim", intent_stamp="s") == Tap("form", "form:iletisim", "s")
    assert tap("form_attempt", "iletisim") is None


def test_stamp_and_position_ride_along():
    assert tap("phone_call", "tel:05325550143", intent_stamp="1-a", position="header") == Tap(
        "phone", "tel:+905325550143", "1-a", "header"
    )


def test_two_long_stamps_never_become_one():
    one, other = tap("whatsapp", intent_stamp="x" * 200 + "1"), tap("whatsapp", intent_stamp="x" * 200 + "2")
    assert one
    assert other
    assert one.stamp != other.stamp
    assert len(one.stamp) <= 128


@pytest.mark.parametrize("stamp", [None, True, [1], {"a": 1}, "", "  "])
def test_what_is_no_stamp_is_absent(stamp: object):
    found = tap("whatsapp", intent_stamp=stamp)
    assert found
    assert not found.stamp


def test_an_ordinary_signal_is_no_tap():
    assert tap("click", "Ana sayfa") is None
    assert tap("view", "") is None
