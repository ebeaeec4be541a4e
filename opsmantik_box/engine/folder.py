"""The data folder: where things lie in it, who may use it, and the reserve that leaves room when the disk is full."""

import fcntl
import os
from pathlib import Path

from opsmantik_box.disk import UNFINISHED
from opsmantik_box.errors import DataFolderInUse, DataFolderUnusable

RESERVE_BYTES = 16 * 1024 * 1024
SPARE_BYTES = 4 * 1024 * 1024


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


class DataFolder(LockedFolder):
    """A Box's folder, for its engine."""

    def __init__(self, root: Path, *, restored: bool = False) -> None:
        """`restored`: it has just been put there from a backup. Raises DataFolderUnusable, DataFolderInUse."""
        super().__init__(root, "months")
        if self.unfinished.exists() and not restored:
            self.release()
            raise DataFolderUnusable(data=root, problem="a restore into it has not ended. Empty it, and restore once more.")

    @property
    def unfinished(self) -> Path:
        return self.root / UNFINISHED

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.db"

    @property
    def vault(self) -> Path:
        return self.root / "vault.db"

    @property
    def months(self) -> Path:
        return self.root / "months"

    @property
    def erasures(self) -> Path:
        return self.root / "erasures.jsonl"

    @property
    def admin_socket(self) -> Path:
        return self.root / "admin.sock"

    @property
    def reserve(self) -> Path:
        return self.root / "reserve"

    def hold_reserve(self) -> bool:
        """Put the reserve file in its place. False when there is no room for it: the disk is full."""
        if self.reserve.exists() and self.reserve.stat().st_size == RESERVE_BYTES:
            return True
        try:
            with self.reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
        except OSError:
            self.give_reserve()
            return False
        return True

    def give_reserve(self) -> None:
        """Free the reserve, so that a WAL checkpoint and an alarm find room on a full disk."""
        self.reserve.unlink(missing_ok=True)

    def has_room(self) -> bool:
        """Would the reserve fit, and some signals beside it? Less is no recovery: the next batch would find the disk full again."""
        return self.free_bytes() >= RESERVE_BYTES + SPARE_BYTES


def _make(folder: Path, mode: int) -> None:
    folder.mkdir(mode=mode, parents=True, exist_ok=True)


def _say(error: OSError) -> str:
    hints: dict[type[OSError], str] = {
        PermissionError: "this user may not write there; give it the folder (chown) or choose another with --data",
        NotADirectoryError: "it is not a folder",
        FileExistsError: "it is not a folder",
    }
    return f"{error.strerror}; {hints.get(type(error), 'check the disk and its mount')}"
