"""The daily summary, the engine's part: has a helper sum up the days that are due, and writes them down, some at a time. They are due until
all of them are there: nobody reads a day that is half written."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import asdict, replace

from opsmantik_box.domain.summary import Order, Summarised
from opsmantik_box.engine.jobs import Outcome, Turn
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.sql import load

SQL = load("summaries")
HELPER = "opsmantik_box.ops.summarising"
MOST = 500
"""Days or rows of one slice: a few milliseconds."""

Piece = TypeVar("Piece")


async def refresh_daily_summary(turn: Turn, arguments: dict[str, Any]) -> Outcome:
    """The days that changed; by hand with `all`, every day there is."""
    core, now = turn.core, turn.now()
    with core.minding(now):
        number = core.due.begin_round(everything=bool(arguments.get("all")))
    order, days = Order(str(core.folder.root), now, number), 0
    with core.minding(now):
        while (told := msgspec.convert(await turn.errand(HELPER, order), Summarised)).days:
            for _ in write_summary(core.ledger, told):
                await turn.pause()
            order, days = replace(order, after=told.days[-1]), days + len(told.days)
        end_round(core.ledger, number)
    return Outcome(f"{days} days are summed up.", {"days": days} if days else {})


def write_summary(ledger: Ledger, told: Summarised) -> Iterator[None]:
    """A slice at a time. Raises LedgerFull, LedgerPoisoned, Unavailable."""
    for site_id in told.sites:
        with ledger.transaction():
            ledger.db.execute(SQL["forget_site"], (site_id,))
        yield
    for days in _slices(told.days):
        with ledger.transaction():
            ledger.db.executemany(SQL["forget_day"], days)
        yield
    for rows in _slices(told.rows):
        with ledger.transaction():
            ledger.db.executemany(SQL["add_row"], [asdict(row) for row in rows])
        yield


def end_round(ledger: Ledger, number: int) -> None:
    """All that was due before the round `number` is written. Raises as `write_summary`."""
    with ledger.transaction():
        ledger.db.execute(SQL["forget_due"], (number,))


def _slices(what: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    return (what[start : start + MOST] for start in range(0, len(what), MOST))
