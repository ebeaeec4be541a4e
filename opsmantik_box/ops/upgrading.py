"""Upgrading a Box: its files are copied while it stands still, the new version migrates and verifies the copy, files and program are
exchanged, and the new Box starts. Whatever fails on the way, the old program runs on the old files again.

Promises: the files of the old Box are not touched before the new version has verified what it made of them. No engine starts while files
are exchanged; when that is cut off, the next `upgrade` takes it back. Nothing is taken back once the new Box has accepted something.
"""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec import Struct

from opsmantik_box.clock import monotonic
from opsmantik_box.disk import UNFINISHED, LockedFolder, check_room, sync_directory, workshop_in
from opsmantik_box.errors import BoxError
from opsmantik_box.ops.box_files import ask_ledger
from opsmantik_box.ops.copies import SQL
from opsmantik_box.ops.program import Program, Running, is_ready
from opsmantik_box.ops.restoring import give_to_owner

DATABASES = ("ledger.db", "vault.db")
FILES = ("months", *(f"{name}{end}" for name in DATABASES for end in ("", "-wal", "-shm")))
"""What a version writes, and another one may not be able to read."""
ALSO = "erasures.jsonl"
NEW, OLD, FAILED, ALL_OLD, PROGRAM = "new", "old", "failed", "all-old", "program"
CUT_OFF = "an upgrade was cut off while files were exchanged. `opsmantik-box upgrade --back` puts the old ones back."
TOO_LATE = (
    "The new Box has taken signals or work, and going back would lose them: it was started again. `opsmantik-box doctor` says more."
)
LOOK_SEC, OLD_READY_SEC = 0.2, 300.0

Say = Callable[[str], None]


class UpgradeFailed(BoxError):
    """The upgrade failed while {step}: {problem}. {now}"""


class Plan(Struct, frozen=True):
    """`link`: what names the program that runs, where something does; it is switched. `running`: the Box, if it runs."""

    data: Path
    old: Program
    new: Program
    running: Running | None
    link: Path | None
    ready_sec: float = 120.0


def upgrade(plan: Plan, say: Say) -> None:
    """Raises UpgradeFailed, with the Box as it was before (or a word on what is to be done)."""
    with workshop_in(plan.data) as workshop:
        step = "stopping the Box"
        try:
            for step, work in _steps(plan, workshop):
                say(step)
                work()
        except (BoxError, OSError) as error:
            raise UpgradeFailed(step=step, problem=str(error).rstrip("."), now=_take_back(plan, workshop, say)) from error


def _steps(plan: Plan, workshop: Path) -> "list[tuple[str, Callable[[], object]]]":
    copy, running = workshop / NEW, plan.running
    return [
        *([("stopping the Box", running.stop)] if running else []),
        ("copying its files", lambda: copy_files(plan.data, copy)),
        ("migrating the copy", partial(plan.new.run, "jobs", "list", "--data", os.fspath(copy))),
        ("verifying the copy", partial(plan.new.run, "verify", "--data", os.fspath(copy))),
        ("exchanging the files", lambda: _exchange(plan, workshop)),
        *([("starting the new Box", partial(_start, running, plan.new, plan.data, plan.ready_sec))] if running else []),
    ]


def copy_files(data: Path, copy: Path) -> None:
    """Of a Box that stands still. Raises DataFolderInUse, CopyFailed."""
    lock = LockedFolder(data)
    try:
        there = [data / name for name in (*FILES, ALSO) if (data / name).exists()]
        check_room(sum(path.stat().st_size for one in there for path in (one, *one.glob("*"))), data)
        copy.mkdir(mode=0o700)
        for one in there:
            (shutil.copytree if one.is_dir() else shutil.copy2)(one, copy / one.name)
        shutil.copystat(data, copy)
        _own(data, copy)
    finally:
        lock.release()


def _own(data: Path, copy: Path) -> None:
    """A copy belongs to whom the folder belongs to: root's engine runs as that user."""
    owner = data.stat()
    if os.geteuid() == 0 and owner.st_uid:
        os.chown(copy, owner.st_uid, owner.st_gid)
        os.chown(copy.parent, owner.st_uid, owner.st_gid)
        give_to_owner(copy)


def _exchange(plan: Plan, workshop: Path) -> None:
    lock = LockedFolder(plan.data)
    try:
        _mark(plan.data)
        exchange(plan.data, workshop)
        if plan.link is not None:
            (workshop / OLD / PROGRAM).symlink_to(plan.link.readlink())
            _point(plan.link, plan.new.python.parent.parent)
        (plan.data / UNFINISHED).unlink()
        sync_directory(plan.data)
    finally:
        lock.release()


def exchange(data: Path, workshop: Path) -> None:
    """The old files out, the new ones in. `put_back` takes it back, wherever it was cut off."""
    old = workshop / OLD
    old.mkdir(mode=0o700)
    _move(data, old)
    (old / ALL_OLD).touch()
    sync_directory(old)
    _move(workshop / NEW, data)


def _move(source: Path, target: Path) -> None:
    for name in FILES:
        if (source / name).exists():
            (source / name).rename(target / name)
    sync_directory(source)
    sync_directory(target)


def put_back(data: Path, workshop: Path) -> None:
    """The old files, from wherever an exchange was cut off. It may be cut off itself."""
    old, failed = workshop / OLD, workshop / FAILED
    if (old / ALL_OLD).exists():
        shutil.rmtree(failed, ignore_errors=True)
        failed.mkdir(mode=0o700)
        _move(data, failed)
        (old / ALL_OLD).unlink()
        sync_directory(old)
    if old.exists():
        _move(old, data)


def take_back(data: Path, link: Path | None) -> bool:
    """What was cut off is taken back; False when nothing was."""
    if not (data / UNFINISHED).exists() or (data / UNFINISHED).read_text() != CUT_OFF:
        return False
    with workshop_in(data, as_left=True) as workshop:
        _take_files_back(data, workshop, link)
    return True


def _take_files_back(data: Path, workshop: Path, link: Path | None) -> None:
    lock = LockedFolder(data)
    try:
        if (workshop / OLD).exists():
            _mark(data)
            put_back(data, workshop)
            with suppress(OSError):  # there was no link
                _point(link or Path(), (workshop / OLD / PROGRAM).readlink())
        (data / UNFINISHED).unlink(missing_ok=True)
        sync_directory(data)
    finally:
        lock.release()


def _mark(data: Path) -> None:
    (data / UNFINISHED).write_text(CUT_OFF)
    sync_directory(data)


def _point(link: Path, target: Path) -> None:
    """A link to something else, in one step."""
    coming = link.with_name(f"{link.name}.coming")
    coming.unlink(missing_ok=True)
    coming.symlink_to(target)
    coming.rename(link)
    sync_directory(link.parent)


def _start(running: Running, program: Program, data: Path, ready_sec: float) -> None:
    """Until it takes signals. Raises ProgramFailed, NotReady."""
    running.start(program)
    until = monotonic() + ready_sec
    while not is_ready(data):
        if problem := running.ended():
            raise NotReady(problem=problem)
        if monotonic() > until:
            raise NotReady(problem=f"it is not ready after {ready_sec:.0f} seconds")
        time.sleep(LOOK_SEC)


class NotReady(BoxError):
    """{problem}"""


def _take_back(plan: Plan, workshop: Path, say: Say) -> str:
    """The old program on the old files again; a sentence on how it is now."""
    say("taking it back")
    try:
        return _back(plan, workshop)
    except (BoxError, OSError) as error:
        return f"Taking it back failed as well: {error} Start the Box by hand; if it refuses, `opsmantik-box upgrade --back`."


def _back(plan: Plan, workshop: Path) -> str:
    if plan.running is not None and not is_ready(plan.data):
        with suppress(BoxError, OSError):
            plan.running.stop()
    if (workshop / OLD).exists():
        if plan.running is not None and not (plan.data / UNFINISHED).exists() and accepted(plan.data) != accepted(workshop / OLD):
            plan.running.start(plan.new)
            return TOO_LATE
        _take_files_back(plan.data, workshop, plan.link)
    if plan.running is None:
        return "The files are as they were."
    if not is_ready(plan.data):
        _start(plan.running, plan.old, plan.data, OLD_READY_SEC)
    return "The old Box runs again, on its own files."


def accepted(data: Path) -> list[tuple[int, ...]]:
    """How far everything is that somebody was told is kept: signals, contacts, and what operators said of them."""
    return ask_ledger(data, SQL["read_accepted"])
