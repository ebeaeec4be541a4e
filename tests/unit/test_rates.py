"""Rate limits: who is asked to come later, and who never is."""

from opsmantik_box.domain.rates import RateLimits, Rates

MINUTE = 60_000
SID = b"s" * 16


def test_a_session_may_come_a_hundred_times_a_minute() -> None:
    rates = Rates(RateLimits())
    assert all(rates.admit(1, "a", SID, 1, False, 0).allowed for _ in range(100))
    refused = rates.admit(1, "a", SID, 1, False, 20_000)
    assert not refused.allowed
    assert refused.retry_after == 40


def test_the_next_minute_is_a_new_one() -> None:
    rates = Rates(RateLimits(session=1))
    assert rates.admit(1, "a", SID, 1, False, 0).allowed
    assert not rates.admit(1, "a", SID, 1, False, MINUTE - 1).allowed
    assert rates.admit(1, "a", SID, 1, False, MINUTE).allowed


def test_an_address_is_counted_over_all_its_sessions() -> None:
    rates = Rates(RateLimits(address=3))
    assert [rates.admit(1, "a", bytes([n]), 1, False, 0).allowed for n in range(4)] == [True, True, True, False]
    assert rates.admit(1, "b", SID, 1, False, 0).allowed
    assert rates.admit(2, "a", SID, 1, False, 0).allowed


def test_a_batch_is_one_request_but_as_many_signals() -> None:
    rates = Rates(RateLimits(signals=30))
    assert rates.admit(1, "a", SID, 20, False, 0).remaining == 99
    assert not rates.admit(1, "a", SID, 20, False, 0).allowed
    assert rates.admit(1, "a", SID, 10, False, 0).allowed


def test_a_conversion_passes_until_the_outer_bucket_is_empty() -> None:
    rates = Rates(RateLimits(session=1, address=3))
    assert rates.admit(1, "a", SID, 1, False, 0).allowed
    assert not rates.admit(1, "a", SID, 1, False, 0).allowed
    assert [rates.admit(1, "a", SID, 1, True, 0).allowed for _ in range(3)] == [True, True, False]


def test_a_refused_request_costs_nothing() -> None:
    rates = Rates(RateLimits(session=1, address=2))
    rates.admit(1, "a", SID, 1, False, 0)
    for _ in range(50):
        assert not rates.admit(1, "a", SID, 1, False, 0).allowed
    assert rates.admit(1, "a", b"other", 1, False, 0).allowed
