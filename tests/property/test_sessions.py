"""The fold is the same in whatever order and in whatever slices the decisions come (architecture.md: replay evaluates no rule)."""

import copy
import random
from collections.abc import Iterable
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmantik_box.domain.attribution import Rank, rank_with_past
from opsmantik_box.domain.decisions import Decision, Known, decide, decode_decision, encode_decision, learn
from opsmantik_box.domain.scoring import Rule, score
from opsmantik_box.domain.sessions import LONGEST_SEC, Session, duration_sec, fold, is_bounce
from opsmantik_box.domain.signals import Click, Signal, Tap

START = 1_763_700_000_000
SID = bytes(range(16))
words = st.sampled_from(["", "a", "b", "ç"])
signals = st.builds(
    Signal,
    sid=st.just(SID),
    at=st.integers(START, START + 5).map(lambda at: at * 1) | st.integers(START, START + 6 * 3_600_000),
    received_at=st.just(START),
    month_hint=st.just("2026-11"),
    category=st.sampled_from(["interaction", "conversion", "acquisition", "system"]),
    fired=st.integers(0, 63),
    rank=st.sampled_from([int(rank) for rank in Rank]),
    fingerprint=words,
    weak=st.booleans(),
    address_prefix=words,
    is_view=st.booleans(),
    click=st.none() | st.builds(Click, st.sampled_from(["gclid", "wbraid"]), words, st.booleans()),
    tap=st.none() | st.builds(Tap, st.sampled_from(["phone", "whatsapp"]), words),
    campaign=st.none() | st.dictionaries(st.sampled_from(["utm_source", "keyword"]), words, min_size=1),
    referrer_host=words,
    device=words,
    browser=words,
    bot_reason=words,
    internal=st.booleans(),
    consent=words,
    city=words,
    district=words,
    scroll_pct=st.integers(0, 100),
    active_sec=st.integers(0, 86_400),
)
decisions = st.builds(
    Decision,
    st.just(1),
    st.just("2026-11"),
    st.integers(0, 127),
    st.sampled_from([int(r) for r in Rank]),
    st.booleans(),
    st.integers(1, 3),
    signals,
)
visits = st.lists(st.tuples(decisions, words), min_size=1, max_size=9).map(
    lambda items: [(decision, seq, page) for seq, (decision, page) in enumerate(items, 1)]
)
Visit = list[tuple[Decision, int, str]]


def folded(visit: Iterable[tuple[Decision, int, str]], session: Session | None = None) -> Session:
    for decision, seq, page in visit:
        session = fold(session, decision, seq, page)
    assert session is not None
    return session


@settings(max_examples=300, deadline=None)
@given(visits, st.randoms(use_true_random=False))
def test_a_session_is_the_same_in_whatever_order_its_signals_arrive(visit: Visit, chance: random.Random):
    shuffled = chance.sample(visit, len(visit))
    assert folded(visit) == folded(shuffled)


@settings(deadline=None)
@given(visits, st.lists(st.integers(0, 9), max_size=3))
def test_a_session_is_the_same_in_whatever_slices_it_is_projected(visit: Visit, cuts: list[int]):
    """Between two slices a session is written and read again: here, encoded and decoded."""
    session: Session | None = None
    edges = [0, *sorted(cuts), len(visit)]
    for start, end in pairwise(edges):
        for decision, seq, page in visit[start:end]:
            session = fold(session, decision, seq, page)
        session = msgspec.convert(msgspec.to_builtins(session), Session) if session else None
    assert session == folded(visit)


@settings(deadline=None)
@given(visits)
def test_folding_changes_no_decision_and_stored_decisions_fold_alike(visit: Visit):
    before = copy.deepcopy(visit)
    stored = [(decode_decision(encode_decision(decision)), seq, page) for decision, seq, page in visit]
    assert folded(visit) == folded(stored)
    assert visit == before


@settings(deadline=None)
@given(visits)
def test_a_session_says_what_its_signals_say(visit: Visit):
    session = folded(visit)
    signals = [decision.signal for decision, _, _ in visit]
    assert session.event_count == len(visit)
    assert session.entry_key[0] == min(signal.at for signal in signals)
    assert session.exit_key[0] == max(signal.at for signal in signals)
    assert session.rank == min(decision.rank for decision, _, _ in visit)
    assert session.internal == any(signal.internal for signal in signals)
    assert bool(session.bot_reason) == any(signal.bot_reason for signal in signals)
    bits = 0
    for decision, _, _ in visit:
        bits |= decision.fired
    assert score(session.fired) == score(bits)
    assert session.conversion_events == sum(bool(signal.fired & Rule.CONVERSION) for signal in signals)


@settings(deadline=None)
@given(visits)
def test_entry_and_exit_page_are_of_the_first_and_the_last_signal_by_time_then_sequence(visit: Visit):
    ordered = sorted(visit, key=lambda item: (item[0].signal.at, item[1]))
    session = folded(visit)
    assert (session.entry_page, session.exit_page) == (ordered[0][2], ordered[-1][2])
    clicks = [item[0].signal.click for item in ordered if item[0].signal.click]
    assert (session.click_kind, session.click_id) == ((clicks[-1].kind, clicks[-1].id) if clicks and clicks[-1] else ("", ""))
    prints = [item[0].signal for item in ordered if item[0].signal.fingerprint]
    assert (session.fingerprint, session.weak) == ((prints[0].fingerprint, prints[0].weak) if prints else ("", False))


@given(st.lists(st.integers(0, 6 * 3_600_000), max_size=30).map(sorted))
def test_a_duration_cuts_long_gaps_and_ends_at_four_hours(times: list[int]):
    found = duration_sec(times)
    assert 0 <= found <= LONGEST_SEC
    assert found <= ((times[-1] - times[0]) // 1000 if times else 0)
    gaps = [after - before for before, after in pairwise(times)]
    assert found == min(sum(gap for gap in gaps if gap <= 30 * 60_000) // 1000, LONGEST_SEC)


@settings(deadline=None)
@given(visits)
def test_a_visit_with_an_intent_or_a_second_page_is_no_bounce(visit: Visit):
    session = folded(visit)
    if session.intents or session.conversion_events or session.page_views > 1 or session.fired & Rule.SCROLL_50:
        assert not is_bounce(session)


@settings(deadline=None)
@given(st.lists(st.tuples(signals, st.booleans(), st.booleans()), min_size=1, max_size=6))
def test_what_is_known_while_deciding_is_what_the_fold_finds(visit: list[tuple[Signal, bool, bool]]):
    """The engine answers with a score before the month file has the signal: both must be the same."""
    known, session = Known("2026-11"), None
    for seq, (signal, returning, intent) in enumerate(visit, 1):
        decision = decide(1, signal, known, returning, intent)
        assert decision.rank == rank_with_past(signal.rank, returning)
        known = learn(known, decision, seq)
        session = fold(session, decision, seq, "p")
        assert (known.fired, known.rank, known.intents) == (session.fired, session.rank, session.intents)
        assert (known.is_bot, known.is_internal) == (bool(session.bot_reason), session.internal)
