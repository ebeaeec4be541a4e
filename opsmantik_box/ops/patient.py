"""What doctor looks at: the folder, the settings that matter here, what the engine says of itself; and a look into a file, read-only."""

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import sqlite_utils
from msgspec import Struct

from opsmantik_box.sql import load

Status = dict[str, Any]


class Patient(Struct, frozen=True):
    """What is looked at: the folder, the settings that matter here, what the engine said of itself (or why it did not), and now."""

    data: Path
    public_url: str
    host: str
    status: Status | None
    silence: str
    now: int


@contextmanager
def reading(file: Path) -> Generator[sqlite_utils.Database]:
    """A database file, read-only. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=2)) as connection:
        yield sqlite_utils.Database(connection)


def ask_file(file: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a named statement of doctor.sql. Raises sqlite3.Error."""
    with reading(file) as database:
        return list(cast("Iterator[dict[str, Any]]", database.query(load("doctor")[name])))  # pyright: ignore[reportUnknownMemberType]
