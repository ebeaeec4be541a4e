"""The gateway's process: takes a link and a listening socket from the engine, gives up write access, serves, and ends when told.

Promises: serves only after write access is gone and the engine has said how it is; ends with every answer given when the engine
says `Drain`; when the link ends, answers what it holds with 503 and is gone within a second. Signals of the terminal are not for
it: a Ctrl-C reaches the whole group, and the engine tells its gateways itself.
"""

import argparse
import asyncio
import signal
import socket
import sys
from pathlib import Path
from typing import cast

import uvloop
from msgspec import Struct

from opsmantik_box import walls
from opsmantik_box.adapters.geo import GeoFile, geo_file
from opsmantik_box.clock import choose_clock
from opsmantik_box.domain.addresses import read_networks
from opsmantik_box.garbage import collect_rarely
from opsmantik_box.gateway.answers import RATE_LIMIT
from opsmantik_box.gateway.api import build_api
from opsmantik_box.gateway.app import CALL_EVENT, RELAY, STREAM, Router
from opsmantik_box.gateway.asgi import Application
from opsmantik_box.gateway.call_event import CallEvent
from opsmantik_box.gateway.geo import refresh, watch
from opsmantik_box.gateway.hooks import Hooks
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.maintenance import COMMANDS as MAINTENANCE
from opsmantik_box.gateway.maintenance import Maintenance
from opsmantik_box.gateway.metrics import PATH as METRICS
from opsmantik_box.gateway.metrics import Metrics
from opsmantik_box.gateway.protocol import Sweep
from opsmantik_box.gateway.reads import Reads
from opsmantik_box.gateway.relayed import Relayed
from opsmantik_box.gateway.server import Server, raise_file_limit, server_config
from opsmantik_box.gateway.stream import Stream
from opsmantik_box.gateway.sync import Sync
from opsmantik_box.logs import configure_logs

DRAIN_SECONDS = 6.0
LOST_SECONDS = 0.4
"""How long requests in hand may take after Drain, and after the link has ended."""
LAST_RESORT_SECONDS = (9.0, 0.95)
"""Then the process is ended by the kernel, whatever hangs: within the engine's ten seconds, and within one."""

SWITCH_SECONDS = 0.001
"""How long a reader may have to wait for the interpreter's lock, which it lets go of at every row: Python's own 5 ms, a few times in a
reading, are what an operator notices."""


class Options(Struct, frozen=True):
    """What the engine starts a gateway with (engine/gateways.py)."""

    data: Path
    link_fd: int
    listen_fd: int
    trusted_proxy: list[str]
    allowed_origin: list[str]
    rate_limit: int
    walls: str
    number: int
    log_level: str
    public_url: str = ""


def read_options(arguments: list[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(prog="opsmantik_box.gateway", description="Started by the engine, not by hand.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--link-fd", type=int, required=True)
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--trusted-proxy", action="append", default=[])
    parser.add_argument("--allowed-origin", action="append", default=[])
    parser.add_argument("--rate-limit", type=int, default=RATE_LIMIT)
    parser.add_argument("--walls", choices=walls.WALLS, default="auto")
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--public-url", default="")
    return Options(**vars(parser.parse_args(arguments)))


class Gateway:
    """Link, router and server of this process."""

    def __init__(self, options: Options, holding: str) -> None:
        self._options, self._holding = options, holding
        self.link = EngineLink(self._drain, self._lose)
        clock = choose_clock()
        reads = Reads(options.data, lambda: self.link.months)
        trusted, origins = read_networks(options.trusted_proxy), tuple(options.allowed_origin)
        self._geo = GeoFile(geo_file(options.data))
        sync = Sync(self.link, clock, trusted, origins, options.rate_limit, self._geo)
        calls = CallEvent(self.link, clock, reads, trusted, origins)
        relayed = Relayed(self.link, clock, sync, origins)
        hooks = Hooks(self.link, clock, trusted, options.public_url)
        self._stream = Stream(self.link, Reads(options.data, list), reads)
        api = cast("Application", build_api(reads, self.link, clock, trusted))
        upkeep = dict.fromkeys(MAINTENANCE, Maintenance(self.link))
        fixed: dict[str, Application] = {
            CALL_EVENT: calls,
            RELAY: relayed,
            STREAM: self._stream,
            METRICS: Metrics(self.link),
            **upkeep,
        }
        self._router = Router(sync, fixed, hooks, api, self.link)
        self._server = Server(server_config(self._router), self._started)
        self._sweep = Sweep(self._server.server_state.connections)
        self.drained = False

    async def serve(self) -> None:
        """Until the engine says Drain, or is gone."""
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self.link, sock=socket.socket(fileno=self._options.link_fd))
        await self.link.announced.wait()
        await refresh(self._geo)
        beside = [asyncio.create_task(self._sweep.run()), asyncio.create_task(watch(self._geo))]
        listening = socket.socket(fileno=self._options.listen_fd)
        await self._server.serve(sockets=[listening])
        for task in beside:
            task.cancel()
        await self._stream.close()
        self.link.close()
        await asyncio.sleep(0)

    def _started(self) -> None:
        collect_rarely()
        self.link.ready(self._holding)

    def _drain(self) -> None:
        self.drained = True
        self._stop(DRAIN_SECONDS, LAST_RESORT_SECONDS[0])

    def _lose(self) -> None:
        self.link.announced.set()
        self._stop(LOST_SECONDS, LAST_RESORT_SECONDS[1])

    def _stop(self, grace: float, last_resort: float) -> None:
        self._router.draining = self._sweep.stopping = True
        self._stream.end_all()
        self._server.stop(grace, last_resort)


async def run(options: Options, holding: str) -> int:
    """The exit code: 0 when the engine asked for the end."""
    gateway = Gateway(options, holding)
    await gateway.serve()
    return 0 if gateway.drained else 1


def main(arguments: list[str] | None = None) -> int:
    options = read_options(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    configure_logs(options.log_level)
    raise_file_limit()
    sys.setswitchinterval(SWITCH_SECONDS)
    holding = walls.drop_write_access(options.data, options.walls)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run(options, holding))


if __name__ == "__main__":
    raise SystemExit(main())
