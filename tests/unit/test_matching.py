"""Which visit a call belongs to: the rule of the contract, case by case."""

import msgspec
import pytest

from opsmantik_box.domain.matching import (
    MOST_CANDIDATES,
    TOLERANCE_MS,
    WINDOW_MS,
    Call,
    Candidate,
    match,
    pick,
    search_span,
    target_of_call,
)
from opsmantik_box.domain.months import month_start
from opsmantik_box.domain.questions import months_to_ask
from opsmantik_box.errors import UsageError

NOON = 1_763_712_000_000
CALLED = "+902125550142"


def visit(name: str, start: int, end: int | None = None, *, month: str = "2025-11", weak: bool = False) -> Candidate:
    """From and to: milliseconds from the call on."""
    last = NOON + (start if end is None else end)
    return Candidate(name, month, NOON + start, last, 60, {"conversion": 50, "interaction": 10}, 1, weak=weak)


def tap(number: int, at: int, session: str = "") -> Candidate:
    return Candidate(session or f"s{number}", "2025-11", NOON + at, NOON + at, 60, {"conversion": 50}, 1, tap_id=number)


BY_FINGERPRINT = Call(NOON, NOON, fingerprint="fp_1")
BY_NUMBER = Call(NOON, NOON, CALLED)


def test_the_newest_visit_of_the_last_half_hour_is_the_one():
    found = match(BY_FINGERPRINT, [visit("new", -300_000), visit("old", -900_000, -1_000)])
    assert found.chosen is not None
    assert (found.how, found.chosen.session_id, found.chosen.likelihood) == ("fingerprint", "new", 1.0)
    assert (found.chosen.score, found.chosen.breakdown) == (60, {"conversion": 50, "interaction": 10})
    assert not found.suspicious


@pytest.mark.parametrize(
    ("start", "end", "matched"),
    [
        (-WINDOW_MS, -WINDOW_MS, True),
        (-WINDOW_MS - 1, -WINDOW_MS - 1, False),
        (-7_200_000, -WINDOW_MS, True),
        (-7_200_000, -WINDOW_MS - 1, False),
        (-60_000, 600_000, True),  # still on the page while phoning
        (TOLERANCE_MS, TOLERANCE_MS, True),
        (TOLERANCE_MS + 1, TOLERANCE_MS + 1, False),
    ],
)
def test_a_visit_counts_from_half_an_hour_after_its_end_to_two_minutes_before_its_beginning(start: int, end: int, matched: bool):
    assert (match(BY_FINGERPRINT, [visit("s", start, end)]).chosen is not None) == matched


def test_a_visit_that_begins_after_the_call_is_suspicious_and_not_matched():
    found = match(BY_FINGERPRINT, [visit("later", TOLERANCE_MS + 1)])
    assert (found.suspicious, found.chosen) == (True, None)
    assert [candidate.session_id for candidate in found.candidates] == ["later"]


def test_a_later_visit_takes_nothing_from_the_one_before_the_call():
    found = match(BY_FINGERPRINT, [visit("later", 600_000), visit("before", -60_000)])
    assert found.chosen is not None
    assert (found.chosen.session_id, found.suspicious) == ("before", False)


def test_a_visit_long_after_a_call_that_was_told_late_proves_nothing():
    assert not match(Call(NOON, NOON + 86_400_000, fingerprint="fp_1"), [visit("tomorrow", WINDOW_MS + 1)]).suspicious


def test_a_call_from_the_future_rang_when_it_was_told():
    early = Call(NOON + 86_400_000, NOON, fingerprint="fp_1")
    assert match(early, [visit("s", -60_000)]).chosen is not None


def test_a_weak_fingerprints_visit_is_matched_with_its_doubt_and_the_others_beside_it():
    found = match(BY_FINGERPRINT, [visit("a", -10_000, weak=True), visit("b", -20_000, weak=True)])
    assert found.chosen is not None
    assert found.chosen.session_id == "a"
    assert 0.4 < found.chosen.likelihood < 0.6
    assert {candidate.session_id for candidate in found.candidates} == {"a", "b"}


def test_a_lone_tap_on_the_called_number_is_the_one():
    found = match(BY_NUMBER, [tap(1, -7_000)])
    assert found.chosen is not None
    assert (found.how, found.chosen.tap_id, found.chosen.session_id) == ("number", 1, "s1")
    assert round(found.chosen.likelihood, 2) == 0.96


@pytest.mark.parametrize(("seconds", "percent"), [(0, 97), (7, 96), (48, 92), (870, 50), (1_800, 33)])
def test_a_lone_taps_likelihood_is_what_the_documents_say(seconds: int, percent: int):
    chosen = match(BY_NUMBER, [tap(1, -seconds * 1_000)]).chosen
    assert chosen is not None
    assert round(chosen.likelihood * 100) == percent


def test_a_tap_after_the_call_by_clocks_that_differ_is_the_less_likely_the_later_it_was():
    assert [one.tap_id for one in match(BY_NUMBER, [tap(1, 90_000), tap(2, 30_000), tap(3, -60_000)]).candidates] == [2, 3, 1]


def test_however_many_tapped_at_once_somebody_may_have_dialled_by_heart():
    assert sum(one.likelihood for one in match(BY_NUMBER, [tap(number, 0) for number in range(MOST_CANDIDATES)]).candidates) < 1


def test_several_visitors_taps_are_recorded_and_left_to_the_operator():
    found = match(BY_NUMBER, [tap(1, -600_000), tap(2, -7_000)])
    assert (found.chosen, found.how) == (None, "")
    assert [candidate.tap_id for candidate in found.candidates] == [2, 1]
    chosen = pick(found.candidates, "s1").chosen
    assert chosen is not None
    assert (chosen.tap_id, chosen.likelihood) == (1, 1.0)
    with pytest.raises(UsageError, match="none of the visits"):
        pick(found.candidates, "s3")


def test_none_of_them_can_be_picked_too():
    found = pick(match(BY_NUMBER, [tap(1, -600_000), tap(2, -7_000)]).candidates, None)
    assert (found.how, found.chosen, len(found.candidates)) == ("operator", None, 2)


def test_of_a_visits_taps_the_likeliest_stands_for_it():
    found = match(BY_NUMBER, [tap(1, -600_000, "s"), tap(2, -7_000, "s"), tap(3, -60_000, "other")])
    chosen = pick(found.candidates, "s").chosen
    assert chosen is not None
    assert chosen.tap_id == 2


def test_two_taps_of_one_visit_leave_nothing_to_pick():
    found = match(BY_NUMBER, [tap(1, -60_000, "s"), tap(2, -7_000, "s")])
    assert found.chosen is not None
    assert found.chosen.tap_id == 2
    assert found.chosen.likelihood == pytest.approx(sum(candidate.likelihood for candidate in found.candidates))


@pytest.mark.parametrize("call", [BY_FINGERPRINT, BY_NUMBER, Call(NOON, NOON)])
def test_a_call_that_matches_nothing_is_still_a_call(call: Call):
    assert match(call, []) == match(call, [tap(1, -WINDOW_MS - 1)])
    assert match(call, []).chosen is None


def test_a_number_is_looked_for_only_when_it_is_known_and_no_fingerprint_came():
    assert target_of_call(BY_NUMBER) == f"tel:{CALLED}"
    assert target_of_call(Call(NOON, NOON, CALLED, "fp_1")) == "" == target_of_call(Call(NOON, NOON))
    assert match(Call(NOON, NOON), [tap(1, -7_000)]).chosen is None


def test_at_a_months_edge_both_months_are_asked():
    edge = month_start("2026-12")
    span = search_span(Call(edge + 60_000, edge + 60_000, fingerprint="fp_1"))
    assert {"2026-11", "2026-12"} <= set(months_to_ask(*span, ["2026-10", "2026-11", "2026-12"]))


def test_what_is_recorded_can_be_read_again():
    found = match(BY_NUMBER, [tap(1, -600_000), tap(2, -7_000)])
    stored = msgspec.json.encode(found.candidates)
    assert msgspec.json.decode(stored, type=tuple[Candidate, ...]) == found.candidates
