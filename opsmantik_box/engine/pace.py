"""When accepted signals go to their month files, and for how long they have waited."""

import asyncio
from collections.abc import Callable

from opsmantik_box.engine.projector import SLICE

GATHER_SEC = 0.05
"""How long accepted signals wait for others before they go to their month file together."""


class Pace:
    """`wake` is called when signals have gathered for long enough."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._gathering: asyncio.TimerHandle | None = None
        self._gathered = False
        self._behind_since: int | None = None

    def is_due(self, lag: int, *, urgent: bool) -> bool:
        """Is it time for a slice? A full one is worth its transaction at once; fewer signals gather for a moment first, unless it is
        `urgent`: nobody is let in before they are there."""
        if not lag:
            return False
        if lag >= SLICE or urgent or self._gathered:
            return True
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_SEC, self._end_gathering)
        return False

    def _end_gathering(self) -> None:
        self._gathering, self._gathered = None, True
        self._wake()

    def note_slice(self, lag: int, now: int) -> None:
        """A slice was taken; `lag` signals are left."""
        self._gathered = False
        if not lag:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now

    def lag_ms(self, now: int) -> int:
        """Since when the month files have been behind, in milliseconds before `now`."""
        return now - self._behind_since if self._behind_since is not None else 0
