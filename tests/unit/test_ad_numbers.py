"""Which of Google's and the client's numbers count, and what changed of a settled day."""

from typing import Any

import pytest

from opsmantik_box.domain.ad_numbers import ENTERED, client_count, google_count
from opsmantik_box.domain.days import day_bounds
from opsmantik_box.domain.later_changes import PROVISIONAL_MS, Change, newest_changes, settled_at, told_anew

DAY, ZONE = "2026-11-05", "Europe/Istanbul"
SETTLED = settled_at(DAY, ZONE)


def ad_row(clicks: int, as_of: int, campaign: str = "", source: str = ENTERED, day: str = DAY, **more: Any) -> tuple[Any, ...]:
    """A row of list_ad_clicks."""
    return day, campaign, clicks, more.get("conversions"), more.get("cost"), as_of, more.get("currency"), source, more.get("calls")


def count(*rows: tuple[Any, ...], intents: int = 0, sealed: int = 0):
    return google_count(rows, ZONE, "TRY", intents, sealed)


def test_the_newest_number_of_a_day_and_campaign_counts():
    google = count(
        ad_row(100, 10, "a", "x", conversions=1),
        ad_row(20, 20, "b", "x", cost=50),
        ad_row(110, 30, "a", "x", conversions=2.5),
        ad_row(7, 5, "a", "x", day="2026-11-06", conversions=0.1),
    )
    assert (google.clicks, google.google_conversions, google.cost, google.as_of) == (137, 2.6, 50, 30)


def test_nothing_told_is_nothing_known():
    assert count() == google_count([], ZONE, "TRY", 18, 1)
    assert count().clicks is None
    assert count().timezone == ZONE


def test_a_number_entered_for_the_day_takes_the_place_of_what_was_imported_and_the_other_way_round():
    imported = [ad_row(100, 10, "a", "x"), ad_row(20, 10, "b", "x")]
    entered = ad_row(130, 20)
    assert count(*imported, entered).clicks == 130
    assert count(*imported, entered, ad_row(90, 30, "a", "x"), ad_row(21, 30, "b", "x")).clicks == 111


def test_accounts_of_one_site_are_added_and_one_told_as_a_whole_takes_the_place_of_its_campaigns():
    campaigns = [ad_row(100, 10, "a", "x"), ad_row(20, 10, "b", "x"), ad_row(5, 10, "a", "y")]
    assert count(*campaigns).clicks == 125
    assert count(*campaigns, ad_row(119, 20, "", "x")).clicks == 124
    assert count(*campaigns, ad_row(119, 20, "", "x"), ad_row(99, 30, "a", "x")).clicks == 104


def test_calls_from_the_ad_are_known_when_every_row_tells_them():
    assert count(ad_row(10, 1, "a", "x", calls=3), ad_row(10, 1, "b", "x", calls=0)).calls_from_ad == 3
    assert count(ad_row(10, 1, "a", "x", calls=3), ad_row(10, 1, "b", "x")).calls_from_ad is None


def test_cost_is_told_for_each_intent_and_each_sealed_one():
    google = count(ad_row(130, 1, cost=206_075), intents=18, sealed=1)
    assert (google.cost, google.currency, google.cost_per_intent, google.cost_per_sealed) == (206_075, "TRY", 11_449, 206_075)
    assert count(ad_row(130, 1, cost=206_075)).cost_per_intent is None
    assert count(ad_row(130, 1), intents=18).cost_per_intent is None


def test_costs_in_several_currencies_have_no_sum():
    google = count(ad_row(1, 1, "a", "x", cost=5, currency="EUR"), ad_row(1, 1, "b", "x", cost=5), intents=1)
    assert (google.cost, google.currency, google.cost_per_intent, google.clicks) == (None, None, None, 2)


def test_the_newest_number_of_the_client_counts_of_whatsapp_and_phone_each():
    client = client_count([("d1", 3, None, 1), ("d1", 5, None, 2), ("d2", 1, None, 3), ("d1", None, 4, 4)])
    assert (client.whatsapp, client.phone) == (6, 4)
    assert client_count([("d1", 3, None, 1)]).phone is None


# --- after a day is settled -------------------------------------------------------------------------------------------------------


def test_a_day_is_settled_48_hours_after_its_end():
    assert settled_at(DAY, ZONE) == day_bounds("2026-11-07", ZONE)[1]
    assert settled_at("2026-10-25", "Europe/Berlin") == day_bounds("2026-10-25", "Europe/Berlin")[1] + PROVISIONAL_MS


def test_google_told_anew_after_the_day_was_settled_is_a_change():
    rows = [ad_row(100, 10, cost=500), ad_row(120, SETTLED - 1, cost=500), ad_row(130, SETTLED, conversions=5.0, cost=650)]
    assert told_anew(rows, [], ZONE) == [
        Change(SETTLED, DAY, "google_clicks", "google", 10),
        Change(SETTLED, DAY, "google_cost", "google", 150),
    ]


def test_an_import_of_many_campaigns_is_one_change():
    before = [ad_row(100, 10, "a", "x"), ad_row(20, 10, "b", "x")]
    after = [ad_row(101, SETTLED, "a", "x"), ad_row(19, SETTLED, "b", "x")]
    assert told_anew([*before, *after], [], ZONE) == []
    assert told_anew([*before, *after[:1]], [], ZONE) == [Change(SETTLED, DAY, "google_clicks", "google", 1)]


def test_a_first_number_is_no_change():
    assert told_anew([ad_row(100, SETTLED)], [(DAY, 3, None, SETTLED)], ZONE) == []


def test_the_client_s_numbers_told_anew_are_a_change():
    rows = [(DAY, 3, None, 10), (DAY, None, 4, SETTLED), (DAY, 2, 5, SETTLED + 1)]
    assert told_anew([], rows, ZONE) == [
        Change(SETTLED + 1, DAY, "client_whatsapp", "client", -1),
        Change(SETTLED + 1, DAY, "client_phone", "client", 1),
    ]


@pytest.mark.parametrize("number", [3, 150])
def test_the_newest_hundred_changes_are_told_newest_first(number: int):
    changes = [Change(at, DAY, "sessions", "arrived_late", 1) for at in range(number)]
    assert [one.at for one in newest_changes(changes)] == list(range(number - 1, max(-1, number - 101), -1))
