"""Tells the service manager how the engine is (sd_notify(3)). Says nothing where nobody listens."""

import os
import socket


def notify(*states: str) -> None:
    """Send state lines such as READY=1. An unreachable manager is not an error of ours."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        try:
            manager.sendto("\n".join(states).encode(), address)
        except OSError:
            return


def watchdog_sec() -> float | None:
    """How often the manager wants a sign of life (half of its limit); None when it does not ask."""
    limit = os.environ.get("WATCHDOG_USEC")
    return int(limit) / 2_000_000 if limit else None
