"""Subscribers of the stream, and the taps they are timed by: a process of its own, one order on standard input, one account of it on
standard output (both JSON).

A tap counts from when it was due, and for every subscriber by itself, until its message is there: what the load generator and this
process do to each other on a small machine is in the numbers.
"""

import asyncio
import gc
import json
import random
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from typing import TypeVar, cast

import msgspec
import uvloop
from msgspec import Struct

CONNECTIONS = 8
"""Taps go out over so many, each an answer ahead."""
GRACE_SEC = 5.0
Made = TypeVar("Made", bound=asyncio.Protocol)
_INTENT, _SESSION = b"event: intent\n", b'"session":"'


class Order(Struct, frozen=True, kw_only=True):
    """`taps` at `rate` a second; `reader` is a token that may read the site, `token` one that may send for it."""

    port: int
    site: str
    token: str
    reader: str
    subscribers: int
    taps: int
    rate: float


class Account(Struct, frozen=True, kw_only=True):
    """`told`: messages about own taps over all subscribers; `twice` and `missed` must be 0; `others`: messages about other taps, and
    `hints`. Latencies in milliseconds."""

    told: int
    twice: int
    missed: int
    others: int
    hints: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class Subscriber(asyncio.Protocol):
    """Reads messages, and looks for sessions in them that it knows."""

    def __init__(self, watch: "Watch") -> None:
        self._watch = watch
        self._held = b""
        self.seen: set[bytes] = set()
        self.opened = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        order = self._watch.order
        head = f"GET /api/stream HTTP/1.1\r\nHost: box.example\r\nAuthorization: Bearer {order.reader}\r\n\r\n"
        cast("asyncio.WriteTransport", transport).write(head.encode())

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if not self.opened.done():
            self.opened.set_result(data)
        *blocks, self._held = (self._held + data).split(b"\n\n")
        for block in blocks:
            if _INTENT in block:
                start = block.index(_SESSION) + len(_SESSION)
                self._watch.take(self, block[start : start + 36], now)
            else:
                self._watch.hints += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.lost()


class Sender(asyncio.Protocol):
    """A connection for taps; what is answered is not looked at."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)


class Watch:
    """One order carried out."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.loop = asyncio.get_running_loop()
        self.sent: dict[bytes, float] = {}
        self.latencies: list[float] = []
        self.others = self.twice = self.hints = 0
        self.ended: asyncio.Future[None] = self.loop.create_future()

    async def run(self) -> Account:
        """Raises OSError, TimeoutError."""
        order = self.order
        subscribers = [await self._connect(lambda: Subscriber(self)) for _ in range(order.subscribers)]
        answers = await asyncio.wait_for(asyncio.gather(*(one.opened for one in subscribers)), 30)
        if any(b" 200 " not in answer[:16] for answer in answers):
            raise ConnectionError(repr(answers[0][:200]))
        senders = [await self._connect(Sender) for _ in range(CONNECTIONS)]
        gc.freeze()
        gc.disable()
        await self._tap(senders)
        with suppress(TimeoutError):  # what is missing is counted
            await asyncio.wait_for(self.ended, GRACE_SEC)
        return self._account()

    async def _connect(self, make: Callable[[], Made]) -> Made:
        return (await self.loop.create_connection(make, "127.0.0.1", self.order.port))[1]

    async def _tap(self, senders: list[Sender]) -> None:
        """At random moments around even distances: the Box's own rhythms must not meet ours."""
        chance, started = random.Random(1), time.perf_counter()
        for number, sender in zip(range(self.order.taps), cycle(senders), strict=False):
            session = str(uuid.uuid4())
            request = self._request(session)
            due = started + (number + chance.random()) / self.order.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            self.sent[session.encode()] = due
            sender.transport.write(request)

    def _request(self, session: str) -> bytes:
        meta = {"fp": f"fp_{uuid.uuid4().hex[:16]}", "intent_stamp": str(uuid.uuid4())}
        tap = {"u": "https://antika.example/iletisim", "ec": "conversion", "ea": "phone_call", "el": "tel:+902125550142"}
        body = json.dumps({"s": self.order.site, "sid": session, "id": str(uuid.uuid4()), "meta": meta} | tap).encode()
        lines = ("POST /api/sync HTTP/1.1", "Host: box.example", f"Authorization: Bearer {self.order.token}")
        return "\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode() + body

    def take(self, subscriber: Subscriber, session: bytes, now: float) -> None:
        due = self.sent.get(session)
        if due is None:
            self.others += 1
        elif session in subscriber.seen:
            self.twice += 1
        else:
            subscriber.seen.add(session)
            self.latencies.append(now - due)
            if len(self.latencies) == self.order.taps * self.order.subscribers:
                self.ended.set_result(None)

    def lost(self) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError("a subscriber was cut off"))

    def _account(self) -> Account:
        times, due = sorted(self.latencies), self.order.taps * self.order.subscribers
        return Account(
            told=len(times), twice=self.twice, missed=due - len(times), others=self.others, hints=self.hints,
            p50_ms=times[len(times) // 2] * 1000, p99_ms=times[len(times) * 99 // 100] * 1000, max_ms=times[-1] * 1000,
        )  # fmt: skip


async def _run(order: Order) -> Account:
    return await Watch(order).run()


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_run(order))))


if __name__ == "__main__":
    main()
