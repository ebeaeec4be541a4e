"""Days of a site, in its own zone."""

from itertools import pairwise

import pytest

from opsmantik_box.domain.days import HOUR_MS, day_bounds, day_of, days_of_range, hour_starts


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-11-20", "Europe/Istanbul", 24),
        ("2026-03-29", "Europe/Berlin", 23),
        ("2026-10-25", "Europe/Berlin", 25),
        ("2026-09-06", "America/Santiago", 23),
        ("2024-04-26", "Africa/Cairo", 23),
        ("2026-11-01", "America/New_York", 25),
        ("2026-11-20", "UTC", 24),
    ],
)
def test_a_day_has_the_hours_its_zone_gives_it(day: str, zone: str, hours: int):
    start, end = day_bounds(day, zone)
    assert end - start == hours * HOUR_MS
    assert hour_starts(day, zone) == [start + hour * HOUR_MS for hour in range(hours)]


@pytest.mark.parametrize(
    "zone", ["Europe/Istanbul", "America/Santiago", "Africa/Cairo", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
)
def test_days_follow_each_other_without_gap_or_overlap(zone: str):
    days = days_of_range("2023-12-20", "2024-12-31")
    for day, after in pairwise(days):
        start, end = day_bounds(day, zone)
        assert end == day_bounds(after, zone)[0]
        assert day_of(start, zone) == day == day_of(end - 1, zone)


def test_where_midnight_does_not_exist_the_day_begins_where_the_clocks_land():
    start, _ = day_bounds("2026-09-06", "America/Santiago")
    assert day_of(start - 1, "America/Santiago") == "2026-09-05"
    assert day_of(start, "America/Santiago") == "2026-09-06"


@pytest.mark.parametrize("day", ["", "2026-02-30", "20261120", "2026-W47-5", "1969-01-01", "9999-01-01", "yesterday"])
def test_what_is_no_day_is_refused(day: str):
    with pytest.raises(ValueError):
        day_bounds(day, "UTC")


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "Europe", "/etc/localtime", "a\0b"])
def test_what_is_no_zone_is_refused(zone: str):
    with pytest.raises(ValueError, match="time zone"):
        day_bounds("2026-11-20", zone)
