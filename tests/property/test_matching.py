"""A match is the same in any order, and honest about what it does not know."""

import random

from hypothesis import given
from hypothesis import strategies as st

from opsmantik_box.domain.matching import DOUBT_MS, TOLERANCE_MS, WINDOW_MS, Call, Candidate, is_near, match, rang_at, rate

NOON = 1_763_712_000_000
around = st.integers(-2 * WINDOW_MS, 2 * WINDOW_MS) | st.integers(-3, 3) | st.sampled_from([-WINDOW_MS, TOLERANCE_MS, WINDOW_MS])
calls = st.builds(
    Call,
    around.map(lambda gap: NOON + gap),
    around.map(lambda gap: NOON + gap),
    st.sampled_from(["", "+902125550142"]),
    st.sampled_from(["", "fp_1"]),
)


def candidate(name: str, start: int, length: int, weak: bool, tap_id: int | None) -> Candidate:
    return Candidate(name, "2025-11", NOON + start, NOON + start + length, 60, {}, 1, tap_id, weak)


sessions = st.lists(
    st.builds(candidate, st.uuids().map(str), around, st.just(0) | st.integers(0, WINDOW_MS), st.booleans(), st.none()), max_size=6
)
taps = st.lists(
    st.builds(candidate, st.sampled_from("abc"), around, st.just(0), st.just(False), st.integers(1, 10**6)),
    max_size=6,
    unique_by=lambda tap: tap.tap_id,
)


@given(calls, sessions | taps, st.randoms(use_true_random=False))
def test_a_match_is_the_same_in_whatever_order_the_candidates_come(call: Call, found: list[Candidate], chance: random.Random):
    assert match(call, found) == match(call, chance.sample(found, len(found)))


@given(calls, sessions | taps)
def test_nothing_is_matched_that_began_later_or_ended_long_before_and_no_suspicious_call_is(call: Call, found: list[Candidate]):
    result = match(call, found)
    at = rang_at(call)
    if result.chosen:
        assert result.chosen.started_at <= at + TOLERANCE_MS
        assert result.chosen.last_event_at >= at - WINDOW_MS
        assert not result.suspicious
        assert result.how
    if result.suspicious:
        assert all(at + TOLERANCE_MS < one.started_at <= at + WINDOW_MS for one in result.candidates)
        assert not any(is_near(at, one) for one in found)
        assert call.fingerprint


@given(calls, sessions)
def test_no_newer_visit_that_could_have_been_is_passed_over(call: Call, found: list[Candidate]):
    chosen = match(call, found).chosen
    near = [one.started_at for one in found if is_near(rang_at(call), one)]
    if call.fingerprint:
        assert (chosen.started_at if chosen else None) == max(near, default=None)


@given(calls, taps)
def test_by_number_every_tap_in_time_is_recorded_and_one_visits_alone_is_matched(call: Call, found: list[Candidate]):
    result = match(call, found)
    if call.fingerprint or not call.called_number:
        return
    near = [tap for tap in found if is_near(rang_at(call), tap)]
    assert {tap.tap_id for tap in result.candidates} == {tap.tap_id for tap in near}
    assert (result.chosen is not None) == (len({tap.session_id for tap in near}) == 1)


@given(st.lists(st.integers(0, WINDOW_MS), max_size=200))
def test_likelihoods_are_no_more_than_all_together_and_the_nearer_is_never_less_likely(gaps: list[int]):
    rated = rate(NOON, [candidate(str(number), -gap, 0, False, number) for number, gap in enumerate(gaps)])
    assert sum(one.likelihood for one in rated) < 1
    nearest = sorted(rated, key=lambda one: -one.started_at)
    assert [one.likelihood for one in nearest] == sorted((one.likelihood for one in rated), reverse=True)


@given(st.lists(st.integers(0, WINDOW_MS), min_size=1, max_size=20), st.integers(0, WINDOW_MS))
def test_a_further_candidate_makes_no_other_likelier(gaps: list[int], more: int):
    before = {one.session_id: one.likelihood for one in rate(NOON, [candidate(str(g), -g, 0, False, g) for g in set(gaps)])}
    after = rate(NOON, [candidate(str(g), -g, 0, False, g) for g in {*gaps, more}])
    assert all(one.likelihood <= before.get(one.session_id, 1) for one in after)


@given(st.integers(0, DOUBT_MS - 30_000))
def test_a_lone_tap_is_likelier_than_not_for_a_quarter_of_an_hour(gap: int):
    assert rate(NOON, [candidate("s", -gap, 0, False, 1)])[0].likelihood >= 0.5
