"""Stand-ins for the outside world, each speaking its real protocol strictly: Telegram's Bot API, and a receiver of webhooks."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN, CHAT, MOVED = "123456:AAF-stand-in-token", "-100200300", -1009998887
LONGEST = 4_096
TAGS = frozenset({"b", "strong", "i", "em", "u", "s", "a", "code", "pre"})
HANG_SEC = 30.0


class Receiver(ThreadingHTTPServer):
    """`script`: how the next requests are dealt with, one word each; then all is well. `accepted`: what it took, in order."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.script: deque[str] = deque()
        self.accepted: list[Any] = []
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news here."""


class Handler(BaseHTTPRequestHandler):
    """Reads a request whole, then does what the script says."""

    protocol_version = "HTTP/1.1"
    server: Receiver

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.path, headers, body))
        word = self.server.script.popleft() if self.server.script else "ok"
        if word.startswith("accept"):
            self.take(headers, body)
        if word.endswith("hang"):
            self.server.over.wait(HANG_SEC)
        if word.endswith(("hang", "drop")):
            self.close_connection = True
            return
        self.answer(word, headers, body)

    def take(self, headers: dict[str, str], body: bytes) -> None:
        self.server.accepted.append(body)

    def answer(self, word: str, headers: dict[str, str], body: bytes) -> None:
        status = 200 if word == "ok" else int(word.partition(":")[0])
        if status == 200:
            self.take(headers, body)
        wait = word.partition(":")[2]
        self.say(
            status, b"", **({"Retry-After": wait} if wait else {}), **({"Location": "http://127.0.0.1:1/"} if status == 302 else {})
        )

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Telegram(Handler):
    """core.telegram.org/bots/api: making requests, sendMessage, formatting options."""

    chat = CHAT

    def take(self, headers: dict[str, str], body: bytes) -> None:
        self.server.accepted.append(json.loads(body)["text"])

    def answer(self, word: str, headers: dict[str, str], body: bytes) -> None:
        error = self.mistake(headers, body)
        if error is not None:
            self.tell(*error)
        elif word == "ok":
            self.take(headers, body)
            self.tell(200, "", ok=True, result={"message_id": len(self.server.accepted)})
        elif word.startswith("429"):
            self.tell(429, "Too Many Requests: retry later", parameters={"retry_after": int(word.partition(":")[2] or 3)})
        elif word == "400":
            self.tell(400, "Bad Request: can't parse entities")
        elif word == "migrate":
            Telegram.chat = str(MOVED)
            self.tell(400, "Bad Request: group chat was upgraded", parameters={"migrate_to_chat_id": MOVED})
        else:
            self.tell(int(word), "Internal Server Error")

    def mistake(self, headers: dict[str, str], body: bytes) -> tuple[int, str] | None:
        """What Telegram itself would refuse."""
        if self.path != f"/bot{TOKEN}/sendMessage":
            return 404, "Not Found"
        if headers.get("content-type") != "application/json" or "transfer-encoding" in headers:
            return 400, "Bad Request: expected JSON"
        told = json.loads(body)
        if str(told.get("chat_id")) != Telegram.chat:
            return 400, "Bad Request: chat not found"
        text = told.get("text", "")
        if not 1 <= len(text) <= LONGEST * 5:
            return 400, "Bad Request: message is too long"
        if told.get("parse_mode") == "HTML" and not is_telegram_html(text):
            return 400, "Bad Request: can't parse entities"
        return None

    def tell(self, status: int, description: str, **more: Any) -> None:
        told = {"ok": False, "error_code": status, "description": description} | more if status != 200 else more
        self.say(status, json.dumps(told).encode(), **{"Content-Type": "application/json"})


class _Html(HTMLParser):
    """Tags that Telegram knows, closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []
        self.is_right, self.length = True, 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.is_right &= tag in TAGS
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.is_right &= bool(self.open) and self.open.pop() == tag

    def handle_entityref(self, name: str) -> None:
        self.is_right &= name in ("lt", "gt", "amp", "quot")
        self.length += 1

    def handle_data(self, data: str) -> None:
        self.is_right &= not any(one in data for one in "<>&")
        self.length += len(data)


def is_telegram_html(text: str) -> bool:
    parser = _Html()
    parser.feed(text)
    parser.close()
    return parser.is_right and not parser.open and parser.length <= LONGEST


@contextmanager
def receiver(handler: type[Handler] = Handler) -> Iterator[Receiver]:
    """One that listens, until the end."""
    Telegram.chat = CHAT
    with Receiver(handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join(5)
