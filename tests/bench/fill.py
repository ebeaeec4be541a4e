"""Fills a data folder through the engine's own parts, without HTTP: a process of its own (apsw lives here), one order on standard
input, one account on standard output (both JSON).

Signals are read by the rules the gateway reads them by and accepted in batches as the engine's loop does it. `project=False` leaves
the month files behind and ends as a killed engine would: the next start has everything to replay.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from opsmantik_box.domain.reading import Context, Reading, read_signal
from opsmantik_box.domain.signals import WireSignal
from opsmantik_box.domain.sites import Site
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.directory import Directory
from opsmantik_box.engine.folder import DataFolder
from opsmantik_box.engine.vault import Vault
from opsmantik_box.engine.writing import Incoming
from tests.bench import traffic

BATCH = 500
_Done = TypeVar("_Done")


class Part(Struct, frozen=True, kw_only=True):
    """Signals of one site (by name; '': the first). `midnight` (UTC milliseconds) plays the day in its own time from there; 0:
    everything happens now."""

    signals: int
    site: str = ""
    midnight: int = 0
    at_once: int = traffic.AT_ONCE


class Order(Struct, frozen=True, kw_only=True):
    """Parts are filled in one after another."""

    data: str
    seed: int
    project: bool
    parts: list[Part]


class Account(Struct, frozen=True, kw_only=True):
    """Seconds each part took; `stored` leaves out the day's duplicates."""

    signals: int
    stored: int
    read_sec: float
    accept_sec: float
    project_sec: float


class Fill:
    """One filling."""

    def __init__(self, order: Order) -> None:
        self._order = order
        folder = DataFolder(Path(order.data))
        self._now = order.parts[0].midnight or _now()
        self._core = Core(folder, self._now)
        self._vault = Vault(folder.vault)
        self._sites = list(Directory(self._core.ledger, self._vault).sites.values())
        self._decode = msgspec.json.Decoder(WireSignal).decode
        self._spent = {"read_sec": 0.0, "accept_sec": 0.0, "project_sec": 0.0}

    def run(self) -> Account:
        before, day = self._core.ledger.next_seq, traffic.read_day()
        for number, part in enumerate(self._order.parts):
            self._play(part, islice(traffic.play(day, self._order.seed + number, part.at_once), part.signals))
        signals = sum(part.signals for part in self._order.parts)
        return Account(signals=signals, stored=self._core.ledger.next_seq - before, **self._spent)

    def _play(self, part: Part, signals: Iterator[traffic.Sent]) -> None:
        site = next(site for site in self._sites if part.site in ("", site.name))
        while batch := self._timed("read_sec", partial(self._read, part, site, signals)):
            self._timed("accept_sec", partial(self._accept, batch))
            if self._order.project:
                self._timed("project_sec", self._catch_up)

    def _timed(self, part: str, work: Callable[[], _Done]) -> _Done:
        started = time.perf_counter()
        done = work()
        self._spent[part] += time.perf_counter() - started
        return done

    def _read(self, part: Part, site: Site, signals: Iterator[traffic.Sent]) -> list[Incoming]:
        return [self._arrive(part, sent, site) for sent in islice(signals, BATCH)]

    def _arrive(self, part: Part, sent: traffic.Sent, site: Site) -> Incoming:
        now = part.midnight + sent.sent if part.midnight else _now()
        wire = self._decode(traffic.single(sent, site.public_id, now))
        reading = read_signal(wire, site, Context(now, None, sent.agent, sent.address))
        assert isinstance(reading, Reading), reading
        return Incoming(site.id, reading.arrival)

    def _accept(self, batch: list[Incoming]) -> None:
        self._now = batch[-1].arrival.signal.received_at
        self._core.accept(batch, self._now)
        self._core.tend(self._now)

    def _catch_up(self) -> None:
        while self._core.lag:
            self._core.catch_up(self._now)
            self._core.tend(self._now)

    def close(self) -> None:
        self._core.close()
        self._vault.close()


def _now() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    fill = Fill(order)
    sys.stdout.buffer.write(msgspec.json.encode(fill.run()))
    sys.stdout.buffer.flush()
    if not order.project:
        os._exit(0)
    fill.close()


if __name__ == "__main__":
    main()
