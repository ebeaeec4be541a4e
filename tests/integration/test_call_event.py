"""`/api/call-event` as trackers in the field use it: taps are answered with what is stored of them; a call needs a proof."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness import Box
from tests.tracker import ORIGIN, Reply, Tracker, assert_carries_every_header, set_shift, signal_of, wait_until

PATH = "/api/call-event"
FINGERPRINT = "fp_0123456789abcdefghijkl"
TEL = "tel:+902125550142"
UNMATCHED = {"ok": True, "status": "unmatched"}
REFUSED = {"ok": False, "score": None}
UNKNOWN = "3f2b8a52-98f4-4a63-b9ad-0c1d62a4f0aa"
MINUTE = 60_000


def tap_of(site: str, link: str = TEL, fingerprint: object = FINGERPRINT, **fields: object) -> dict[str, object]:
    return {"site_id": site, "phone_number": link, "fingerprint": fingerprint} | fields


def tell(tracker: Tracker, body: object, **headers: str) -> Reply:
    reply = tracker.post(body, PATH, **headers)
    assert_carries_every_header(reply, headers.get("origin", ORIGIN))
    return reply


def send_tap(tracker: Tracker, site: str, link: str = TEL, fingerprint: str = FINGERPRINT, **headers: str) -> dict[str, object]:
    """A tap by /api/sync, and the signal it was told with."""
    action = "phone_call" if link.startswith("tel:") else "whatsapp"
    sent = signal_of(site, ec="conversion", ea=action, el=link, meta={"fp": fingerprint})
    assert tracker.post(sent, **headers).body["status"] == "synced"
    return sent


def intents(box: Box, site: str) -> list[dict[str, Any]]:
    return box.get(f"/api/v1/sites/{site}/intents", box.token(site))["intents"]


@pytest.fixture
def fresh(box: Box) -> str:
    """A site of this test's own at antika.example."""
    return box.add_site(str(uuid.uuid4()), "antika.example")["public_id"]


def test_a_tap_is_unmatched_until_sync_has_told_it_and_matched_from_then_on(tracker: Tracker, box: Box, fresh: str) -> None:
    before = tell(tracker, tap_of(fresh))
    assert (before.status, before.body) == (200, UNMATCHED)
    sent = send_tap(tracker, fresh)
    after = tell(tracker, tap_of(fresh))
    (intent,) = intents(box, fresh)
    told = {"call_id": intent["id"], "session_id": sent["sid"], "lead_score": intent["lead_score_at_match"]}
    assert (after.status, after.body) == (200, {"ok": True, "status": "matched"} | told)
    assert intent["lead_score_at_match"] == 50


def test_telling_a_tap_stores_nothing(tracker: Tracker, box: Box, fresh: str) -> None:
    send_tap(tracker, fresh)
    known, stored = intents(box, fresh), box.status()["last_seq"]
    for link in (TEL, "https://wa.me/905325550143", "tel:nonsense"):
        assert tell(tracker, tap_of(fresh, link)).status == 200
    assert (intents(box, fresh), box.status()["last_seq"]) == (known, stored)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (TEL, "tel:0212 555 01 42"),
        ("https://wa.me/905325550143", "whatsapp://send?phone=+905325550143"),
        ("https://api.whatsapp.com/send?phone=905325550143&text=Merhaba", "https://wa.me/905325550143"),
    ],
)
def test_a_target_is_the_same_however_its_link_is_spelled(tracker: Tracker, fresh: str, sent: str, told: str) -> None:
    send_tap(tracker, fresh, sent)
    assert tell(tracker, tap_of(fresh, told)).body["status"] == "matched"


def test_only_the_same_site_visitor_and_target_match(tracker: Tracker, box: Box, fresh: str) -> None:
    other = box.add_site("next door", "antika.example")["public_id"]
    send_tap(tracker, fresh)
    for told in (
        tap_of(other),
        tap_of(fresh, fingerprint="fp_another"),
        tap_of(fresh, "tel:+902125550143"),
        tap_of(fresh, "https://wa.me/902125550142"),
        tap_of(fresh, fingerprint=None),
        tap_of(fresh, fingerprint=""),
    ):
        assert tell(tracker, told).body == UNMATCHED
    assert tell(tracker, tap_of(fresh, at=1, called_number="x", anything={"else": []})).body["status"] == "matched"


def test_a_fingerprint_is_read_as_signals_read_it(tracker: Tracker, fresh: str) -> None:
    long = "f" * 200
    send_tap(tracker, fresh, fingerprint=long)
    assert tell(tracker, tap_of(fresh, fingerprint=f" {long[:128]}\0")).body["status"] == "matched"


def test_the_newest_of_two_taps_is_told(tracker: Tracker, box: Box, fresh: str) -> None:
    send_tap(tracker, fresh)
    second = send_tap(tracker, fresh)
    assert tell(tracker, tap_of(fresh)).body["session_id"] == second["sid"]


# --- calls are another thing (test_calls.py) ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", ["+905321234567", "0532 123 45 67", "", None, "mailto:a@b.example", "https://antika.example/", "tel"]
)
def test_without_a_token_what_is_no_tap_is_refused(tracker: Tracker, box: Box, site: str, number: str | None) -> None:
    senders: list[dict[str, str]] = [
        {},
        {"origin": ""},
        {"authorization": "Bearer nonsense"},
        {"webhook_id": "1", "webhook_signature": "v1,x"},
    ]
    for headers in senders:
        reply = tracker.post(tap_of(site) | {"phone_number": number}, PATH, **headers)
        assert (reply.status, reply.body) == (
            401,
            REFUSED | {"message": "A call is told with the site's token: Authorization: Bearer"},
        )
        assert reply.headers["www-authenticate"].startswith("Bearer")
    wait_until(lambda: box.status()["refusals_today"].get("call_unauthorized", 0) > 0, "it is counted")


def test_the_token_of_another_site_is_as_good_as_none(tracker: Tracker, box: Box, site: str) -> None:
    other = box.add_site("foreign", "foreign.example")["public_id"]
    bearer = f"Bearer {box.site_token(other)}"
    assert tell(tracker, tap_of(site, "+905321234567"), authorization=bearer).status == 401


# --- who may, and how much -------------------------------------------------------------------------------------------------------


def test_a_foreign_page_is_refused_and_can_read_so(tracker: Tracker, site: str) -> None:
    evil = tell(tracker, tap_of(site), origin="https://evil.example")
    assert (evil.status, evil.body) == (403, REFUSED | {"error": "Origin not allowed", "reason": "not_allowed"})
    assert tell(tracker, tap_of(site), origin="null").body["reason"] == "null_origin"
    assert tracker.post(tap_of(site), PATH, origin="").body["reason"] == "missing_origin"
    assert tell(tracker, tap_of(site), origin="https://www.antika.example").body == UNMATCHED


def test_ids_are_judged_before_the_site_and_the_site_before_the_origin(tracker: Tracker) -> None:
    evil = "https://evil.example"
    for missing in (None, "", "antika"):
        assert tell(tracker, tap_of("") | {"site_id": missing}, origin=evil).body == REFUSED | {"message": "Invalid site_id format"}
    assert tell(tracker, tap_of(UNKNOWN), origin=evil).body == REFUSED | {"message": "Site not found"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"7", b"\xff", b'{"site_id":NaN}', b"[" * 5000, b'{"a":' * 17 + b"1" + b"}" * 17,
     b'{"site_id":5}', b'{"phone_number":5}', b'{"fingerprint":[]}', b'{"site_id":"x"}x', b'{"fingerprint":"\\ud800"}'],
)  # fmt: skip
def test_what_is_no_json_of_this_kind_is_refused(tracker: Tracker, body: bytes) -> None:
    reply = tell(tracker, body)
    assert (reply.status, reply.body) == (400, REFUSED | {"message": "Invalid JSON payload"})


@pytest.mark.parametrize(
    "link", ["tel:" + "9" * 600, "tel:\0", "https://wa.me/" + "%" * 100, "whatsapp:", "tel:" + "+" * 50, "https://["]
)
def test_no_link_is_too_odd_for_an_answer(tracker: Tracker, site: str, link: str) -> None:
    assert tell(tracker, tap_of(site, link, fingerprint=10**400 if len(link) > 500 else 7)).status in (200, 400, 401)


def test_size_coding_and_method_are_judged_as_by_sync(tracker: Tracker, site: str) -> None:
    assert tell(tracker, json.dumps(tap_of(site)).encode() + b" " * 65_536).body["message"] == "Payload too large"
    assert tell(tracker, tap_of(site), content_encoding="gzip").status == 415
    for method in ("GET", "PUT", "DELETE"):
        reply = tracker.request(method, PATH, None, {"origin": ORIGIN})
        assert (reply.status, reply.headers["allow"]) == (405, "POST, OPTIONS")
        assert_carries_every_header(reply)


def test_a_preflight_is_answered(tracker: Tracker) -> None:
    reply = tracker.request("OPTIONS", PATH, None, {"origin": ORIGIN, "access-control-request-headers": "content-type"})
    assert (reply.status, reply.content, reply.headers["access-control-allow-methods"]) == (204, b"", "POST, OPTIONS")
    assert_carries_every_header(reply)


# --- with a clock ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Two gateways, and a clock that can be moved."""
    with Box(tmp_path_factory.mktemp("moving") / "data", "--workers", "2", shift_ms=1) as running:
        yield running


def set_to_a_full_minute(box: Box) -> None:
    """Its clock, so that a minute lies ahead."""
    set_shift(box, MINUTE - time.time_ns() // 1_000_000 % MINUTE)


def test_an_intent_matches_for_thirty_minutes(moving: Box) -> None:
    site = moving.add_site("clock", "antika.example")["public_id"]
    tracker = Tracker(moving)
    send_tap(tracker, site)
    shift = int(moving.shift.read_text())
    set_shift(moving, shift + 29 * MINUTE)
    assert tell(tracker, tap_of(site)).body["status"] == "matched"
    set_shift(moving, shift + 30 * MINUTE + 1)
    assert tell(tracker, tap_of(site)).body == UNMATCHED
    tracker.hang_up()


def test_an_address_has_fifty_a_minute_whichever_gateway_it_meets(moving: Box) -> None:
    site, other = (moving.add_site(name, "antika.example")["public_id"] for name in ("busy", "quiet"))
    trackers = [Tracker(moving) for _ in range(12)]
    set_to_a_full_minute(moving)
    replies = [tell(trackers[number % 12], tap_of(site), x_forwarded_for="81.2.69.142") for number in range(60)]
    assert [reply.status for reply in replies] == [200] * 50 + [429] * 10
    assert [int(reply.headers["x-ratelimit-remaining"]) for reply in replies] == [*range(49, -1, -1), *[0] * 10]
    assert {reply.headers["x-ratelimit-limit"] for reply in replies} == {"50"}
    wait = replies[-1].body["retryAfter"]
    assert replies[-1].body == REFUSED | {"error": "Rate limit exceeded", "retryAfter": wait}
    assert replies[-1].headers["retry-after"] == str(wait)
    assert tell(trackers[0], tap_of(site), x_forwarded_for="81.2.69.143").status == 200
    assert tell(trackers[0], tap_of(other), x_forwarded_for="81.2.69.142").status == 200
    assert trackers[0].post(signal_of(site), x_forwarded_for="81.2.69.142").status == 200
    bearer = f"Bearer {moving.site_token(site)}"
    assert tell(trackers[0], tap_of(site), x_forwarded_for="81.2.69.142", authorization=bearer).status == 200
    set_shift(moving, int(moving.shift.read_text()) + MINUTE)
    assert tell(trackers[0], tap_of(site), x_forwarded_for="81.2.69.142").status == 200
    for tracker in trackers:
        tracker.hang_up()
