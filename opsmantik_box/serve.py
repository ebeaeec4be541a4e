"""`serve`: the settings, the listening socket and the engine, put together."""

import os
import resource as limits
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from opsmantik_box.clock import SHIFT_FILE, choose_clock
from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.engine.gateways import GatewayOptions
from opsmantik_box.engine.keeping import Keeping
from opsmantik_box.engine.outward import Outward
from opsmantik_box.engine.start import open_service, run_service
from opsmantik_box.engine.waiting import Bounds
from opsmantik_box.errors import UsageError
from opsmantik_box.link.courier import Mailbox
from opsmantik_box.logs import configure_logs

if TYPE_CHECKING:
    from opsmantik_box.config import Settings

log: structlog.stdlib.BoundLogger = structlog.get_logger()

BACKLOG = 2048
FIRST_PASSED_FD = 3
"""systemd passes sockets from this descriptor on (sd_listen_fds(3))."""


def serve(settings: "Settings", data: Path, host: str, port: int, workers: int) -> int:
    """Run the service; its exit code. Raises what keeps it from starting."""
    configure_logs(settings.log_level)
    os.umask(0o027)
    _raise_open_files()
    clock = choose_clock()
    if SHIFT_FILE in os.environ:
        log.warning("the clock is shifted: a test's Box, not one to trust", file=os.environ[SHIFT_FILE])
    rates, lag = settings.rates, settings.lag
    service = open_service(
        data,
        clock,
        RateLimits(session=rates.session_per_minute, address=rates.address_per_minute, signals=rates.signals_per_minute),
        Bounds(lag_signals=lag.signals, queue_signals=lag.queue_signals, queue_bytes=lag.queue_bytes),
        Keeping(settings.cron_secret, settings.backup),
        outward_of(settings),
    )
    listening = listen(host, port)
    address = "http://{}:{}".format(*listening.getsockname()[:2])
    service.when_accepting(lambda: log.info("serving", address=address, workers=workers))
    options = GatewayOptions(
        data=data, listening=listening, count=workers, trusted_proxies=settings.trusted_proxies,
        allowed_origins=settings.allowed_origins, rate_limit=rates.session_per_minute, walls=settings.walls, log_level=settings.log_level,
        public_url=settings.public_url,
    )  # fmt: skip
    return run_service(service, options)


def outward_of(settings: "Settings") -> Outward:
    """What of the settings leaves the Box."""
    notify, telegram, email = settings.notify, settings.telegram, settings.email
    mailbox = Mailbox(
        email.host, email.port, email.security, email.user, email.password, email.sender or email.user, list(email.recipients)
    )  # fmt: skip
    return Outward(
        telegram_token=telegram.bot_token, telegram_chat=telegram.chat_id, telegram_api=telegram.api_url,
        mailbox=mailbox if email.host and email.recipients else None, level=notify.level, hot_score=notify.hot_score,
        daily_hour=notify.daily_hour, timezone=notify.timezone, personal=notify.personal, deadman_url=notify.deadman_url,
        allowed_networks=notify.allowed_networks, walls=settings.walls, log_level=settings.log_level,
    )  # fmt: skip


def listen(host: str, port: int) -> socket.socket:
    """The listening socket: the one systemd passed, else a new one. The engine holds it and never accepts. Raises UsageError."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and int(os.environ.get("LISTEN_FDS", "0")) >= 1:
        return socket.socket(fileno=FIRST_PASSED_FD)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        problem = f"Cannot listen on {host}:{port}: {error.strerror or error}. Is something else there? Choose another with --port."
        raise UsageError(problem=problem) from error


def _raise_open_files() -> None:
    """A connection is a file; gateways inherit the limit."""
    _, hard = limits.getrlimit(limits.RLIMIT_NOFILE)
    limits.setrlimit(limits.RLIMIT_NOFILE, (hard, hard))
