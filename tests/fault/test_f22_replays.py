"""F22: signals come again: at once, later, in other batches, after a kill, mixed with new ones."""

from collections.abc import Iterator

import pytest

from tests.fault.lab import Lab, lab
from tests.months import turn_months


@pytest.fixture
def box() -> Iterator[Lab]:
    with lab(seed=22) as made:
        yield made


def test_the_same_signal_twice_in_one_batch_is_stored_once(box: Lab) -> None:
    one = box.visitors.signal(box.now)
    assert [answer.duplicate for answer in box.deliver([one, one, one])] == [False, True, True]
    box.end()


def test_a_whole_day_played_again_changes_nothing(box: Lab) -> None:
    day = [box.visitors.signal(box.now + number * 500) for number in range(120)]
    for start in range(0, len(day), 20):
        box.deliver(day[start : start + 20])
    box.catch_up()
    before = box.look(caught_up=True)
    box.random.shuffle(day)
    for start in range(0, len(day), 7):
        assert all(answer.duplicate for answer in box.deliver(day[start : start + 7]))
    assert [(one.seq, one.event_id) for one in box.look()] == [(one.seq, one.event_id) for one in before]
    box.end()


@pytest.mark.parametrize("how", ["killed", "powerless", "restarted"])
def test_what_was_acknowledged_is_a_duplicate_after_every_kind_of_restart(box: Lab, how: str) -> None:
    signals = [box.visitors.signal(box.now) for _ in range(20)]
    answers = box.deliver(signals)
    {"killed": box.kill, "powerless": box.lose_power, "restarted": box.stop}[how]()
    box.start()
    again = box.deliver(signals)
    assert all(answer.duplicate for answer in again)
    last = {signal.body["sid"]: answer.score for signal, answer in zip(signals, answers, strict=True)}
    assert [answer.score for answer in again] == [last[signal.body["sid"]] for signal in signals], (
        "a duplicate is answered with the score now"
    )
    box.end()


def test_a_signal_is_known_over_the_end_of_a_month(box: Lab) -> None:
    signals = [box.visitors.signal(box.now) for _ in range(5)]
    box.deliver(signals)
    box.now += 34 * 86_400_000
    turn_months(box.core, box.now)
    assert all(answer.duplicate for answer in box.deliver(signals))
    box.end()


def test_old_and_new_in_one_batch_are_told_apart(box: Lab) -> None:
    old = [box.visitors.signal(box.now) for _ in range(6)]
    box.deliver(old)
    new = [box.visitors.signal(box.now) for _ in range(6)]
    mixed = [signal for pair in zip(old, new, strict=True) for signal in pair]
    assert [answer.duplicate for answer in box.deliver(mixed)] == [True, False] * 6
    box.end()
