"""The yardstick: the gateway's own server, protocol, router and garbage collector settings around an endpoint that does nothing.

It stands where the hot path stands (in front of Litestar), reads the body as the hot path does, and answers 200 with a small JSON:
in the two messages any ASGI application sends, or (`lean`) in one write, as the hot path does, which spares a system call at either
end. Run as `python -m tests.bench.yardstick PORT [lean]`; ends on SIGTERM.
"""

import asyncio
import signal
import socket
import sys
from typing import cast

import uvloop
from litestar import Litestar

from opsmantik_box.garbage import collect_rarely
from opsmantik_box.gateway.__main__ import Server, server_config
from opsmantik_box.gateway.app import Router
from opsmantik_box.gateway.asgi import ANSWER, Application, Receive, Scope, Send, answer_with, receive_body
from opsmantik_box.gateway.bodies import MAX_BODY
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.protocol import Sweep
from opsmantik_box.logs import configure_logs

BODY = b'{"ok":true,"score":0,"status":"synced"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
BLOCK = b"".join(b"%s: %s\r\n" % header for header in HEADERS)


async def empty(scope: Scope, receive: Receive, send: Send) -> None:
    """Every request's answer."""
    await receive_body(receive, MAX_BODY)
    await answer_with(send, 200, HEADERS, BODY)


async def lean(scope: Scope, receive: Receive, send: Send) -> None:
    """The same by our protocol's extension."""
    await receive_body(receive, MAX_BODY)
    await scope[ANSWER](200, BLOCK, BODY)


async def run(port: int, endpoint: Application) -> None:
    api, link = cast("Application", Litestar(logging_config=None)), EngineLink(lambda: None, lambda: None)
    router = Router(sync=endpoint, fixed={}, hooks=endpoint, api=api, link=link)
    server = Server(server_config(router), collect_rarely)
    sweeping = asyncio.create_task(Sweep(server.server_state.connections).run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop, 0.2, 1.0)
    await server.serve(sockets=[socket.create_server(("127.0.0.1", port), backlog=2048)])
    sweeping.cancel()


if __name__ == "__main__":
    configure_logs("warning")
    uvloop.run(run(int(sys.argv[1]), lean if "lean" in sys.argv[2:] else empty))
