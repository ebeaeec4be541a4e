"""Partitions kept by a running Box: made ahead, closed and sealed one a minute; seen and started over HTTP and at the command line."""

import json
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.clock import system_clock
from opsmantik_box.disk import sha256_of
from opsmantik_box.domain.months import closes_at, month_of, next_month, partition_names, previous_month
from tests.harness import Box, fetch, wait_until
from tests.integration.engine_kit import DAY, engine

SECRET = "a-secret-of-the-cron-job"
MONTHS = 5


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A Box with a cron secret and two sites."""
    with Box(tmp_path_factory.mktemp("keeper") / "data", env={"OPSMANTIK_CRON_SECRET": SECRET}) as running:
        running.add_site("antika")
        running.add_site("hali")
        yield running


def maintain(box: Box, secret: str | None, method: str = "POST") -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
    status, _, body = fetch(f"{box.url}/api/maintain-db", None if method == "GET" else b"", headers, method)
    return status, json.loads(body)


def coming() -> tuple[str, str]:
    return partition_names(next_month(month_of(system_clock())))


# --- asked for ----------------------------------------------------------------------------------------------------------------------


def test_maintain_db_answers_what_there_is_by_partition_name(keeper: Box) -> None:
    status, told = maintain(keeper, SECRET)
    assert status == 200
    assert set(coming()) <= set(told["partitions"])
    assert told["partitions"][coming()[0]]["state"] == "open"
    assert f"Next month ready: {', '.join(coming())}, made" in told["next_month"]
    assert told["made"] == [], "the start has made it"


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], SECRET + "x", "\udcff"])
def test_maintain_db_is_refused_without_the_secret(keeper: Box, secret: str | None) -> None:
    assert maintain(keeper, secret if secret != "\udcff" else "ÿ" * 30)[0] == 401


def test_a_users_token_is_no_cron_secret_and_the_cron_secret_opens_nothing_else(keeper: Box) -> None:
    assert maintain(keeper, keeper.token("antika", "hali", rights="admin"))[0] == 403
    for path in ("/api/v1/sites", "/api/v1/jobs", "/api/stream"):
        assert fetch(f"{keeper.url}{path}", headers={"Authorization": f"Bearer {SECRET}"})[0] == 403


def test_maintain_db_wants_a_post(keeper: Box) -> None:
    assert maintain(keeper, SECRET, "GET")[0] == 405


def test_without_a_secret_nobody_maintains(box: Box) -> None:
    assert maintain(box, "")[0] == maintain(box, "x" * 20)[0] == 401


# --- jobs -------------------------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_and_started_by_who_is_admin_of_every_site(keeper: Box) -> None:
    token = keeper.token("antika", "hali", rights="admin")
    listed = keeper.get("/api/v1/jobs", token)
    assert {"create_next_month_partitions", "close_month", "expire_tokens"} <= {one["name"] for one in listed["jobs"]}
    assert listed["next_month"].startswith("Next month ready: ")
    status, _, body = fetch(f"{keeper.url}/api/v1/jobs/create_next_month_partitions/run", {}, {"Authorization": f"Bearer {token}"})
    assert status == 202
    assert json.loads(body)["name"] == "create_next_month_partitions"


def test_jobs_are_nobodys_who_is_not_admin_of_every_site(keeper: Box) -> None:
    token = keeper.token("antika", rights="admin")
    assert fetch(f"{keeper.url}/api/v1/jobs", headers={"Authorization": f"Bearer {token}"})[0] == 403
    assert fetch(f"{keeper.url}/api/v1/jobs/close_month/run", {}, {"Authorization": f"Bearer {token}"})[0] == 403


def test_jobs_at_the_command_line(keeper: Box) -> None:
    listed = keeper.cli("jobs", "list").stdout
    assert "create_next_month_partitions" in listed
    assert f"Next month ready: {', '.join(coming())}" in listed
    done = keeper.cli("jobs", "run", "create_next_month_partitions")
    assert (done.returncode, "Next month ready" in done.stdout) == (0, True)
    told = keeper.run_job("close_month")
    assert (told["outcome"], told["running"]) == ("done", False)
    missing = keeper.cli("jobs", "run", "sweep")
    assert (missing.returncode, "jobs list" in missing.stderr) == (1, True)


def test_a_job_runs_at_the_command_line_also_without_the_service(tmp_path: Path) -> None:
    with engine(tmp_path / "data", system_clock()):
        pass
    box = Box(tmp_path / "data")
    assert "Next month ready" in box.cli("jobs", "run", "create_next_month_partitions").stdout


# --- months that are over -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def after_a_long_sleep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Five months that were open when the Box was stopped, and are long over now."""
    data, months = tmp_path_factory.mktemp("sleeper") / "data", [previous_month(month_of(system_clock()))]
    while len(months) < 2 + MONTHS:
        months.append(previous_month(months[-1]))
    with engine(data, closes_at(months[-1]) - 60 * DAY) as old:
        for month in reversed(months[2:]):
            old.now = closes_at(month) - 50 * DAY
            old.core.make_month(month, old.now)
            for number in range(3):
                old.send(sid=f"session {number} of {month}", sm=f"{month}-01")
        old.catch_up()
    box = Box(data)
    box.env["OPSMANTIK_TEST_CLOCK"] = str(box.shift)
    with box:
        yield box


def partitions(box: Box) -> list[tuple[str, str, int | None, str | None]]:
    with sqlite3.connect(f"file:{box.data / 'ledger.db'}?mode=ro", uri=True) as ledger:
        return ledger.execute("select month, state, rows, sha256 from partitions order by month").fetchall()


def sealed(box: Box) -> int:
    return sum(sha256 is not None for _, _, _, sha256 in partitions(box))


def test_months_that_are_over_are_closed_one_a_minute(after_a_long_sleep: Box) -> None:
    box = after_a_long_sleep
    assert box.process is not None
    site = box.call("list_sites")[0]["public_id"]
    for count in range(1, MONTHS + 1):
        wait_until(lambda count=count: sealed(box) == count, f"{count} months sealed", box.process, box.log)
        assert box.send(site, sid=f"visitor {count}")["status"] == "synced"
        box.shift.write_text(str(count * 61_000))
    assert [state for _, state, _, _ in partitions(box)].count("closed") == MONTHS


def test_a_sealed_month_is_what_the_ledger_says_and_cannot_be_written(after_a_long_sleep: Box) -> None:
    box = after_a_long_sleep
    month, _, count, sha256 = next(one for one in partitions(box) if one[1] == "closed")
    file = box.data / "months" / f"{month}.db"
    assert count == 3 + 3
    assert sha256_of(file) == sha256
    assert stat.S_IMODE(file.stat().st_mode) == 0o440
    assert not list(file.parent.glob(f"{month}.db-*"))
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        assert database.execute("pragma journal_mode").fetchone() == ("delete",)


def test_a_sealed_month_is_still_read(after_a_long_sleep: Box) -> None:
    box = after_a_long_sleep
    site = box.call("list_sites")[0]
    month = next(one[0] for one in partitions(box) if one[1] == "closed")
    listed = box.get(
        f"/api/v1/sites/{site['public_id']}/sessions?from={month}-01&to={next_month(next_month(month))}-28", box.token("antika")
    )
    assert len(listed["sessions"]) >= 3
