"""The job `optimize`: the planner's statistics of files that are written to, within its time, and no row of anybody in them."""

import asyncio
from pathlib import Path

from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.engine.jobs import Outcome, Turn
from opsmantik_box.engine.optimizing import LIMIT, optimize
from opsmantik_box.engine.service import Service
from opsmantik_box.engine.waiting import Bounds
from tests.harness import Box
from tests.integration.engine_kit import Engine, engine, rows

SIGNALS = 3_000


def run(made: Engine) -> Outcome:
    service = Service(made.core, made.vault, lambda: made.now, RateLimits(), Bounds())
    return asyncio.run(optimize(Turn(service, lambda _: None), {}))


def test_the_planner_knows_the_rows_and_nobody_is_in_what_it_knows(tmp_path: Path) -> None:
    with engine(tmp_path / "data") as made:
        for number in range(SIGNALS):
            made.send(sid=f"visitor {number % 500}")
        made.catch_up()
        (file,) = made.core.months.files()
        told = run(made)
        for db in (made.core.ledger.db, file.db):
            assert rows(db, "select count(*) as many from sqlite_stat4") == [{"many": 0}], "rows as they are would be in it"
        known = {
            row["tbl"]: row["stat"] for row in rows(file.db, "select tbl, stat from sqlite_stat1 where idx = 'events_by_time'")
        }
        assert abs(int(known["events"].split()[0]) - SIGNALS) < SIGNALS, "about right, of a few hundred rows"
        assert LIMIT < SIGNALS
        assert (made.core.ledger.wal.pages, file.wal.pages) == (0, 0)
        assert told.details["files"] == 2
        assert told.details["longest_ms"] < 500, "each file is one slice of the loop"


def test_it_is_listed_and_started_by_hand(tmp_path: Path) -> None:
    with Box(tmp_path / "data") as box:
        told = box.run_job("optimize")
        assert (told["outcome"], "files, the longest took" in told["result"]) == ("done", True)
