"""The rules behind the rows: where a lead stands, what its row says, what a list shows. Pure, so the time is handed in."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmantik_box.domain.opening import waited
from opsmantik_box.domain.work import Claim, Reminder
from tests.console.kit import HOUR, MINUTE, NOW, busy_leads, lead, missed, queue_page, site_id
from tui.model.commands import NotUnderstood, apply_command
from tui.model.lead import Kind, Lead
from tui.model.pages import LeadTold
from tui.model.queue import Board, Filter, keep_in_place, matches
from tui.model.sites import Site
from tui.model.urgency import Band, clock_text, deadline_of, length_text, mark, place, wait_text, waiting
from tui.speech import Speech
from tui.views import rows

SITE = Site(site_id("antika"), "antika", opening_hours={"mon-sun": "00:00-24:00"})
DAYTIME = Site(site_id("antika"), "antika", opening_hours={"mon-sun": "09:00-19:00"})
SAY = Speech("en")
ME = 1


def read(told: dict[str, Any]) -> Lead:
    return msgspec.convert(told, LeadTold).as_lead()


def call(at: int, **more: Any) -> Lead:
    return read(lead(1, "antika", at, ended_at=at, **missed("+90 532 *** 01 43"), **more))


# --- urgency ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passed", "sign", "band"),
    [
        (0, ".", Band.RUNNING),
        (90, "!", Band.RUNNING),
        (89, ".", Band.RUNNING),
        (240, "!!", Band.RUNNING),
        (300, "!!", Band.RUNNING),
        (301, "L", Band.LATE),
    ],
)
def test_the_mark_says_how_much_of_the_target_is_over(passed: int, sign: str, band: Band):
    one = call(NOW - passed * 1000)
    spot = place(one, SITE, NOW, ME)
    assert (mark(one, spot.band, waiting(one, SITE, NOW)), spot.band) == (sign, band)


def test_a_tap_at_night_waits_for_the_opening():
    at = NOW - 11 * HOUR - 32 * MINUTE  # 03:00 there
    one = call(at)
    night = waiting(one, DAYTIME, at + HOUR)
    assert night is not None
    assert (night.ms, clock_text(night.opens_at or 0, DAYTIME.timezone)) == (0, "09:00")
    assert rows.state_text(one, DAYTIME, place(one, DAYTIME, at + HOUR, ME), night, at + HOUR, ME, SAY) == "opens 09:00"
    assert clock_text(deadline_of(one, DAYTIME) or 0, DAYTIME.timezone) == "09:05"


@settings(deadline=None)
@given(st.integers(0, 3 * 24 * HOUR), st.integers(0, 3 * 24 * HOUR))
def test_late_is_whoever_has_waited_longer_than_the_target(began: int, passed: int):
    one = call(NOW - began)
    now = NOW - began + passed
    is_late = waited(DAYTIME.hours, NOW - began, now) > DAYTIME.answer_target_ms
    assert (place(one, DAYTIME, now, ME).band is Band.LATE) == is_late


def test_bands_stand_in_their_order():
    page = queue_page(busy_leads())
    board = Board().arrange(
        [one.as_lead() for one in page.leads], {site.id: site for site in page.sites}.__getitem__, Filter(), NOW, ME
    )
    bands = [board.places[number].band for number in board.lists["queue"]]
    assert bands == sorted(bands)
    assert {Band.DUE, Band.RUNNING, Band.LATE, Band.OTHERS, Band.QUIET, Band.DONE} == set(bands)
    assert board.lists["queue"][0] == 14


@settings(deadline=None)
@given(st.permutations(busy_leads()))
def test_an_order_does_not_depend_on_what_came_first(told: list[dict[str, Any]]):
    sites = {site.id: site for site in queue_page([]).sites}
    straight = Board().arrange(map(read, busy_leads()), sites.__getitem__, Filter(), NOW, ME)
    assert Board().arrange(map(read, told), sites.__getitem__, Filter(), NOW, ME) == straight


@settings(deadline=None)
@given(st.lists(st.integers(0, 10 * MINUTE), max_size=6))
def test_a_board_that_remembers_says_what_a_new_one_says(steps: list[int]):
    sites, leads = {site.id: site for site in queue_page([]).sites}, list(map(read, busy_leads()))
    board, now = Board(), NOW
    for step in steps:
        now += step
        assert board.arrange(leads, sites.__getitem__, Filter(), now, ME) == Board().arrange(
            leads, sites.__getitem__, Filter(), now, ME
        )


def test_time_alone_moves_a_row_when_it_was_said_to():
    one = call(NOW)
    spot = place(one, SITE, NOW, ME)
    assert spot.until == NOW + SITE.answer_target_ms + 1
    assert place(one, SITE, spot.until - 1, ME).band is Band.RUNNING
    assert place(one, SITE, spot.until, ME).band is Band.LATE


def test_a_claim_puts_it_with_its_holder_until_it_ends():
    one = msgspec.structs.replace(call(NOW), claim=Claim(ME, NOW, NOW + MINUTE))
    assert place(one, SITE, NOW, ME).band is Band.YOURS
    assert place(one, SITE, NOW, 2).band is Band.OTHERS
    assert place(one, SITE, NOW + MINUTE, ME).band is Band.RUNNING


def test_a_reminder_comes_to_the_top_when_it_is_due():
    one = msgspec.structs.replace(call(NOW), reminder=Reminder(ME, NOW + MINUTE))
    assert place(one, SITE, NOW, ME).band is Band.RUNNING
    due = place(one, SITE, NOW + MINUTE, ME)
    assert due.band is Band.DUE
    assert wait_text(one, SITE, due.band, None, NOW + MINUTE) == "r 14:33"


def test_an_attempt_an_answered_call_or_a_verdict_ends_the_waiting():
    tried = read(
        lead(1, "antika", NOW - HOUR, {"attempts": 1, "last_attempt": {"at": NOW, "outcome": "no_answer"}}, **missed("+90"))
    )
    assert tried.waits_since is None
    assert call(NOW, version=2).waits_since == NOW
    assert read(lead(1, "antika", NOW, **missed("+90", status="junk"))).waits_since is None
    answered = lead(1, "antika", NOW - HOUR, **missed("+90"))
    answered["contacts"].append(lead(2, "antika", NOW, source="call", call_state="ended", answered_at=NOW)["contacts"][0])
    assert read(answered).waits_since is None


def test_a_tap_on_a_number_keeps_nobody_waiting_and_is_said_so():
    tap = read(lead(1, "antika", NOW))
    assert (tap.kind, tap.waits_since) == (Kind.TEL, None)
    assert rows.reach_text(tap, SITE, NOW, SAY) == "waits for its call"
    assert rows.reach_text(tap, SITE, NOW + 30 * MINUTE, SAY) == "no call came"


def test_a_row_is_about_the_newest_that_can_be_reached():
    told = lead(1, "antika", NOW - HOUR, **missed("+90 532 *** 01 43"))
    told["contacts"].append(lead(2, "antika", NOW)["contacts"][0])
    told["contact_count"] = 2
    one = read(told)
    assert (one.kind, one.head.id, rows.reach_text(one, SITE, NOW, SAY)) == (Kind.MISS, 1, "+90 532 *** 01 43 ×2")


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0m00s"), (38_000, "0m38s"), (599_000, "9m59s"), (600_000, "10m"), (3_540_000, "59m"), (3_780_000, "1h03m")],
)
def test_a_time_is_said_as_short_as_it_may(ms: int, text: str):
    assert length_text(ms) == text


@pytest.mark.parametrize(("score", "sign"), [(49, ""), (50, "^"), (59, "^"), (60, "^^"), (79, "^^"), (80, "^^^"), (100, "^^^")])
def test_a_score_has_a_sign(score: int, sign: str):
    assert rows.sign_of(score) == sign


@pytest.mark.parametrize("language", ["en", "tr"])
def test_every_row_takes_exactly_80_cells(language: str):
    say, page = Speech(language), queue_page(busy_leads())
    sites = {site.id: site for site in page.sites}
    for one in map(LeadTold.as_lead, page.leads):
        spot = place(one, sites[one.site_id], NOW, ME)
        line = rows.row_line(rows.cells(one, sites[one.site_id], spot, NOW, ME, say), spot.band, rows.fitted(80))
        assert sum(len(text) for text, _ in line) == 80


# --- lists --------------------------------------------------------------------------------------------------------------------------


def shown(listing: str = "queue", **chosen: Any) -> list[int]:
    page = queue_page(busy_leads())
    board = Board().arrange(
        map(LeadTold.as_lead, page.leads), {one.id: one for one in page.sites}.__getitem__, Filter(**chosen), NOW, ME
    )
    return list(board.lists[listing])  # type: ignore[index]


def test_ads_only_leaves_out_what_is_known_to_come_from_elsewhere():
    assert 15 not in shown()
    assert 15 in shown(ads=False)


def test_a_call_nobody_could_match_is_not_hidden_by_ads_only():
    page = queue_page([lead(1, "antika", NOW, **missed("+90"), attribution_at_tap=None, attribution_rank_at_tap=None)])
    board = Board().arrange(map(LeadTold.as_lead, page.leads), {one.id: one for one in page.sites}.__getitem__, Filter(), NOW, ME)
    assert board.lists["queue"] == (1,)


def test_lists_show_what_they_say():
    assert set(shown("missed")) == {12, 14, 21}
    assert shown("mine") == [14]
    assert shown("all")[0] == 13
    assert shown(late=True) == [21]
    assert set(shown(kind=Kind.WA)) == {13, 16, 19}
    assert shown(day=-1) == []


def test_a_search_finds_anywhere_and_turns_round():
    assert set(shown(search="nakl")) == {14}
    assert set(shown(search="77 10")) == {11}
    assert set(shown(search="!antika")) == set(shown()) - set(shown(search="antika"))
    one = read(busy_leads()[0])
    assert matches(one, SITE, "!") is True


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), unique=True), st.integers(0, 50), st.integers(0, 60))
def test_the_row_under_the_cursor_stays_on_its_line(order: list[int], kept: int, index: int):
    placed = keep_in_place(order, kept, index)
    assert sorted(placed) == sorted(order)
    assert [one for one in placed if one != kept] == [one for one in order if one != kept]
    if kept in order:
        assert placed.index(kept) == min(index, len(order) - 1)


# --- commands -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("site anti", Filter(site=site_id("antika"))),
        ("site", Filter()),
        ("day -1", Filter(day=-1)),
        ("day 1", Filter(day=-1)),
        ("day today", Filter()),
        ("late", Filter(late=True)),
        ("ads", Filter(ads=False)),
        ("kind wa", Filter(kind=Kind.WA)),
        ("clear", Filter()),
    ],
)
def test_a_command_leads_to_a_filter(text: str, chosen: Filter):
    assert apply_command(text, Filter(), queue_page([]).sites) == chosen


def test_a_command_may_name_a_screen():
    assert apply_command("numbers", Filter(), []) == ("numbers", "")
    assert apply_command("theme nord", Filter(), []) == ("theme", "nord")


@pytest.mark.parametrize("text", ["", "nonsense", "site zzz", "day monday", "day -99", "kind fax"])
def test_a_command_nobody_understands_is_refused_with_the_word(text: str):
    with pytest.raises(NotUnderstood) as refused:
        apply_command(text, Filter(), queue_page([]).sites)
    assert SAY(refused.value.key, word=refused.value.word)


def test_a_site_that_may_be_two_is_asked_again():
    sites = [Site("1", "antika"), Site("2", "antik")]
    with pytest.raises(NotUnderstood, match="anti"):
        apply_command("site anti", Filter(), sites)
    assert apply_command("site antik", Filter(), sites) == Filter(site="2")


def test_money_is_written_as_the_language_writes_it():
    assert Speech("tr").money(250_050, "TRY") == "2.500,50 TRY"
    assert Speech("en").money(250_000, "TRY") == "2,500 TRY"
    assert Speech("en").money(1_234, "JPY") == "1,234 JPY"
