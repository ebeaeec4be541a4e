"""Splits, the reconciliation and the log of later changes, over real files, by the service and by the command."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.cli import report as command
from opsmantik_box.domain.attribution import Rank
from opsmantik_box.domain.later_changes import PROVISIONAL_MS, settled_at
from opsmantik_box.domain.months import month_start
from opsmantik_box.domain.report import SCOPES
from opsmantik_box.ops.report_text import SPLITS, format_split, format_stats
from opsmantik_box.sql import load
from tests.reading_data import FORM, NOON, PHONE, WHATSAPP, Folder, ask_both

ZONE, TODAY, DAY = "Europe/Istanbul", "2026-11-05", 86_400_000
SETTLED = settled_at(TODAY, ZONE)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path / "data")
    yield made
    made.close()


def today(folder: Folder, site: int, scope: str = "ads", now: int = NOON) -> dict[str, Any]:
    return ask_both(folder, site, "antika", TODAY, TODAY, scope, now)


def shares(told: list[dict[str, Any]]) -> dict[str | None, tuple[int, int]]:
    return {one["name"]: (one["sessions"], one["intents"]) for one in told}


def test_the_command_and_the_statements_know_what_the_rules_know() -> None:
    assert (command.SCOPES, command.SPLITS) == (SCOPES, SPLITS)
    late = [text for name, text in load("report").items() if name.startswith("list_late_")]
    assert len(late) == 3
    assert all(str(PROVISIONAL_MS) in text for text in late)


# --- splits -----------------------------------------------------------------------------------------------------------------------


def test_sessions_and_intents_are_split_by_campaign_keyword_landing_page_and_button(folder: Folder) -> None:
    site, _ = folder.site("antika")
    tagged = {
        "utm_campaign": "kis",
        "campaignid": "77",
        "keyword": "antika alan",
        "entry_page": "https://a.example/gumus?gclid=x#top",
    }
    plain = {"campaignid": "77", "utm_term": "gumus", "entry_page": "https://a.example/gumus#a?b"}
    for more, rank in ((tagged, Rank.FIRST_CLICK), (tagged, Rank.ASSISTED), (plain, Rank.FIRST_CLICK), ({}, Rank.PAID_SOCIAL)):
        session = folder.session(site, NOON, rank, **more)
        folder.call(site, NOON + 1000, PHONE, rank, matched_session_id=session, position="header")
        folder.call(site, NOON + 2000, WHATSAPP, rank, matched_session_id=session)
        folder.call(site, NOON + 3000, FORM, rank, matched_session_id=session)
    folder.session(site, NOON, Rank.FIRST_CLICK, is_bot=1, **tagged)
    told = today(folder, site)
    assert shares(told["by_campaign"]) == {"kis": (2, 4), "77": (1, 2)}
    assert shares(told["by_keyword"]) == {"antika alan": (2, 4), "gumus": (1, 2)}
    assert shares(told["by_landing_page"]) == {"https://a.example/gumus": (3, 6)}
    assert told["by_button"] == {"header": 3, "": 3}
    paid = today(folder, site, "other_paid")
    assert (paid["by_source"], paid["by_button"]) == ({"Paid Social": 1}, {"header": 1, "": 1})
    assert shares(paid["by_landing_page"]) == {"https://a.example/": (1, 2)}
    assert shares(today(folder, site, "all")["by_campaign"]) == {"kis": (2, 4), "77": (1, 2), "": (1, 2)}


def test_an_intent_belongs_to_its_session_in_another_month_and_without_one_to_nobody(folder: Folder) -> None:
    site, _ = folder.site("antika")
    before = folder.session(site, month_start("2026-11") - DAY, Rank.FIRST_CLICK, utm_campaign="kis")
    folder.month("2026-11")
    folder.call(site, month_start("2026-11"), PHONE, Rank.FIRST_CLICK, matched_session_id=before, matched_session_month="2026-10")
    folder.call(site, month_start("2026-11"), PHONE, Rank.FIRST_CLICK)
    told = ask_both(folder, site, "antika", "2026-11-01", "2026-11-01")
    assert shares(told["by_campaign"]) == {"kis": (0, 1), "": (0, 1)}


def test_after_the_first_hundred_shares_the_others_are_told_together(folder: Folder) -> None:
    site, _ = folder.site("antika")
    for number in range(102):
        for _ in range(2 if number < 100 else 1):
            folder.session(site, NOON, Rank.FIRST_CLICK, utm_campaign=f"c{number:03}")
    told = today(folder, site)["by_campaign"]
    assert len(told) == 101
    assert told[-1] == {"name": None, "sessions": 2, "intents": 0}


@pytest.mark.parametrize("scope", ["ads", "all", "other_paid"])
def test_every_split_adds_up_to_its_scope(folder: Folder, scope: str) -> None:
    site, _ = folder.site("antika")
    chance = random.Random(7)
    for _ in range(200):
        rank, at = chance.choice(list(Rank)), NOON + chance.randrange(-DAY, DAY)
        marks = {"is_bot": int(chance.random() < 0.1), "is_internal": int(chance.random() < 0.1)}
        page = f"https://a.example/{chance.choice('abc')}?gclid={chance.random()}"
        session = folder.session(site, at, rank, utm_campaign=chance.choice(["", "x", "y"]), entry_page=page, **marks)
        for kind in (PHONE, WHATSAPP, FORM):
            tapped = Rank(min(rank, chance.choice(list(Rank))))
            if chance.random() < 0.3:
                folder.call(site, at + 1000, kind, tapped, matched_session_id=session, position=chance.choice(["", "a"]), **marks)
    told = ask_both(folder, site, "antika", "2026-11-04", "2026-11-06", scope)
    for split in ("campaign", "keyword", "landing_page", "hour"):
        sums = [sum(one[key] for one in told[f"by_{split}"]) for key in ("sessions", "intents")]
        assert sums == [told[scope]["sessions"], told[scope]["intents"]]
    assert sum(told["by_button"].values()) == told[scope]["intents"]
    assert sum(told["by_device"].values()) == sum(told["by_source"].values()) == told[scope]["sessions"]
    for split in SPLITS:
        assert len(format_split(told, split, "tr").splitlines()) == 1 + len(told[f"by_{split}"])


# --- the reconciliation -----------------------------------------------------------------------------------------------------------


def click(folder: Folder, site: int, visitor: str, click_id: str, session: str, at: int = NOON, **more: Any) -> None:
    folder.add("touches", site_id=site, fingerprint=visitor, kind="gclid", click_id=click_id, at=at, session_id=session, **more)


def test_google_s_clicks_and_the_sessions_with_one_are_reconciled_in_buckets(folder: Folder) -> None:
    """20 clicks: 4 sessions of people, one of them opened again; one click in another's session, one bot's, one internal, 2 calls."""
    site, _ = folder.site("antika")
    for number in range(3):
        session = folder.session(
            site, NOON, Rank.FIRST_CLICK, gclid=f"g{number}", fingerprint=f"fp_{number}", intents=int(number == 0)
        )
        click(folder, site, f"fp_{number}", f"g{number}", session)
    folder.session(site, NOON + 3_600_000, Rank.FIRST_CLICK, gclid="g0", fingerprint="fp_0")
    click(folder, site, "fp_2", "g2-again", session)
    click(folder, site, "fp_2", "known-from-meta", session, time_unknown=1)
    click(folder, site, "fp_2", "yesterday", session, at=NOON - DAY)
    folder.session(site, NOON, Rank.FIRST_CLICK, gclid="bot", is_bot=1)
    folder.session(site, NOON, Rank.FIRST_CLICK, gclid="own", is_internal=1)
    folder.session(site, NOON, Rank.ORGANIC, consent="denied")
    folder.session(site, NOON, Rank.ORGANIC, consent="ad_storage=denied,analytics_storage=granted")
    folder.call(site, NOON, PHONE, Rank.FIRST_CLICK)
    folder.add("ad_clicks", site_id=site, day=TODAY, clicks=20, call_clicks=2, as_of=NOON, source="entered")
    told = today(folder, site)["reconciliation"]
    assert told["buckets"] == {
        "repeated_clicks": 1, "reopened_clicks": 1, "never_reached": 12, "calls_from_ad": 2, "bots": 1, "internal": 1,
        "consent_denied": 2, "sessions_without_intent": 3, "intents_not_sealed": 1,
    }  # fmt: skip
    first = told["differences"][0]
    assert (first["from"], first["from_count"], first["to"], first["to_count"], first["rest"]) == (
        "google_clicks", 20, "sessions_with_click", 4, 0,
    )  # fmt: skip
    assert sum(first["parts"].values()) == 16


def test_a_click_that_opens_sessions_in_two_months_is_reopened_once(folder: Folder) -> None:
    site, _ = folder.site("antika")
    for month in ("2026-10", "2026-11"):
        folder.session(site, month_start("2026-11"), Rank.FIRST_CLICK, month, gclid="g")
    told = ask_both(folder, site, "antika", "2026-11-01", "2026-11-01")
    assert told["reconciliation"]["buckets"]["reopened_clicks"] == 1


def test_repeated_clicks_are_unknown_once_the_days_of_touches_are_over(folder: Folder) -> None:
    site, _ = folder.site("antika")
    session = folder.session(site, NOON, Rank.FIRST_CLICK, gclid="g", fingerprint="fp")
    folder.add("ad_clicks", site_id=site, day=TODAY, clicks=3, call_clicks=0, as_of=NOON, source="entered")
    without = today(folder, site)["reconciliation"]
    assert (without["buckets"]["repeated_clicks"], without["buckets"]["never_reached"]) == ("unknown", "unknown")
    assert without["differences"][0]["rest"] == 2
    click(folder, site, "fp", "g", session)
    assert today(folder, site)["reconciliation"]["buckets"]["repeated_clicks"] == 0
    assert today(folder, site)["reconciliation"]["buckets"]["never_reached"] == 2


def test_sealed_forms_and_calls_are_apart_from_sealed_intents(folder: Folder) -> None:
    site, _ = folder.site("antika")
    for kind, number in ((PHONE, 2), (FORM, 1), ({"source": "call"}, 1)):
        for _ in range(number):
            folder.call(site, NOON, kind, Rank.FIRST_CLICK, status="real", matched_session_id=None)
    folder.call(site, NOON, WHATSAPP, Rank.FIRST_CLICK)
    told = today(folder, site)["reconciliation"]
    sealed = next(one for one in told["differences"] if one["to"] == "sealed")
    assert (sealed["from_count"], sealed["to_count"], sealed["parts"], sealed["rest"]) == (
        3, 4, {"intents_not_sealed": 1, "forms_and_calls": -2}, 0,
    )  # fmt: skip


def test_numbers_that_are_equal_need_no_reason_and_nothing_is_guessed(folder: Folder) -> None:
    site, _ = folder.site("antika")
    told = today(folder, site)
    assert told["reconciliation"]["differences"] == []
    assert told["reconciliation"]["buckets"]["never_reached"] == "unknown"
    assert told["reconciliation"]["buckets"]["consent_denied"] == "not counted"


def test_an_ads_account_in_another_zone_is_said(folder: Folder) -> None:
    site, _ = folder.site("antika", google_timezone="America/New_York")
    folder.add("ad_clicks", site_id=site, day=TODAY, clicks=20, as_of=NOON, source="entered")
    told = today(folder, site)
    assert "20 ad clicks (Google, America/New_York, as of 07:00)" in format_stats(told)
    assert "Google's days are those of America/New_York, the site's those of Europe/Istanbul." in format_stats(told)
    assert "Google'ın günleri America/New_York, sitenin günleri Europe/Istanbul saatine göredir." in format_stats(told, "tr")


# --- later changes ----------------------------------------------------------------------------------------------------------------


def test_what_arrives_or_is_said_after_a_day_was_settled_is_told_with_its_cause(folder: Folder) -> None:
    site, _ = folder.site("antika")
    for received in (SETTLED - 1, SETTLED, SETTLED + 1):
        folder.session(site, NOON, Rank.FIRST_CLICK)
        folder.months["2026-11"].execute("update events set received_at = ? where seq = ?", (received, folder._seq))
        folder.call(site, NOON, PHONE, Rank.FIRST_CLICK, received_at=received)
    folder.call(site, NOON, FORM, Rank.FIRST_CLICK, received_at=SETTLED + DAY)
    folder.session(site, NOON, Rank.FIRST_CLICK, is_bot=1)
    folder.months["2026-11"].execute("update events set received_at = ? where seq = ?", (SETTLED, folder._seq))
    said = [("intent", "real", SETTLED - 1), ("real", "junk", SETTLED + 5), ("junk", "confirmed", SETTLED + 6)]
    for call in (folder.call(site, NOON, PHONE), folder.call(site, NOON, WHATSAPP)):
        for before, after, at in said if call % 2 else [("intent", "real", SETTLED + 9), ("real", "qualified", SETTLED + 10)]:
            folder.add("verdicts", site_id=site, call_id=call, at=at, from_status=before, to_status=after)
    for clicks, at in ((120, NOON), (130, SETTLED + 7)):
        folder.add("ad_clicks", site_id=site, day=TODAY, clicks=clicks, as_of=at, source="entered")
    assert today(folder, site)["settled_at"] == SETTLED
    told = today(folder, site, now=SETTLED)
    assert [(one["what"], one["cause"], one["by"], one["day"], one["at"]) for one in told["later_changes"]] == [
        ("forms", "arrived_late", 1, TODAY, SETTLED + DAY),
        ("sealed", "verdict", 1, TODAY, SETTLED + 9),
        ("google_clicks", "google", 10, TODAY, SETTLED + 7),
        ("sessions", "arrived_late", 2, TODAY, SETTLED + 1),
        ("intents", "arrived_late", 2, TODAY, SETTLED + 1),
    ]
    assert "2026-11-08 00:00: sessions of 2026-11-05 +2, because they arrived late" in format_stats(told)
    assert "2026-11-08 00:00: 2026-11-05 günü, Google'ın tıklamaları +10 (Google'ın sayıları yeniden girildi)" in format_stats(
        told, "tr"
    )


def test_each_day_of_a_range_is_settled_by_itself(folder: Folder) -> None:
    site, _ = folder.site("antika")
    for at in (NOON - DAY, NOON):
        folder.call(site, at, PHONE, Rank.FIRST_CLICK, received_at=SETTLED - 1)
    told = ask_both(folder, site, "antika", "2026-11-04", TODAY, now=SETTLED)
    assert [(one["day"], one["by"]) for one in told["later_changes"]] == [("2026-11-04", 1)]
