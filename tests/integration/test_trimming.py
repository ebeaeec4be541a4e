"""Events whose days are over, in a running Box: its own backup makes a month safe, its own job trims it, its audits find nothing wrong."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from opsmantik_box.clock import system_clock
from opsmantik_box.domain.months import closes_at, month_of, previous_month
from opsmantik_box.errors import BoxError
from tests.harness import Box, run_cli
from tests.integration.engine_kit import DAY, engine

VISITS = 30
TAP = {"ea": "phone_call", "ec": "conversion", "el": "tel:+902125550142"}


def count(data: Path, month: str) -> tuple[int, int, int]:
    """Sessions and events of a month's file, and signals of the ledger."""
    with closing(sqlite3.connect(f"file:{data}/months/{month}.db?mode=ro", uri=True)) as db:
        sessions, events = db.execute("select (select count(*) from sessions), (select count(*) from events)").fetchone()
    with closing(sqlite3.connect(f"file:{data}/ledger.db?mode=ro", uri=True)) as db:
        return sessions, events, db.execute("select count(*) from signals").fetchone()[0]


def state_of(data: Path, month: str) -> tuple[str, bool]:
    with closing(sqlite3.connect(f"file:{data}/ledger.db?mode=ro", uri=True)) as db:
        return db.execute("select state, sha256 is not null from partitions where month = ?", (month,)).fetchone()


def test_a_month_goes_after_the_boxs_own_backup_of_it_and_can_be_restored_whole(tmp_path: Path) -> None:
    data, place, month = tmp_path / "data", tmp_path / "place", month_of(system_clock())
    for _ in range(6):
        month = previous_month(month)
    with engine(data, closes_at(month) - 50 * DAY) as old:
        old.core.make_month(month, old.now)
        for number in range(VISITS):
            fields = TAP if number % 3 == 0 else {}
            old.send(sid=f"visitor {number}", sm=f"{month}-01", **fields)
        old.catch_up()
    place.mkdir()
    box = Box(data, env={"OPSMANTIK_BACKUP_FOLDER": str(place)})
    with box:
        while state_of(data, month) != ("closed", 1):
            box.run_job("close_month")
        told = box.run_job("retention")
        assert f"Events of {month} wait for a verified backup." in told["result"]
        assert count(data, month) == (VISITS, VISITS, VISITS)
        assert box.run_job("backup")["outcome"] == "done"
        box.run_job("retention")
        assert count(data, month) == (VISITS, 0, 0)
        while state_of(data, month) != ("closed", 1):
            box.run_job("close_month")
        done = box.cli("verify")
        assert done.returncode == 0, done.stdout
        with pytest.raises(BoxError, match="cannot be folded again"):
            box.call("rebuild_month", month=month)
    back = run_cli("restore", tmp_path / "back", "--from", place)
    assert back.returncode == 0, back.stderr
    assert count(tmp_path / "back", month) == (VISITS, VISITS, VISITS), "what was deleted is in the backup of before"
