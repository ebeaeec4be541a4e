"""A tracker for a test: speaks to a Box over one connection it keeps open, and over bare sockets what no library would send."""

import http.client
import json
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opsmantik_box import __version__
from tests.harness import Box

ORIGIN = "https://antika.example"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)


@dataclass(frozen=True)
class Reply:
    """An answer as a browser sees it; header names in lower case."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


class Tracker:
    """Keeps one connection open, as a browser or a proxy would."""

    def __init__(self, box: Box) -> None:
        self.port = box.port
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, None, headers)

    def post(self, body: object, path: str = "/api/sync", **headers: str) -> Reply:
        """`body`: bytes as they are, anything else as JSON. Header names with underscores; `origin=''` leaves it out."""
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        sent = {"origin": ORIGIN, "content_type": "text/plain;charset=UTF-8", "user_agent": PHONE} | headers
        return self.request("POST", path, data, {name: value for name, value in sent.items() if value})

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            self._connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = self._connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        except (OSError, http.client.HTTPException):
            self.hang_up()
            raise

    def connect(self, seconds: float = 20) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def talk(self, *parts: bytes) -> bytes:
        """Sends these bytes on a bare connection, then reads until the other end closes."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            return read_all(connection)

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def assert_carries_every_header(reply: Reply, origin: str = ORIGIN) -> None:
    headers = reply.headers
    assert headers["vary"] == "Origin"
    assert headers["x-opsmantik-version"] == __version__
    assert headers["x-cors-reason"]
    assert int(headers["x-ratelimit-limit"]) >= int(headers["x-ratelimit-remaining"]) >= 0
    assert headers["access-control-allow-origin"] == origin
    assert headers["access-control-allow-credentials"] == "true"
    exposed = "Retry-After, X-OpsMantik-Version, X-CORS-Reason, X-RateLimit-Remaining"
    assert headers["access-control-expose-headers"] == exposed


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.02)  # between two looks


def set_shift(box: Box, shift_ms: int) -> None:
    """Moves the clock of a Box that was made with a shift. Replaces the file: no look finds it empty."""
    new = box.shift.with_suffix(".new")
    new.write_text(str(shift_ms))
    new.replace(box.shift)


def signal_of(site: str, **fields: object) -> dict[str, object]:
    """One signal as a new tracker sends it: its own id, its own session."""
    now = time.time_ns() // 1_000_000
    own = {"id": str(uuid.uuid4()), "sid": str(uuid.uuid4()), "ts": now, "st": now}
    return {"s": site, "u": f"{ORIGIN}/", "ec": "interaction", "ea": "view"} | own | fields


def encoded(body: object) -> bytes:
    return json.dumps(body).encode()


def head(length: int | None = None, *more: str, path: str = "/api/sync", method: str = "POST") -> bytes:
    """A request's head as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: box.example", f"Origin: {ORIGIN}", f"User-Agent: {PHONE}", *more]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def read_all(connection: socket.socket) -> bytes:
    """Until the other end closes; a reset is an end too."""
    read = b""
    try:
        while data := connection.recv(65536):
            read += data
    except ConnectionResetError:
        pass
    return read
