"""There is always a month, whatever the clocks say; and always an id."""

from hypothesis import given
from hypothesis import strategies as st

from opsmantik_box.domain import ids, months
from opsmantik_box.domain.time import MAX_DELAY_MS, corrected_time

times = st.integers(0, 4_102_444_800_000)
hints = st.text(max_size=12) | st.builds("{:04}-{:02}-01".format, st.integers(0, 9999), st.integers(0, 13))
numbers = st.none() | st.integers() | st.floats()


@given(hints, st.integers(), times)
def test_a_session_goes_into_the_previous_this_or_the_next_month_or_where_its_late_signal_belongs(sm: str, at: int, received: int):
    now = months.month_of(received)
    month = months.choose_month(months.read_hint(sm), at, received, (), now)
    assert month <= months.next_month(now)
    if months.read_hint(sm) == month:
        return
    assert month == min(months.month_of(at), months.next_month(now))


@given(hints, times, times, st.sets(times.map(months.month_of), max_size=3))
def test_a_closed_month_is_never_chosen(sm: str, at: int, received: int, closed: set[str]):
    month = months.choose_month(months.read_hint(sm), at, received, closed, "2100-02")
    assert month not in closed


@given(times)
def test_a_month_holds_its_times_and_only_those(at: int):
    month = months.month_of(at)
    assert months.month_start(month) <= at < months.month_start(months.next_month(month))
    assert months.previous_month(months.next_month(month)) == month
    assert months.read_hint(f"{month}-01") == month


@given(times, st.integers(0, 400 * 86_400_000))
def test_a_range_is_covered_by_its_months(start: int, length: int):
    found = months.months_of_range(start, start + length)
    assert found == sorted(set(found))
    if length:
        assert (found[0], found[-1]) == (months.month_of(start), months.month_of(start + length - 1))


@given(times, numbers, numbers)
def test_a_signal_never_happened_after_it_came_nor_thirty_days_before(received: int, sent_at: float | None, ts: float | None):
    assert received - MAX_DELAY_MS <= corrected_time(received, sent_at, ts) <= received


@given(st.text(st.characters(), max_size=40) | st.uuids().map(str))
def test_any_text_is_an_id_or_none(text: str):
    value = ids.event_id(text)
    if value is not None:
        assert ids.uuid_text(value).replace("-", "") == text.replace("-", "").lower()
    assert len(ids.session_id(1, text, text, b"")) == 16


@given(st.uuids())
def test_every_uuid_is_an_id_in_every_spelling(value: object):
    text = str(value)
    assert ids.event_id(text) == ids.event_id(text.upper()) == ids.event_id(text.replace("-", ""))
    assert ids.uuid_text(ids.event_id(text) or b"") == text


@given(times, st.integers(0, 20_000))
def test_a_copy_within_twenty_seconds_is_known(received: int, later: int):
    first = ids.legacy_event_ids(1, b"s", b"b", received)[0]
    assert first in ids.legacy_event_ids(1, b"s", b"b", received + later)
