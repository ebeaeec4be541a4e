"""A proxy between the pages and a Box that does wrong on purpose, by a script. Everything it lets through is the Box's own. How to write a
script: README.md."""

import contextlib
import http.client
import itertools
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.harness import free_port

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
SYNC = "/api/sync"


@dataclass(frozen=True)
class Fault:
    """What is done to one request. `status` is answered without asking the Box (`readable`: with CORS headers, as the Box itself would; a
    gateway in front of it answers without). `forward`: the Box gets it. `answer`: the page gets one. `delay`: seconds before the answer."""

    name: str
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    readable: bool = True
    forward: bool = False
    answer: bool = True
    cut: bool = False
    delay: float = 0


PASS = Fault("pass", forward=True)
RESET = Fault("reset", answer=False)
LOST_ANSWER = Fault("lost answer", forward=True, answer=False)
"""Stored, then the connection breaks before the answer."""
TIMED_OUT = Fault("timed out after commit", forward=True, answer=False, delay=8)
"""Stored, then silence for longer than the tracker waits."""
TRUNCATED = Fault("truncated", forward=True, cut=True)
BAD_GATEWAY = Fault("bad gateway", status=502, readable=False)


def refusal(status: int) -> Fault:
    return Fault(f"{status}", status=status)


def busy(retry_after: int = 0) -> Fault:
    """503, with `Retry-After` when seconds are given."""
    return Fault("503", status=503, headers=retry_header(retry_after))


def limited(retry_after: int = 1) -> Fault:
    """429."""
    return Fault("429", status=429, headers=retry_header(retry_after))


def slow(seconds: float) -> Fault:
    return Fault(f"slow by {seconds} s", forward=True, delay=seconds)


def retry_header(seconds: int) -> tuple[tuple[str, str], ...]:
    return (("Retry-After", str(seconds)),) if seconds else ()


@dataclass
class Request:
    """One request as it came, and what became of it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)
    fault: Fault = PASS
    status: int = 0

    @property
    def signals(self) -> list[dict[str, Any]]:
        """The signals it carries, one or many."""
        told = json.loads(self.body)
        return told.get("e", [told])


Script = Callable[[Request], Fault]


def all_well(_: Request) -> Fault:
    return PASS


def always(fault: Fault) -> Script:
    return lambda _: fault


def in_turn(*faults: Fault) -> Script:
    """One for each request, then everything passes."""
    left, lock = list(faults), threading.Lock()

    def script(_: Request) -> Fault:
        with lock:
            return left.pop(0) if left else PASS

    return script


def every(nth: int, *faults: Fault) -> Script:
    """Each `nth` request gets the next of the faults, and after the last the first again."""
    count, lock = itertools.count(1), threading.Lock()

    def script(_: Request) -> Fault:
        with lock:
            turn, rest = divmod(next(count), nth)
            return PASS if rest else faults[(turn - 1) % len(faults)]

    return script


class FaultyProxy:
    """In front of the server at `upstream` (a port). The script judges POSTs to /api/sync; everything else passes."""

    def __init__(self, upstream: int, name: str = "box") -> None:
        self.upstream, self.port = upstream, free_port()
        self.url = f"http://{name}.localhost:{self.port}"
        self.requests: list[Request] = []
        self.script: Script = all_well
        self.over = threading.Event()
        self._server: Server | None = None

    @property
    def syncs(self) -> list[Request]:
        """The POSTs to /api/sync so far."""
        return [one for one in list(self.requests) if one.method == "POST" and one.path == SYNC]

    def up(self) -> "FaultyProxy":
        self.over.clear()
        self._server = Server(("127.0.0.1", self.port), self)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def down(self) -> None:
        """Nobody listens on the port any more, and every open connection is reset."""
        assert self._server is not None
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()

    def __enter__(self) -> "FaultyProxy":
        return self.up()

    def __exit__(self, *_: object) -> None:
        if not self.over.is_set():
            self.down()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], proxy: FaultyProxy) -> None:
        self.proxy = proxy
        self.open: set[socket.socket] = set()
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self.open):
            reset(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A page that was closed in the middle of a request is nothing to report."""


def reset(connection: socket.socket) -> None:
    """RST instead of FIN."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
        connection.close()


class Handler(BaseHTTPRequestHandler):
    """One connection of a browser, with one of its own to the Box."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self.behind: http.client.HTTPConnection | None = None

    def finish(self) -> None:
        if self.behind is not None:
            self.behind.close()
        super().finish()

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, dict(self.headers.items()), body)
        if request.method == "POST" and request.path == SYNC:
            request.fault = self.server.proxy.script(request)
        self.server.proxy.requests.append(request)
        self.do(request, request.fault)

    do_GET = do_POST = do_OPTIONS = do_HEAD = handle_any  # noqa: N815 - the base class's names

    def do(self, request: Request, fault: Fault) -> None:
        answer = self.forward(request) if fault.forward else (fault.status, self.own_headers(fault), b'{"ok":false,"score":null}')
        request.status = answer[0]
        if fault.delay:
            self.server.proxy.over.wait(fault.delay)
        if not fault.answer:
            self.close_connection = True
            reset(self.connection)
            return
        self.answer(*answer, cut=fault.cut)

    def own_headers(self, fault: Fault) -> list[tuple[str, str]]:
        """As the Box's own refusals; without them the page cannot read the status."""
        cors = [
            ("Access-Control-Allow-Origin", self.headers.get("Origin", "*")),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", "Retry-After"),
        ]
        return [*fault.headers, *(cors if fault.readable else [])]

    def forward(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
        """The Box's answer; 502 without CORS headers when it is away, as a web server in front of it says."""
        if self.behind is None:
            self.behind = http.client.HTTPConnection("127.0.0.1", self.server.proxy.upstream, timeout=30)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        try:
            self.behind.request(request.method, request.path, request.body or None, headers)
            answer = self.behind.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except (OSError, http.client.HTTPException):
            self.behind.close()
            self.behind = None
            return 502, [], b"Bad Gateway"

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes, *, cut: bool) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing on the screen: the requests are kept."""
