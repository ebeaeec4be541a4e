"""Which month a session goes into."""

from datetime import UTC, datetime

import pytest

from opsmantik_box.domain import months


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


NOVEMBER_20 = at("2026-11-20T12:00")


@pytest.mark.parametrize(
    ("sm", "month"),
    [
        ("2026-11-01", "2026-11"),
        ("2026-11", "2026-11"),
        (None, ""),
        ("", ""),
        ("2026-13-01", ""),
        ("2026-00-01", ""),
        ("26-11-01", ""),
        ("2026-11-01T00", ""),
        ("2026-1-01", ""),
        ("x", ""),
        ("٢٠٢٦-11-01", ""),
        ("0000-01-01", ""),
        ("9999-12-01", ""),
        ("2026-11-01\n", ""),
    ],
)
def test_a_hint_is_a_month_or_nothing(sm: str | None, month: str):
    assert months.read_hint(sm) == month


def choose(
    hint: str,
    when: str = "2026-11-20T12:00",
    received: str = "2026-11-20T12:00",
    closed: tuple[str, ...] = (),
    oldest: str = "2026-10",
):
    return months.choose_month(hint, at(when), at(received), closed, oldest)


def test_a_hint_of_this_or_the_previous_month_is_believed():
    assert choose("2026-11") == "2026-11"
    assert choose("2026-10") == "2026-10"


def test_a_hint_of_another_month_gives_way_to_the_event_time():
    assert choose("2026-09") == "2026-11"
    assert choose("2026-12") == "2026-11"
    assert choose("", when="2026-10-31T23:00") == "2026-10"


def test_at_the_edges_a_clock_may_be_two_days_off():
    assert choose("2026-12", received="2026-11-29T01:00", when="2026-11-29T01:00") == "2026-12"
    assert choose("2026-12", received="2026-11-28T23:00", when="2026-11-28T23:00") == "2026-11"
    assert choose("2026-10", received="2026-12-02T23:00", when="2026-12-02T23:00") == "2026-10"
    assert choose("2026-10", received="2026-12-03T01:00", when="2026-12-03T01:00") == "2026-12"


def test_a_future_never_reaches_beyond_the_next_month():
    assert choose("", when="2031-01-01T00:00") == "2026-12"


def test_a_closed_month_gives_way_to_the_oldest_open_one():
    assert choose("2026-10", closed=("2026-10",), oldest="2026-11") == "2026-11"


def test_a_month_closes_two_days_after_its_end_and_is_made_on_the_25th():
    assert months.closes_at("2026-11") == at("2027-01-03T00:00")
    assert months.make_ahead_at("2026-11") == at("2026-11-25T03:00")


def test_the_year_turns():
    assert months.next_month("2026-12") == "2027-01"
    assert months.previous_month("2027-01") == "2026-12"
    assert months.month_of(months.month_start("2027-01") - 1) == "2026-12"


def test_partitions_are_named_after_their_month():
    assert months.partition_names("2026-11") == ("sessions_2026_11", "events_2026_11")


def test_a_range_names_every_month_it_touches():
    assert months.months_of_range(at("2026-11-30T23:00"), at("2027-01-01T00:00")) == ["2026-11", "2026-12"]
    assert months.months_of_range(NOVEMBER_20, NOVEMBER_20) == []
    assert months.months_of_range(NOVEMBER_20, NOVEMBER_20 + 1) == ["2026-11"]


@pytest.mark.parametrize("when", [-(10**18), -1, 0, 10**14, 10**18, 2**63])
def test_every_time_has_a_month(when: int):
    assert months.FIRST <= months.month_of(when) <= months.LAST
