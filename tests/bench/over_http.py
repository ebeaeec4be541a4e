"""What is measured over HTTP: the hot path and the yardstick by turns, in one run, under the same load generator."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple

from msgspec.structs import replace

from tests.bench import fill, load
from tests.bench.boxes import BenchmarkFailed, Box, Key, add_site, data_folder, fill_folder, running_box, running_yardstick, send
from tests.bench.results import MIB, Result

CONNECTIONS, OPEN_CONNECTIONS = 32, 256
OPEN_SHARE = 0.12
"""The open loop's arrivals, as a share of what the yardstick does."""
BATCH = 20
DISTINCT = 5_000
"""Different requests the yardstick is sent, over and over: it does not look at them."""
SAME = 0.9
"""At least this share of what was answered 200 must be a new row: the day holds 7 % re-sent signals."""


class Scale(NamedTuple):
    """How much is done. `long` are the two numbers of signals between which nothing may slow down; `lean` is which yardstick."""

    rounds: int
    singles: int
    batches: int
    empties: int
    open_sec: float
    long: tuple[int, int]
    replayed: int
    copies: int
    lean: bool = False


FULL = Scale(5, 30_000, 2_000, 60_000, 60.0, (200_000, 2_000_000), 1_000_000, 100)
QUICK = Scale(3, 6_000, 400, 15_000, 10.0, (20_000, 200_000), 100_000, 20)


class Pair(NamedTuple):
    """A round: the hot path, then the yardstick. `ratio` is of signals to the yardstick's requests."""

    hot: load.Account
    empty: load.Account
    ratio: float


class Stage:
    """A Box with one site, and the yardstick beside it."""

    def __init__(self, scale: Scale, key: Key, box: Box, yardstick: int, seed: int = 1) -> None:
        """Signals of the same seed are duplicates in one ledger."""
        self._scale, self._key, self._box, self._yardstick = scale, key, box, yardstick
        self._seeds = count(seed)
        self.yards: list[load.Account] = []

    # --- rounds -------------------------------------------------------------------------------------------------------------------

    def _hot(self, requests: int, size: int, rate: float = 0.0, connections: int = CONNECTIONS) -> load.Account:
        """Signals nobody has sent before. Raises BenchmarkFailed when they are not in the ledger afterwards."""
        before = self._box.status()["last_seq"]
        order = self._order(self._box.port, requests)
        account = send(replace(order, size=size, rate=rate, connections=connections))
        stored = self._box.status()["last_seq"] - before
        if stored < account.requests * size * SAME:
            raise BenchmarkFailed(f"{account.requests * size} signals were answered, {stored} are in the ledger")
        return account

    def _empty(self) -> load.Account:
        account = send(replace(self._order(self._yardstick, self._scale.empties), distinct=DISTINCT))
        self.yards.append(account)
        return account

    def _order(self, port: int, requests: int) -> load.Order:
        seed = next(self._seeds)
        return load.Order(
            port=port, requests=requests, seed=seed, site=self._key.site, token=self._key.token, connections=CONNECTIONS
        )

    def _pairs(self, requests: int, size: int) -> Iterator[Pair]:
        """A B A B …; the first of each only warms up. What the Box still has to do is done before the yardstick's turn."""
        for turn in range(self._scale.rounds + 1):
            hot = self._hot(requests if turn else requests // 5, size)
            self._box.catch_up()
            empty = self._empty()
            if turn:
                yield Pair(hot, empty, hot.per_second * size / empty.per_second)

    def _compare(self, name: str, target: str, requests: int, size: int) -> Result:
        pairs = list(self._pairs(requests, size))
        hot, empty = median(p.hot.per_second for p in pairs), median(p.empty.per_second for p in pairs)
        ratios = sorted(p.ratio for p in pairs)
        return Result(
            name=name,
            target=target,
            value=hot * size / empty,
            requests=hot,
            signals=hot * size,
            p50=median(p.hot.p50_ms for p in pairs),
            p99=median(p.hot.p99_ms for p in pairs),
            ratio=hot * size / empty,
            note=f"pairwise {median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}), beside a yardstick of {empty:,.0f} req/s; "
            f"the load generator took {median(p.hot.cpu_us for p in pairs):.0f} µs a request",
        )

    # --- measures -----------------------------------------------------------------------------------------------------------------

    def single(self) -> Iterator[Result]:
        yield self._compare(f"single signals, {CONNECTIONS} connections", "single", self._scale.singles, 1)

    def batch(self) -> Iterator[Result]:
        yield self._compare(f"batches of {BATCH}, {CONNECTIONS} connections", "batch", self._scale.batches, BATCH)

    def open(self) -> Iterator[Result]:
        rate = OPEN_SHARE * median([(self._empty()).per_second for _ in range(3)])
        account = self._hot(int(rate * self._scale.open_sec), 1, rate, OPEN_CONNECTIONS)
        status = self._box.status()
        yield Result(
            name="open loop, latency",
            target="open p99",
            value=account.p99_ms,
            requests=account.per_second,
            signals=account.per_second,
            p50=account.p50_ms,
            p99=account.p99_ms,
            note=f"{OPEN_SHARE:g} of the yardstick for {self._scale.open_sec:.0f} s; slowest {account.max_ms:.1f} ms",
        )
        yield Result(
            name="open loop, lag at its end",
            target="open lag",
            value=status["lag_ms"] / 1000,
            note=f"{status['lag_signals']} signals not yet in their month file",
        )
        self._box.catch_up()

    def memory(self) -> Iterator[Result]:
        """Resident memory, after load."""
        self._hot(self._scale.batches, BATCH)
        self._box.catch_up()
        resident = self._box.memory()
        parts = ", ".join(f"{name} {size / MIB:.0f} MiB" for name, size in resident.items())
        yield Result(name="memory, all processes", target="memory", value=sum(resident.values()) / MIB,
                     note=f"{parts}; after {self._box.status()['last_seq']:,} signals")  # fmt: skip

    def yardstick(self) -> Result:
        """The rows above stand on this one."""
        yards, rates = self.yards, sorted(yard.per_second for yard in self.yards)
        return Result(
            name=f"{'lean ' if self._scale.lean else ''}yardstick, {CONNECTIONS} connections",
            requests=median(rates),
            p50=median(yard.p50_ms for yard in yards),
            p99=median(yard.p99_ms for yard in yards),
            ratio=1.0,
            note=f"{len(yards)} rounds, {rates[0]:,.0f} to {rates[-1]:,.0f} req/s",
        )

    def ratio_now(self) -> list[float]:
        """Signals to yardstick requests, round by round, at the size the ledger has now."""
        return [pair.ratio for pair in self._pairs(self._scale.singles, 1)]


def on_stage(scale: Scale, parent: Path, names: list[str]) -> Iterator[Result]:
    """The named measures on one Box, in order."""
    with ExitStack() as stack:
        data = stack.enter_context(data_folder(parent))
        key = add_site(data)
        box = stack.enter_context(running_box(data))
        stage = Stage(scale, key, box, stack.enter_context(running_yardstick(lean=scale.lean)))
        measures: dict[str, Callable[[], Iterator[Result]]] = {
            "single": stage.single, "batch": stage.batch, "open": stage.open, "memory": stage.memory
        }  # fmt: skip
        for name in names:
            yield from measures[name]()
        if stage.yards:
            yield stage.yardstick()


def slower_with_size(scale: Scale, parent: Path) -> Iterator[Result]:
    """Throughput around two sizes of the ledger, each against the yardstick of the same minute."""
    with data_folder(parent) as data:
        key = add_site(data)
        ratios = [_around(scale, data, key, size, seed) for seed, size in enumerate(scale.long, 1_000)]
    small, large = (median(found) for found in ratios)
    yield Result(
        name=f"signal {scale.long[1]:,} against {scale.long[0]:,}",
        target="long",
        value=max(0.0, (1 - large / small) * 100),
        ratio=large,
        note=f"ratio to the yardstick {small:.3f} around the first, {large:.3f} around the second",
    )


def _around(scale: Scale, data: Path, key: Key, size: int, seed: int) -> list[float]:
    """Fill up to the size less half of what is then sent over HTTP, and measure across it."""
    with running_box(data) as box:
        there = box.status()["last_seq"]
    measured = scale.singles * scale.rounds
    missing = size - there - measured // 2
    if missing > 0:
        fill_folder(fill.Order(data=str(data), seed=seed, project=True, parts=[fill.Part(signals=missing)]))
    with running_box(data) as box, running_yardstick(lean=scale.lean) as yardstick:
        return Stage(scale, key, box, yardstick, seed * 1_000).ratio_now()
