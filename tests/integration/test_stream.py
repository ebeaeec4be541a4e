"""The stream on a whole Box: told at once, nothing missed and nothing twice whatever ends in between, one's own sites only."""

import json
import os
import signal
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.gateway import broadcast
from tests.follower import Follower
from tests.harness import Box, fetch
from tests.tracker import read_all, set_shift, wait_until

DAY_MS = 86_400_000
Tenants = dict[str, dict[str, str]]


def tap_of(site: str, **more: object) -> dict[str, Any]:
    meta = {"intent_stamp": str(uuid.uuid4())}
    own = {"id": str(uuid.uuid4()), "sid": str(uuid.uuid4()), "ec": "conversion", "ea": "phone_call", "el": "tel:+905321234567"}
    return own | {"s": site, "u": "https://antika.example/iletisim", "meta": meta} | more


def tap(box: Box, site: str, host: str = "antika.example") -> None:
    assert box.send(site, host=host, **{k: v for k, v in tap_of(site).items() if k not in ("s", "u")})["status"] == "synced"


def tap_often(box: Box, site: str, count: int, **more: object) -> None:
    """In batches, as a relay sends them: no limit."""
    token = box.site_token(site)
    while count:
        size = min(count, 20)
        status, _, body = box.post(
            {"v": 2, "s": site, "e": [tap_of(site, **more) for _ in range(size)]}, Authorization=f"Bearer {token}"
        )
        assert status == 200, body
        count -= size


def feed_of(box: Box, *sites: str) -> list[str]:
    """The ids of the ledger's feed rows of these sites, in order."""
    with sqlite3.connect(f"file:{box.data}/ledger.db?mode=ro", uri=True) as ledger:
        epoch = ledger.execute("select epoch from ledger_identity").fetchone()[0]
        rows = ledger.execute("select f.seq, s.public_id from feed f join sites s on s.id = f.site_id order by f.seq").fetchall()
    ledger.close()
    return [f"{epoch}-{seq}" for seq, site in rows if site in sites]


def has_all(follower: Follower, box: Box, *sites: str) -> None:
    """Everything, in order, once."""
    last = feed_of(box, *sites)[-1]
    follower.wait(lambda: last in follower.ids(), f"row {last}")
    assert follower.ids() == feed_of(box, *sites)


@pytest.fixture(scope="module")
def site(box: Box) -> str:
    return box.add_site()["public_id"]


@pytest.fixture(scope="module")
def other(box: Box) -> str:
    return box.add_site("fremd")["public_id"]


def ask(box: Box, query: str = "", token: str = "", method: str = "GET", **headers: str) -> tuple[int, dict[str, str], Any]:
    """An answer that is no stream."""
    told = ({"Authorization": f"Bearer {token}"} if token else {}) | headers
    status, sent, body = fetch(f"{box.url}/api/stream{query}", headers=told, method=method)
    return status, sent, json.loads(body) if body else None


# --- told at once -----------------------------------------------------------------------------------------------------------------


def test_a_tap_is_told_within_a_second_with_what_a_screen_shows(box: Box, site: str) -> None:
    token = box.token(site)
    with Follower(box, token) as follower:
        for _ in range(5):
            before, known = time.monotonic(), len(follower.of("intent"))
            tap(box, site)
            follower.wait(lambda known=known: len(follower.of("intent")) > known, "the tap", 2)
            assert follower.of("intent")[-1].at - before < 1
        told = follower.of("intent")[-1]
    newest = box.get(f"/api/v1/sites/{site}/intents?limit=1", token)["intents"][0]
    assert (told.data["site_id"], told.data["ref"], told.data["version"]) == (site, str(newest["id"]), 1)
    body = told.data["body"]
    assert (body["score"], body["breakdown"], body["attribution"], body["rank"]) == (50, {"conversion": 50}, "Organic", 6)
    assert (body["target"], body["page"]) == ("tel:+905321234567", "https://antika.example/")
    assert told.id == feed_of(box, site)[-1]


def test_the_answer_is_a_stream_that_no_proxy_holds_back(box: Box, site: str) -> None:
    with socket.create_connection(("127.0.0.1", box.port), timeout=5) as connection:
        connection.sendall(f"GET /api/stream HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {box.token(site)}\r\n\r\n".encode())
        answer = b""
        while b"\n\n" not in answer:
            answer += connection.recv(4096)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    for line in (b"content-type: text/event-stream", b"cache-control: no-store", b"x-accel-buffering: no", b"connection: close"):
        assert line in head.split(b"\r\n")
    assert body.startswith(b"retry: 2000\nid: 1-")


def test_hints_are_told_without_an_id(box: Box, site: str) -> None:
    sid = str(uuid.uuid4())
    with Follower(box, box.token(site), "?topics=event,session,health") as follower:
        follower.wait(lambda: bool(follower.of("health")), "how the Box is")
        box.send(site, sid=sid, id=str(uuid.uuid4()), ea="scroll_depth", ev=90)
        follower.wait(lambda: bool(follower.of("event") and follower.of("session")), "hints")
        event, session = follower.of("event")[-1], follower.of("session")[-1]
        tap(box, site)
        follower.wait(lambda: len(follower.of("event")) > 1, "the tap's hint")
        assert not follower.of("intent")
    assert {one.id for one in follower.told} == {""}
    assert follower.of("health")[0].data["body"]["accepting"] is True
    assert (event.data["site_id"], event.data["body"]["session"], event.data["body"]["action"]) == (site, sid, "scroll_depth")
    assert (session.data["body"]["session"], session.data["body"]["score"]) == (sid, event.data["body"]["score"])
    assert session.data["body"]["score"] == 30 + 10


def test_a_repeated_signal_is_neither_hint_nor_row(box: Box, site: str) -> None:
    again = {k: v for k, v in tap_of(site).items() if k not in ("s", "u")}
    with Follower(box, box.token(site), "?topics=event,intent") as follower:
        for _ in range(3):
            box.send(site, **again)
        tap(box, site)
        follower.wait(lambda: len(follower.of("intent")) == 2, "two taps")
        last = follower.of("intent")[-1].data["body"]["session"]
        follower.wait(lambda: last in sessions_of(follower), "the last hint")
        assert sessions_of(follower).count(str(again["sid"])) == 1


def sessions_of(follower: Follower) -> list[str]:
    return [one.data["body"]["session"] for one in follower.of("event")]


@pytest.mark.slow
def test_a_quiet_reader_hears_a_heartbeat_and_keeps_up_with_the_feed(box: Box, site: str, other: str) -> None:
    with Follower(box, box.token(other)) as follower:
        follower.wait(lambda: bool(follower.position), "where it is")
        tap(box, site)
        newest = feed_of(box, site)[-1]
        follower.wait(lambda: follower.comments > 0, "a heartbeat", broadcast.HEARTBEAT_SEC + 2)
        assert (follower.position, follower.of("intent")) == (newest, [])


# --- nothing missed, nothing twice ------------------------------------------------------------------------------------------------


def test_a_reader_that_is_cut_off_again_and_again_misses_nothing_and_sees_nothing_twice(killable_box: Box) -> None:
    box, mine = killable_box, killable_box.add_site()["public_id"]
    with Follower(box, box.token(mine)) as follower:
        follower.wait(lambda: bool(follower.position), "where it is")
        sending = threading.Thread(target=tap_often, args=(box, mine, 600))
        sending.start()
        while sending.is_alive():
            follower.cut()
            sending.join(0.03)
        has_all(follower, box, mine)
    assert len(follower.statuses) > 3


def test_a_reader_survives_the_death_of_the_gateway_and_of_the_engine(killable_box: Box) -> None:
    box, mine = killable_box, killable_box.add_site()["public_id"]
    with Follower(box, box.token(mine)) as follower:
        follower.wait(lambda: bool(follower.position), "where it is")
        for _ in range(2):
            tap_often(box, mine, 30)
            os.kill(box.status()["gateways"][0]["pid"], signal.SIGKILL)
            tap_often(box, mine, 30)
            box.kill()
            box.start()
            tap_often(box, mine, 30)
            box.stop()
            box.start()
        tap_often(box, mine, 1)
        has_all(follower, box, mine)
    assert follower.of("reset") == []
    assert len(follower.ids()) == 181


def test_an_engine_killed_under_load_leaves_no_gap(killable_box: Box) -> None:
    """Killed at any moment: what is in the ledger is told, also what nobody was answered for."""
    box, mine = killable_box, killable_box.add_site()["public_id"]
    token = box.site_token(mine)

    def send() -> None:
        while not stopped.is_set():
            try:
                box.post({"v": 2, "s": mine, "e": [tap_of(mine) for _ in range(5)]}, Authorization=f"Bearer {token}")
            except OSError:
                time.sleep(0.01)  # nobody listens just now

    stopped = threading.Event()
    senders = [threading.Thread(target=send) for _ in range(3)]
    with Follower(box, box.token(mine)) as follower:
        follower.wait(lambda: bool(follower.position), "where it is")
        for sender in senders:
            sender.start()
        for _ in range(3):
            known = len(follower.ids())
            follower.wait(lambda known=known: len(follower.ids()) > known + 20, "traffic")
            box.kill()
            box.start()
        stopped.set()
        for sender in senders:
            sender.join()
        tap(box, mine)
        has_all(follower, box, mine)
    assert follower.of("reset") == []


def test_a_page_and_the_stream_from_its_position_have_everything(box: Box, site: str) -> None:
    """What is on the page may be told once more, with the same ref; nothing is in neither."""
    token = box.token(site)
    sending = threading.Thread(target=tap_often, args=(box, site, 400))
    sending.start()
    seen: list[tuple[set[str], Follower]] = []
    while sending.is_alive() or not seen:
        page = box.get(f"/api/v1/sites/{site}/intents?limit=200", token)
        follower = Follower(box, token, f"?topics=intent&after={page['feed']}").__enter__()
        seen.append(({str(one["id"]) for one in page["intents"]}, follower))
    sending.join()
    tap(box, site)
    last = box.get(f"/api/v1/sites/{site}/intents?limit=1", token)["intents"][0]["id"]
    assert len(seen) > 1
    for on_page, follower in seen:
        follower.wait(lambda follower=follower: any(one.data["ref"] == str(last) for one in follower.told), "the last tap")
        told = [one.data["ref"] for one in follower.of("intent")]
        follower.__exit__()
        assert len(told) == len(set(told))
        oldest = min(map(int, on_page))
        assert on_page | set(told) == {str(number) for number in range(oldest, last + 1)}


def test_every_list_says_where_the_feed_is(box: Box, site: str) -> None:
    token = box.token(site)
    sid = str(uuid.uuid4())
    box.send(site, sid=sid, id=str(uuid.uuid4()))
    tap(box, site)
    box.wait_projected()
    newest = feed_of(box, site)[-1]
    paths = [f"/sites/{site}/{name}" for name in ("events", "sessions", "intents", "stats", f"sessions/{sid}")]
    for path in ("/events", *paths):
        assert box.get(f"/api/v1{path}", token)["feed"] == newest, path


def test_a_long_absence_is_read_in_pages_and_in_order(box: Box, site: str) -> None:
    before = feed_of(box, site)[-1] if feed_of(box, site) else "1-0"
    tap_often(box, site, 2 * broadcast.PAGE + 30)
    expected = feed_of(box, site)
    with Follower(box, box.token(site), f"?after={before}") as follower:
        follower.wait(lambda: expected[-1] in follower.ids(), "all of it")
        tap(box, site)
        follower.wait(lambda: follower.ids()[-1] != expected[-1], "what is new")
    assert follower.ids() == [one for one in feed_of(box, site) if int(one[2:]) > int(before[2:])]


def test_a_reader_of_another_gateway_goes_on_where_it_was(tmp_path: Path) -> None:
    with Box(tmp_path / "data", "--workers", "2") as box:
        mine = box.add_site()["public_id"]
        with Follower(box, box.token(mine)) as follower:
            follower.wait(lambda: bool(follower.position), "where it is")
            for _ in range(30):
                tap(box, mine)
                follower.cut()
            has_all(follower, box, mine)
            assert follower.of("reset") == []


# --- reset ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("2-1", "epoch"), ("0-1", "epoch"), ("1-999999999", "ahead"), ("1-999999999999999999", "ahead"), ("", "malformed"),
        ("1", "malformed"), ("1-", "malformed"), ("-1", "malformed"), ("1-1-1", "malformed"), ("1--1", "malformed"),
        ("1-1 ", "malformed"), ("x" * 4000, "malformed"), ("1-" + "9" * 5000, "malformed"), ("%F0%9F%92%A9", "malformed"),
        ("%EF%BC%91-1", "malformed"), ("%00", "malformed"), ("1-1%0Adata: x", "malformed"), ("1-1%0D%0A%0D%0Aevent: x", "malformed"),
    ],
)  # fmt: skip
def test_a_position_that_cannot_be_continued_is_reset_and_the_stream_goes_on(box: Box, site: str, told: str, reason: str) -> None:
    tap(box, site)
    newest = feed_of(box, site)[-1]
    with Follower(box, box.token(site), f"?after={told.replace(' ', '%20')}", again=False) as follower:
        follower.wait(lambda: bool(follower.of("reset")), "reset")
        assert follower.of("reset")[0].data == {"reason": reason, "feed": newest}
        assert follower.position == newest
        tap(box, site)
        follower.wait(lambda: bool(follower.of("intent")), "what is new")
    assert follower.ids() == [feed_of(box, site)[-1]]


def test_the_header_counts_before_the_address(box: Box, site: str) -> None:
    tap(box, site)
    rows = feed_of(box, site)
    with Follower(box, box.token(site), "?after=1-0", last=rows[-2]) as follower:
        follower.wait(lambda: bool(follower.of("intent")), "the newest")
        assert follower.ids() == rows[-1:]
    with Follower(box, box.token(site), f"?after={rows[-1]}", last="nonsense") as follower:
        follower.wait(lambda: bool(follower.of("reset")), "reset")


def test_after_a_trim_who_was_away_too_long_starts_anew_and_who_was_not_goes_on(tmp_path: Path) -> None:
    box = Box(tmp_path / "data", shift_ms=1)
    with box:
        mine = box.add_site()["public_id"]
        tap_often(box, mine, 3)
        token, before = box.token(mine), feed_of(box, mine)
    set_shift(box, 31 * DAY_MS)
    with box:
        wait_until(lambda: reset_of(box, token, before[0]) == "too_old", "the rows are announced as gone")
        with Follower(box, token, f"?after={before[0]}") as late, Follower(box, token, f"?after={before[-1]}") as timely:
            tap_often(box, mine, 2)
            newest = feed_of(box, mine)[-2:]
            for follower in (late, timely):
                follower.wait(lambda follower=follower: newest[-1] in follower.ids(), "what is new")
                assert follower.ids() == newest
        assert (len(late.of("reset")), timely.of("reset")) == (1, [])
    assert int(newest[0].partition("-")[2]) > int(before[-1].partition("-")[2])


def reset_of(box: Box, token: str, position: str) -> str:
    """Why a reader that was there is told to start anew; '' when it is not."""
    with Follower(box, token, f"?after={position}&topics=intent,health", again=False) as follower:
        follower.wait(lambda: bool(follower.told), "something")
        return next((one.data["reason"] for one in follower.of("reset")), "")


def test_another_epoch_is_another_feed(tmp_path: Path) -> None:
    """As after a restore: the same numbers stand for other rows."""
    box = Box(tmp_path / "data")
    with box:
        mine = box.add_site()["public_id"]
        tap_often(box, mine, 3)
        token, before = box.token(mine), feed_of(box, mine)
    with sqlite3.connect(box.data / "ledger.db") as ledger:
        ledger.execute("update ledger_identity set epoch = 2")
    ledger.close()
    for month in (box.data / "months").iterdir():
        month.unlink()  # folded again, in the new epoch
    with box, Follower(box, token, last=before[1]) as follower:
        follower.wait(lambda: bool(follower.of("reset")), "reset")
        told = follower.of("reset")[0].data
        assert (told["reason"], told["feed"][:2]) == ("epoch", "2-")
        tap_often(box, mine, 1)
        newest = feed_of(box, mine)[-1]
        follower.wait(lambda: follower.ids() == [newest], "what is new")
        assert (newest[:2], box.get(f"/api/v1/sites/{mine}/intents", token)["feed"]) == ("2-", newest)


# --- scope ------------------------------------------------------------------------------------------------------------------------


def test_a_reader_is_told_of_its_own_sites_only(box: Box, site: str, other: str) -> None:
    begin = box.get(f"/api/v1/sites/{site}/intents", box.token(site))["feed"]
    with (
        Follower(box, box.token(site)) as mine,
        Follower(box, box.token(other)) as theirs,
        Follower(box, box.token(site, other)) as both,
        Follower(box, box.token(site, other), f"?site={other}") as narrowed,
    ):
        followers = (mine, theirs, both, narrowed)
        for follower in followers:
            follower.wait(lambda follower=follower: bool(follower.position), "where it is")
        for _ in range(3):
            tap(box, site)
            tap(box, other, "fremd.example")
        new = [one for one in feed_of(box, site, other) if int(one[2:]) > int(begin[2:])]
        of_site = [one for one in new if one in feed_of(box, site)]
        of_other = [one for one in new if one not in of_site]
        for follower, expected in zip(followers, (of_site, of_other, new, of_other), strict=True):
            follower.wait(lambda f=follower, e=expected: len(f.ids()) >= len(e), "all taps")
            follower.wait(lambda f=follower: bool(f.of("event") and f.of("session")), "hints")
            assert follower.ids() == expected
        with Follower(box, box.token(other), f"?after={begin}") as resumed:
            resumed.wait(lambda: len(resumed.ids()) >= len(of_other), "all taps")
            assert resumed.ids() == of_other
    seen = [{one.data["site_id"] for one in f.told if "site_id" in one.data} for f in followers]
    assert seen == [{site}, {other}, {site, other}, {other}]


@pytest.mark.parametrize("named", ["foreign", "unknown", "no-uuid", "", "%00", "1"])
def test_a_site_that_is_not_mine_is_not_there(box: Box, site: str, other: str, named: str) -> None:
    told = {"foreign": other, "unknown": str(uuid.uuid4())}.get(named, named)
    status, sent, problem = ask(box, f"?site={told}", box.token(site))
    assert (status, problem["status"], sent["content-type"]) == (404, 404, "application/problem+json")


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        ("intent", {"intent"}), ("public:calls", {"intent"}), ("public:events", {"event"}), ("public:sessions", {"session"}),
        ("verdict,alert,work,call,presence,health", {"health", "presence"}), ("intent,public:sessions", {"intent", "session"}),
    ],
)  # fmt: skip
def test_only_the_topics_that_were_asked_for_are_told(box: Box, site: str, topics: str, expected: set[str]) -> None:
    token = box.token(site)
    with Follower(box, token, f"?topics={topics}") as follower, Follower(box, token) as everything:
        everything.wait(lambda: bool(everything.of("health")), "it is live")
        follower.wait(lambda: bool(follower.position), "where it is")
        tap(box, site)
        everything.wait(lambda: {"intent", "event", "session"} <= {one.topic for one in everything.told}, "every topic there is")
        follower.wait(lambda: expected <= {one.topic for one in follower.told}, str(expected))
        assert {one.topic for one in follower.told} == expected


def test_a_reader_whose_token_is_revoked_is_cut_off(box: Box, site: str) -> None:
    box.call("add_user", email="gone@example.com")
    box.call("grant", user="gone@example.com", site=site, rights="read")
    made = box.call("create_token", user="gone@example.com", rights="read")
    with Follower(box, made["token"]) as gone, Follower(box, box.token(site)) as staying:
        for follower in (gone, staying):
            follower.wait(lambda follower=follower: bool(follower.of("health")), "it is live")
        box.call("revoke_token", id=made["id"])
        gone.wait(lambda: gone.statuses[-1] == 401, "it is nobody's", 2)
        tap(box, site)
        staying.wait(lambda: bool(staying.of("intent")), "the tap")
        assert (gone.of("intent"), staying.statuses) == ([], [200])


def test_a_reader_who_is_given_another_site_comes_again_and_sees_it(box: Box, site: str, other: str) -> None:
    box.call("add_user", email="wider@example.com")
    box.call("grant", user="wider@example.com", site=site, rights="read")
    token = box.call("create_token", user="wider@example.com", rights="read")["token"]
    with Follower(box, token) as follower:
        follower.wait(lambda: bool(follower.of("health")), "it is live")
        box.call("grant", user="wider@example.com", site=other, rights="read")
        follower.wait(lambda: len(follower.statuses) == 2, "it comes again", 2)
        tap(box, other, "fremd.example")
        follower.wait(lambda: bool(follower.of("intent")), "the other site's tap")
        assert follower.of("intent")[0].data["site_id"] == other


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Basic eDp5"}, 401), ({"Authorization": "Bearer"}, 401),
        ({"Authorization": f"Bearer {'x' * 5000}"}, 401),
    ],
)  # fmt: skip
def test_nobody_reads_without_a_token(box: Box, site: str, headers: dict[str, str], expected: int) -> None:
    for query in ("", f"?token={box.token(site)}", f"?access_token={box.token(site)}&authorization={box.token(site)}"):
        status, sent, problem = ask(box, query, **headers)
        assert (status, problem["status"], sent["content-type"]) == (expected, expected, "application/problem+json")
        assert sent["www-authenticate"].startswith("Bearer")


def test_a_sites_own_token_reads_no_stream(box: Box, site: str) -> None:
    assert ask(box, "", box.site_token(site))[0] == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_the_stream_is_there_for_get(box: Box, site: str, method: str) -> None:
    status, sent, _ = ask(box, "", box.token(site), method)
    assert (status, sent["allow"], sent["cache-control"]) == (405, "GET", "no-store")


@pytest.mark.parametrize(
    "query",
    [
        "topics=", "topics=everything", "topics=intent,", "topics=,", "topics=Intent", "topics=intent&topics=call", "topics=reset",
        "topics=" + "intent," * 2000 + "x", "topics=%FF", "%FF=1&topics=%C3%28", "topics=intent%0A", "topics=%F0%9F%92%A9",
        "&".join(f"x{n}=1" for n in range(200)), "site=a&site=b", "after=1-1&after=1-2",
    ],
)  # fmt: skip
def test_a_query_that_is_wrong_is_told_so(box: Box, site: str, query: str) -> None:
    status, sent, problem = ask(box, f"?{query}", box.token(site))
    assert (status, problem["status"], sent["content-type"]) == (400, 400, "application/problem+json")


@pytest.mark.parametrize("query", ["?", "?&&&", "?=", "?x=1", "?%00=1", "?topics=intent&nonsense=%00", "?Topics=x"])
def test_what_the_stream_does_not_know_in_a_query_does_no_harm(box: Box, site: str, query: str) -> None:
    with Follower(box, box.token(site), query, again=False) as follower:
        assert follower.statuses == [200]


# --- readers that do not read, and ends -------------------------------------------------------------------------------------------


def test_a_slow_reader_is_cut_off_and_the_others_go_on(box: Box, site: str) -> None:
    token = box.token(site)
    pages = f"https://antika.example/{'p' * 1900}"
    with Follower(box, token, "?topics=intent") as reading, socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", box.port))
        slow.sendall(f"GET /api/stream HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        reading.wait(lambda: bool(reading.position), "where it is")
        before = len(feed_of(box, site))
        deadline = time.monotonic() + 60
        while "cut off" not in box.log.read_text():
            assert time.monotonic() < deadline
            tap_often(box, site, 100, u=pages)
        assert time.monotonic() < deadline - 25, "cut off by its stall, not by what it left unread"
        slow.settimeout(10)
        assert b"event: intent" in read_all(slow)
        expected = feed_of(box, site)[before:]
        reading.wait(lambda: len(reading.ids()) >= len(expected), "everything")
        assert (reading.ids(), reading.statuses) == (expected, [200])


def test_a_reader_that_went_away_is_forgotten(box: Box, site: str) -> None:
    pid = box.status()["gateways"][0]["pid"]

    def sockets() -> int:
        found = 0
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                found += "socket" in str(file.readlink())
        return found

    before = sockets()
    followers = [Follower(box, box.token(site), again=False).__enter__() for _ in range(20)]
    assert sockets() >= before + 20
    for follower in followers:
        follower.__exit__()
    wait_until(lambda: sockets() <= before + 1, "their connections are closed")


def test_a_request_behind_a_stream_and_a_body_of_it_do_no_harm(box: Box, site: str) -> None:
    token = box.token(site)
    request = (
        f"GET /api/stream?topics=intent HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {token}\r\nContent-Length: 5\r\n\r\nhello"
    )
    with socket.create_connection(("127.0.0.1", box.port), timeout=5) as connection:
        connection.sendall(request.encode() + b"GET /healthz HTTP/1.1\r\nHost: b\r\n\r\n")
        tap(box, site)
        answer = b""
        while b"event: intent" not in answer:
            answer += connection.recv(65536)
    assert answer.count(b"HTTP/1.1") == 1


def test_when_the_box_stops_its_streams_end_at_once(killable_box: Box) -> None:
    mine = killable_box.add_site()["public_id"]
    token = killable_box.token(mine)
    followers = [Follower(killable_box, token, again=False).__enter__() for _ in range(30)]
    with socket.create_connection(("127.0.0.1", killable_box.port)) as silent:
        silent.sendall(f"GET /api/stream HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        assert fetch(f"{killable_box.url}/healthz")[0] == 200
        began = time.monotonic()
        assert killable_box.stop() == 0
        assert time.monotonic() - began < 2
    for follower in followers:
        follower.__exit__()
        assert follower.ended


@pytest.fixture(autouse=True)
def no_fault(box: Box) -> Iterator[None]:
    """Nothing of this may be a fault of ours."""
    yield
    assert "FAULT" not in box.log.read_text()
    assert "Exception" not in box.log.read_text()
