"""Claims, attempts and reminders."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from opsmantik_box.domain import leads, matching, opening, work
from opsmantik_box.domain.verdicts import is_sealed
from opsmantik_box.domain.work import (
    AGAIN_MS,
    LEASE_MS,
    NOT_REACHED,
    OUTCOMES,
    REMINDERS,
    SUGGESTS,
    Attempt,
    Claim,
    Claimed,
    Outcome,
    Reminder,
    claim_lead,
    is_due,
    is_held,
    read_when,
    record_attempt,
    release_lead,
    rings,
    sees_number,
)  # fmt: skip
from opsmantik_box.errors import Conflict, UsageError
from tests.harness import ROOT

ISTANBUL, BERLIN = "Europe/Istanbul", "Europe/Berlin"
DEFAULT_HOURS = opening.read_hours(None, ISTANBUL)
ALWAYS = opening.read_hours({"mon-sun": "00:00-24:00"}, BERLIN)
MANUAL = " ".join((ROOT / "docs" / "work.md").read_text().split())


def at(text: str, zone: str = ISTANBUL) -> int:
    """'2026-11-20 14:30' there, in milliseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000


NOW = at("2026-11-20 14:30")  # a Friday


def test_a_claim_lasts_ten_minutes_from_the_last_key():
    first = claim_lead(None, 1, NOW)
    assert first == Claimed(Claim(1, NOW, NOW + LEASE_MS), "claimed")
    renewed = claim_lead(first.claim, 1, NOW + 60_000)
    assert renewed == Claimed(Claim(1, NOW, NOW + 60_000 + LEASE_MS), "renewed", first.claim)
    assert is_held(first.claim, NOW + LEASE_MS - 1)
    assert not is_held(first.claim, NOW + LEASE_MS)


def test_of_two_who_claim_at_once_the_second_learns_who_has_it():
    held = claim_lead(None, 1, NOW).claim
    with pytest.raises(Conflict) as refused:
        claim_lead(held, 2, NOW)
    assert refused.value.details["current"] == held


def test_taking_over_is_on_record():
    held = claim_lead(None, 1, NOW).claim
    assert claim_lead(held, 2, NOW, take_over=True) == Claimed(Claim(2, NOW, NOW + LEASE_MS), "taken_over", held)
    assert claim_lead(held, 1, NOW, take_over=True).how == "renewed"
    assert claim_lead(held, 2, NOW + LEASE_MS, take_over=True).how == "claimed"


def test_a_clock_that_goes_back_shortens_no_lease():
    held = claim_lead(None, 1, NOW).claim
    assert claim_lead(held, 1, NOW - 60_000).claim.until == held.until


def test_only_who_has_it_gives_it_back():
    held = claim_lead(None, 1, NOW).claim
    assert release_lead(held, 1, NOW) == held
    assert release_lead(None, 1, NOW) is None is release_lead(held, 2, NOW + LEASE_MS)
    with pytest.raises(Conflict):
        release_lead(held, 2, NOW)


def test_only_who_has_claimed_sees_the_number_and_only_so_long():
    held = claim_lead(None, 1, NOW).claim
    seen = [sees_number(held, 1, NOW), sees_number(held, 2, NOW), sees_number(held, 1, NOW + LEASE_MS), sees_number(None, 1, NOW)]
    assert seen == [True, False, False, False]


@pytest.mark.parametrize("outcome", NOT_REACHED)
def test_who_was_not_reached_is_tried_again_in_15_minutes_2_hours_and_at_the_next_opening(outcome: Outcome):
    again = [record_attempt(outcome, ["no_answer"] * tries, 1, NOW, DEFAULT_HOURS).again_at for tries in range(4)]
    tomorrow = at("2026-11-21 09:00")
    assert record_attempt(outcome, ["whatsapp_sent"], 1, NOW, DEFAULT_HOURS).again_at == NOW + 900_000
    assert again == [NOW + 900_000, NOW + 7_200_000, tomorrow, tomorrow]


def test_nobody_is_called_again_while_the_site_is_closed():
    evening = at("2026-11-21 18:50")
    assert record_attempt("no_answer", [], 1, evening, DEFAULT_HOURS).again_at == at("2026-11-23 09:00")
    assert record_attempt("no_answer", [], 1, evening, ALWAYS).again_at == evening + 900_000


def test_call_later_asks_when():
    assert record_attempt("call_later", [], 1, NOW, DEFAULT_HOURS, NOW + 1) == Attempt(1, NOW, "call_later", NOW + 1)
    with pytest.raises(UsageError, match="when"):
        record_attempt("call_later", [], 1, NOW, DEFAULT_HOURS)
    with pytest.raises(UsageError, match="future"):
        record_attempt("call_later", [], 1, NOW, DEFAULT_HOURS, NOW)


def test_the_operators_own_time_goes_before_the_usual_one():
    assert record_attempt("no_answer", [], 1, NOW, DEFAULT_HOURS, NOW + 5).again_at == NOW + 5


@pytest.mark.parametrize("outcome", [outcome for outcome in OUTCOMES if outcome not in (*NOT_REACHED, "call_later")])
def test_after_any_other_outcome_nothing_is_due(outcome: Outcome):
    attempt = record_attempt(outcome, ["no_answer"], 1, NOW, DEFAULT_HOURS)
    assert (attempt.again_at, attempt.suggests) == (None, SUGGESTS.get(outcome))


def test_an_outcome_suggests_real_or_junk_and_what_says_nothing_suggests_nothing():
    sealed = {outcome for outcome, status in SUGGESTS.items() if is_sealed(status)}
    assert sealed == {"reached", "replied"}
    assert set(OUTCOMES) - set(SUGGESTS) == {"no_answer", "busy", "call_later", "whatsapp_sent"}


@pytest.mark.parametrize(
    ("text", "now", "zone", "due"),
    [
        ("15m", "2026-11-20 14:30", ISTANBUL, "2026-11-20 14:45"),
        ("1h", "2026-11-20 14:30", ISTANBUL, "2026-11-20 15:30"),
        ("16:00", "2026-11-20 14:30", ISTANBUL, "2026-11-20 16:00"),
        ("16:00", "2026-11-20 16:00", ISTANBUL, "2026-11-21 16:00"),
        ("9:05", "2026-11-20 14:30", ISTANBUL, "2026-11-21 09:05"),
        ("tomorrow 10:00", "2026-11-20 14:30", ISTANBUL, "2026-11-21 10:00"),
        ("tomorrow 10:00", "2026-11-20 00:10", ISTANBUL, "2026-11-21 10:00"),
        ("  Tomorrow  10:00 ", "2026-10-24 14:30", BERLIN, "2026-10-25 10:00"),  # of 25 hours
        ("tomorrow 10:00", "2026-03-28 14:30", BERLIN, "2026-03-29 10:00"),  # of 23 hours
        ("16:00", "2026-03-29 01:30", BERLIN, "2026-03-29 16:00"),
        ("tomorrow 00:00", "2026-10-24 14:30", BERLIN, "2026-10-25 00:00"),
        ("2h", "2026-03-29 01:30", BERLIN, "2026-03-29 04:30"),
    ],
)
def test_a_reminder_is_a_time_by_the_sites_clocks(text: str, now: str, zone: str, due: str):
    assert read_when(text, at(now, zone), zone) == at(due, zone)


@pytest.mark.parametrize(
    "text", ["", "later", "15", "0m", "15 s", "24:00", "16:60", "16.00", "yesterday 10:00", "-1h", "1000m", "tomorrow"]
)
def test_what_is_no_time_is_refused(text: str):
    with pytest.raises(UsageError, match="tomorrow 10:00"):
        read_when(text, NOW, ISTANBUL)


def test_a_reminder_rings_once_and_stands_on_top_until_it_is_closed():
    waiting = Reminder(1, NOW)
    assert [is_due(waiting, NOW - 1), is_due(waiting, NOW), rings(waiting, NOW)] == [False, True, True]
    rung = Reminder(1, NOW, rang_at=NOW)
    assert (is_due(rung, NOW), rings(rung, NOW)) == (True, False)
    assert not is_due(Reminder(1, NOW, closed_at=NOW), NOW + 1)


@pytest.mark.parametrize("word", [*OUTCOMES, *REMINDERS, *opening.DEFAULT.values(), leads.HIDDEN, "opening_hours"])
def test_every_word_is_in_the_manual(word: str):
    assert word in MANUAL


def test_every_number_is_in_the_manual():
    minutes = [LEASE_MS, AGAIN_MS[0], matching.WINDOW_MS, matching.TOLERANCE_MS, matching.DOUBT_MS]
    assert [f"{value // work.MINUTE_MS} minutes" in MANUAL for value in minutes] == [True] * 5
    assert f"{AGAIN_MS[1] // 3_600_000} hours" in MANUAL
    assert f"{leads.LEAD_MS // 3_600_000} hours" in MANUAL
