"""Verdicts: what may be said, by whom, and what it leaves behind."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from opsmantik_box.domain.verdicts import (
    JUDGEMENTS,
    MOST_NOTE,
    Asked,
    Row,
    Said,
    Status,
    Verdict,
    is_sealed,
    judge,
    judge_all,
    undo,
)
from opsmantik_box.errors import Conflict, UsageError

NOON = 1_763_712_000_000
TAP = Row(7, "click", "intent", 1)
CALL = Row(8, "call", None, 1)
SOLD = Row(9, "click", "confirmed", 4, 250_000, "TRY", "two chairs", NOON - 1, 1)


def given(row: Row, status: Status, **more: Any) -> Verdict:
    verdict = judge(row, Asked(row.id, status, row.version, **more), 2, NOON)
    assert verdict is not None
    return verdict


def test_sealed_is_confirmed_qualified_or_real():
    every = (None, "intent", "confirmed", "qualified", "real", "junk", "suspicious")
    assert [status for status in every if is_sealed(status)] == ["confirmed", "qualified", "real"]


@pytest.mark.parametrize("before", [None, "intent", "confirmed", "qualified", "real", "junk", "suspicious"])
@pytest.mark.parametrize("after", ["confirmed", "qualified", "real", "junk"])
def test_every_judgement_may_follow_every_status(before: Status | None, after: Status):
    verdict = judge(replace(CALL, status=before), Asked(8, after, 1), 2, NOON)
    assert (verdict.new.status if verdict else before) == after
    assert (verdict is None) == (before == after)


def test_what_is_taken_back_is_an_intent_again_but_a_call_never_was_one():
    assert given(SOLD, "intent").new == Row(9, "click", "intent", 5, note="two chairs")
    assert given(replace(CALL, status="junk"), "intent").new.status is None
    assert given(replace(CALL, status="suspicious"), "intent").new.status is None
    assert given(replace(TAP, source="form", status="junk"), "intent").new.status == "intent"


def test_no_person_says_suspicious():
    assert "suspicious" not in JUDGEMENTS
    with pytest.raises(UsageError, match="status"):
        given(TAP, "suspicious")


def test_a_seal_carries_its_amount_who_and_when():
    verdict = given(TAP, "confirmed", sale_amount=250_000, currency="try", note="  two chairs ")
    assert verdict == Verdict(NOON, 2, TAP, Row(7, "click", "confirmed", 2, 250_000, "TRY", "two chairs", NOON, 2))


def test_correcting_what_is_sealed_keeps_when_it_was_and_what_was_not_said():
    assert given(SOLD, "qualified").new == replace(SOLD, status="qualified", version=5)
    assert given(SOLD, "confirmed", sale_amount=1, currency="EUR").new == replace(SOLD, sale_amount=1, currency="EUR", version=5)
    assert given(SOLD, "confirmed", sale_amount=None).new == replace(SOLD, sale_amount=None, currency=None, version=5)
    assert given(SOLD, "confirmed", note="").new == replace(SOLD, note="", version=5)


def test_what_is_junk_has_no_amount():
    assert given(SOLD, "junk").new == Row(9, "click", "junk", 5, note="two chairs")


@pytest.mark.parametrize(
    ("status", "more", "problem"),
    [
        ("junk", {"sale_amount": 5, "currency": "TRY"}, "junk has none"),
        ("intent", {"sale_amount": 5, "currency": "TRY"}, "intent has none"),
        ("confirmed", {"sale_amount": 5}, "currency"),
        ("confirmed", {"sale_amount": -1, "currency": "TRY"}, "0 or more"),
        ("confirmed", {"sale_amount": 2**53 + 1, "currency": "TRY"}, "0 or more"),
        ("confirmed", {"sale_amount": 5, "currency": "TL"}, "three letters"),
        ("confirmed", {"currency": "TRY"}, "without sale_amount"),
        ("confirmed", {"note": "x" * (MOST_NOTE + 1)}, "note"),
    ],
)
def test_what_cannot_be_said_is_refused(status: Status, more: dict[str, Any], problem: str):
    with pytest.raises(UsageError, match=problem):
        given(TAP, status, **more)


@pytest.mark.parametrize("version", [0, 3, 5])
def test_a_verdict_on_another_version_is_a_conflict_that_carries_the_row(version: int):
    with pytest.raises(Conflict, match="now it is 4") as refused:
        judge(SOLD, Asked(9, "junk", version), 2, NOON)
    assert refused.value.details["current"] == SOLD
    with pytest.raises(Conflict):
        undo(SOLD, [Said(2, "intent", "confirmed")], version, 2, NOON)


def test_saying_the_same_again_is_no_verdict():
    assert judge(SOLD, Asked(9, "confirmed", 4), 2, NOON) is None
    assert judge(SOLD, Asked(9, "confirmed", 4, 250_000, "TRY", "two chairs"), 2, NOON) is None


def test_of_many_verdicts_a_stale_one_stops_no_other():
    asked = [
        Asked(7, "junk", 1),
        Asked(8, "real", 9),
        Asked(9, "junk", 4),
        Asked(7, "real", 1),
        Asked(7, "real", 2),
        Asked(7, "real", 3),
    ]
    outcomes = judge_all({7: TAP, 8: CALL, 9: SOLD}, asked, 2, NOON)
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [Verdict, Conflict, Verdict, Conflict, Verdict, type(None)]


def test_undo_goes_back_to_what_was_said_before():
    trail = [Said(1, "intent", "qualified", 5, "EUR", "a"), Said(2, "qualified", "confirmed", 250_000, "TRY", "two chairs")]
    verdict = undo(SOLD, trail, 4, 2, NOON)
    assert verdict is not None
    assert verdict.undone
    assert verdict.new == replace(SOLD, status="qualified", version=5, sale_amount=5, currency="EUR", note="a")


def test_undoing_the_first_verdict_leaves_the_row_as_it_was_found():
    suspicious = replace(CALL, status="suspicious")
    sealed = given(suspicious, "real", sale_amount=5, currency="TRY", note="n")
    verdict = undo(sealed.new, [Said(2, "suspicious", "real", 5, "TRY", "n")], 2, 2, NOON)
    assert verdict is not None
    assert verdict.new == replace(suspicious, version=3)


def test_only_ones_own_newest_verdict_can_be_undone():
    with pytest.raises(Conflict, match="somebody else") as refused:
        undo(SOLD, [Said(2, "intent", "junk"), Said(1, "junk", "confirmed")], 4, 2, NOON)
    assert refused.value.details["current"] == SOLD
    with pytest.raises(UsageError, match="no verdict"):
        undo(TAP, [], 1, 2, NOON)


def test_the_feeds_message_carries_old_and_new():
    message = msgspec.json.decode(msgspec.json.encode(given(TAP, "confirmed", sale_amount=250_000, currency="TRY")))
    assert (message["at"], message["by"], message["undone"]) == (NOON, 2, False)
    assert (message["old"]["status"], message["old"]["version"]) == ("intent", 1)
    assert (message["new"]["status"], message["new"]["version"], message["new"]["sale_amount"]) == ("confirmed", 2, 250_000)
