"""The courier's process: started when there is something to carry, ended when there was nothing for a while. A receiver that hangs, hangs
there: nothing of the outside world is ever waited for in the engine.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec
import structlog

from opsmantik_box.clock import monotonic
from opsmantik_box.engine.outward import Outward
from opsmantik_box.errors import BoxError
from opsmantik_box.link.courier import Allow, Carried, Errand, decode_to_engine
from opsmantik_box.link.framing import Unpacker, pack

IDLE_SEC = 90.0
"""More than a minute: with a dead man's switch it stays."""
HUNG_SEC = 120.0
"""No errand takes so long: the process is ended by force."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Courier(asyncio.Protocol):
    """`took` hears how each errand went, also of those that were on their way when the process ended."""

    def __init__(self, data: Path, outward: Outward, took: Callable[[Carried], None]) -> None:
        self._data, self._outward, self._took = data, outward, took
        self._transport: asyncio.WriteTransport | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._starting: asyncio.Task[None] | None = None
        self._unpacker = Unpacker()
        self._to_send: list[bytes] = []
        self._carrying: dict[int, float] = {}
        self._used_at = monotonic()
        self._rid = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def next_rid(self) -> int:
        self._rid += 1
        return self._rid

    def carry(self, errand: Errand) -> None:
        """Starts the process if there is none."""
        self._used_at = monotonic()
        self._carrying[errand.rid] = self._used_at
        if self._transport is not None:
            self._transport.write(pack(errand))
            return
        self._to_send.append(bytes(pack(errand)))
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._start())

    def look(self) -> None:
        """Now and then: ends what is idle, and what hangs."""
        now = monotonic()
        if self._carrying and now - min(self._carrying.values()) > HUNG_SEC:
            log.error("the courier hangs, it is ended")
            self.kill()
        elif not self._carrying and self._transport is not None and now - self._used_at > IDLE_SEC:
            self._transport.close()

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _start(self) -> None:
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = await asyncio.create_subprocess_exec(*self._command(theirs.fileno()), pass_fds=(theirs.fileno(),))
            await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=ours)
        except OSError as error:
            log.error("the courier cannot be started", problem=str(error))
            self._give_back("the courier cannot be started")
        finally:
            self._starting = None

    def _command(self, link: int) -> list[str]:
        return [
            sys.executable, "-m", "opsmantik_box.courier", "--data", os.fspath(self._data), "--link-fd", str(link),
            "--walls", self._outward.walls, "--log-level", self._outward.log_level,
        ]  # fmt: skip

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._unpacker = Unpacker()
        self._transport.write(
            bytes(pack(Allow(list(self._outward.allowed_networks), self._outward.patience_sec))) + b"".join(self._to_send)
        )
        self._to_send.clear()

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._unpacker.feed(data):
                carried = decode_to_engine(body)
                if self._carrying.pop(carried.rid, None) is not None:
                    self._took(carried)
        except (BoxError, msgspec.DecodeError) as error:
            log.error("the courier is cut off", problem=str(error))
            self.kill()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self._give_back("the courier ended on the way")

    def _give_back(self, why: str) -> None:
        """Nobody knows whether they arrived: they go again."""
        lost, self._carrying = self._carrying, {}
        self._to_send.clear()
        for rid in lost:
            self._took(Carried(rid, "again", why))
