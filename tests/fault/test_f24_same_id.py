"""F24: the same session id and signal id on two sites, the same id with another payload, and `sm` and `ts` of every kind."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fault.lab import Lab, lab
from tests.fault.traffic import LAST_SECONDS, Sent

DAY = 86_400_000


@pytest.fixture
def box() -> Iterator[Lab]:
    with lab(seed=24) as made:
        yield made


def test_the_same_id_and_session_on_two_sites_are_two_signals_and_two_sessions(box: Lab) -> None:
    first = box.visitors.signal(box.now)
    twin = Sent(next(site for site in box.sites if site != first.site), first.body, first.user_agent, first.address)
    assert [answer.duplicate for answer in box.deliver([first, twin])] == [False, False]
    assert [answer.duplicate for answer in box.deliver([first, twin])] == [True, True]
    box.catch_up()
    file = box.core.months.files()[0]
    assert file.db.execute("select site_id, event_count from sessions order by site_id").fetchall() == [(1, 1), (2, 1)]
    box.end()


def test_the_same_stamp_on_two_sites_is_two_intents(box: Lab) -> None:
    tap: dict[str, Any] = {"ec": "conversion", "ea": "phone_call", "el": "tel:+902125550142", "meta": {"intent_stamp": "1-a-b"}}
    first = box.visitors.signal(box.now, **tap)
    twin = Sent(next(site for site in box.sites if site != first.site), first.body | {"id": box.visitors.uuid()})
    box.deliver([first, twin])
    assert box.core.ledger.db.execute("select count(*) from calls").get == 2
    box.end()


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one after the other"])
def test_of_two_payloads_under_one_id_the_first_wins_and_the_conflict_is_counted(box: Lab, together: bool) -> None:
    first = box.visitors.signal(box.now, ea="view")
    other = Sent(first.site, first.body | {"ea": "hover_intent"}, first.user_agent, first.address)
    answers = box.deliver([first, other]) if together else [*box.deliver([first]), *box.deliver([other])]
    assert [answer.duplicate for answer in answers] == [False, True]
    assert box.core.acceptance.conflicts == 1
    assert [one.payload.ea for one in box.look()] == ["view"]
    hashes = box.core.ledger.db.execute("select payload_hash, conflict_hash from processed_signals_2026_10").fetchall()
    assert len(hashes) == 1
    assert len(set(hashes[0])) == 2, "both hashes are kept"
    assert None not in hashes[0]
    box.end()


def test_a_signal_sent_again_at_another_time_of_sending_is_no_conflict(box: Lab) -> None:
    one = box.visitors.signal(box.now)
    box.deliver([one])
    box.now += 9_000
    assert box.deliver([one])[0].duplicate
    assert box.core.acceptance.conflicts == 0
    box.end()


MONTHS = [None, "", "2026-10-01", "2026-11-01", "2026-09-01", "2026-09", "2026-13-01", "2026-00-01", "0000-01-01", "9999-12-01",
          "1970-01-01", "2027-01-01", "2026-10-31", "bad", "2026-10-01T00:00:00Z", "२०२६-१०-०१", "2026-10-01' or 1=1", "\x00",
          "a" * 500]  # fmt: skip
TIMES = [None, 0, -1, 1, LAST_SECONDS, LAST_SECONDS + 3_600_000, LAST_SECONDS - 29 * DAY, LAST_SECONDS - 40 * DAY, 2**53, 2**63,
         -(2**63), 1e18, 0.5, LAST_SECONDS + 0.7]  # fmt: skip


@pytest.mark.parametrize("sm", MONTHS, ids=repr)
def test_whatever_month_is_claimed_the_signal_is_kept_in_a_month_near_now(box: Lab, sm: str | None) -> None:
    signals = [box.visitors.signal(box.now, sm=sm) for _ in range(4)]
    assert not any(answer.duplicate for answer in box.deliver(signals))
    box.catch_up()
    assert {one.decision.month for one in box.look(caught_up=True) if one.decision} <= {"2026-09", "2026-10", "2026-11"}
    box.end()


@pytest.mark.parametrize("ts", TIMES, ids=repr)
def test_whatever_time_is_claimed_the_signal_is_kept_in_a_month_near_now(box: Lab, ts: float | None) -> None:
    one = box.visitors.signal(box.now)
    signals = [Sent(one.site, one.body | {"ts": ts}, one.user_agent, one.address)]
    kept = [None] if ts is None else [None, int(ts)]  # a time beyond every calendar is kept as none
    box.client.note_sent([Sent(one.site, one.body | {"ts": at}) for at in kept])
    assert not box.deliver(signals)[0].duplicate
    box.catch_up()
    months = {one.decision.month for one in box.look(caught_up=True) if one.decision}
    assert months <= {"2026-09", "2026-10", "2026-11"}
    box.end()


def test_a_session_stays_one_when_its_tracker_changes_the_month(box: Lab) -> None:
    """An old tracker sends the visitor's current month with every signal; at midnight it changes."""
    first = box.visitors.signal(box.now, sm="2026-10-01")
    box.deliver([first])
    box.now += 60_000
    for sm in ("2026-11-01", "2026-10-01", None):
        box.deliver(
            [Sent(first.site, first.body | {"id": box.visitors.uuid(), "sm": sm, "ts": box.now}, first.user_agent, first.address)]
        )
    box.catch_up()
    assert {one.decision.month for one in box.look() if one.decision} == {"2026-10"}
    assert sum(file.db.execute("select count(*) from sessions").get for file in box.core.months.files()) == 1
    box.end()
