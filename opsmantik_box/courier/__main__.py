"""The courier's process: takes a link from the engine, gives up write access, carries what it is given, and ends when the link does.

Promises: one errand waits for no other; nothing it is given is written anywhere or logged. Signals of the terminal are not for it: a
Ctrl-C reaches the whole group, and the engine closes the link.
"""

import argparse
import asyncio
import resource
import signal
import socket
from pathlib import Path
from typing import cast

import uvloop

from opsmantik_box import walls
from opsmantik_box.courier.carrying import Carrier
from opsmantik_box.domain.addresses import read_networks
from opsmantik_box.link.courier import Allow, Errand, decode_to_courier
from opsmantik_box.link.framing import Unpacker, pack
from opsmantik_box.logs import configure_logs

FILES = 256


class Link(asyncio.Protocol):
    """The courier's end. `ended` is set when there is nothing more to come."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._unpacker = Unpacker()
        self._transport: asyncio.WriteTransport | None = None
        self._carrier: Carrier | None = None
        self._carrying: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        for body in self._unpacker.feed(data):
            told = decode_to_courier(body)
            if isinstance(told, Allow):
                self._carrier = Carrier(read_networks(told.networks), told.patience_sec)
            elif self._carrier is not None:
                task = asyncio.get_running_loop().create_task(self._carry(self._carrier, told))
                self._carrying.add(task)
                task.add_done_callback(self._carrying.discard)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self.ended.set()

    async def _carry(self, carrier: Carrier, errand: Errand) -> None:
        carried = await carrier.carry(errand)
        if self._transport is not None:
            self._transport.write(pack(carried))


async def run(link_fd: int) -> None:
    link = Link()
    await asyncio.get_running_loop().create_unix_connection(lambda: link, sock=socket.socket(fileno=link_fd))
    await link.ended.wait()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="opsmantik_box.courier", description="Started by the engine, not by hand.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--link-fd", type=int, required=True)
    parser.add_argument("--walls", choices=walls.WALLS, default="auto")
    parser.add_argument("--log-level", default="info")
    told = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    configure_logs(told.log_level)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    walls.drop_write_access(told.data, told.walls)
    uvloop.run(run(told.link_fd))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
