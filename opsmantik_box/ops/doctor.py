"""Looks for what is wrong with a Box and says what to do. Reads only: files by `mode=ro`, the engine by its `status`.

Every check answers, also when the one before failed; a check that cannot be made says so instead of saying ok.
"""

import os
import resource
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opsmantik_box.disk import used_share
from opsmantik_box.domain.months import month_of, next_month, partition_names, ready_sentence
from opsmantik_box.errors import BoxError, NotRunning
from opsmantik_box.ops.findings import Finding
from opsmantik_box.ops.patient import Patient, Status, ask_file
from opsmantik_box.ops.upkeep_checks import check_alerts, check_backups, check_jobs, check_lanes

LEAST_SQLITE = (3, 38, 0)
"""STRICT tables and `->>`."""
FREE_WARN, FREE_FAIL = 0.10, 0.03
FILES_WARN = 4096
LAG_WARN_MS = 10_000
EARLIEST_NOW = 1_767_225_600_000
"""2026-01-01: a clock before this version was written is wrong."""
CLOCK_SLACK_MS = 300_000


def examine(data: Path, public_url: str, host: str, ask: Callable[[], Status], now: int) -> list[Finding]:
    """Every finding, in the order in which they should be read. `ask` asks the engine for its status and may raise BoxError."""
    status, silence = None, ""
    try:
        status = ask()
    except NotRunning as error:
        silence = str(error)
    except BoxError as error:
        silence = f"The engine does not answer: {error}"
    patient = Patient(data, public_url, host, status, silence, now)
    return [finding for check in CHECKS for finding in check(patient)]


# --- the machine ------------------------------------------------------------------------------------------------------------------


def check_versions(_patient: Patient) -> Iterator[Finding]:
    """Python and the SQLite that reads."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "ok", f"Python {python}.")
    if sqlite3.sqlite_version_info < LEAST_SQLITE:
        yield Finding(
            "sqlite",
            "fail",
            f"Python's SQLite is {sqlite3.sqlite_version}; 3.38 is needed.",
            "Use a newer Python (Debian 12 or later has one).",
        )
    else:
        yield Finding("sqlite", "ok", f"Python's SQLite is {sqlite3.sqlite_version}; it only reads.")


def check_clock(patient: Patient) -> Iterator[Finding]:
    """The machine's clock: not before this version, not before what was already received."""
    newest = newest_signal(patient.data)
    advice = "Set the clock (`timedatectl set-ntp true`). Days and months are chosen by it."
    if patient.now < EARLIEST_NOW:
        yield Finding("clock", "fail", "The clock stands before 2026.", advice)
    elif newest and newest > patient.now + CLOCK_SLACK_MS:
        hours = (newest - patient.now) / 3_600_000
        yield Finding(
            "clock", "fail", f"The newest signal was received {hours:.1f} h in the future: the clock is, or was, wrong.", advice
        )
    else:
        yield Finding("clock", "ok", "The clock is not behind what was received.")


def check_files(patient: Patient) -> Iterator[Finding]:
    """How many files the engine (or, if it is away, this user) may open."""
    limit = file_limit(patient.status["pid"] if patient.status else None)
    if limit < FILES_WARN:
        yield Finding(
            "open files",
            "warn",
            f"At most {limit} open files.",
            "Each connection is one: set LimitNOFILE=65536 (systemd) or `ulimit -n 65536`.",
        )
    else:
        yield Finding("open files", "ok", f"At most {limit} open files.")


def file_limit(pid: int | None) -> int:
    """The soft limit of a process, or this one's."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines() if pid else []
        told = next((line.split()[3] for line in lines if line.startswith("Max open files")), "")
        if told.isdigit():
            return int(told)
    except OSError:
        pass
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


# --- the folder -------------------------------------------------------------------------------------------------------------------


def check_folder(patient: Patient) -> Iterator[Finding]:
    """That it is there, whose it is, and who may look into it."""
    data = patient.data
    try:
        about = data.stat()
    except OSError as error:
        yield Finding(
            "data folder",
            "fail",
            f"{data}: {error.strerror}.",
            "Name the right one with --data, or start the service: it makes it.",
        )
        return
    if not stat.S_ISDIR(about.st_mode):
        yield Finding("data folder", "fail", f"{data} is not a folder.", "Name the right one with --data.")
    elif os.geteuid() not in (0, about.st_uid):
        yield Finding(
            "data folder",
            "fail",
            f"{data} belongs to user {about.st_uid}, you are {os.geteuid()}.",
            "Run this as its owner or as root.",
        )
    elif about.st_mode & stat.S_IRWXO:
        yield Finding(
            "data folder", "warn", f"{data} is open to every user of this machine ({about.st_mode & 0o777:o}).", f"chmod o= {data}"
        )
    else:
        yield Finding("data folder", "ok", f"{data} is there and closed to others.")
        yield from check_writable(data)


def check_writable(data: Path) -> Iterator[Finding]:
    """That its file system takes writes, and has room for them."""
    if not os.access(data, os.W_OK):
        yield Finding(
            "disk",
            "fail",
            f"{data} cannot be written.",
            "Is its file system mounted read-only? (`findmnt -T` on it, then the kernel's log.)",
        )
        return
    disk = os.statvfs(data)
    share, free = 1 - used_share(disk), disk.f_bavail * disk.f_frsize / 1024**3
    state = "fail" if share < FREE_FAIL else "warn" if share < FREE_WARN else "ok"
    advice = "" if state == "ok" else "Make room: at zero no signal is taken (503) until there is some again."
    yield Finding("disk", state, f"{free:.1f} GB free ({share:.0%}).", advice)


# --- the service ------------------------------------------------------------------------------------------------------------------


def check_service(patient: Patient) -> Iterator[Finding]:
    """That it runs and takes signals."""
    status = patient.status
    if status is None:
        yield Finding("service", "fail", patient.silence, "On a server: `systemctl status opsmantik-box`.")
    elif not status["accepting"]:
        yield Finding(
            "service",
            "fail",
            f"It runs, but takes no signals: {status['reason']}.",
            "The log says more: `journalctl -u opsmantik-box -n 50`.",
        )
    else:
        yield Finding("service", "ok", f"Version {status['version']} runs (pid {status['pid']}) and takes signals.")
        yield from check_lag(status)


def check_lag(status: Status) -> Iterator[Finding]:
    """How far the month files are behind."""
    signals, late = status["lag_signals"], status["lag_ms"]
    if late > LAG_WARN_MS:
        yield Finding(
            "lag",
            "warn",
            f"{signals} signals wait for their month file, the oldest for {late / 1000:.0f} s.",
            "They are safe; reports are late. Is the disk slow?",
        )
    else:
        yield Finding("lag", "ok", f"{signals} signals wait for their month file.")


def check_walls(patient: Patient) -> Iterator[Finding]:
    """What keeps each gateway from writing."""
    gateways: list[dict[str, Any]] = patient.status["gateways"] if patient.status else []
    if patient.status and not gateways:
        yield Finding("walls", "fail", "No gateway runs.", "The log says why it ended: `journalctl -u opsmantik-box -n 50`.")
    for one in gateways:
        name, held = f"walls of gateway {one['number']}", one["walls"]
        if not held:
            yield Finding(
                name,
                "fail",
                "It does not answer yet.",
                "Look again in a moment; if it stays so, `journalctl -u opsmantik-box -n 50`.",
            )
        elif held in ("landlock", "uid"):
            yield Finding(name, "ok", f"It cannot write: {held} holds.")
        else:
            yield Finding(
                name,
                "warn",
                "Nothing but its code keeps it from writing.",
                "Use a kernel with Landlock (5.13 or newer), or start as root with walls=uid.",
            )


# --- what it holds ----------------------------------------------------------------------------------------------------------------


def newest_signal(data: Path) -> int | None:
    """When the newest signal was received; None when there is none or it cannot be read."""
    try:
        rows = ask_file(data / "ledger.db", "newest_signal")
    except sqlite3.Error:
        return None
    return rows[0]["received_at"] if rows else None


def check_months(patient: Patient) -> Iterator[Finding]:
    """That each month file can be read and how far it is behind the ledger."""
    if not (patient.data / "ledger.db").exists():
        yield Finding("ledger", "warn", "There is no ledger yet.", "The first start of the service makes it.")
        return
    try:
        partitions = ask_file(patient.data / "ledger.db", "partitions")
    except sqlite3.Error as error:
        yield Finding(
            "ledger",
            "fail",
            f"ledger.db cannot be read: {error}.",
            "Run this as the folder's owner or as root; if it persists, restore the newest backup.",
        )
        return
    yield Finding("ledger", "ok", f"The ledger can be read; it knows {len(partitions)} months.")
    for one in partitions:
        yield check_month(patient, one)
    yield check_next_month(patient, {one["month"]: one["made_at"] for one in partitions})


def check_month(patient: Patient, partition: dict[str, Any]) -> Finding:
    """One month file against what the ledger says it must reach."""
    name, file = f"month {partition['month']}", patient.data / "months" / Path(partition["file"]).name
    try:
        rows = ask_file(file, "checkpoint")
    except sqlite3.Error as error:
        return Finding(
            name, "fail", f"{file.name} cannot be read: {error}.", "Restart the service: it folds the file again from the ledger."
        )
    reached = rows[0]["seq"] if rows else 0
    if reached >= partition["last_seq"]:
        return Finding(name, "ok", f"{partition['state']}, complete.")
    return Finding(
        name,
        "ok" if patient.status else "warn",
        f"{partition['state']}, {partition['last_seq'] - reached} steps of the ledger behind; the running service folds them in.",
    )


def check_next_month(patient: Patient, made: dict[str, int]) -> Finding:
    """That the file of the month that comes is there before anybody needs it."""
    coming = next_month(month_of(patient.now))
    if coming in made:
        return Finding("next month", "ok", f"{ready_sentence(coming, made[coming])}.")
    advice = "The running service makes it at its start; `opsmantik-box jobs run create_next_month_partitions` makes it now."
    return Finding("next month", "warn", f"Next month is not ready: {', '.join(partition_names(coming))}.", advice)


def check_address(patient: Patient) -> Iterator[Finding]:
    """The address under which browsers reach the Box, and TLS in front of it."""
    url = patient.public_url
    if not url:
        advice = 'Put `public_url = "https://box.example.com"` into box.toml; `site snippet` needs it.'
        yield Finding("public address", "warn", "public_url is not set.", advice)
    elif urlsplit(url).scheme != "https" and urlsplit(url).hostname not in ("localhost", "127.0.0.1"):
        yield Finding(
            "public address",
            "fail",
            f"{url} is not https: an https page cannot send to it.",
            "Put Caddy in front (systemd/Caddyfile) and write https:// in public_url.",
        )
    else:
        yield Finding("public address", "ok", f"{url}.")
    if patient.host not in ("127.0.0.1", "::1", "localhost"):
        yield Finding(
            "listening",
            "warn",
            f"It listens on {patient.host}, without TLS.",
            "Right in a container; else set host to 127.0.0.1 and let the proxy in front speak TLS.",
        )


CHECKS: tuple[Callable[[Patient], Iterator[Finding]], ...] = (
    check_versions,
    check_clock,
    check_folder,
    check_files,
    check_service,
    check_walls,
    check_months,
    check_backups,
    check_jobs,
    check_lanes,
    check_alerts,
    check_address,
)
