"""Whatever operators say, in whatever order: the trail tells it all, and the row is what the trail says last."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from opsmantik_box.domain.amounts import EXPONENTS, MOST, exponent, read_amount
from opsmantik_box.domain.verdicts import Asked, Row, Said, Verdict, is_sealed, judge, judge_all, undo, unjudged
from opsmantik_box.errors import BoxError, Conflict, UsageError

NOON = 1_763_712_000_000
found_as = [("click", "intent"), ("form", "intent"), ("call", None), ("call", "suspicious")]
rows = st.sampled_from([Row(1, source, status, 1) for source, status in found_as])
people = st.integers(1, 2)
asked = st.builds(
    Asked,
    st.just(1),
    st.sampled_from(["confirmed", "qualified", "real", "junk", "intent", "suspicious"]),
    st.just(0),
    st.sampled_from([UNSET, None, 0, 250_000, -1]),
    st.sampled_from([None, "TRY", "eur", "TL"]),
    st.sampled_from([UNSET, "", "note"]),
)
steps = st.lists(st.tuples(people, st.booleans(), st.just("undo") | asked), max_size=12)


def line(verdict: Verdict) -> Said:
    """As the engine writes the trail."""
    new = verdict.new
    return Said(verdict.by, verdict.old.status, new.status, new.sale_amount, new.currency, new.note)


def move_on(row: Row, trail: list[Said], version: int, move: Asked | str, by: int, at: int) -> Verdict | None:
    if isinstance(move, Asked):
        return judge(row, replace(move, version=version), by, at)
    return undo(row, trail, version, by, at)


def play(row: Row, moves: list[tuple[int, bool, Asked | str]]) -> tuple[Row, list[Said], list[Verdict]]:
    """`stale`: based on the version before."""
    trail, given_verdicts = list[Said](), list[Verdict]()
    for at, (by, stale, move) in enumerate(moves):
        version = row.version - stale
        try:
            verdict = move_on(row, trail, version, move, by, at)
        except BoxError as refused:
            assert not stale or isinstance(refused, Conflict)  # noqa: PT017 - a refusal is one of its outcomes
            continue
        assert not stale
        if verdict:
            assert verdict.old == row
            row = verdict.new
            trail.append(line(verdict))
            given_verdicts.append(verdict)
    return row, trail, given_verdicts


@given(rows, steps)
def test_every_change_is_in_the_trail_and_the_row_is_what_it_says_last(row: Row, moves: list[tuple[int, bool, Asked | str]]):
    after, trail, _ = play(row, moves)
    assert after.version == row.version + len(trail)
    chain = [Said(None, None, row.status), *trail]
    assert all(later.from_status == earlier.to_status for earlier, later in pairwise(chain))
    newest = chain[-1]
    assert (after.status, after.sale_amount, after.currency, after.note) == (
        newest.to_status, newest.amount, newest.currency, newest.note,
    )  # fmt: skip


@given(rows, steps)
def test_an_amount_a_currency_and_a_time_belong_to_what_is_sealed(row: Row, moves: list[tuple[int, bool, Asked | str]]):
    _, _, verdicts = play(row, moves)
    for new in (verdict.new for verdict in verdicts):
        assert (new.confirmed_at is not None) == is_sealed(new.status) == (new.confirmed_by is not None)
        assert (new.sale_amount is None) == (new.currency is None)
        assert new.sale_amount is None or is_sealed(new.status)
        assert new.status in (row.status, unjudged(row.source), "confirmed", "qualified", "real", "junk")


@given(rows, steps, people)
def test_undoing_twice_leaves_it_as_it_was(row: Row, moves: list[tuple[int, bool, Asked | str]], by: int):
    after, trail, _ = play(row, moves)
    if not trail or trail[-1].by != by:
        return
    undone = undo(after, trail, after.version, by, NOON)
    assert undone is not None
    again = undo(undone.new, [*trail, line(undone)], undone.new.version, by, NOON)
    assert again is not None
    assert line(again) == replace(trail[-1], by=by, from_status=undone.new.status)


@given(st.lists(st.tuples(st.integers(1, 3), asked, st.integers(0, 2)), max_size=8))
def test_many_verdicts_at_once_are_the_same_as_one_after_the_other(many: list[tuple[int, Asked, int]]):
    table = {number: Row(number, "click", "intent", 1) for number in (1, 2, 3)}
    wanted = [replace(one, id=number, version=version) for number, one, version in many]
    outcomes = judge_all(table, wanted, 1, NOON)
    assert len(outcomes) == len(wanted)
    for one, outcome in zip(wanted, outcomes, strict=True):
        if isinstance(outcome, BoxError):
            with pytest.raises(type(outcome)):
                judge(table[one.id], one, 1, NOON)
        else:
            assert judge(table[one.id], one, 1, NOON) == outcome
            table[one.id] = outcome.new if outcome else table[one.id]


def grouped(digits: str, mark: str) -> str:
    head = len(digits) % 3
    return mark.join(filter(None, [digits[:head], *(digits[at : at + 3] for at in range(head, len(digits), 3))]))


@given(st.integers(0, MOST), st.sampled_from(["TRY", "EUR", *EXPONENTS]), st.sampled_from([".,", ",.", " ,", "'.", ",", "."]))
def test_an_amount_written_out_in_full_is_read_back(amount: int, currency: str, marks: str):
    places = exponent(currency)
    digits = str(amount).rjust(places + 1, "0")
    whole, decimals = (digits[:-places], digits[-places:]) if places else (digits, "")
    text = grouped(whole, marks[0]) if len(marks) == 2 else whole
    written = text + (marks[-1] + decimals if places else "")
    if places == 3 and 1 <= int(whole) <= 999:  # one mark before three digits: who knows
        with pytest.raises(UsageError):
            read_amount(written, currency)
    else:
        assert read_amount(written, currency) == amount


@given(st.text("0123456789.,' ", max_size=12) | st.text(max_size=12), st.sampled_from(["TRY", "JPY", "KWD", "CLF"]))
def test_any_text_is_an_amount_or_refused(text: str, currency: str):
    try:
        amount = read_amount(text, currency)
    except UsageError:
        return
    assert 0 <= amount <= MOST
    assert str(amount).startswith("".join(mark for mark in text if mark.isdigit()).lstrip("0")[:15])
