"""The API on a whole Box: what a token sees, pages, timelines, and problem documents for every mistake."""

import json
import re
import uuid

import pytest

from opsmantik_box.clock import system_clock
from opsmantik_box.domain.days import day_of
from opsmantik_box.gateway.api import READ_ROUTES, ROUTES
from opsmantik_box.gateway.auth import RIGHTS
from tests.harness import Box, fetch

SID = "5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11"
OTHER_SID = "6b8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11"
LANDING = "https://antika.example/?gclid=TeSt-click-0001"


@pytest.fixture(scope="module")
def told(box: Box) -> Box:
    """A Box with two sites: five views and a tap by a visitor of an ad, ten organic visits; one visit of the other site."""
    first, second = box.add_site()["public_id"], box.add_site("fremd")["public_id"]
    for number in range(5):
        box.send(first, u=LANDING, sid=SID, ea="view", el=str(number), meta={"fp": "fp_0123456789abcdef"})
    box.send(first, u=LANDING, sid=SID, ec="conversion", ea="phone_call", el="tel:+905321234567", meta={"intent_stamp": "stamp-1"})
    for _ in range(10):
        box.send(first, sid=str(uuid.uuid4()), id=str(uuid.uuid4()))
    box.send(second, sid=OTHER_SID, host="fremd.example")
    box.wait_projected()
    return box


def public_ids(box: Box) -> tuple[str, str]:
    return tuple(site["public_id"] for site in box.call("list_sites"))  # type: ignore[return-value]


def ask(box: Box, path: str, token: str = "", **headers: str) -> tuple[int, dict[str, str], dict[str, object]]:
    """Status, headers and the document; every answer of the API is one."""
    status, sent, body = fetch(f"{box.url}/api/v1{path}", headers=({"Authorization": f"Bearer {token}"} if token else {}) | headers)
    return status, sent, json.loads(body)


def test_a_token_sees_the_sites_of_its_user(told: Box) -> None:
    mine, other = public_ids(told)
    assert [site["id"] for site in told.get("/api/v1/sites", told.token(mine))["sites"]] == [mine]
    assert {site["id"] for site in told.get("/api/v1/sites", told.token(mine, other))["sites"]} == {mine, other}


def test_the_lines_of_my_sites_are_what_each_report_says(told: Box) -> None:
    mine, other = public_ids(told)
    both = told.token(mine, other)
    lines = {line["site_id"]: line for line in told.get("/api/v1/stats", both)["sites"]}
    assert set(lines) == {mine, other}
    for site, line in lines.items():
        report = told.get(f"/api/v1/sites/{site}/stats", both)
        assert line == {name: report[name] for name in line}
    assert lines[mine]["ads"]["phone"] == 1
    assert [line["site_id"] for line in told.get("/api/v1/stats", told.token(mine))["sites"]] == [mine]


def test_the_newest_events_are_those_of_all_my_sites_newest_first(told: Box) -> None:
    mine, other = public_ids(told)
    events = told.get("/api/v1/events", told.token(mine, other))["events"]
    assert {event["site_id"] for event in events} == {mine, other}
    assert [(one["created_at"], one["seq"]) for one in events] == sorted(
        ((one["created_at"], one["seq"]) for one in events), reverse=True
    )
    assert len(events) == 17
    assert {event["site_id"] for event in told.get("/api/v1/events", told.token(mine))["events"]} == {mine}


@pytest.mark.parametrize("listing", ["events", "sessions", "intents"])
@pytest.mark.parametrize("limit", [1, 4, 200])
def test_pages_show_every_row_once(told: Box, listing: str, limit: int) -> None:
    mine, _ = public_ids(told)
    token, cursor, rows = told.token(mine), None, []
    while True:
        page = told.get(f"/api/v1/sites/{mine}/{listing}?limit={limit}" + (f"&cursor={cursor}" if cursor else ""), token)
        rows += page[listing]
        assert len(page[listing]) <= limit
        cursor = page["next"]
        if not cursor:
            break
    keys = [json.dumps(row, sort_keys=True) for row in rows]
    assert len(keys) == len(set(keys)) == {"events": 16, "sessions": 11, "intents": 1}[listing]


def test_a_timeline_tells_the_visit_from_its_first_event(told: Box) -> None:
    mine, _ = public_ids(told)
    timeline = told.get(f"/api/v1/sites/{mine}/sessions/{SID.upper().replace('-', '')}", told.token(mine))
    assert timeline["session"]["attribution_source"] == "First Click (Paid)"
    assert timeline["session"]["fired"] == ["conversion", "interaction"]
    assert [event["event_action"] for event in timeline["events"]] == ["view"] * 5 + ["phone_call"]
    assert [intent["intent_target"] for intent in timeline["intents"]] == ["tel:+905321234567"]
    first = told.get(f"/api/v1/sites/{mine}/sessions/{SID}?limit=4", told.token(mine))
    rest = told.get(f"/api/v1/sites/{mine}/sessions/{SID}?limit=4&cursor={first['next']}", told.token(mine))
    assert first["events"] + rest["events"] == timeline["events"]


def test_stats_are_of_today_unless_told_and_of_ads_unless_told(told: Box) -> None:
    mine, _ = public_ids(told)
    token = told.token(mine)
    today = day_of(system_clock(), "Europe/Istanbul")
    stats = told.get(f"/api/v1/sites/{mine}/stats", token)
    assert (stats["from"], stats["to"], stats["source"]) == (today, today, "live")
    assert (stats["ads"]["sessions"], stats["ads"]["phone"], stats["all"]["sessions"]) == (1, 1, 11)
    assert (stats["ads"]["visitors"], stats["all"]["sessions_without_fingerprint"]) == (1, 10)
    assert stats["by_source"] == {"First Click (Paid)": 1}
    assert sum(hour["sessions"] for hour in stats["by_hour"]) == 1
    everything = told.get(f"/api/v1/sites/{mine}/stats?scope=all", token)
    assert everything["by_source"] == {"First Click (Paid)": 1, "Organic": 10}
    assert told.get(f"/api/v1/sites/{mine}/stats?from=2026-01-01&to=2026-01-02", token)["all"]["sessions"] == 0


def test_lists_are_of_the_traffic_and_days_that_were_asked_for(told: Box) -> None:
    mine, _ = public_ids(told)
    token = told.token(mine)
    for which, sessions in (("ads", 1), ("all", 11), ("bots", 0), ("internal", 0)):
        assert len(told.get(f"/api/v1/sites/{mine}/sessions?scope={which}", token)["sessions"]) == sessions
    assert told.get(f"/api/v1/sites/{mine}/sessions?to=2026-01-01", token)["sessions"] == []
    assert told.get(f"/api/v1/sites/{mine}/intents?from=9000-01-01", token)["intents"] == []


def test_every_route_declares_the_right_it_needs() -> None:
    assert len(ROUTES) >= 8
    for route in ROUTES:
        assert route.opt.get("scope") in (*RIGHTS, "send", "anyone"), route.paths  # type: ignore[union-attr]


def test_no_route_answers_without_a_token(told: Box) -> None:
    mine, _ = public_ids(told)
    for path in (path.replace("{site:str}", mine).replace("{sid:str}", SID) for route in READ_ROUTES for path in route.paths):  # type: ignore[union-attr]
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic eDp5"},
            {"Authorization": "Bearer"},
            {"Authorization": f"Bearer {'x' * 5000}"},
        ):
            status, sent, problem = ask(told, path, "", **headers)
            assert (status, problem["status"], sent["content-type"]) == (401, 401, "application/problem+json"), (path, headers)
            assert sent["www-authenticate"].startswith("Bearer")


def test_a_sites_own_token_reads_nothing(told: Box) -> None:
    mine, _ = public_ids(told)
    status, _, problem = ask(told, f"/sites/{mine}/stats", told.site_token("antika"))
    assert (status, problem["status"]) == (403, 403)


def test_a_revoked_token_is_nobodys(told: Box) -> None:
    mine, _ = public_ids(told)
    user = "gone@example.com"
    told.call("add_user", email=user)
    told.call("grant", user=user, site=mine, rights="read")
    made = told.call("create_token", user=user, rights="read")
    assert ask(told, f"/sites/{mine}/stats", made["token"])[0] == 200
    told.call("revoke_token", id=made["id"])
    assert ask(told, f"/sites/{mine}/stats", made["token"])[0] == 401


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=1e9", "limit"),
        ("from=2026-13-01", "from"),
        ("to=yesterday", "to"),
        ("from=2026-02-02&to=2026-02-01", "from"),
        ("from=2020-01-01&to=2026-02-01", "400 days"),
        ("scope=everyone", "scope"),
        ("from=0001-01-01&to=0001-01-02", "1970"),
        ("to=9999-12-31", "9990"),
        ("cursor=", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("cursor=k6Zldm VudHM", "cursor"),
        ("cursor=" + "A" * 201, "cursor"),
        ("cursor=%F0%9F%92%A9", "cursor"),
        ("from=%FF%FE", "from"),
    ],
)
def test_a_wrong_parameter_is_named(told: Box, query: str, named: str) -> None:
    mine, _ = public_ids(told)
    status, sent, problem = ask(told, f"/sites/{mine}/sessions?{query.replace(' ', '+')}", told.token(mine))
    assert (status, problem["status"], sent["content-type"]) == (400, 400, "application/problem+json"), problem
    assert named in str(problem["detail"])


def test_a_cursor_of_another_list_is_refused(told: Box) -> None:
    mine, _ = public_ids(told)
    token = told.token(mine)
    cursor = told.get(f"/api/v1/sites/{mine}/events?limit=1", token)["next"]
    assert ask(told, f"/sites/{mine}/sessions?cursor={cursor}", token)[0] == 400
    assert ask(told, f"/sites/{mine}/sessions/{SID}?cursor={cursor}", token)[0] == 400


@pytest.mark.parametrize(
    "path", ["/nope", "/sites/x/nope", "/", "", "/sites//stats", "/sites/%00/stats", "/sites/%FF/stats", "/sites/../sites/x/stats"]
)
def test_what_is_not_there_is_a_problem_document(told: Box, path: str) -> None:
    status, sent, problem = ask(told, path, told.token(public_ids(told)[0]))
    assert (status, problem["status"], sent["content-type"]) == (404, 404, "application/problem+json")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_method_is_refused(told: Box, method: str) -> None:
    status, sent, body = fetch(
        f"{told.url}/api/v1/sites", {}, {"Authorization": f"Bearer {told.token(public_ids(told)[0])}"}, method
    )
    assert (status, json.loads(body)["status"]) == (405, 405)
    assert "GET" in sent["allow"]


def test_no_answer_is_kept_by_a_cache_or_read_as_another_type(told: Box) -> None:
    mine, _ = public_ids(told)
    for path in ("/sites", f"/sites/{mine}/stats", "/nope", f"/sites/{mine}/events?limit=0"):
        sent = ask(told, path, told.token(mine))[1]
        assert (sent["cache-control"], sent["x-content-type-options"]) == ("no-store", "nosniff")


def test_the_document_of_the_api_is_behind_a_token_and_names_every_route(told: Box) -> None:
    assert ask(told, "/openapi.json")[0] == 401
    document = told.get("/api/v1/openapi.json", told.token(public_ids(told)[0]))
    assert document["openapi"].startswith("3.1")
    shown = set(document["paths"])
    assert shown == {f"/api/v1{re.sub(r':[a-z]+}', '}', path)}" for route in ROUTES for path in route.paths} - {
        "/api/v1/openapi.json"
    }  # type: ignore[union-attr]


def test_a_site_that_was_just_added_and_one_that_was_just_granted_is_there_at_once(told: Box) -> None:
    fresh = told.add_site("frisch")["public_id"]
    token = told.token(fresh)
    assert told.get(f"/api/v1/sites/{fresh}/stats", token)["all"]["sessions"] == 0
    assert told.get(f"/api/v1/sites/{fresh}/events", token)["events"] == []
