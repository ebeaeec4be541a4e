"""A running relay: one process, one thread for disk and network, and one that waits for main."""

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import Any

import apsw
import msgspec
import structlog
import uvloop
from msgspec import Struct

from opsmantik_box import __version__
from opsmantik_box.clock import choose_clock
from opsmantik_box.disk import LockedFolder
from opsmantik_box.domain.addresses import read_networks
from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.domain.relaying import Known
from opsmantik_box.engine.connections import let_go
from opsmantik_box.engine.notify import notify
from opsmantik_box.errors import BoxError, DataFolderUnusable
from opsmantik_box.garbage import collect_rarely
from opsmantik_box.gateway.app import SCRIPTS, SYNC, say
from opsmantik_box.gateway.asgi import Receive, Scope, Send
from opsmantik_box.gateway.protocol import Sweep
from opsmantik_box.gateway.server import Server, raise_file_limit, server_config
from opsmantik_box.gateway.static import Scripts
from opsmantik_box.relay.forwarder import Forwarder
from opsmantik_box.relay.line import Line
from opsmantik_box.relay.outbox import Outbox, read_status
from opsmantik_box.relay.registry import Registry
from opsmantik_box.relay.sync import RelaySync
from opsmantik_box.scripts import shipped_scripts

FILE = "outbox.db"
SPARE_BYTES = 64 * 1024 * 1024
"""A disk with less room than that counts as full."""
GRACE_SECONDS = 4.0
LAST_RESORT_SECONDS = 9.0
STOP_LINE_SECONDS = 2.0

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class RelayOptions(Struct, frozen=True):
    """What `opsmantik-box relay` was told."""

    data: Path
    main: str
    token: str
    listening: socket.socket
    trusted_proxies: tuple[str, ...]
    max_bytes: int
    limits: RateLimits = RateLimits()

    def __repr__(self) -> str:
        return f"RelayOptions({self.main})"


class Relay:
    """Its parts, put together."""

    def __init__(self, options: RelayOptions) -> None:
        """Raises DataFolderInUse, DataFolderUnusable, ForeignFile, NewerSchema."""
        self._options = options
        self._folder = LockedFolder(options.data)
        self._outbox = open_outbox(self._folder, options.max_bytes)
        clock = choose_clock()
        self._forwarder = Forwarder(Line(options.main, options.token), self._outbox, clock)
        self._registry = Registry(self._forwarder.ask_sites)
        self._sync = RelaySync(self._registry, self._outbox, clock, read_networks(options.trusted_proxies), options.limits)
        if (kept := self._outbox.read_sites()) is not None:
            self._registry.learn(msgspec.json.decode(kept[0], type=Known))
        self._scripts = Scripts(shipped_scripts())
        self._server = Server(server_config(self, lifespan="off"), self._started)
        self._sweep = Sweep(self._server.server_state.connections)
        self._outbox.broken = self._break
        self.code = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        path = scope["path"]
        if path == SYNC:
            await self._sync(scope, receive, send)
        elif path.startswith(SCRIPTS):
            await self._scripts(scope, receive, send)
        elif path == "/healthz":
            await say(send, 200, {"alive": True, "version": __version__})
        elif path == "/readyz":
            reason = self._reason()
            await say(
                send,
                503 if reason else 200,
                {"ready": not reason, "reason": reason, "main": self._forwarder.reached, **self._told()},
            )
        else:
            await say(send, 404, {"ok": False, "message": "Not found"})

    def _reason(self) -> str:
        """Why a signal sent now would not be taken; '' when it would."""
        full = self._outbox.is_full or self._folder.free_bytes() < SPARE_BYTES
        return "stopping" if self._sweep.stopping else "full" if full else ""

    def _told(self) -> dict[str, object]:
        status = self._outbox.status()
        counts = {name: status[name] for name in ("waiting", "parked")}
        return {"main": self._forwarder.reached, **counts, "version": __version__}

    async def run(self) -> int:
        """Until a signal says stop; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        handing_on = asyncio.create_task(self._forwarder.run(self._registry.learn))
        handing_on.add_done_callback(self._ended)
        sweeping = asyncio.create_task(self._sweep.run())
        await self._server.serve(sockets=[self._options.listening])
        for task in (handing_on, sweeping):
            task.cancel()
        await asyncio.wait([handing_on], timeout=STOP_LINE_SECONDS)
        self._outbox.close()
        self._folder.release()
        return self.code

    def _started(self) -> None:
        collect_rarely()
        address = "http://{}:{}".format(*self._options.listening.getsockname()[:2])
        log.info("relaying", address=address, main=self._options.main, sites=len(self._registry.sites))
        notify("READY=1", f"STATUS=relaying to {self._options.main}")

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._break(error)

    def _break(self, error: BaseException) -> None:
        """The disk, or the relay itself, cannot be trusted any more: nobody gets a yes, and the process ends."""
        log.critical("the relay stops", problem=str(error), exc_info=None if isinstance(error, BoxError) else error)
        self.code = 1
        self._stop()

    def _stop(self) -> None:
        """Stops accepting, answers what is in hand. Twice changes nothing."""
        if not self._sweep.stopping:
            notify("STOPPING=1")
            self._sweep.stopping = True
            self._server.stop(GRACE_SECONDS, LAST_RESORT_SECONDS)


def open_outbox(folder: LockedFolder, max_bytes: int) -> Outbox:
    """Raises DataFolderUnusable, ForeignFile, NewerSchema."""
    try:
        return Outbox(folder.root / FILE, max_bytes)
    except apsw.Error as error:
        folder.release()
        raise DataFolderUnusable(data=folder.root, problem=f"{FILE} cannot be opened ({error})") from error


def run_relay(options: RelayOptions) -> int:
    """Until it is told to stop, or has to; the process's exit code."""
    os.umask(0o077)
    raise_file_limit()

    async def run() -> int:
        return await Relay(options).run()

    return uvloop.run(run())


def relay_status(data: Path) -> dict[str, Any]:
    """What waits in a relay's folder, whether it runs or not. Raises DataFolderUnusable."""
    try:
        db = apsw.Connection(str(data / FILE), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return read_status(db)
        finally:
            let_go(db)
    except apsw.Error as error:
        raise DataFolderUnusable(data=data, problem=f"no relay keeps anything there ({error})") from error
