"""Programs of the Box (this one, and another version in an environment of its own), and the Box that runs one of them: found, stopped and
started again, as a service of systemd or as somebody started it by hand.
"""

import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from opsmantik_box.errors import BoxError, NotRunning, UsageError
from opsmantik_box.link.client import EngineClient

STOP_SEC = 30
OF_A_PROGRAM = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "VIRTUAL_ENV")
"""What in an environment belongs to one program, and would mislead another."""


class ProgramFailed(BoxError):
    """{what} failed: {problem}"""


class Program(NamedTuple):
    """A version: its interpreter, and the environment it is run in."""

    python: Path
    environment: Mapping[str, str]

    def run(self, *words: str) -> str:
        """What a command prints. Raises ProgramFailed with its last words."""
        command = [os.fspath(self.python), "-m", "opsmantik_box", *words]
        done = subprocess.run(command, env=dict(self.environment), capture_output=True, text=True, check=False, cwd="/")
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines() or [f"exit code {done.returncode}"]
            raise ProgramFailed(what=f"`{' '.join(words[:2])}` of the new version", problem="; ".join(said[-3:]))
        return done.stdout

    def version(self) -> str:
        return self.run("--version").split()[-1]


def program_in(folder: Path) -> Program:
    """The program of a virtual environment, or of a clone that has one. Raises UsageError."""
    homes = [folder.absolute(), folder.absolute() / ".venv"]
    python = next((home / "bin" / "python" for home in homes if (home / "bin" / "python").exists()), None)
    if python is None:
        raise UsageError(problem=f"{folder} is no environment: there is no bin/python in it, nor in its .venv.")
    kept = {name: told for name, told in os.environ.items() if name not in OF_A_PROGRAM}
    return Program(python, kept | {"PYTHONSAFEPATH": "1"})  # or a clone in the current folder would come first


def this_program() -> Program:
    return Program(Path(sys.executable), dict(os.environ))


class Running(Protocol):
    """A Box that can be stopped and started."""

    def stop(self) -> None:
        """Raises ProgramFailed."""
        ...

    def start(self, program: Program) -> None:
        """Raises ProgramFailed."""
        ...

    def ended(self) -> str:
        """Why what was started is not there any more; '' while it is."""
        ...


class Service:
    """A unit of systemd, which runs the program that a link names. Its socket stops with it: else the next visitor would start it."""

    def __init__(self, unit: str) -> None:
        self._unit = unit

    def stop(self) -> None:
        self._tell("stop", f"{self._unit}.socket", f"{self._unit}.service")

    def start(self, program: Program) -> None:  # noqa: ARG002 - the link names it
        self._tell("start", f"{self._unit}.socket", f"{self._unit}.service")

    def ended(self) -> str:
        return "" if main_pid(self._unit) else f"{self._unit}.service ended; `journalctl -u {self._unit}` says why"

    def _tell(self, *words: str) -> None:
        done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ProgramFailed(
                what=f"`systemctl {' '.join(words)}`", problem=done.stderr.strip() or f"exit code {done.returncode}"
            )


def main_pid(unit: str) -> int:
    """The process of a unit; 0 where there is none, and no systemd."""
    if shutil.which("systemctl") is None:
        return 0
    command = ["systemctl", "show", "-p", "MainPID", "--value", f"{unit}.service"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return int(said) if said.isdigit() else 0


class ByHand:
    """A `serve` that somebody started: it is started again with the same words, in the same folder and environment, and writes where it
    wrote."""

    def __init__(self, pid: int) -> None:
        """Raises UsageError."""
        self._pid, home = pid, Path(f"/proc/{pid}")
        words = [word.decode() for word in (home / "cmdline").read_bytes().split(b"\0")[:-1]]
        if "serve" not in words:
            raise UsageError(
                problem=f"The Box was not started by `opsmantik-box serve` (process {pid}): stop it, then upgrade its folder."
            )
        self._words = words[words.index("serve") :]
        told = (home / "environ").read_bytes().decode(errors="surrogateescape").split("\0")
        self._environment = dict(one.split("=", 1) for one in told if "=" in one)
        self._folder = (home / "cwd").readlink()
        self._out = _writing(home / "fd" / "1")
        self._process: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOP_SEC)
            return
        handle = os.pidfd_open(self._pid)
        try:
            signal.pidfd_send_signal(handle, signal.SIGTERM)
            if not select.select([handle], [], [], STOP_SEC)[0]:
                raise ProgramFailed(what="Stopping the Box", problem=f"process {self._pid} does not end")
        finally:
            os.close(handle)

    def start(self, program: Program) -> None:
        kept = {name: told for name, told in self._environment.items() if name not in OF_A_PROGRAM}
        own = {name: told for name, told in program.environment.items() if name in OF_A_PROGRAM}
        command = [os.fspath(program.python), "-m", "opsmantik_box", *self._words]
        self._process = subprocess.Popen(
            command, env=kept | own, cwd=self._folder, start_new_session=True, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._out,
        )  # fmt: skip

    def ended(self) -> str:
        code = self._process.poll() if self._process else None
        return "" if code is None else f"it ended with exit code {code}"


def _writing(path: Path) -> "IO[bytes] | int":
    """Where a process writes; nowhere, where that cannot be opened."""
    try:
        return path.open("ab", buffering=0)
    except OSError:
        return subprocess.DEVNULL


def find_running(data: Path, unit: str) -> Running | None:
    """The Box that runs on this folder. Raises UsageError."""
    pid = engine_pid(data)
    if pid is None:
        return None
    return Service(unit) if pid == main_pid(unit) else ByHand(pid)


def engine_pid(data: Path) -> int | None:
    """Whose end of the folder's admin socket it is."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        try:
            asked.connect(os.fspath(data / "admin.sock"))
        except OSError:
            return None
        return struct.unpack("iII", asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII")))[0]


def is_ready(data: Path) -> bool:
    """Does the Box take signals, with every gateway serving (its walls are up then)?"""
    try:
        client = EngineClient(data)
    except (NotRunning, OSError):
        return False
    try:
        told = client.call("status")
    except (BoxError, OSError):
        return False
    finally:
        client.close()
    return bool(told["accepting"] and told["gateways"] and all(one["connected"] and one["walls"] for one in told["gateways"]))
