"""The gateway processes: started, watched, restarted. A dead one refuses nobody: the listening socket is the engine's, and waits."""

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

from opsmantik_box.clock import monotonic
from opsmantik_box.engine.peers import Peer

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

RESTART_SEC = (0.1, 5.0)
"""The first restart comes after the first of these; each that follows quickly takes twice as long, up to the second."""
STEADY_SEC = 30

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class GatewayOptions(Struct, frozen=True):
    """What every gateway is told when it starts."""

    data: Path
    listening: socket.socket
    count: int = 1
    trusted_proxies: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    rate_limit: int = 100
    walls: str = "auto"
    log_level: str = "info"
    public_url: str = ""


class Gateway:
    """One gateway: its process and its link, over and over."""

    def __init__(self, number: int, service: "Service", options: GatewayOptions) -> None:
        self.number, self._service, self._options = number, service, options
        self.process: asyncio.subprocess.Process | None = None
        self.peer: Peer | None = None
        self._stopping = False

    async def keep_running(self) -> None:
        """Until `stopping` is said: start it, wait for its end, start it again."""
        pause = RESTART_SEC[0]
        while not self._stopping:
            started = monotonic()
            code = await self._run_once()
            if self._stopping:
                return
            pause = RESTART_SEC[0] if monotonic() - started > STEADY_SEC else min(pause * 2, RESTART_SEC[1])
            log.error("a gateway ended, it is started again", number=self.number, code=code, pause_sec=pause)
            await asyncio.sleep(pause)

    async def _run_once(self) -> int:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        with theirs:
            fds = (theirs.fileno(), self._options.listening.fileno())
            self.process = await asyncio.create_subprocess_exec(*self._command(*fds), pass_fds=fds, start_new_session=False)
        loop = asyncio.get_running_loop()
        _, self.peer = await loop.create_unix_connection(lambda: Peer(self._service, is_gateway=True), sock=ours)
        return await self.process.wait()

    def _command(self, link: int, listening: int) -> list[str]:
        options = self._options
        return [
            sys.executable, "-m", "opsmantik_box.gateway", "--data", os.fspath(options.data), "--link-fd", str(link),
            "--listen-fd", str(listening), "--walls", options.walls, "--rate-limit", str(options.rate_limit),
            "--number", str(self.number), "--log-level", options.log_level, "--public-url", options.public_url,
            *(word for network in options.trusted_proxies for word in ("--trusted-proxy", network)),
            *(word for host in options.allowed_origins for word in ("--allowed-origin", host)),
        ]  # fmt: skip

    def stopping(self) -> None:
        """Its next end is its last."""
        self._stopping = True

    def kill(self) -> None:
        """It did not end when it was asked to."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    def describe(self) -> dict[str, object]:
        return {
            "number": self.number,
            "pid": self.process.pid if self.process else None,
            "walls": self.peer.walls if self.peer else "",
            "connected": self.peer is not None and self.peer.is_there,
        }
