"""When a signal happened."""

import math

import pytest

from opsmantik_box.domain.time import MAX_DELAY_MS, corrected_time, whole_ms

NOW = 1_763_700_000_000


def test_a_wrong_clock_does_not_matter_only_its_differences_do():
    for wrong in (0, -3_600_000, 40 * 86_400_000):
        assert corrected_time(NOW, NOW + wrong, NOW + wrong - 7_000) == NOW - 7_000


def test_a_signal_kept_thirty_days_has_its_own_time_and_no_longer():
    assert corrected_time(NOW, NOW, NOW - MAX_DELAY_MS) == NOW - MAX_DELAY_MS
    assert corrected_time(NOW, NOW, NOW - MAX_DELAY_MS - 1) == NOW


@pytest.mark.parametrize(
    ("sent_at", "ts"),
    [
        (None, NOW - 5),
        (NOW, None),
        (None, None),
        (NOW, NOW + 1),
        (math.nan, NOW),
        (NOW, math.nan),
        (math.inf, math.inf),
        (math.inf, 0),
        (0, -1e300),
        (1e300, 0),
        (10**400, 0),
        (-5, 5),
    ],
)
def test_absent_or_absurd_times_give_the_time_of_receipt(sent_at: float | None, ts: float | None):
    assert corrected_time(NOW, sent_at, ts) == NOW


def test_fractions_of_a_millisecond_are_dropped():
    assert corrected_time(NOW, 1000.9, 0.2) == NOW - 1000


@pytest.mark.parametrize(
    ("raw", "kept"), [(None, None), (1.9, 1), (-1, -1), (math.nan, None), (math.inf, None), (1e300, None), (10**400, None)]
)
def test_a_raw_time_is_kept_when_a_clock_could_show_it(raw: float | None, kept: int | None):
    assert whole_ms(raw) == kept
