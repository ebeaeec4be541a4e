"""What files need of a disk: room, names that survive power loss, a sum of what lies there (never of a database that somebody has open
for writing)."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from opsmantik_box.errors import CopyFailed

UNFINISHED = "restoring"
"""A file of this name in a data folder says that a restore into it has not ended: no engine starts there."""
WORKSHOP = "backup"
"""The folder in a data folder where backups are put together and tried. What lies in it is of whoever holds its lock, else left over."""
SPARE_BYTES = 64 * 1024 * 1024
"""What a copy leaves free: housekeeping never stops signals from being taken."""


def check_room(size: int, folder: Path) -> None:
    """That so many bytes fit beside what is there. Raises CopyFailed."""
    free = shutil.disk_usage(folder).free
    if free < size + SPARE_BYTES:
        needed, there = ((number + 2**20 - 1) // 2**20 for number in (size + SPARE_BYTES, free))
        raise CopyFailed(file=folder, problem=f"a copy needs {needed} MB there, and {there} MB are free")


def used_share(disk: os.statvfs_result) -> float:
    """How full a file system is, 0 to 1, as `df` shows it: of what there is without the part that is kept for root."""
    used = disk.f_blocks - disk.f_bfree
    return used / max(1, used + disk.f_bavail)


def sha256_of(file: Path) -> str:
    """In hexadecimal. Raises OSError."""
    with file.open("rb") as whole:
        return hashlib.file_digest(whole, "sha256").hexdigest()


def sync_directory(folder: Path) -> None:
    """Make names made, renamed or removed in `folder` survive power loss."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def workshop_in(data: Path) -> Generator[Path]:
    """The workshop, ours alone; empty at the beginning and at the end. Raises OSError."""
    folder = data / WORKSHOP
    folder.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        _empty(folder)
        try:
            yield folder
        finally:
            _empty(folder)
    finally:
        os.close(handle)


def clear_workshop(data: Path) -> bool:
    """Remove what a killed one left in it; False while somebody is at work there. The folder itself stays: a lock is on that. Raises
    OSError."""
    folder = data / WORKSHOP
    if not folder.exists():
        return True
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _empty(folder)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
