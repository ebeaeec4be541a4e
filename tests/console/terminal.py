"""A real terminal for a test: the console in a pseudo-terminal, its bytes kept, keys sent to it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opsmantik_box.clock import monotonic
from tests.harness import COMMAND, environment

ESCAPES = re.compile(rb"\x1b\[[0-9;?>$]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
SECONDS = 30


class Terminal:
    """As a context manager it starts the console and ends it. `bytes`: everything it has written so far."""

    def __init__(self, folder: Path, *options: object, size: tuple[int, int] = (80, 24), **env: str) -> None:
        self.bytes = b""
        self._main, self._side = pty.openpty()
        fcntl.ioctl(self._side, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.before = termios.tcgetattr(self._side)
        told = environment(HOME=str(folder), TERM="xterm-256color", LANG="C.UTF-8", **env)
        self.began = monotonic()
        self.process = subprocess.Popen(
            [*COMMAND, "console", *map(str, options)],
            stdin=self._side,
            stdout=self._side,
            stderr=self._side,
            env=told,
            start_new_session=True,
            cwd=folder,
        )

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        os.close(self._main)
        os.close(self._side)

    def vanish(self) -> None:
        """The terminal is closed under the console."""
        os.close(self._main)
        os.close(self._side)
        self._main, self._side = (os.open(os.devnull, os.O_RDWR) for _ in range(2))

    def read(self, seconds: float = 0.05) -> bytes:
        """What comes within a time."""
        deadline, told = monotonic() + seconds, b""
        while (left := deadline - monotonic()) > 0 and select.select([self._main], [], [], left)[0]:
            told += os.read(self._main, 1 << 16)
        self.bytes += told
        return told

    def wait(self, holds: Callable[[], Any], what: str) -> None:
        """Reads until it holds. AssertionError with what was written last when it does not in time."""
        deadline = monotonic() + SECONDS
        while not holds():
            assert monotonic() < deadline, f"not in {SECONDS} s: {what}; {self.text()[-2000:]}"
            assert self.process.poll() is None or holds(), f"ended: {self.text()[-2000:]}"
            self.read()

    def wait_for(self, text: str, since: int = 0) -> None:
        self.wait(lambda: text in plain(self.bytes[since:]), f"{text!r} on the screen")

    def press(self, keys: str, text: str = "") -> None:
        """Keys, and what they lead to."""
        since = len(self.bytes)
        os.write(self._main, keys.encode())
        if text:
            self.wait_for(text, since)

    def text(self) -> str:
        return plain(self.bytes)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code, when it has restored everything."""
        self.process.send_signal(how)
        self.wait(lambda: self.process.poll() is not None, "ended")
        self.read()
        return self.process.returncode

    def modes(self) -> list[Any]:
        """The terminal's attributes now."""
        return termios.tcgetattr(self._side)


def plain(data: bytes) -> str:
    """The text, without what moves the cursor and changes colours."""
    return ESCAPES.sub(b"", data).decode("utf-8", "replace")
