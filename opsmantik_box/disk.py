"""What files need of a disk: room, names that survive power loss, a sum of what lies there (never of a database that somebody has open
for writing)."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from opsmantik_box.errors import CopyFailed, DataFolderInUse, DataFolderUnusable

UNFINISHED = "restoring"
"""A file of this name in a data folder says that a restore into it has not ended, or what it says itself: no engine starts there."""
WORKSHOP = "backup"
"""The folder in a data folder where backups are put together and tried. What lies in it is of whoever holds its lock, else left over."""
SPARE_BYTES = 64 * 1024 * 1024
"""What a copy leaves free: housekeeping never stops signals from being taken."""


class LockedFolder:
    """A folder that one process at a time writes in: the lock is the process's, and goes with it."""

    def __init__(self, root: Path, *below: str) -> None:
        """Makes the folder, and those below it, if they are missing. Raises DataFolderUnusable, DataFolderInUse."""
        self.root = root
        try:
            _make(root, 0o750)
            for name in below:
                _make(root / name, 0o750)
            self._lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise DataFolderUnusable(data=root, problem=_say(error)) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise DataFolderInUse(data=root) from error

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._lock)

    def free_bytes(self) -> int:
        """What the disk has room for."""
        disk = os.statvfs(self.root)
        return disk.f_bavail * disk.f_frsize


def _make(folder: Path, mode: int) -> None:
    folder.mkdir(mode=mode, parents=True, exist_ok=True)


def _say(error: OSError) -> str:
    hints: dict[type[OSError], str] = {
        PermissionError: "this user may not write there; give it the folder (chown) or choose another with --data",
        NotADirectoryError: "it is not a folder",
        FileExistsError: "it is not a folder",
    }
    return f"{error.strerror}; {hints.get(type(error), 'check the disk and its mount')}"


def check_room(size: int, folder: Path) -> None:
    """That so many bytes fit beside what is there. Raises CopyFailed."""
    free = shutil.disk_usage(folder).free
    if free < size + SPARE_BYTES:
        needed, there = ((number + 2**20 - 1) // 2**20 for number in (size + SPARE_BYTES, free))
        raise CopyFailed(file=folder, problem=f"a copy needs {needed} MB there, and {there} MB are free")


def room(disk: os.statvfs_result) -> tuple[int, int]:
    """(free, all there is) of a file system in bytes, as `df` counts: without the part that is kept for root."""
    used = disk.f_blocks - disk.f_bfree
    return disk.f_bavail * disk.f_frsize, (used + disk.f_bavail) * disk.f_frsize


def used_share(disk: os.statvfs_result) -> float:
    """How full it is, 0 to 1."""
    free, whole = room(disk)
    return 1 - free / whole if whole else 0.0


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
def workshop_in(data: Path, *, as_left: bool = False) -> Generator[Path]:
    """The workshop, ours alone; empty at the beginning (unless it is wanted `as_left`) and at the end. Raises OSError."""
    folder = data / WORKSHOP
    folder.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not as_left:
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
