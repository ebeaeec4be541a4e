"""WAL checkpoints, done by the writer between batches, and looked at: an error here is a failed fsync, not a detail."""

import apsw

from opsmantik_box.engine.faults import point

PASSIVE_PAGES = 1_000
TRUNCATE_BYTES = 64 * 1024 * 1024
PAGE_BYTES = 4_096


class WalKeeper:
    """Knows how long a connection's WAL is, and shortens it."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self.pages = 0
        self._due = PASSIVE_PAGES
        db.set_wal_hook(self._note)

    def _note(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        if pages < self.pages:  # it began anew
            self._due = PASSIVE_PAGES
        self.pages = pages
        return apsw.SQLITE_OK

    @property
    def is_due(self) -> bool:
        return self.pages >= self._due

    def tend(self) -> bool:
        """Checkpoint when it is time; whether it did. Raises apsw.Error: the caller decides what a failure means for its file."""
        if not self.is_due:
            return False
        if self.pages * PAGE_BYTES > TRUNCATE_BYTES and self.empty():
            return True
        self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        # When all of it was moved, the WAL begins anew with the next commit. When a reader held the rest back, it grows on: then wait
        # for as many pages again, or every batch would try in vain.
        self._due = self.pages + PASSIVE_PAGES
        point("after_wal_checkpoint")
        return True

    def empty(self) -> bool:
        """Move everything into the database file and cut the WAL to nothing; False when a reader is in the way."""
        try:
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            return False
        self.pages, self._due = 0, PASSIVE_PAGES
        point("after_wal_checkpoint")
        return True
