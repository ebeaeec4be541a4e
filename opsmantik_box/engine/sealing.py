"""Sealing: a closed month becomes one compact file that does not change any more. Makes the copy that takes its place.

`python -m opsmantik_box.engine.sealing` does it in a helper's process: copying a month takes seconds. Reads the live file like any
reader; never writes to it.
"""

import os
import sys
from pathlib import Path

import apsw
from msgspec import Struct

from opsmantik_box.disk import check_room, sha256_of
from opsmantik_box.engine.connections import let_go, trust_no_schema
from opsmantik_box.errors import CopyFailed
from opsmantik_box.link.errands import Say, serve_errand
from opsmantik_box.sql import load

SQL = load("engine_month")


class SealOrder(Struct, frozen=True):
    """The file of a month that nobody writes to, and where its copy goes."""

    file: str
    copy: str


class Sealed(Struct, frozen=True):
    """The copy: sessions and events together, and its SHA-256."""

    rows: int
    sha256: str


def make_seal(order: SealOrder, say: Say, vfs: str | None = None) -> Sealed:
    """A compact, analysed, checked copy, safely on the disk. Raises CopyFailed, with nothing left behind."""
    file, copy = Path(order.file), Path(order.copy)
    copy.unlink(missing_ok=True)
    check_room(file.stat().st_size, copy.parent)
    try:
        say(f"copying {file.stem}")
        _copy(file, copy, vfs)
        say(f"checking {file.stem}")
        rows = _finish(copy, vfs)
    except apsw.Error as error:
        copy.unlink(missing_ok=True)
        raise CopyFailed(file=file.name, problem=str(error)) from error
    with copy.open("rb") as whole:
        os.fsync(whole.fileno())
    return Sealed(rows, sha256_of(copy))


def _copy(file: Path, copy: Path, vfs: str | None) -> None:
    live = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    try:
        live.execute("vacuum into ?", (str(copy),))
    finally:
        let_go(live)


def _finish(copy: Path, vfs: str | None) -> int:
    """No WAL, statistics for the planner, and a look at every page; the rows it holds."""
    db = apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    try:
        trust_no_schema(db)
        db.pragma("journal_mode", "delete")
        db.pragma("synchronous", "full")
        db.pragma(
            "analysis_limit", 1_000
        )  # any limit, for one: without it rows are copied into sqlite_stat4, and an erasure misses them there
        db.execute("analyze")
        if (problem := db.execute("pragma integrity_check(1)").get) != "ok":
            raise apsw.CorruptError(problem)
        return sum(db.execute(SQL["count_rows"]).fetchone() or ())
    finally:
        db.close()


if __name__ == "__main__":
    sys.exit(serve_errand(SealOrder, make_seal))
