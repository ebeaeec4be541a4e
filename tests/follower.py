"""Follows the stream of a Box as a browser's EventSource would: reads blocks, keeps the last id, comes again with it when cut off."""

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.harness import Box

AGAIN_SEC = 0.02
"""Sooner than the Box asks for: tests have less time than people."""


@dataclass(frozen=True)
class Told:
    """A message. `id` is '' for one that brought none, `at` is `time.monotonic()` when it came."""

    id: str
    topic: str
    data: Any
    at: float


class Follower:
    """As a context manager it follows until the block ends. `told` is everything in the order it came; `position` the last id, to
    begin with `last`; `again`: whether it comes again when it is cut off."""

    def __init__(self, box: Box, token: str, query: str = "", *, last: str = "", again: bool = True) -> None:
        self._box, self._token, self._query, self._again = box, token, query, again
        self.told: list[Told] = []
        self.statuses: list[int] = []
        self.position = last
        self.comments = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Follower":
        self._thread.start()
        self.wait(lambda: bool(self.statuses), "an answer")
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self.cut()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def cut(self) -> None:
        """As if the network had failed."""
        with suppress(OSError, AttributeError):
            self._connection.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    def ids(self) -> list[str]:
        """Of all rows of the feed it was told, resets left out."""
        return [one.id for one in self.told if one.id and one.topic != "reset"]

    def of(self, topic: str) -> list[Told]:
        return [one for one in self.told if one.topic == topic]

    def wait(self, holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
        """Looks again at every message. AssertionError when it does not hold in time."""
        with self._changed:
            assert self._changed.wait_for(holds, seconds), f"not in {seconds} s: {what}; told {self.told[-3:]} {self.statuses[-3:]}"

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def _follow(self) -> None:
        while not self._stopped:
            with suppress(OSError):
                self._read_once()
            self._notice()
            if not self._again:
                return
            time.sleep(AGAIN_SEC)  # between two attempts

    def _notice(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _read_once(self) -> None:
        with socket.create_connection(("127.0.0.1", self._box.port), timeout=40) as self._connection:
            lines = [f"GET /api/stream{self._query} HTTP/1.1", "Host: box.example", f"Authorization: Bearer {self._token}"]
            lines += [f"Last-Event-ID: {self.position}"] if self.position else []
            self._connection.sendall("\r\n".join([*lines, "", ""]).encode())
            with self._connection.makefile("rb") as answer:
                self._read_answer(answer)

    def _read_answer(self, answer: Any) -> None:
        status = answer.readline()
        if not status:
            return
        while answer.readline() not in (b"\r\n", b""):
            pass
        self.statuses.append(int(status[9:12]))
        self._notice()
        block: list[bytes] = []
        while self.statuses[-1] == 200 and (line := answer.readline()).endswith(b"\n"):
            if line == b"\n":
                self._take(block)
                block = []
            else:
                block.append(line[:-1])

    def _take(self, block: list[bytes]) -> None:
        """What is cut off in the middle never comes here."""
        fields = dict(line.split(b": ", 1) for line in block if not line.startswith(b":"))
        self.comments += sum(line.startswith(b":") for line in block)
        own = fields.get(b"id", b"").decode()
        self.position = own or self.position
        if b"data" in fields:
            self.told.append(Told(own, fields[b"event"].decode(), json.loads(fields[b"data"]), time.monotonic()))
        self._notice()
