"""F21: clients that are slow, idle, many, or try to smuggle a second request. The others are served meanwhile."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from opsmantik_box.gateway.protocol import BODY_SECONDS, HEADER_SECONDS, SWEEP_EVERY
from tests.harness import Box
from tests.tracker import ORIGIN, Tracker, encoded, head, read_all, signal_of

LATE = 1.5
"""Seconds a time-out may be late: a sweep, and a busy machine."""
CORS = b"access-control-allow-origin: " + ORIGIN.encode() + b"\r\n"


@contextmanager
def dripping(connection: socket.socket, drop: bytes) -> Iterator[None]:
    """Sends `drop` four times a second, until the other end has enough."""
    enough = threading.Event()

    def drip() -> None:
        while not enough.wait(0.25):
            try:
                connection.sendall(drop)
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def ending(connection: socket.socket) -> tuple[bytes, float]:
    """What comes until the other end closes, and after how many seconds that is."""
    started = time.monotonic()
    return read_all(connection), time.monotonic() - started


def test_every_kind_of_slow_client_is_cut_in_time_while_others_are_served(tracker: Tracker, site: str) -> None:
    body = encoded(signal_of(site))
    with ExitStack() as held, ThreadPoolExecutor(4) as pool:
        header, whole_body, second, silent = [held.enter_context(tracker.connect()) for _ in range(4)]
        second.sendall(head(len(body)) + body)
        assert second.recv(65536).startswith(b"HTTP/1.1 200 ")
        header.sendall(head()[:-2])
        whole_body.sendall(head(60_000) + b"{")
        second.sendall(b"P")
        held.enter_context(dripping(header, b"x-slow: 1\r\n"))
        held.enter_context(dripping(whole_body, b" "))
        ends = [pool.submit(ending, connection) for connection in (header, second, silent, whole_body)]
        while not all(end.done() for end in ends):
            asked = time.monotonic()
            assert tracker.post(signal_of(site)).status == 200
            assert time.monotonic() - asked < 1
            time.sleep(0.1)
        for end, seconds in zip(ends, (HEADER_SECONDS, HEADER_SECONDS, HEADER_SECONDS, BODY_SECONDS), strict=True):
            assert seconds - SWEEP_EVERY <= end.result()[1] <= seconds + SWEEP_EVERY + LATE
        for end in (ends[0], ends[3]):
            assert end.result()[0].startswith(b"HTTP/1.1 408 ")
            assert CORS in end.result()[0]
        assert ends[1].result()[0].startswith(b"HTTP/1.1 408 ")
        # A browser opens connections on suspicion; a 408 there would be read as the answer to what it asks next.
        assert ends[2].result()[0] == b""


def test_two_thousand_idle_connections_keep_nobody_out(tracker: Tracker, box: Box, site: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    with ExitStack() as held:
        for _ in range(2_000):
            held.enter_context(tracker.connect())
        started = time.monotonic()
        for _ in range(100):
            assert tracker.post(signal_of(site)).body["status"] == "synced"
        assert time.monotonic() - started < 5
    assert tracker.get("/healthz").status == 200


def test_headers_without_end_take_no_memory(tracker: Tracker) -> None:
    with tracker.connect() as greedy:
        greedy.sendall(head()[:-2])
        try:
            for _ in range(200):
                greedy.sendall(b"x-greedy: " + b"x" * 1000 + b"\r\n")
        except OSError:
            return
        answer = read_all(greedy)
    assert answer.startswith(b"HTTP/1.1 431 ") or not answer


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: box.example\r\n\r\n"
SMUGGLING = {
    "length and chunked": head(4, "Transfer-Encoding: chunked") + b"0\r\n\r\n" + SMUGGLED,
    "two lengths": head(4, "Content-Length: 50") + b"{}  " + SMUGGLED,
    "a length that is none": head(None, "Content-Length: 4x") + b"{}  " + SMUGGLED,
    "a negative length": head(None, "Content-Length: -1") + SMUGGLED,
    "a chunk size that is none": head(None, "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk longer than it says": head(None, "Transfer-Encoding: chunked") + b"2\r\n{}xx\r\n0\r\n\r\n" + SMUGGLED,
    "chunked that is not last": head(None, "Transfer-Encoding: chunked, identity") + b"0\r\n\r\n" + SMUGGLED,
    "a folded header": head()[:-2] + b"x-a: b\r\n  Transfer-Encoding: chunked\r\n\r\n" + b"0\r\n\r\n",
    "a blank before the colon": head()[:-2] + b"Content-Length : 4\r\n\r\n{}  ",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\nOrigin: " + ORIGIN.encode() + b"\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("sent", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_nothing_is_smuggled_past_a_malformed_request(tracker: Tracker, site: str, sent: bytes) -> None:
    answer = tracker.talk(sent)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"alive" not in answer
    assert b"x-opsmantik-version" in answer
    assert (CORS in answer) == (b"Origin: " in sent)
    assert tracker.post(signal_of(site)).status == 200


def test_requests_in_a_row_are_answered_in_order(tracker: Tracker, site: str) -> None:
    bodies = [encoded(signal_of(site)), b"{", encoded(signal_of("x")), encoded(signal_of(site))]
    last = head(len(bodies[-1]), "Connection: close") + bodies[-1]
    answer = tracker.talk(b"".join(head(len(body)) + body for body in bodies[:-1]) + last)
    statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"400", b"400", b"200"]


def test_what_is_malformed_behind_a_good_request_does_not_cost_its_answer(tracker: Tracker, site: str) -> None:
    body = encoded(signal_of(site))
    answer = tracker.talk(head(len(body)) + body + b"\x00\x01 nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b'"synced"' in answer


def test_an_upgrade_is_ignored_and_the_request_answered(tracker: Tracker) -> None:
    answer = tracker.talk(head(None, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", method="GET"))
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert CORS in answer


def test_a_client_that_leaves_in_the_middle_harms_nobody(tracker: Tracker, box: Box, site: str) -> None:
    body = encoded(signal_of(site))
    for part in (b"POST", head(len(body)), head(len(body)) + body[:10], head(len(body)) + body):
        for _ in range(20):
            with tracker.connect() as leaving:
                leaving.sendall(part)
    assert tracker.post(signal_of(site)).status == 200
    assert "fault" not in box.status()["refusals_today"]
