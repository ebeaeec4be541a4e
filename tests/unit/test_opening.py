"""Opening hours, by the site's own clocks."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from opsmantik_box.domain.days import moment
from opsmantik_box.domain.opening import (
    DAY_MS,
    DEFAULT,
    answer_by,
    answer_target,
    hours_of,
    next_opening,
    open_at_or_after,
    read_hours,
    told_hours,
    waited,
)
from opsmantik_box.errors import UsageError

ISTANBUL, BERLIN = "Europe/Istanbul", "Europe/Berlin"
DEFAULT_HOURS = read_hours(None, ISTANBUL)
ALWAYS = read_hours({"mon-sun": "00:00-24:00"}, BERLIN)
MINUTE = 60_000


def at(text: str, zone: str = ISTANBUL) -> int:
    """'2026-11-20 14:30' there, in milliseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-20 14:30", "2026-11-20 14:30"),  # a Friday
        ("2026-11-20 09:00", "2026-11-20 09:00"),
        ("2026-11-20 08:59", "2026-11-20 09:00"),
        ("2026-11-20 19:00", "2026-11-21 09:00"),
        ("2026-11-21 19:00", "2026-11-23 09:00"),
        ("2026-11-22 12:00", "2026-11-23 09:00"),
    ],
)
def test_a_site_that_says_nothing_is_open_from_nine_to_seven_but_not_on_sundays(now: str, opens: str):
    assert open_at_or_after(DEFAULT_HOURS, at(now)) == at(opens)
    assert hours_of({}, ISTANBUL) == DEFAULT_HOURS == read_hours(DEFAULT, ISTANBUL)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-20 14:30", "2026-11-21 09:00"),
        ("2026-11-20 08:59", "2026-11-20 09:00"),
        ("2026-11-21 09:00", "2026-11-23 09:00"),
    ],
)
def test_the_next_opening_is_a_later_one_also_while_it_is_open(now: str, opens: str):
    assert next_opening(DEFAULT_HOURS, at(now)) == at(opens)


def test_a_break_ends_with_an_opening_and_a_site_that_never_closes_opens_a_day_later():
    hours = read_hours({"mon-fri": "10:00-13:00, 14:00-18:00"}, ISTANBUL)
    assert next_opening(hours, at("2026-11-20 12:00")) == at("2026-11-20 14:00")
    assert next_opening(hours, at("2026-11-20 15:00")) == at("2026-11-23 10:00")
    assert next_opening(ALWAYS, at("2026-11-20 15:00")) == at("2026-11-20 15:00") + DAY_MS


def test_a_night_is_written_on_both_days():
    hours = read_hours({"fri": "18:00-24:00", "sat": "00:00-02:00"}, ISTANBUL)
    assert waited(hours, at("2026-11-20 23:00"), at("2026-11-21 12:00")) == 180 * MINUTE
    assert next_opening(hours, at("2026-11-20 23:00")) == at("2026-11-27 18:00")


def test_waiting_counts_only_while_the_site_is_open():
    assert waited(DEFAULT_HOURS, at("2026-11-21 03:00"), at("2026-11-21 09:04")) == 4 * MINUTE
    assert waited(DEFAULT_HOURS, at("2026-11-21 18:58"), at("2026-11-23 09:03")) == 5 * MINUTE
    assert answer_by(DEFAULT_HOURS, at("2026-11-21 18:58"), 5 * MINUTE) == at("2026-11-23 09:03")
    assert answer_by(DEFAULT_HOURS, at("2026-11-21 18:58"), 2 * MINUTE) == at("2026-11-21 19:00")
    assert answer_by(DEFAULT_HOURS, at("2026-11-20 14:30"), 5 * MINUTE) == at("2026-11-20 14:35")


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-22", 24)])
def test_a_day_that_is_always_open_is_as_long_as_it_is(day: str, hours: int):
    start, end = moment(day, 0, BERLIN), moment(day, 1440, BERLIN)
    assert waited(ALWAYS, start, end) == end - start == hours * 60 * MINUTE
    assert moment(day, 9 * 60, BERLIN) == at(f"{day} 09:00", BERLIN) == end - 15 * 60 * MINUTE


def test_a_break_inside_the_hour_that_clocks_skip_opens_nothing_twice():
    hours = read_hours({"sun": "00:00-02:30, 03:00-04:00"}, BERLIN)
    assert waited(hours, at("2026-03-29 00:00", BERLIN), at("2026-03-29 12:00", BERLIN)) == 180 * MINUTE


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ({}, "days and times"), ([], "days and times"), ("09:00-19:00", "days and times"), ({"mon": 9}, "days and times"),
        ({"monday": "09:00-19:00"}, "monday"), ({"sat-mon": "09:00-19:00"}, "sat-mon"), ({"mon": "9-19"}, "9-19"),
        ({"mon": "19:00-09:00"}, "order"), ({"mon": "09:00-14:00, 13:00-19:00"}, "order"), ({"mon": "09:00-09:00"}, "order"),
        ({"mon": "09:00-24:01"}, "24:01"), ({"mon": "09:00-19:60"}, "19:60"), ({"mon": ""}, "no day is open"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_setting_is_named_and_does_not_stop_the_queue(setting: object, problem: str):
    with pytest.raises(UsageError, match=problem):
        read_hours(setting, ISTANBUL)
    assert hours_of({"opening_hours": setting}, ISTANBUL) == DEFAULT_HOURS
    assert told_hours({"opening_hours": setting}) == DEFAULT


def test_hours_are_told_as_they_were_written():
    assert told_hours({}) == {"mon-sat": "09:00-19:00"}
    assert told_hours({"opening_hours": {"sun": "10:00-11:00"}}) == {"sun": "10:00-11:00"}


@pytest.mark.parametrize(("stored", "ms"), [(None, 300_000), (10, 600_000), (0.5, 30_000), (0, 300_000), (-1, 300_000), (True, 300_000),
                                            ("7", 300_000), (1e9, 300_000)])  # fmt: skip
def test_somebody_is_answered_within_five_minutes_unless_the_site_says_otherwise(stored: object, ms: int):
    assert answer_target({} if stored is None else {"answer_target": stored}) == ms
