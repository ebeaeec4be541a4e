"""When jobs are due, also when the clock was wrong."""

from datetime import UTC, datetime

import pytest

from opsmantik_box.domain.schedules import DAY_MS, HOUR_MS, MINUTE_MS, RETRY_MS, after_failure, due_at, every, make_ahead

NOON = 1_793_880_000_000  # 2026-11-05 12:00 UTC


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-05T12:00", "2026-11-25T03:00"),
        ("2026-11-25T02:59", "2026-11-25T03:00"),
        ("2026-11-25T03:00", "2026-12-25T03:00"),
        ("2026-12-31T23:59", "2027-01-25T03:00"),
    ],
)
def test_next_month_is_made_on_the_25th_at_three(now, due):
    assert make_ahead(at(now)) == at(due)


def test_a_period_is_counted_from_its_offset():
    nightly = every(DAY_MS, HOUR_MS)
    assert nightly(at("2026-11-05T00:59")) == at("2026-11-05T01:00")
    assert nightly(at("2026-11-05T01:00")) == at("2026-11-06T01:00")


@pytest.mark.parametrize("jump", [-400 * DAY_MS, -1, 0, 1, 400 * DAY_MS])
def test_no_due_time_lies_further_ahead_than_the_next_one(jump):
    """Told before somebody set the clock: the job is not kept waiting for more than a period."""
    hourly = every(HOUR_MS)
    due = due_at(hourly(NOON), hourly, NOON + jump)
    assert due is not None
    assert due <= NOON + jump + HOUR_MS
    assert jump < 0 or due == hourly(NOON)


def test_a_job_without_a_schedule_waits_for_a_hand():
    assert due_at(None, None, NOON) is None
    assert due_at(None, every(HOUR_MS), NOON) == NOON + HOUR_MS


def test_a_failed_job_is_tried_again_soon_and_then_more_rarely():
    nightly = every(DAY_MS)
    waits = [after_failure(failures, nightly, NOON) - NOON for failures in (1, 2, 3, 4, 40)]
    assert waits == [*RETRY_MS, RETRY_MS[-1]]
    assert after_failure(9, every(5 * MINUTE_MS), NOON) == NOON + 5 * MINUTE_MS, "never later than its next time"
