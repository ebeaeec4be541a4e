"""The HTTP server of a process: uvicorn with our protocol, deaf to signals: whoever runs it says when it ends."""

import contextlib
import resource
import signal
import socket
from collections.abc import Callable, Generator
from typing import Any, Literal

import uvicorn

from opsmantik_box.gateway.protocol import PatientProtocol

BACKLOG = 2048


class Server(uvicorn.Server):
    """uvicorn's, deaf to signals, telling when it serves."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = started

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    def stop(self, grace: float, last_resort: float) -> None:
        """Stops accepting now, gives what is in hand `grace` seconds. The shorter of two stops counts."""
        self.config.timeout_graceful_shutdown = min(grace, self.config.timeout_graceful_shutdown or grace)  # type: ignore[assignment]
        self.should_exit = True
        signal.setitimer(signal.ITIMER_REAL, last_resort)


def server_config(application: Any, lifespan: Literal["on", "off"] = "on") -> uvicorn.Config:
    return uvicorn.Config(
        application,
        interface="asgi3",
        http=PatientProtocol,
        ws="none",
        lifespan=lifespan,
        loop="none",
        backlog=BACKLOG,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )


def raise_file_limit() -> None:
    """One connection is one file: thousands of idle ones must not keep the next visitor out."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
