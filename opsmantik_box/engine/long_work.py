"""Long work: what takes minutes is done a slice at a time between the turns of the loop, and rests as long as it worked. Signals come
first. What cannot be done now is begun anew a little later; what is half done says so in the ledger, and the next start goes on.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import structlog

from opsmantik_box.clock import monotonic
from opsmantik_box.errors import Unavailable

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

LATER_SEC = 1.0
SHORTEST_REST_SEC = 0.002

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class LongWork:
    """The work of a service, one after the other. Each is a function that begins it and gives its slices; raises as a write does."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._waiting: dict[str, Callable[[], Iterator[None]]] = {}
        self._came = asyncio.Event()

    def add(self, name: str, begin: Callable[[], Iterator[None]]) -> None:
        """Do it when there is time; once, if it waits already."""
        self._waiting[name] = begin
        self._came.set()

    async def run(self) -> None:
        """Until cancelled, or until the service fails."""
        while True:
            while not self._waiting:
                self._came.clear()
                await self._came.wait()
            await self._wait_for_time()
            name = next(iter(self._waiting))
            begin = self._waiting.pop(name)
            try:
                await self._do(begin())
            except Unavailable as error:
                log.warning("long work is put off", work=name, problem=str(error))
                self._waiting.setdefault(name, begin)
                await asyncio.sleep(LATER_SEC)
            except Exception as error:  # noqa: BLE001 - an engine that does not know what happened to it stops
                self._service.fail(error)
                return

    async def _do(self, work: Iterator[None]) -> None:
        began = monotonic()
        for _ in work:
            await asyncio.sleep(max(SHORTEST_REST_SEC, monotonic() - began))
            await self._wait_for_time()
            began = monotonic()

    async def _wait_for_time(self) -> None:
        while not self._service.turns.has_time:  # noqa: ASYNC110 - seldom, and no harm in being a second late
            await asyncio.sleep(LATER_SEC)
