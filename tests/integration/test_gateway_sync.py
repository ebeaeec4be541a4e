"""Every row of wire.md's table of answers, against a whole Box."""

import json
import uuid

import pytest

from tests.harness import Box
from tests.tracker import ORIGIN, Reply, Tracker, assert_carries_every_header, signal_of, wait_until

REFUSED = {"ok": False, "score": None}
UNKNOWN = "3f2b8a52-98f4-4a63-b9ad-0c1d62a4f0aa"


def assert_refused(reply: Reply, status: int, **said: object) -> None:
    assert (reply.status, reply.body) == (status, REFUSED | said)
    assert_carries_every_header(reply)


def refusals(box: Box, reason: str) -> int:
    return box.status()["refusals_today"].get(reason, 0)


def assert_counted(box: Box, reason: str, before: int) -> None:
    wait_until(lambda: refusals(box, reason) > before, f"{reason} is counted")


def test_an_accepted_signal_is_synced_and_sent_again_a_duplicate(tracker: Tracker, site: str) -> None:
    sent = signal_of(site, ea="scroll_depth", el="50%")
    first, second = tracker.post(sent), tracker.post(sent)
    assert (first.status, first.body) == (200, {"ok": True, "score": first.body["score"], "status": "synced"})
    assert (second.status, second.body) == (200, first.body | {"status": "duplicate"})
    assert list(first.body) == ["ok", "score", "status"]
    assert isinstance(first.body["score"], int)
    assert_carries_every_header(first)
    assert first.headers["content-type"] == "application/json"
    assert first.headers["x-ratelimit-remaining"] == "99"


def test_json_and_plain_text_are_read_alike(tracker: Tracker, site: str) -> None:
    for kind in ("application/json", "text/plain;charset=UTF-8", "text/plain", "application/x-www-form-urlencoded"):
        assert tracker.post(signal_of(site), content_type=kind).body["status"] == "synced"


@pytest.mark.parametrize("spelled", [str.upper, lambda text: text.replace("-", ""), lambda text: text.replace("-", "").upper()])
def test_a_site_id_is_read_with_or_without_hyphens_in_any_case(tracker: Tracker, site: str, spelled) -> None:
    assert tracker.post(signal_of(spelled(site))).body["status"] == "synced"


@pytest.mark.parametrize("missing", ["s", "u"])
@pytest.mark.parametrize("empty", [None, ""])
def test_a_signal_without_site_or_page_is_skipped_and_counted(
    tracker: Tracker, box: Box, site: str, missing: str, empty: str | None
) -> None:
    before = refusals(box, "missing_id")
    reply = tracker.post(signal_of(site) | {missing: empty})
    assert (reply.status, reply.body) == (200, {"ok": True, "score": 0, "status": "synced_skipped_missing_id"})
    assert_carries_every_header(reply)
    assert_counted(box, "missing_id", before)


def test_what_is_no_json_is_refused(tracker: Tracker, box: Box, site: str) -> None:
    before = refusals(box, "json_malformed")
    for body in (b"", b"{", b"[]", b"null", b'{"s":1}', json.dumps(signal_of(site)).encode() + b"x"):
        assert_refused(tracker.post(body), 400, message="Invalid JSON payload")
    assert_counted(box, "json_malformed", before)


def test_a_malformed_site_id_is_told_from_an_unknown_one(tracker: Tracker) -> None:
    assert_refused(tracker.post(signal_of("antika")), 400, message="Invalid site_id format")
    assert_refused(tracker.post(signal_of("3f2b8a52-98f4-1a63-b9ad-0c1d62a4f0aa")), 400, message="Invalid site_id format")
    assert_refused(tracker.post(signal_of(UNKNOWN)), 404, message="Site not found")


@pytest.mark.parametrize(
    "url", ["antika.example", "/page", "ftp://antika.example/", "javascript:alert(1)", "http://", "https:///x"]
)
def test_a_malformed_url_is_refused(tracker: Tracker, site: str, url: str) -> None:
    assert_refused(tracker.post(signal_of(site, u=url)), 400, message="Invalid url format")


def test_a_site_that_was_just_added_is_known_at_once(tracker: Tracker, box: Box) -> None:
    for number in range(5):
        public_id = box.add_site(f"new{number}")["public_id"]
        assert tracker.post(signal_of(public_id), origin=f"https://new{number}.example").body["status"] == "synced"


def test_ids_are_judged_before_the_site_and_the_site_before_the_origin(tracker: Tracker, site: str) -> None:
    evil = "https://evil.example"
    assert tracker.post(signal_of("nonsense"), origin=evil).status == 400
    assert tracker.post(signal_of(UNKNOWN), origin=evil).status == 404
    assert tracker.post(signal_of(site), origin=evil).status == 403


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://antika.example.evil.example", "https://evilantika.example", "https://example", "nonsense"],
)
def test_a_foreign_origin_is_refused_and_can_read_so(tracker: Tracker, box: Box, site: str, origin: str) -> None:
    before = refusals(box, "origin_not_allowed")
    reply = tracker.post(signal_of(site), origin=origin)
    assert (reply.status, reply.body) == (403, REFUSED | {"error": "Origin not allowed", "reason": "not_allowed"})
    assert_carries_every_header(reply, origin)
    assert reply.headers["x-cors-reason"] == "not_allowed"
    assert_counted(box, "origin_not_allowed", before)


@pytest.mark.parametrize(
    "origin", ["https://antika.example", "http://antika.example:8080", "https://www.antika.example", "https://ANTIKA.example"]
)
def test_the_sites_hosts_and_their_subdomains_may_send(tracker: Tracker, site: str, origin: str) -> None:
    reply = tracker.post(signal_of(site), origin=origin)
    assert reply.body["status"] == "synced"
    assert_carries_every_header(reply, origin)


def test_a_null_origin_is_judged_by_the_page_and_labelled(tracker: Tracker, site: str) -> None:
    reply = tracker.post(signal_of(site), origin="null")
    assert (reply.status, reply.headers["x-cors-reason"]) == (200, "null_origin")
    assert_carries_every_header(reply, "null")
    assert tracker.post(signal_of(site, u="https://evil.example/"), origin="null").body["reason"] == "null_origin"


def test_in_a_batch_a_null_origin_is_judged_item_by_item(tracker: Tracker, site: str) -> None:
    items = [signal_of(site, u=url) for url in ("https://evil.example/", ORIGIN)]
    assert [result["ok"] for result in tracker.post({"v": 2, "s": site, "e": items}, origin="null").body["results"]] == [
        False,
        True,
    ]
    assert tracker.post({"v": 2, "s": site, "e": items[:1]}, origin="null").status == 403


def test_no_origin_is_refused_unless_a_token_of_the_site_is_sent(tracker: Tracker, box: Box, site: str) -> None:
    reply = tracker.post(signal_of(site), origin="")
    assert (reply.status, reply.body["reason"]) == (403, "missing_origin")
    assert "access-control-allow-origin" not in reply.headers
    other = box.add_site("other")["public_id"]
    assert tracker.post(signal_of(site), origin="", authorization=f"Bearer {box.site_token(site)}").body["status"] == "synced"
    assert tracker.post(signal_of(site), origin="", authorization=f"Bearer {box.site_token(other)}").status == 403
    assert tracker.post(signal_of(site), origin="", authorization="Bearer nonsense").status == 403


def test_a_revoked_token_opens_nothing(tracker: Tracker, box: Box, site: str) -> None:
    made = box.call("create_token", site=site, rights="send")
    assert tracker.post(signal_of(site), origin="", authorization=f"Bearer {made['token']}").status == 200
    box.call("revoke_token", id=made["id"])
    wait_until(
        lambda: tracker.post(signal_of(site), origin="", authorization=f"Bearer {made['token']}").status == 403,
        "the token is revoked",
    )


def test_over_the_limit_is_refused_with_the_time_to_wait_and_a_token_is_exempt(tracker: Tracker, box: Box, site: str) -> None:
    session = str(uuid.uuid4())
    replies = [tracker.post(signal_of(site, sid=session), x_forwarded_for="81.2.69.142") for _ in range(205)]
    limited = [reply for reply in replies if reply.status != 200]
    assert limited
    last = limited[-1]
    wait = last.body["retryAfter"]
    assert_refused(last, 429, error="Rate limit exceeded", retryAfter=wait)
    assert 1 <= wait <= 60
    assert last.headers["retry-after"] == str(wait)
    assert last.headers["x-ratelimit-remaining"] == "0"
    token = box.site_token(site)
    relayed = [
        tracker.post(signal_of(site, sid=session), x_forwarded_for="81.2.69.142", authorization=f"Bearer {token}") for _ in range(5)
    ]
    assert [reply.status for reply in relayed] == [200] * 5


def test_addresses_behind_a_trusted_proxy_are_limited_apart(tracker: Tracker, site: str) -> None:
    session = str(uuid.uuid4())
    for number in range(130):
        reply = tracker.post(signal_of(site, sid=session), x_forwarded_for=f"81.2.{number}.1")
        assert (reply.status, reply.headers["x-ratelimit-remaining"]) == (200, "99")


@pytest.mark.parametrize("extra", [1, 1000, 1_000_000, 3_000_000])
def test_a_body_over_64_kib_is_refused_and_the_connection_goes_on(tracker: Tracker, site: str, extra: int) -> None:
    body = json.dumps(signal_of(site)).encode()
    assert_refused(tracker.post(body + b" " * (64 * 1024 - len(body) + extra)), 413, message="Payload too large")
    assert tracker.post(signal_of(site)).status == 200


def test_a_body_of_exactly_64_kib_is_read(tracker: Tracker, site: str) -> None:
    body = json.dumps(signal_of(site)).encode()
    assert tracker.post(body + b" " * (64 * 1024 - len(body))).body["status"] == "synced"


def test_a_coded_body_is_refused(tracker: Tracker, box: Box, site: str) -> None:
    before = refusals(box, "coded")
    for coding in ("gzip", "br", "deflate", "gzip, gzip"):
        assert_refused(tracker.post(signal_of(site), content_encoding=coding), 415, message="Unsupported content encoding")
    assert tracker.post(signal_of(site), content_encoding="identity").status == 200
    assert_counted(box, "coded", before)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_refused(tracker: Tracker, method: str) -> None:
    reply = tracker.request(method, "/api/sync", None, {"origin": ORIGIN})
    assert_refused(reply, 405, message="Method not allowed")
    assert reply.headers["allow"] == "POST, OPTIONS"


def test_a_preflight_is_answered_for_two_hours(tracker: Tracker) -> None:
    asked = {"origin": ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": "content-type, x-own"}
    reply = tracker.request("OPTIONS", "/api/sync", None, asked)
    assert (reply.status, reply.content) == (204, b"")
    assert reply.headers["access-control-max-age"] == "7200"
    assert reply.headers["access-control-allow-methods"] == "POST, OPTIONS"
    assert reply.headers["access-control-allow-headers"] == "content-type, x-own"
    assert_carries_every_header(reply)


def test_an_origin_cannot_bring_a_header_of_its_own(tracker: Tracker, site: str) -> None:
    for origin in ("https://antika.example\tx", "https://a" + "b" * 5000 + ".example"):
        reply = tracker.post(signal_of(site), origin=origin)
        assert reply.status == 403
        assert "access-control-allow-origin" not in reply.headers


# --- batches ---------------------------------------------------------------------------------------------------------------------


def batch(site: str, items: list[dict[str, object]], **outside: object) -> dict[str, object]:
    return {"v": 2, "s": site, "st": items[0]["st"] if items else 0, "e": items} | outside


def items_of(count: int) -> list[dict[str, object]]:
    return [{name: value for name, value in signal_of("").items() if name not in ("s", "st")} | {"st": 1} for _ in range(count)]


def test_a_batch_of_twenty_is_accepted_in_order(tracker: Tracker, site: str) -> None:
    items = items_of(20)
    reply = tracker.post(batch(site, items))
    assert reply.status == 200
    assert (reply.body["ok"], reply.body["status"]) == (True, "synced")
    results = reply.body["results"]
    assert [result["id"] for result in results] == [item["id"] for item in items]
    assert all(result["ok"] and result["status"] == "synced" and isinstance(result["score"], int) for result in results)
    assert reply.body["score"] == results[-1]["score"]
    assert {result["status"] for result in tracker.post(batch(site, items)).body["results"]} == {"duplicate"}
    assert_carries_every_header(reply)


def test_a_batch_of_twenty_one_is_refused_whole(tracker: Tracker, site: str) -> None:
    items = items_of(21)
    assert_refused(tracker.post(batch(site, items)), 413, message="Payload too large")
    assert {result["status"] for result in tracker.post(batch(site, items[:20])).body["results"]} == {"synced"}


def test_a_batch_over_48_kib_is_refused_whole(tracker: Tracker, site: str) -> None:
    items = [item | {"meta": {"city": "x" * 3000}} for item in items_of(20)]
    assert_refused(tracker.post(batch(site, items)), 413, message="Payload too large")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"u": "nonsense"}, {"ok": False, "score": None, "message": "Invalid url format"}),
        ({"ec": 5}, {"ok": False, "score": None, "message": "Invalid JSON payload"}),
        ({"meta": []}, {"ok": False, "score": None, "message": "Invalid JSON payload"}),
        ({"u": None}, {"ok": True, "score": 0, "status": "synced_skipped_missing_id"}),
    ],
)
def test_a_bad_item_in_the_middle_fails_alone(tracker: Tracker, site: str, bad: dict[str, object], said: dict[str, object]) -> None:
    items = items_of(7)
    items[3] |= bad
    reply = tracker.post(batch(site, items))
    assert reply.status == 200
    results = reply.body["results"]
    assert results[3] == {"id": items[3]["id"]} | said
    assert [result["status"] for number, result in enumerate(results) if number != 3] == ["synced"] * 6


def test_an_item_that_is_no_object_fails_alone(tracker: Tracker, site: str) -> None:
    good = items_of(2)
    reply = tracker.post({"v": 2, "s": site, "e": [good[0], 7, None, "x", [], good[1]]})
    assert [result["ok"] for result in reply.body["results"]] == [True, False, False, False, False, True]


def test_in_a_batch_the_site_inside_an_item_is_ignored(tracker: Tracker, site: str) -> None:
    assert tracker.post(batch(site, [items_of(1)[0] | {"s": UNKNOWN}])).body["results"][0]["status"] == "synced"
    inside_only = {"v": 2, "e": [signal_of(site)]}
    assert tracker.post(inside_only).body == {"ok": True, "score": 0, "status": "synced_skipped_missing_id"}


def test_a_batch_of_bad_items_only_is_answered_item_by_item(tracker: Tracker, site: str) -> None:
    reply = tracker.post(batch(site, [item | {"u": "x"} for item in items_of(3)]))
    assert (reply.status, reply.body["score"], len(reply.body["results"])) == (200, 0, 3)


def test_an_empty_batch_is_answered_with_no_results(tracker: Tracker, site: str) -> None:
    assert tracker.post(batch(site, [])).body == {"ok": True, "score": 0, "status": "synced", "results": []}
