"""A call is the same whatever order its events come in, how often, and in how many parts; and any body is read or refused."""

import random
from functools import reduce
from urllib.parse import urlencode

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmantik_box.adapters.telephony.fields import read_update
from opsmantik_box.adapters.telephony.refused import EventRefused
from opsmantik_box.adapters.telephony.tables import PROVIDERS, FieldMap, load_map
from opsmantik_box.domain.calls import CallState, CallUpdate, event_key, join_calls, merge_call

START = 1_795_176_000_000
times = st.integers(START, START + 200_000)
updates = st.builds(
    CallUpdate,
    provider=st.just("verimor"),
    provider_call_id=st.just("1"),
    state=st.sampled_from(["ringing", "answered", "missed", "ended"]),
    at=times,
    direction=st.sampled_from(["", "inbound", "outbound"]),
    number=st.sampled_from(["", "anonymous", "0532 123 45 67", "+905321234567"]),
    number_e164=st.sampled_from(["", "+905321234567", "+905329999999"]),
    called_number=st.sampled_from(["", "+902123205062", "+908503041234"]),
    answered_at=st.none() | times,
    ended_at=st.none() | times,
    duration_sec=st.none() | st.integers(0, 300),
)
events = st.lists(updates, min_size=1, max_size=8)


def folded(told: list[CallUpdate], call: CallState | None = None) -> CallState:
    for update in told:
        call = merge_call(call, update)
    assert call is not None
    return call


@settings(max_examples=500, deadline=None)
@given(events, st.randoms(use_true_random=False))
def test_a_call_is_the_same_in_whatever_order_its_events_come(told: list[CallUpdate], chance: random.Random):
    assert folded(chance.sample(told, len(told))) == folded(told)


@settings(max_examples=300, deadline=None)
@given(events, st.data())
def test_an_event_that_comes_again_changes_nothing(told: list[CallUpdate], data: st.DataObject):
    call = folded(told)
    again = data.draw(st.lists(st.sampled_from(told), max_size=5))
    assert folded(again, call) == call


@settings(max_examples=300, deadline=None)
@given(events, events, events)
def test_parts_of_a_call_join_in_whatever_way(one: list[CallUpdate], two: list[CallUpdate], three: list[CallUpdate]):
    a, b, c = folded(one), folded(two), folded(three)
    assert join_calls(a, b) == join_calls(b, a) == folded(one + two)
    assert join_calls(join_calls(a, b), c) == join_calls(a, join_calls(b, c)) == reduce(join_calls, (c, a, b))
    assert join_calls(a, a) == a


@settings(deadline=None)
@given(events)
def test_between_two_events_a_call_lies_in_a_row(told: list[CallUpdate]):
    """Nothing is remembered but the call's own fields."""
    call: CallState | None = None
    for update in told:
        call = merge_call(call, update)
        call = msgspec.convert(msgspec.to_builtins(call), CallState)
    assert call == folded(told)


@settings(max_examples=300, deadline=None)
@given(events)
def test_a_call_is_missed_when_it_is_over_and_nothing_ever_said_that_it_was_answered(told: list[CallUpdate]):
    call = folded(told)
    answered = any(update.state in ("answered", "ended") or update.answered_at is not None for update in told)
    over = any(update.state in ("missed", "ended") or update.ended_at is not None for update in told)
    assert (
        call.state
        == {(False, False): "ringing", (True, False): "answered", (False, True): "missed", (True, True): "ended"}[answered, over]
    )


@settings(max_examples=300, deadline=None)
@given(events)
def test_a_call_says_what_its_events_say(told: list[CallUpdate]):
    call = folded(told)
    known = [at for update in told for at in (update.at, update.answered_at, update.ended_at) if at is not None]
    assert call.at == min(known)
    answers = [update.answered_at for update in told if update.answered_at is not None]
    ends = [update.ended_at for update in told if update.ended_at is not None]
    assert call.answered_at == min(answers, default=None)
    assert call.ended_at == min(ends, default=None)
    if answers and ends:
        assert call.duration_sec == max(0, min(ends) - min(answers)) // 1000
    if call.state in ("ringing", "missed"):
        assert call.duration_sec is None
    readable = [update.number_e164 for update in told if update.number_e164]
    assert bool(call.number) == any(update.number or update.number_e164 for update in told)
    if readable:
        assert call.number.startswith("+")
    assert bool(call.direction) == any(update.direction for update in told)


@settings(deadline=None)
@given(updates, updates)
def test_only_a_copy_of_an_event_has_its_key(one: CallUpdate, other: CallUpdate):
    assert (event_key(one) == event_key(other)) == (one == other)
    assert event_key(one, "msg_1") == event_key(other, "msg_1") != event_key(one)
    for number in filter(None, (one.number, one.number_e164)):
        assert number not in event_key(one)


# --- reading ----------------------------------------------------------------------------------------------------------------------

WORDS = sorted(
    {word for table in map(load_map, PROVIDERS) for word in (*table.state.words, *table.direction.words, *table.outcome.words)}
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(START - 10**9, START + 1000)
    | st.integers((START - 10**9) * 1000, START * 1000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(WORDS)
    | st.sampled_from(["2026-11-20 14:59:59", "2026-11-20T11:59:59Z", "05321234567", "+902123205062", "0:01:05"])
)


def paths_of(table: FieldMap) -> set[str]:
    times, numbers = table.times, (table.inbound, table.outbound, table.undirected)
    lists = (table.direction.fields, table.outcome.fields, table.duration, times.event, times.started, times.answered, times.ended)
    return {path for paths in (*lists, *(one.other + one.called for one in numbers)) for path in paths}


def requests_of(provider: str) -> st.SearchStrategy[tuple[str, dict[str, object]]]:
    """Events of a call, with anything at all under the names the exchange uses."""
    table = load_map(provider)
    needed = {
        table.call_id[0]: st.text(min_size=1, max_size=210),
        table.state.fields[0]: st.sampled_from(sorted(table.state.words)),
    }
    told = st.fixed_dictionaries(needed, optional=dict.fromkeys(sorted(paths_of(table) - set(needed)), scalars))
    return st.tuples(st.just(provider), told)


def encoded(provider: str, flat: dict[str, object]) -> bytes:
    if load_map(provider).body == "form":
        return urlencode({name: "" if value is None else str(value) for name, value in flat.items()}, errors="replace").encode()
    return msgspec.json.encode(nested(flat))


def nested(flat: dict[str, object]) -> dict[str, object]:
    """`a.b` → {"a": {"b": …}}, as far as the names allow."""
    whole: dict[str, object] = {}
    for path, value in flat.items():
        here = whole
        *folders, name = path.split(".")
        for folder in folders:
            inner = here.setdefault(folder, {})
            if not isinstance(inner, dict):
                break
            here = inner
        here[name] = value
    return whole


def read_or_refused(provider: str, body: bytes) -> CallUpdate | None:
    try:
        return read_update(provider, body, "TR", START)
    except EventRefused:
        return None


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(PROVIDERS).flatmap(requests_of))
def test_any_values_under_an_exchanges_names_are_read_or_refused(told: tuple[str, dict[str, object]]):
    update = read_or_refused(told[0], encoded(*told))
    if update:
        assert update.provider_call_id
        assert update.number.isprintable()
        assert len(update.number) <= 64
        assert (update.answered_at is None) or update.state in ("answered", "ended")
        assert (update.ended_at is None) or update.state in ("missed", "ended")
        assert merge_call(None, update).state == update.state
        assert all(number == "" or number.startswith("+") for number in (update.number_e164, update.called_number))


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(PROVIDERS), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(provider: str, body: bytes):
    read_or_refused(provider, body)
