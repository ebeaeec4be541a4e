"""A small stand-in for systemd, as far as a service can tell: passed socket, READY, watchdog, the unit's system call filter and its
denial of writable-executable memory. Only for tests; Linux on x86-64.

Run as a program it is the step between fork and exec: `service_manager.py FD UNIT COMMAND…` puts the restrictions on itself and
becomes COMMAND, with FD as the passed socket.
"""

import configparser
import ctypes
import os
import platform
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

HEADERS = (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h"))
AUDIT_X86_64 = 0xC000003E
ALLOW, ERRNO_EPERM, KILL = 0x7FFF0000, 0x00050001, 0x80000000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 22, 38, 65


def unit_lists(unit: Path, key: str) -> list[str]:
    """Every value of a key that may stand more than once, in order."""
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


def unit_value(unit: Path, section: str, key: str) -> str:
    """A key that stands once."""
    parsed = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(unit)
    return parsed[section][key]


def expand(name: str) -> set[str]:
    """A system call, or those of a `@set` as this systemd defines it."""
    if not name.startswith("@"):
        return {name}
    said = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in said.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return set().union(*map(expand, words))


def allowed_calls(unit: Path) -> set[str]:
    """What the unit's SystemCallFilter lines let through (systemd.exec(5): lines add up, `~` takes away)."""
    allowed: set[str] = set()
    for line in unit_lists(unit, "SystemCallFilter"):
        calls = set().union(*map(expand, line.removeprefix("~").split()))
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed | expand("@default")


def call_numbers() -> dict[str, int]:
    """Numbers of the kernel's system calls, from its headers; empty when they are not installed or this is another machine."""
    header = next((file for file in HEADERS if file.exists()), None)
    if header is None or platform.machine() != "x86_64":
        return {}
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", header.read_text())}


def can_filter() -> str:
    """'' when this machine can put the unit's filter on, else why not."""
    if not shutil.which("systemd-analyze"):
        return "systemd-analyze is not installed (apt install systemd)"
    return "" if call_numbers() else "the numbers of the system calls are not known here (apt install linux-libc-dev, x86-64)"


def filter_program(unit: Path) -> bytes:
    """The filter as BPF: allowed calls pass, others fail with EPERM, another architecture is killed."""
    numbers = call_numbers()
    allowed = sorted(numbers[name] for name in allowed_calls(unit) if name in numbers)
    steps = [
        struct.pack("HBBI", 0x20, 0, 0, 4),
        struct.pack("HBBI", 0x15, 1, 0, AUDIT_X86_64),
        struct.pack("HBBI", 0x06, 0, 0, KILL),
    ]
    steps.append(struct.pack("HBBI", 0x20, 0, 0, 0))
    for number in allowed:
        steps += [struct.pack("HBBI", 0x15, 0, 1, number), struct.pack("HBBI", 0x06, 0, 0, ALLOW)]
    return b"".join([*steps, struct.pack("HBBI", 0x06, 0, 0, ERRNO_EPERM)])


def restrict_and_become(unit: Path, command: list[str]) -> None:
    """No new privileges, the filter, no writable-executable memory (where the kernel knows it), then exec."""
    libc = ctypes.CDLL(None, use_errno=True)
    program = filter_program(unit)
    held = ctypes.create_string_buffer(program)
    filter_ = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(held))
    os.environ["LISTEN_PID"] = str(os.getpid())
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no new privileges")
    libc.prctl(PR_SET_MDWE, 1, 0, 0, 0)
    if libc.prctl(PR_SET_SECCOMP, 2, ctypes.create_string_buffer(filter_), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    os.execv(command[0], command)


class Manager:
    """Holds the listening socket and the notification socket over any number of starts of the service."""

    def __init__(self, folder: Path, unit: Path) -> None:
        self.unit, self.folder = unit, folder
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(folder / "notify"))
        self.log = folder / "service.log"
        self.said: list[str] = []

    def start(self, command: list[str], env: dict[str, str]) -> "subprocess.Popen[bytes]":
        """The service as systemd would start it."""
        env = env | {
            "LISTEN_FDS": "1",
            "NOTIFY_SOCKET": str(self.folder / "notify"),
            "WATCHDOG_USEC": str(int(unit_value(self.unit, "Service", "WatchdogSec")) * 1_000_000),
            "STATE_DIRECTORY": str(self.folder / "state"),
        }
        passed = os.dup(self.listening.fileno())
        step = [sys.executable, __file__, str(passed), str(self.unit), *command]
        try:
            with self.log.open("ab") as log:
                return subprocess.Popen(step, env=env, pass_fds=(passed,), stdout=log, stderr=subprocess.STDOUT)
        finally:
            os.close(passed)

    def wait_for(self, state: str, seconds: float) -> None:
        """Until the service said it. AssertionError with the log when it does not in time."""
        deadline = time.monotonic() + seconds
        while state not in self.said:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.notices], [], [], left)[0]:
                raise AssertionError(f"{state} was not said, only {self.said}:\n{self.log.read_text()}")
            self.said += self.notices.recv(4096).decode().splitlines()

    def close(self) -> None:
        self.listening.close()
        self.notices.close()


if __name__ == "__main__":
    os.dup2(int(sys.argv[1]), 3)  # inheritable: dup2 makes it so
    restrict_and_become(Path(sys.argv[2]), sys.argv[3:])
