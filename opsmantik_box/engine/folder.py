"""The data folder: where things lie in it, who may use it, and the reserve that leaves room when the disk is full."""

import os
from pathlib import Path

from opsmantik_box.disk import UNFINISHED, LockedFolder
from opsmantik_box.errors import DataFolderUnusable

RESERVE_BYTES = 16 * 1024 * 1024
SPARE_BYTES = 4 * 1024 * 1024


class DataFolder(LockedFolder):
    """A Box's folder, for its engine."""

    def __init__(self, root: Path, *, restored: bool = False) -> None:
        """`restored`: it has just been put there from a backup. Raises DataFolderUnusable, DataFolderInUse."""
        super().__init__(root, "months")
        if self.unfinished.exists() and not restored:
            self.release()
            told = self.unfinished.read_text() or "a restore into it has not ended. Empty it, and restore once more."
            raise DataFolderUnusable(data=root, problem=told)

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
