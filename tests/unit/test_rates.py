"""Rate limits: who is asked to come later, and who never is."""

from collections.abc import Callable

from opsmantik_box.domain.rates import RateLimits, Rates
from opsmantik_box.engine.admission import Admission
from opsmantik_box.link.messages import Prove, Proven

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


# --- hooks ----------------------------------------------------------------------------------------------------------------------------


def proving(reason: str) -> Callable[[Prove, int], Proven]:
    return lambda asked, _: Proven(asked.rid, reason, 7)


def asked(hook_id: int = 1, address: str = "203.0.113.9") -> Prove:
    return Prove(5, hook_id, 0, {}, b"", address=address)


def test_a_hook_may_tell_six_hundred_events_a_minute() -> None:
    admission = Admission(RateLimits())
    told = [admission.prove(asked(address=f"203.0.113.{n % 250}"), proving(""), 0) for n in range(601)]
    assert [one.reason for one in told] == [""] * 600 + ["rate_limited"]
    assert (told[-1].site_id, told[-1].retry_after) == (7, 60)
    assert admission.prove(asked(hook_id=2), proving(""), 0).reason == ""
    assert admission.prove(asked(), proving(""), MINUTE).reason == ""


def test_nobody_uses_up_a_hooks_minute_without_a_proof() -> None:
    admission = Admission(RateLimits())
    for number in range(1_000):
        admission.prove(asked(address=f"2001:db8:{number:x}::1"), proving("signature_wrong"), 0)
    assert admission.prove(asked(), proving(""), 0).reason == ""


def test_guesses_are_counted_for_each_address_and_then_not_even_looked_at() -> None:
    admission = Admission(RateLimits())
    for _ in range(60):
        assert admission.prove(asked(hook_id=999), proving("secret_wrong"), 0).reason == "secret_wrong"

    def looked(_asked: Prove, _now: int) -> Proven:
        raise AssertionError

    refused = admission.prove(asked(), looked, 15_000)
    assert (refused.reason, refused.retry_after) == ("rate_limited", 45)
    assert admission.prove(asked(address="203.0.113.10"), proving(""), 15_000).reason == ""
    assert admission.prove(asked(), proving(""), MINUTE).reason == ""


def test_signed_calls_of_a_sites_server_have_their_own_limit() -> None:
    admission = Admission(RateLimits())
    assert {admission.prove(asked(hook_id=0), proving("secret_wrong"), 0).reason for _ in range(100)} == {"secret_wrong"}
    assert {admission.prove(asked(hook_id=0), proving(""), 0).reason for _ in range(1_000)} == {""}
