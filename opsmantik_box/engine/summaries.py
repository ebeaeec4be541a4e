"""The daily summary, the engine's part: has a helper sum up the days that changed, and writes them down. One commit a refresh: what the
summary says it has reached, it has."""

from typing import Any

import msgspec
from msgspec.structs import asdict

from opsmantik_box.domain.schedules import DAY_MS
from opsmantik_box.domain.summary import LOOKED_BACK, Order, Reached, Summarised
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.jobs import Outcome, Turn
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.sql import load

SQL = load("summaries")
HELPER = "opsmantik_box.ops.summarising"


async def refresh_daily_summary(turn: Turn, arguments: dict[str, Any]) -> Outcome:
    """The days that changed; by hand with `all`, every day there is. At the first refresh of a day (UTC) the last forty as well."""
    ledger, now = turn.core.ledger, turn.now()
    since = None if arguments.get("all") else reached_of(ledger)
    is_first = since is not None and since.at // DAY_MS != now // DAY_MS
    order = Order(str(turn.core.folder.root), now, since, now - LOOKED_BACK * DAY_MS if is_first else None)
    told = msgspec.convert(await turn.errand(HELPER, order), Summarised)
    with turn.core.minding(now), ledger.transaction():
        write_summary(ledger, told)
    return Outcome(
        f"{len(told.days)} days are summed up, to signal {told.reached.seq}.", {"days": len(told.days)} if told.days else {}
    )


def reached_of(ledger: Ledger) -> Reached | None:
    """None before the first refresh."""
    row = next(iter(all_rows(ledger.db, SQL["read_state"])), None)
    return Reached(*row) if row else None


def write_summary(ledger: Ledger, told: Summarised) -> None:
    """In the caller's transaction."""
    ledger.db.executemany(SQL["forget_day"], told.days)
    ledger.db.executemany(SQL["add_row"], [asdict(row) for row in told.rows])
    ledger.db.execute(SQL["save_state"], asdict(told.reached))
