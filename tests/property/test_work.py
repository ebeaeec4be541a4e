"""However operators get in each other's way: one has it, nobody is called while the site is closed, and every contact has one row."""

import random
from collections import Counter
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from opsmantik_box.domain.leads import LEAD_MS, Contact, group_leads, mask_number
from opsmantik_box.domain.opening import Hours, answer_by, next_opening, open_at_or_after, read_hours, waited
from opsmantik_box.domain.work import (
    LEASE_MS,
    NOT_REACHED,
    OUTCOMES,
    Claim,
    Outcome,
    claim_lead,
    is_held,
    read_when,
    record_attempt,
    sees_number,
)  # fmt: skip
from opsmantik_box.errors import Conflict

NOON = 1_763_712_000_000
DAY = 86_400_000
times = st.integers(NOON, NOON + 400 * DAY)
zones = st.sampled_from(["Europe/Istanbul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "UTC"])
spans = st.sampled_from(["", "09:00-19:00", "10:00-13:00, 14:00-18:00", "00:00-24:00", "00:00-02:30, 18:00-24:00", "00:00-00:01"])
weeks = st.dictionaries(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), spans).filter(
    lambda week: any(week.values())
)
opening_hours = st.builds(read_hours, st.none() | weeks, zones)
steps = st.tuples(st.integers(1, 3), st.integers(0, 1) | st.integers(0, LEASE_MS + 2), st.booleans())


@given(st.lists(steps, max_size=20))
def test_a_lead_is_one_operators_whoever_claims_it_when(moves: list[tuple[int, int, bool]]):
    """Against the plainest model: who pressed last without being refused, and when."""
    now, held = NOON, None
    owner, last_key = 0, NOON - LEASE_MS
    for by, later, take_over in moves:
        now += later
        free = now - last_key >= LEASE_MS
        try:
            claimed = claim_lead(held, by, now, take_over=take_over)
        except Conflict as refused:
            assert not free
            assert owner not in (by, 0)
            assert refused.details["current"] == held  # noqa: PT017
            assert not take_over
            continue
        assert claimed.how == ("claimed" if free else "renewed" if owner == by else "taken_over")
        assert claimed.claim.since == (held.since if claimed.how == "renewed" and held else now)
        held, owner, last_key = claimed.claim, by, now
        assert held.until == now + LEASE_MS
        assert [person for person in (1, 2, 3) if sees_number(held, person, now)] == [by]


@given(st.none() | st.builds(Claim, st.just(9), st.just(NOON - LEASE_MS), st.just(NOON)), st.permutations([1, 2, 3, 4]))
def test_of_any_number_who_claim_a_free_lead_at_once_exactly_the_first_committed_has_it(held: Claim | None, order: list[int]):
    won, refused = list[int](), Counter[int]()
    for by in order:
        try:
            held = claim_lead(held, by, NOON).claim
            won.append(by)
        except Conflict:
            refused[by] += 1
    assert won == order[:1]
    assert refused == Counter(order[1:])
    assert is_held(held, NOON)


@settings(deadline=None)
@given(opening_hours, times, st.sampled_from(OUTCOMES), st.lists(st.sampled_from(OUTCOMES), max_size=4))
def test_a_follow_up_is_later_and_within_opening_hours(hours: Hours, now: int, outcome: Outcome, earlier: list[Outcome]):
    again = record_attempt(outcome, earlier, 1, now, hours, now + 1 if outcome == "call_later" else None).again_at
    assert (again is not None) == (outcome in (*NOT_REACHED, "call_later"))
    if again is not None and outcome != "call_later":
        assert now < again <= now + 9 * DAY
        assert open_at_or_after(hours, again) == again


@settings(deadline=None)
@given(opening_hours, times, st.integers(0, 40 * 3_600_000))
def test_the_deadline_is_when_the_target_was_waited(hours: Hours, since: int, target: int):
    deadline = answer_by(hours, since, target)
    assert waited(hours, since, deadline) == target
    assert deadline >= since + target


@settings(deadline=None)
@given(opening_hours, times, st.integers(0, 10 * DAY), st.integers(0, 10 * DAY))
def test_waiting_adds_up(hours: Hours, since: int, first: int, second: int):
    middle, end = since + first, since + first + second
    assert waited(hours, since, end) == waited(hours, since, middle) + waited(hours, middle, end)
    assert 0 <= waited(hours, since, end) <= end - since


@settings(deadline=None)
@given(opening_hours, times)
def test_nothing_is_open_between_closing_and_the_next_opening(hours: Hours, now: int):
    opens, following = open_at_or_after(hours, now), next_opening(hours, now)
    assert waited(hours, now, opens) == 0
    assert following > now
    assert following == opens or opens == now
    assert open_at_or_after(hours, following) == following


@given(times, zones, st.integers(0, 23), st.integers(0, 59), st.booleans())
def test_a_clock_time_is_the_next_one_clocks_show(now: int, zone: str, hour: int, minute: int, tomorrow: bool):
    due = read_when(f"{'tomorrow ' * tomorrow}{hour}:{minute:02}", now, zone)
    local, today = (datetime.fromtimestamp(at / 1000, ZoneInfo(zone)) for at in (due, now))
    assert now < due <= now + 49 * 3_600_000
    assert (local.date() - today.date()).days == 1 or (not tomorrow and local.date() == today.date())
    skipped = local.replace(hour=hour, minute=minute, second=0).utcoffset() != local.utcoffset()
    assert (local.hour, local.minute) == (hour, minute) or skipped


contacts = st.lists(
    st.builds(
        Contact,
        st.integers(1, 10**6),
        st.integers(0, 3 * LEAD_MS).map(lambda at: NOON + at),
        st.frozensets(st.sampled_from("abc"), max_size=2),
    ),
    max_size=12,
    unique_by=lambda contact: contact.id,
)


@given(contacts, st.randoms(use_true_random=False))
def test_leads_are_the_same_in_whatever_order_their_contacts_come(found: list[Contact], chance: random.Random):
    assert group_leads(found) == group_leads(chance.sample(found, len(found)))


@given(contacts)
def test_every_contact_is_in_one_row_of_at_most_a_day(found: list[Contact]):
    table = {contact.id: contact for contact in found}
    leads = group_leads(found)
    assert sorted(number for lead in leads for number in lead.contacts) == sorted(table)
    for lead in leads:
        assert lead.contacts[0] == lead.id
        assert all(lead.first_at <= table[number].at <= lead.first_at + LEAD_MS for number in lead.contacts)
        assert len(lead.contacts) == 1 or all(table[number].keys for number in lead.contacts)


@given(contacts, st.integers(0, 12))
def test_what_comes_later_changes_no_row_but_makes_it_longer(found: list[Contact], count: int):
    ordered = sorted(found, key=lambda contact: (contact.at, contact.id))
    before = group_leads(ordered[:count])
    after = {lead.id: lead.contacts for lead in group_leads(ordered)}
    assert all(after[lead.id][: len(lead.contacts)] == lead.contacts for lead in before)


@given(st.lists(st.integers(0, 5 * LEAD_MS), max_size=12, unique=True))
def test_one_visitors_rows_are_a_day_apart(moments: list[int]):
    leads = group_leads([Contact(number, NOON + at, frozenset("a")) for number, at in enumerate(moments)])
    assert all(later.first_at - earlier.first_at > LEAD_MS for earlier, later in pairwise(leads))


@given(st.integers(10**6, 10**14).map(lambda number: f"+{number}") | st.text(max_size=20))
def test_a_masked_number_hides_at_least_three_digits(number: str):
    shown = mask_number(number)
    digits = sum(mark.isdigit() for mark in number)
    assert "***" in shown
    assert sum(mark.isdigit() for mark in shown) <= max(0, digits - 3)
