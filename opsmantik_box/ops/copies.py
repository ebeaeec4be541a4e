"""Copies of a Box's databases, taken while it serves. Reads live files like any reader; what it writes are copies.

Promises: each copy is one moment of its file. Whether it is sound, restoring it tells.
"""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from opsmantik_box.disk import check_room
from opsmantik_box.errors import CopyFailed
from opsmantik_box.sql import load

SQL = load("backup")
WAIT_SEC = 30.0


@contextmanager
def reading(file: Path, *, is_copy: bool = False) -> Generator[sqlite3.Connection]:
    """Read-only. `is_copy`: nobody writes to it, whatever its header says. Raises CopyFailed."""
    address = f"file:{quote(str(file.absolute()))}?mode=ro{'&immutable=1' * is_copy}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=WAIT_SEC, isolation_level=None)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise CopyFailed(file=file.name, problem=str(error)) from error


def copy_database(source: Path, target: Path) -> None:
    """One moment of a live file, page by page, as a file without a WAL. Raises CopyFailed."""
    target.unlink(missing_ok=True)
    check_room(source.stat().st_size, target.parent)
    with reading(source) as live, closing(sqlite3.connect(target, isolation_level=None)) as copy:
        live.backup(copy)
        copy.execute("pragma journal_mode = delete")


def check_database(file: Path) -> None:
    """That every page of a copy is in order. Raises CopyFailed."""
    with reading(file, is_copy=True) as connection:
        found = connection.execute("pragma integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise CopyFailed(file=file.name, problem=f"integrity check: {found}")


def count_rows(ledger: Path) -> dict[str, int]:
    """Rows of each table of a copy of the ledger."""
    with reading(ledger, is_copy=True) as connection:
        tables = [name for (name,) in connection.execute(SQL["list_tables"])]
        return {name: connection.execute(SQL["count"].format(table=name)).fetchone()[0] for name in tables}


def ask(file: Path, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a named statement of backup.sql, from a copy. Raises CopyFailed."""
    with reading(file, is_copy=True) as connection:
        return connection.execute(SQL[statement]).fetchall()
