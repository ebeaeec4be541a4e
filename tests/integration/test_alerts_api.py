"""Alerts over HTTP and on the stream: who sees the Box's own, acknowledging, silencing."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from opsmantik_box.errors import NoSuchAlert, UsageError
from tests.follower import Follower
from tests.harness import Box, fetch

BOX_ALERT, SITE_ALERT, OTHER_ALERT = 700_001, 700_002, 700_003


@pytest.fixture(scope="module")
def told(box: Box) -> Box:
    """Two sites; an alert of the Box itself and one of each site, of a code that no rule looks at there."""
    sites = [box.add_site("mein")["id"], box.add_site("fremd")["id"]]
    add = (
        "insert into alerts (id, kind, site_id, at, text, last_at, level, since) values (?, ?, ?, ?, 'It is wrong.', 9, 'alarm', 5)"
    )
    with closing(sqlite3.connect(box.data / "ledger.db", timeout=10)) as ledger, ledger:
        ledger.execute(add, (BOX_ALERT, "SITE_SILENT", None, 3))
        ledger.execute(add, (SITE_ALERT, "CLOCK_STEP", sites[0], 2))
        ledger.execute(add, (OTHER_ALERT, "CLOCK_STEP", sites[1], 1))
    return box


def numbers(box: Box, token: str, more: str = "") -> list[int]:
    """Of the alerts a token sees, those of this test."""
    return [one["id"] for one in box.get(f"/api/v1/alerts{more}", token)["alerts"] if one["id"] >= BOX_ALERT]


def post(box: Box, path: str, token: str, body: dict[str, Any]) -> int:
    return fetch(f"{box.url}/api/v1{path}", body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})[0]


def test_the_boxs_own_alerts_are_for_who_administers_every_site(told: Box) -> None:
    assert numbers(told, told.token("mein", "fremd", rights="admin")) == [BOX_ALERT, SITE_ALERT, OTHER_ALERT]
    assert numbers(told, told.token("mein", rights="admin")) == [SITE_ALERT]
    assert numbers(told, told.token("mein", "fremd", rights="operate")) == [SITE_ALERT, OTHER_ALERT]


def test_an_alert_says_what_since_when_and_what_to_do(told: Box) -> None:
    [alert] = [one for one in told.get("/api/v1/alerts", told.token("mein"))["alerts"] if one["id"] == SITE_ALERT]
    assert alert["site_id"] == told.call("find_site", site="mein")["public_id"]
    assert (alert["code"], alert["level"], alert["since"], alert["opened_at"]) == ("CLOCK_STEP", "alarm", 5, 2)
    assert "timedatectl" in alert["advice"]


def test_pages_follow_each_other(told: Box) -> None:
    token = told.token("mein", "fremd", rights="admin")
    seen, cursor = list[int](), ""
    while cursor is not None:
        page = told.get(f"/api/v1/alerts?limit=1{cursor and f'&cursor={cursor}'}", token)
        seen += [one["id"] for one in page["alerts"]]
        cursor = page["next"]
    assert [number for number in seen if number >= BOX_ALERT] == [BOX_ALERT, SITE_ALERT, OTHER_ALERT]
    assert len(seen) == len(set(seen))


def test_whoever_knows_says_so_once_and_everyone_who_may_hears_it(told: Box) -> None:
    mine, both = told.token("mein", rights="operate"), told.token("mein", "fremd", rights="admin")
    with Follower(told, mine, "?topics=alert") as site, Follower(told, both, "?topics=alert") as everything:
        assert post(told, f"/alerts/{SITE_ALERT}/acknowledge", mine, {}) == 200
        assert post(told, f"/alerts/{SITE_ALERT}/acknowledge", mine, {}) == 200
        assert post(told, f"/alerts/{BOX_ALERT}/silence", both, {"until": "2h"}) == 200
        everything.wait(lambda: len(mine_of(everything)) >= 2, "both changes")
        assert [(one["ref"], one["body"]["change"]) for one in mine_of(everything)] == [
            (str(SITE_ALERT), "acknowledged"),
            (str(BOX_ALERT), "silenced"),
        ]
        assert mine_of(everything)[1]["site_id"] is None
        site.wait(lambda: bool(mine_of(site)), "the site's")
        assert [one["ref"] for one in mine_of(site)] == [str(SITE_ALERT)]
    assert [one["state"] for one in told.get("/api/v1/alerts", mine)["alerts"] if one["id"] == SITE_ALERT] == ["acknowledged"]


def mine_of(follower: Follower) -> list[dict[str, Any]]:
    return [one.data for one in follower.of("alert") if int(one.data["ref"]) >= BOX_ALERT]


def test_who_may_only_read_changes_nothing(told: Box) -> None:
    assert post(told, f"/alerts/{OTHER_ALERT}/acknowledge", told.token("fremd"), {}) == 403
    assert post(told, f"/alerts/{BOX_ALERT}/acknowledge", told.token("mein", rights="operate"), {}) == 404


@pytest.mark.parametrize("until", ["yesterday", 5, "25:00"])
def test_a_silence_ends_in_the_future(told: Box, until: object) -> None:
    assert post(told, f"/alerts/{OTHER_ALERT}/silence", told.token("fremd", rights="operate"), {"until": until}) == 400


def test_the_owner_lists_and_answers_them_at_the_command_line(told: Box) -> None:
    assert {BOX_ALERT, SITE_ALERT, OTHER_ALERT} <= {one["id"] for one in told.call("list_alerts")}
    assert told.call("silence_alert", id=OTHER_ALERT, until="8h")["silenced_until"] is not None
    assert told.call("silence_alert", id=OTHER_ALERT)["silenced_until"] is None
    with pytest.raises(NoSuchAlert):
        told.call("acknowledge_alert", id=123_456)
    with pytest.raises(UsageError):
        told.call("silence_alert", id=OTHER_ALERT, until="soon")


def test_a_new_site_is_not_administered_by_who_administered_all_before(told: Box) -> None:
    token = told.token("mein", "fremd", rights="admin")
    assert BOX_ALERT in numbers(told, token)
    told.add_site("neu")
    assert BOX_ALERT not in numbers(told, token)
