"""When a delivery goes, and when it goes again; what of the feed is told outside, and how."""

from typing import Any

import msgspec
import pytest

from opsmantik_box.domain.lanes import (
    AGAIN_MS,
    KEEP_TRYING_MS,
    LONGEST_PAUSE_MS,
    LONGEST_WAIT_MS,
    MINUTE_MS,
    PAUSE_MS,
    SECOND_MS,
    LaneState,
    after_attempt,
    how_many,
    lane_after,
)
from opsmantik_box.domain.notices import Chat, FeedRow, Hook, Message, contact_of, digest, notices_of
from opsmantik_box.domain.sites import Site

NOW = 1_793_869_200_000
PUBLIC = "3f2b8a52-98f4-4a63-b9ad-0c1d62a4f0aa"
SITE = Site(1, PUBLIC, "antika", ["antika.example"], [], "Europe/Istanbul", "TR", "TRY", "pending", [], [], {})
CHAT = Chat("telegram", "warning", 50, "Europe/Istanbul")
INTENT = {
    "id": 7, "lead": 7, "at": NOW, "action": "phone", "score": 80, "attribution": "First Click (Paid)", "device": "mobile",
    "page": "https://antika.example/?gclid=x", "is_bot": False, "is_internal": False,
}  # fmt: skip
ALERT = {
    "id": 3, "code": "DISK", "level": "alarm", "state": "open", "text": "Full.", "advice": "Make room.", "since": NOW, "opened_at": NOW,
    "last_at": NOW, "times": 1, "resolved_at": None, "acknowledged_at": None, "acknowledged_by": None, "silenced_until": None,
    "version": 1, "covered_by": None, "change": "opened",
}  # fmt: skip


def row(topic: str, body: dict[str, Any], site: Site | None = SITE, version: int = 1) -> FeedRow:
    return FeedRow(1, NOW, topic, site, str(body.get("id", 7)), version, body)


# --- when ---------------------------------------------------------------------------------------------------------------------------


def test_what_failed_comes_again_later_and_later_until_its_deadline() -> None:
    waits, at, attempts = [], NOW, 0
    while (became := after_attempt("again", "alert", attempts + 1, NOW + KEEP_TRYING_MS, at)).state == "waiting":
        waits.append(became.not_before - at)
        at, attempts = became.not_before, attempts + 1
    assert waits[: len(AGAIN_MS)] == list(AGAIN_MS)
    assert set(waits[len(AGAIN_MS) :]) == {AGAIN_MS[-1]}
    assert KEEP_TRYING_MS - AGAIN_MS[-1] < at - NOW <= KEEP_TRYING_MS
    assert became.state == "dead"


def test_what_is_of_no_use_later_is_given_up_quietly() -> None:
    assert after_attempt("again", "hot", 1, NOW, NOW).state == "expired"
    assert after_attempt("refused", "lead", 1, None, NOW).state == "dead"


@pytest.mark.parametrize(("told", "waits"), [(30_000, 30_000), (1, AGAIN_MS[0]), (10**9, LONGEST_WAIT_MS)])
def test_a_receiver_may_ask_for_a_while_and_for_no_more(told: int, waits: int) -> None:
    assert after_attempt("again", "alert", 1, None, NOW, told).not_before == NOW + waits


def test_a_lane_rests_longer_after_each_failure_and_is_well_after_one_success() -> None:
    lane, pauses = LaneState("telegram"), []
    for _ in range(9):
        lane = lane_after(lane, "again", "503", NOW)
        pauses.append(lane.paused_until - NOW)
    assert pauses[:4] == [PAUSE_MS, 2 * PAUSE_MS, 4 * PAUSE_MS, 8 * PAUSE_MS]
    assert pauses[-1] == LONGEST_PAUSE_MS
    assert (lane.failures, lane.failing_since) == (9, NOW)
    assert lane_after(lane, "refused", "410", NOW).failures == 9, "an answer, and no pause"
    well = lane_after(lane, "delivered", "", NOW + 1, moved_to="-100")
    assert well == LaneState("telegram", last_delivered_at=NOW + 1, moved_to="-100")


def test_a_chat_is_not_flooded() -> None:
    assert how_many(0, [], NOW) == 0
    assert how_many(1, [NOW - 999], NOW) == 0, "a second apart"
    assert how_many(3, [NOW - SECOND_MS], NOW) == 1
    assert how_many(12, [], NOW) == 12, "together"
    assert how_many(40, [], NOW) == 15
    lately = [NOW - 50 * SECOND_MS + number for number in range(5)]
    assert how_many(1, lately, NOW) == 1, "the fifth was long ago"
    assert how_many(1, [NOW - 20 * SECOND_MS] * 5, NOW) == 0
    assert how_many(1, [NOW - MINUTE_MS] * 5, NOW) == 1


# --- what -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, True), ({"change": "repeated"}, True), ({"change": "raised"}, True), ({"change": "resolved"}, True),
        ({"change": "acknowledged"}, False), ({"change": "silenced"}, False), ({"silenced_until": NOW + 1}, False),
        ({"silenced_until": NOW - 1}, True), ({"covered_by": "ERROR_RATE"}, False), ({"level": "info"}, False),
    ],
)  # fmt: skip
def test_what_is_news_is_told_and_nothing_else(changes: dict[str, Any], told: bool) -> None:
    assert bool(list(notices_of(row("alert", ALERT | changes, None), [CHAT], []))) == told


def test_a_row_that_is_looked_at_twice_has_one_key() -> None:
    first, second = (next(iter(notices_of(row("intent", INTENT), [CHAT], []))) for _ in range(2))
    assert first.key == second.key == "telegram:intent:1-7:1"
    assert contact_of(first.kind, first.key) == 7


@pytest.mark.parametrize("changes", [{"score": 49}, {"is_bot": True}, {"is_internal": True}])
def test_a_robot_and_a_cold_one_are_not_hot(changes: dict[str, Any]) -> None:
    assert list(notices_of(row("intent", INTENT | changes), [CHAT], [])) == []


def test_a_site_may_have_a_mark_of_its_own() -> None:
    for mark, told in ((90, 0), (10, 1), ("high", 1), (0, 0)):
        site = msgspec.structs.replace(SITE, settings={"hot_score": mark})
        assert len(list(notices_of(row("intent", INTENT, site), [CHAT], []))) == told


def test_a_page_goes_along_only_where_that_was_asked_for() -> None:
    for personal in (False, True):
        chat, hook = msgspec.structs.replace(CHAT, personal=personal), Hook("webhook:1", None, ["lead.created"], personal)
        told = [notice.payload for notice in notices_of(row("intent", INTENT), [chat], [hook])]
        assert [b"gclid" in payload for payload in told] == [personal, personal]


def verdict(before: str, after: str) -> dict[str, Any]:
    new = {"id": 7, "status": after, "sale_amount": 100, "currency": "TRY", "note": "Ayşe"}
    return {"id": 7, "old": {"status": before}, "new": new}


@pytest.mark.parametrize(
    ("topic", "body", "event"),
    [
        ("intent", INTENT, "lead.created"), ("intent", INTENT | {"lead": 5}, None), ("verdict", verdict("intent", "real"), "lead.sealed"),
        ("verdict", verdict("real", "confirmed"), None), ("verdict", verdict("real", "junk"), "lead.junked"),
        ("verdict", verdict("junk", "junk"), None), ("verdict", verdict("junk", "intent"), None),
        ("work", {"id": 7, "lead": 7, "call": 7, "kind": "claimed", "who": "op"}, "lead.claimed"),
        ("work", {"id": 7, "lead": 7, "call": 7, "kind": "note", "who": "op"}, None), ("alert", ALERT, "alert.opened"),
        ("alert", ALERT | {"change": "resolved"}, "alert.resolved"), ("alert", ALERT | {"change": "repeated"}, None),
        ("erased", {"id": 7, "ids": [7]}, None),
    ],
)  # fmt: skip
def test_each_event_is_told_once_to_who_wants_it(topic: str, body: dict[str, Any], event: str | None) -> None:
    every = ["lead.created", "lead.claimed", "lead.sealed", "lead.junked", "alert.opened", "alert.resolved"]
    hooks = [Hook("webhook:1", None, every), Hook("webhook:2", 1, every), Hook("webhook:3", 2, every), Hook("webhook:4", 1, [])]
    told = list(notices_of(row(topic, body), [], hooks))
    assert [notice.lane for notice in told] == (["webhook:1", "webhook:2"] if event else [])
    for notice in told:
        payload = msgspec.json.decode(notice.payload)
        assert (payload["type"], payload["data"]["site_id"]) == (event, SITE.public_id)
        assert payload["timestamp"].endswith("Z")
        assert "Ayşe" not in str(payload)


def test_many_in_one_are_as_grave_as_the_gravest_and_each_can_be_told_from_the_others() -> None:
    many = [Message("warning", "A · x", "One.\n#1 10:00:00"), Message("alarm", "B · y", "Two.\n#2 10:00:01", over=True)]
    told = digest(many)
    assert (told.level, told.over, told.head) == ("warning", False, "2 messages")
    assert told.text.splitlines() == ["⚠️ [WARNING] A · x: One. #1 10:00:00", "✅ [RESOLVED] B · y: Two. #2 10:00:01"]
