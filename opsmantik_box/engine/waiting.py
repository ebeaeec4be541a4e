"""What waits for the next commit: bounded in signals and bytes, taken a batch at a time."""

from collections import deque

from msgspec import Struct

from opsmantik_box.engine.peers import Peer
from opsmantik_box.link.messages import Submit

BATCH = 500
"""Signals one commit takes at most."""


class Bounds(Struct, frozen=True):
    """When the engine asks to come later: signals not yet in their month file; signals and bytes waiting for a commit."""

    lag_signals: int = 20_000
    queue_signals: int = 20_000
    queue_bytes: int = 32 * 1024 * 1024


class Waiting(Struct, gc=False):
    """A request's signals; `remaining` of its rate bucket, `size` in bytes."""

    peer: Peer
    asked: Submit
    remaining: int
    size: int


class WaitingRoom:
    """First in, first out. `signals` and `bytes` wait."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._queue: deque[Waiting] = deque()
        self.signals = self.bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def is_full(self) -> bool:
        return self.signals > self._bounds.queue_signals or self.bytes > self._bounds.queue_bytes

    def add(self, peer: Peer, asked: Submit, remaining: int) -> None:
        size = sum(len(arrival.payload) for arrival in asked.arrivals)
        self._queue.append(Waiting(peer, asked, remaining, size))
        self.signals += len(asked.arrivals)
        self.bytes += size

    def take(self) -> list[Waiting]:
        """Requests whose signals together make at most one batch (or one request that is larger)."""
        batch: list[Waiting] = []
        signals = 0
        while self._queue and (not batch or signals + len(self._queue[0].asked.arrivals) <= BATCH):
            waiting = self._queue.popleft()
            batch.append(waiting)
            signals += len(waiting.asked.arrivals)
            self.bytes -= waiting.size
        self.signals -= signals
        return batch

    def clear(self) -> list[Waiting]:
        """Everybody who waited; nobody does any more."""
        everybody = list(self._queue)
        self._queue.clear()
        self.signals = self.bytes = 0
        return everybody
