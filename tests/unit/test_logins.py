"""Passwords: what one may be, and how often somebody may try."""

import pytest

from opsmantik_box.domain.logins import LONGEST, SHORTEST, TRIES_OF_ADDRESS, TRIES_OF_EMAIL, WINDOW_MS, Tries, read_password
from opsmantik_box.errors import UsageError

NOW = 100 * WINDOW_MS
ME = "op@antika.example"


def test_a_password_is_long_enough_and_of_whatever_characters():
    for text in ("a" * SHORTEST, "dort kelime yeter bana", "🔑" * LONGEST):
        assert read_password(text) == text
    for text in ("", "a" * (SHORTEST - 1), "a" * (LONGEST + 1)):
        with pytest.raises(UsageError) as refused:
            read_password(text)
        assert not text or text not in str(refused.value)


def test_a_letter_is_the_same_however_a_keyboard_composes_it():
    assert read_password("gu\u0308zel-parola") == read_password("g\u00fczel-parola")


def test_one_e_mail_address_is_tried_so_often_and_no_more_from_wherever():
    tries = Tries()
    assert all(tries.begin(ME, f"1.1.1.{number}", NOW) for number in range(TRIES_OF_EMAIL))
    assert not tries.begin(f" {ME.upper()} ", "9.9.9.9", NOW + WINDOW_MS - 1)
    assert tries.begin("other@antika.example", "9.9.9.9", NOW)
    assert tries.begin(ME, "9.9.9.9", NOW + WINDOW_MS)


def test_one_address_tries_so_often_whoever_it_says_it_is():
    tries = Tries()
    assert all(tries.begin(f"{number}@a.example", "1.1.1.1", NOW) for number in range(TRIES_OF_ADDRESS))
    assert not tries.begin(ME, "1.1.1.1", NOW)
    assert tries.begin(ME, "2.2.2.2", NOW)


def test_a_right_password_makes_up_for_the_wrong_ones_before_it_and_not_for_anothers():
    tries = Tries()
    assert all(tries.begin(f"{number}@a.example", "1.1.1.1", NOW) for number in range(TRIES_OF_ADDRESS - 1))
    for _ in range(3 * TRIES_OF_ADDRESS):
        assert tries.begin(ME, "1.1.1.1", NOW)
        tries.forgive(ME, "1.1.1.1")
    assert [tries.begin(f"{name}@a.example", "1.1.1.1", NOW) for name in "xy"] == [True, False]
