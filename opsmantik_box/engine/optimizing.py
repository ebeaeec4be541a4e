"""Upkeep of the files that are written to: what SQLite's planner knows of their rows is brought up to date, and their WALs are emptied. A
file at a time, and of each a few hundred rows of an index, so that a slice is some milliseconds however large the file is. Space that
deleted rows leave stays in the file for new ones; a month gives it back when it is sealed.
"""

from typing import TYPE_CHECKING, Any

import apsw

from opsmantik_box.clock import monotonic
from opsmantik_box.engine.connections import atomically
from opsmantik_box.engine.jobs import Outcome, Turn
from opsmantik_box.engine.month_file import BROKEN

if TYPE_CHECKING:
    from opsmantik_box.engine.month_file import MonthFile

LIMIT = 400
"""Rows that are looked at in an index (sqlite.org/lang_analyze.html). Never 0: without a limit rows are copied into sqlite_stat4, and an
erasure misses them there."""
ALL_TABLES = 0x10002


async def optimize(turn: Turn, _arguments: dict[str, Any]) -> Outcome:
    """The ledger, then each open month, newest first."""
    core, longest, free = turn.core, 0.0, 0
    for file in (None, *core.months.files()):
        began = monotonic()
        with core.minding(turn.now()):
            free += _optimize_month(turn, file) if file else _optimize_ledger(turn)
        longest = max(longest, monotonic() - began)
        await turn.pause()
    core.rest(turn.now())
    files = 1 + len(core.months.files())
    text = f"{files} files, the longest took {longest * 1000:.0f} ms; {free / 2**20:.1f} MB in them are free for new rows."
    return Outcome(text, {"files": files, "longest_ms": round(longest * 1000, 1), "free_bytes": free})


def _optimize_ledger(turn: Turn) -> int:
    """Raises LedgerFull, Unavailable, LedgerPoisoned."""
    ledger = turn.core.ledger
    with ledger.transaction():
        return _analyze(ledger.db)


def _optimize_month(turn: Turn, file: "MonthFile") -> int:
    """A broken one is folded again. Raises LedgerFull, apsw.FullError."""
    try:
        with atomically(file.db):
            return _analyze(file.db)
    except BROKEN as error:
        turn.core.replace_month(file.month, turn.now(), str(error))
    return 0


def _analyze(db: apsw.Connection) -> int:
    """What is free in the file, in bytes."""
    db.pragma("analysis_limit", LIMIT)
    db.execute(f"pragma optimize = {ALL_TABLES}")
    return db.pragma("freelist_count") * db.pragma("page_size")
