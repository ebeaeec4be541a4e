"""The load generator: a process of its own, one order on standard input, one account of it on standard output (both JSON).

Requests are built before the clock starts, answers are looked at no further than status and length: it takes 10 to 20 µs a request.
Closed loop: every connection sends its next request when it has its answer. Open loop: requests are due at a fixed rate whatever
happens, and latency counts from when a request was due, so a stalled server cannot hide its queue (no coordinated omission).
"""

import asyncio
import gc
import resource
import sys
import time
from collections import Counter, deque
from typing import cast

import msgspec
import uvloop
from msgspec import Struct

from tests.bench import traffic

GRACE_SEC = 15.0
"""How long after its last request the open loop waits for answers."""
TICK_SEC = 0.001


class Order(Struct, frozen=True, kw_only=True):
    """`rate` (requests a second) makes it an open loop; without, it is a closed one. `size`: signals a request. `distinct`: how
    many different requests are built; fewer than `requests` only where the receiver does not mind repeats. `seconds` bounds it."""

    port: int
    requests: int
    seed: int
    site: str
    token: str
    connections: int
    size: int = 1
    rate: float = 0.0
    seconds: float = 120.0
    distinct: int = 0


class Account(Struct, frozen=True, kw_only=True):
    """What happened. Latencies in milliseconds; `cpu_us`: what this process itself took for a request, in microseconds."""

    requests: int
    seconds: float
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_us: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


class Connection(asyncio.Protocol):
    """One kept-alive connection with one request on it at most."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._held = b""
        self.since = 0.0
        self.transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        if self._held:
            data = self._held + data
        head = data.find(b"\r\n\r\n")
        length = data.find(b"content-length: ", 0, head) + 16
        if head < 0 or len(data) < head + 4 + int(data[length : data.find(b"\r", length)]):
            self._held = data
            return
        self._held = b""
        self._load.answered(self, data[9:12])

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.lost()


class Load:
    """What both loops share: the requests, the answers, the end."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.built = traffic.requests(order.seed, order.distinct or order.requests, order.size, order.site, order.token)
        self.loop = asyncio.get_running_loop()
        self.clock = time.perf_counter
        self.ended: asyncio.Future[None] = self.loop.create_future()
        self.statuses: Counter[bytes] = Counter()
        self.latencies: list[float] = []
        self.next = 0
        self.idle: deque[Connection] = deque()

    async def run(self) -> Account:
        """Raises OSError, TimeoutError (some answers never came)."""
        order = self.order
        for _ in range(order.connections):
            _, connection = await self.loop.create_connection(lambda: Connection(self), "127.0.0.1", order.port)
            self.idle.append(connection)
        gc.freeze()
        gc.disable()
        before, started = _cpu(), self.clock()
        self.start(started)
        await asyncio.wait_for(self.ended, order.seconds + GRACE_SEC)
        seconds, cpu = self.clock() - started, _cpu() - before
        return self._account(seconds, cpu)

    def start(self, now: float) -> None:
        """Closed loop: everyone sends at once."""
        self._until = now + self.order.seconds
        self._open = len(self.idle)
        for connection in list(self.idle):
            self._send(connection, now)

    def _send(self, connection: Connection, now: float) -> None:
        connection.since = now
        connection.transport.write(self.built[self.next % len(self.built)])
        self.next += 1

    def answered(self, connection: Connection, status: bytes) -> None:
        now = self.clock()
        self.latencies.append(now - connection.since)
        self.statuses[status] += 1
        if self.next < self.order.requests and now < self._until:
            self._send(connection, now)
        else:
            self._open -= 1
            if not self._open:
                self.ended.set_result(None)

    def lost(self) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError("the server closed a connection"))

    def _account(self, seconds: float, cpu: float) -> Account:
        times = sorted(self.latencies)
        return Account(
            requests=len(times),
            seconds=seconds,
            statuses={status.decode(): count for status, count in self.statuses.items()},
            p50_ms=times[len(times) // 2] * 1000,
            p99_ms=times[len(times) * 99 // 100] * 1000,
            max_ms=times[-1] * 1000,
            cpu_us=cpu / len(times) * 1e6,
        )


class OpenLoad(Load):
    """Arrivals at equal distances. One that finds no idle connection waits, and its waiting counts."""

    def start(self, now: float) -> None:
        self._started, self._apart = now, 1 / self.order.rate
        self._due: deque[float] = deque()
        self._tick()

    def _tick(self) -> None:
        now = self.clock()
        while self.next + len(self._due) < self.order.requests:
            due = self._started + (self.next + len(self._due)) * self._apart
            if due > now:
                break
            self._due.append(due)
            self._send_due()
        if self.next + len(self._due) < self.order.requests:
            self.loop.call_later(TICK_SEC, self._tick)

    def _send_due(self) -> None:
        while self._due and self.idle:
            due = self._due.popleft()
            self._send(self.idle.popleft(), due)

    def answered(self, connection: Connection, status: bytes) -> None:
        self.latencies.append(self.clock() - connection.since)
        self.statuses[status] += 1
        self.idle.append(connection)
        self._send_due()
        if len(self.latencies) == self.order.requests:
            self.ended.set_result(None)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _run(order: Order) -> Account:
    return await (OpenLoad if order.rate else Load)(order).run()


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_run(order))))


if __name__ == "__main__":
    main()
