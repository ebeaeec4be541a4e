"""How the engine opens a database. One small function per practice, each with its reason.

Nothing else in the engine opens a database file, not even to copy it: a plain open-read-close would drop SQLite's POSIX locks
(sqlite.org/howtocorrupt.html, 2.2).
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

BUSY_MS = 500
"""How long a statement waits for another process's lock. Short: the whole engine waits with it, and 503 is the better answer."""

LEDGER_CACHE_MB = 16
OPEN_MONTH_CACHE_MB = 8
OTHER_CACHE_MB = 2


def open_database(path: Path, *, synchronous: str, cache_mb: int, vfs: str | None = None) -> apsw.Connection:
    """A connection for writing, WAL, with no automatic checkpoint. `synchronous`: full (the ledger) or normal (a month file).

    Raises apsw.CantOpenError, apsw.NotADBError, apsw.CorruptError, apsw.IOError, apsw.FullError."""
    db = apsw.Connection(str(path), vfs=vfs)
    try:
        db.set_busy_timeout(BUSY_MS)
        trust_no_schema(db)
        use_wal(db, synchronous)
        db.pragma("cache_size", -cache_mb * 1024)
        db.pragma("foreign_keys", True)
        db.pragma("temp_store", 2)
        overwrite_deleted(db)
    except BaseException:
        db.close()
        raise
    return db


def open_sealed(path: Path, vfs: str | None = None) -> apsw.Connection:
    """The file of a sealed month, to look into: it has no WAL, and nobody holds it.

    Raises apsw.CantOpenError, apsw.NotADBError, apsw.CorruptError, apsw.IOError."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    db.set_busy_timeout(BUSY_MS)
    trust_no_schema(db)
    return db


def use_wal(db: apsw.Connection, synchronous: str) -> None:
    """Write-ahead log, and never an automatic checkpoint: SQLite swallows fsync errors of those (tried: 200 of 200 commits
    "succeeded" over a failing disk). `checkpoints.py` does them and looks at the result. None when a connection goes, either: after a
    failed fsync that would be the retry that must not be."""
    if db.pragma("journal_mode") != "wal":
        db.pragma("journal_mode", "wal")
    db.pragma("synchronous", synchronous)
    db.wal_autocheckpoint(0)
    db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)


def overwrite_deleted(db: apsw.Connection) -> None:
    """What is deleted becomes zeros at once, as far as SQLite does that (scrub.py does the rest)."""
    db.pragma("secure_delete", True)


@contextmanager
def patience(db: apsw.Connection, milliseconds: int) -> Generator[None]:
    """Wait for another process's lock for this long instead of the usual time."""
    db.set_busy_timeout(milliseconds)
    try:
        yield
    finally:
        db.set_busy_timeout(BUSY_MS)


def forget_pages(db: apsw.Connection) -> None:
    """Keep no page of the file in memory: it is going to be changed underneath."""
    db.pragma("shrink_memory")


@contextmanager
def atomically(db: apsw.Connection) -> Generator[None]:
    """All or nothing, within a transaction or as one. A full disk or an I/O error makes SQLite roll everything back by itself: then
    nothing is left to undo, and the first error is the one to tell (apsw's `with db:` says "no transaction is active" instead)."""
    db.execute("savepoint box")
    try:
        yield
        db.execute("release box")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback to box")
            db.execute("release box")
        raise


def all_rows(db: apsw.Connection, sql: str, bindings: tuple[Any, ...] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
    """What a statement answers, whole: nothing stays open that a later statement could stumble over."""
    return db.execute(sql, bindings).fetchall()


def let_go(db: apsw.Connection) -> None:
    """Close a connection that was not made here without SQLite's own WAL checkpoint: a look at a file changes nothing in it."""
    db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    db.close()


def trust_no_schema(db: apsw.Connection) -> None:
    """A file may have been replaced by somebody: no function with side effects runs from its schema, no double-quoted strings."""
    db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)


def is_sound(db: apsw.Connection) -> bool:
    """Does SQLite find the structure of this file in order? Reads the whole file."""
    try:
        return db.execute("pragma quick_check(1)").get == "ok"
    except apsw.Error:
        return False
