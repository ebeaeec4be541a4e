"""The report's arithmetic: buckets, hours, seals, and the newest of what was entered."""

import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from opsmantik_box.domain.attribution import ADS, OTHER_PAID, Rank
from opsmantik_box.domain.days import HOUR_MS, Days, hour_starts
from opsmantik_box.domain.pages import Position, Span, ask_newest, may_hold
from opsmantik_box.domain.questions import answered, months_to_ask
from opsmantik_box.domain.report import ask_stats
from opsmantik_box.domain.tally import BUCKETS, Tally, buckets_of, slot_of
from opsmantik_box.sql import load

NOON = 1_793_880_000_000  # 2026-11-05 12:00 UTC
HUMAN = (0, 0)


def told(*fingerprints: str) -> str:
    return json.encode(fingerprints).decode()


def sealed_row(
    number: int,
    at: int,
    source: str,
    action: str = "",
    session: str | None = None,
    amount: int | None = None,
    currency: str | None = None,
) -> tuple[object, ...]:
    return number, at, Rank.FIRST_CLICK, *HUMAN, source, action, session, amount, currency


@given(st.sampled_from(list(Rank)), st.booleans(), st.booleans())
def test_a_bot_or_internal_visit_counts_nowhere_else(rank: Rank, is_bot: bool, is_internal: bool) -> None:
    mine = buckets_of(rank, is_bot, is_internal)
    if is_bot or is_internal:
        assert mine == (("bots",) if is_bot else ("internal",))
    else:
        assert "all" in mine
        assert ("ads" in mine) == (rank in ADS)
        assert ("other_paid" in mine) == (rank in OTHER_PAID)


def test_the_statements_know_the_same_ranks_as_the_rules() -> None:
    everything = " ".join([*load("report").values(), *load("reads").values(), *load("month_views").values()])
    told = {tuple(map(int, ranks.split(", "))) for ranks in re.findall(r"rank\w*(?:, 6\))? in \(([0-9, ]+)\)", everything)}
    assert told == {tuple(map(int, ADS))}


def test_ads_sessions_are_those_with_a_click_and_the_assisted() -> None:
    tally = Tally("ads")
    tally.add_sessions([(0, rank, *HUMAN, 10 * rank, told(*(f"{rank}-{one}" for one in range(10 * rank - 1)))) for rank in Rank])
    ads = tally.buckets()["ads"]
    assert (ads.sessions, ads.with_click, ads.assisted) == (10 + 20 + 40, 10 + 20, 40)
    assert tally.buckets()["other_paid"].sessions == 30 + 50
    assert tally.buckets()["all"].sessions == 10 * 21
    assert ads.sessions_without_fingerprint == 3


def test_a_form_is_never_inside_the_intents() -> None:
    tally = Tally("all")
    tally.add_contacts([(0, Rank.ORGANIC, *HUMAN, "click", "phone", 13), (0, Rank.ORGANIC, *HUMAN, "click", "whatsapp", 18)])
    tally.add_contacts([(0, Rank.ORGANIC, *HUMAN, "form", "form", 5), (0, Rank.ORGANIC, *HUMAN, "call", "", 2)])
    everything = tally.buckets()["all"]
    assert (everything.intents, everything.high_intent, everything.form, everything.calls) == (31, 31, 5, 2)


def test_a_visitor_of_two_months_is_one() -> None:
    tally = Tally("ads")
    tally.add_sessions([(0, Rank.FIRST_CLICK, *HUMAN, 2, told("a", "a")), (0, Rank.ORGANIC, *HUMAN, 2, told("a", "b"))])
    tally.add_sessions([(0, Rank.ORGANIC, *HUMAN, 2, told("a")), (1, Rank.ORGANIC, 1, 0, 1, told("c"))])
    assert {name: bucket.visitors for name, bucket in tally.buckets().items()} == {
        "ads": 1,
        "all": 2,
        "other_paid": 0,
        "bots": 1,
        "internal": 0,
    }


def test_a_tap_and_its_matched_call_are_sealed_once_with_what_either_was_worth() -> None:
    tally = Tally("ads")
    rows = [
        sealed_row(1, NOON, "click", "phone", "s1"),
        sealed_row(2, NOON + 60_000, "call", "", "s1", 900, "TRY"),
        sealed_row(3, NOON, "click", "whatsapp", "s1", 50, "TRY"),
        sealed_row(4, NOON, "call", "", None, 7, None),
    ]
    tally.add_sealed(rows, NOON, "TRY")
    assert (tally.buckets()["ads"].sealed, tally.buckets()["ads"].sealed_value) == (3, 957)


def test_a_call_after_midnight_of_a_tap_before_is_not_sealed_again() -> None:
    tally = Tally("ads")
    tally.add_sealed([sealed_row(1, NOON - 1, "click", "phone", "s1"), sealed_row(2, NOON + 1, "call", "", "s1", 900)], NOON, "TRY")
    assert tally.buckets()["ads"].sealed == 0


def test_another_currency_is_sealed_but_not_added() -> None:
    tally = Tally("ads")
    tally.add_sealed(
        [sealed_row(1, NOON, "click", "phone", "s1", 900, "EUR"), sealed_row(2, NOON, "form", "form", "s2", 5, "TRY")], NOON, "TRY"
    )
    assert (tally.buckets()["ads"].sealed, tally.buckets()["ads"].sealed_value) == (2, 5)


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-11-05", "Europe/Istanbul", 24), ("2026-03-29", "Europe/Berlin", 23), ("2026-10-25", "Europe/Berlin", 25),
        ("2026-04-05", "Australia/Lord_Howe", 25), ("2026-11-05", "Asia/Kathmandu", 24),
    ],
)  # fmt: skip
def test_a_day_has_the_hours_it_has_and_every_session_is_in_its_own(day: str, zone: str, hours: int) -> None:
    starts = Days(day, day, zone).hours()
    assert len(starts) == hours
    slot_ms = slot_of(starts)
    tally, late = Tally("all", starts, slot_ms), (HOUR_MS - 1) // slot_ms
    tally.add_sessions(
        [((start - starts[0]) // slot_ms + late, Rank.ORGANIC, *HUMAN, n + 1, told()) for n, start in enumerate(starts)]
    )
    assert [hour.sessions for hour in tally.by_hour()] == [number + 1 for number in range(hours)]


def test_hours_of_several_days_follow_one_another() -> None:
    assert Days("2026-10-24", "2026-10-26", "Europe/Berlin").hours() == [
        start for day in ("2026-10-24", "2026-10-25", "2026-10-26") for start in hour_starts(day, "Europe/Berlin")
    ]


def test_a_report_asks_the_months_it_touches_and_their_neighbours() -> None:
    known = [f"2026-{month:02}" for month in range(1, 13)]
    assert months_to_ask(NOON, NOON + 1, known) == ["2026-10", "2026-11", "2026-12"]
    assert months_to_ask(NOON, NOON + 1, ["2026-11"]) == ["2026-11"]
    assert months_to_ask(NOON, NOON, known) == []


def test_a_site_that_is_not_there_has_no_report() -> None:
    asking = ask_stats(Days("2026-11-05", "2026-11-05", "Europe/Istanbul"), "ads", [], NOON)
    with pytest.raises(ValueError, match="unpack"):
        answered(asking, lambda _: [])


kinds = st.tuples(st.sampled_from(list(Rank)), st.integers(0, 1), st.integers(0, 1))
session_rows = st.lists(
    st.builds(
        lambda slot, kind, seen, more: (slot, *kind, len(seen) + more, told(*seen)),
        st.integers(0, 3), kinds, st.lists(st.sampled_from("abcdef"), max_size=4), st.integers(0, 9),
    ), max_size=30,
)  # fmt: skip
described_rows = st.lists(
    st.builds(
        lambda kind, device, numbers: (*kind, device, *numbers),
        kinds, st.sampled_from(["mobile", "desktop", ""]), st.tuples(*[st.integers(0, 900)] * 5),
    ), max_size=30,
)  # fmt: skip


@given(session_rows, described_rows, st.randoms(use_true_random=False), st.sampled_from(["ads", "all"]))
def test_numbers_are_the_same_however_sessions_are_spread_over_month_files(
    sessions: list[tuple[Any, ...]], described: list[tuple[Any, ...]], chance: random.Random, scope: str
) -> None:
    together, apart = (Tally(scope, [hour * HOUR_MS for hour in range(4)], HOUR_MS) for _ in range(2))
    together.add_sessions(sessions)
    together.add_descriptions(described)
    for rows, add in ((sessions, apart.add_sessions), (described, apart.add_descriptions)):
        shuffled, cut = chance.sample(rows, len(rows)), chance.randint(0, len(rows))
        add(shuffled[cut:])
        add(shuffled[:cut])
    assert everything(together) == everything(apart)
    counts = together.buckets()
    assert sum(counts[name].sessions for name in ("all", "bots", "internal")) == sum(row[4] for row in sessions)
    assert set(counts) == set(BUCKETS)


def everything(tally: Tally) -> tuple[Any, ...]:
    return tally.buckets(), tally.seconds, tally.bounces, tally.by_device, tally.by_source, tally.denied, tally.by_hour()


month_numbers = st.integers(1, 12)


@given(
    st.lists(
        st.tuples(month_numbers, st.integers(-1, 1), st.integers(0, 27), st.integers(1, 10_000)),
        max_size=60,
        unique_by=lambda row: row[3],
    ),
    st.integers(1, 7),
)
def test_pages_show_every_row_once_newest_first_wherever_it_lies(placed: list[tuple[int, int, int, int]], limit: int) -> None:
    """A row lies in the file of its month or of a neighbour."""
    files: dict[str, list[tuple[int, int]]] = {}
    for month, shift, day, key in placed:
        at = NOON + (month - 11) * 30 * 86_400_000 + day * 86_400_000 // 28
        file = f"2026-{min(12, max(1, month + shift)):02}"
        if may_hold(file, at, at):
            files.setdefault(file, []).append((at, key))
    everything = sorted((row for rows in files.values() for row in rows), reverse=True)
    shown: list[tuple[int, int]] = []
    before = Position(1 << 53, 0)
    for _ in range(len(everything) + 1):
        page = _page(files, Span(0, before, limit))
        shown += page[:limit]
        if len(page) <= limit:
            break
        before = Position(*page[limit - 1])
    assert shown == everything


def _page(files: dict[str, list[tuple[int, int]]], span: Span) -> list[tuple[int, int]]:
    """What the statement list_events does, over lists."""
    asking = ask_newest("list_events", [1], span, files)
    try:
        question = next(asking)
        while True:
            rows = sorted(files[question.month or ""], reverse=True)
            question = asking.send([row for row in rows if row < (span.before.at, span.before.key)][: span.limit + 1])
    except StopIteration as done:
        return done.value
