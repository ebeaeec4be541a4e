"""The daily summary is what the report counts, for every day of a random year, whatever came late, was judged or was a robot."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from opsmantik_box.clock import system_clock
from opsmantik_box.domain.days import days_of_range
from opsmantik_box.domain.summary import Order, Reached, Summarised, SummaryRow
from opsmantik_box.engine.summaries import reached_of, write_summary
from opsmantik_box.ops.report import stats
from opsmantik_box.ops.summarising import Summary, run
from tests.harness import Box
from tests.integration.engine_kit import DAY, NOON, Engine, engine, rows
from tests.months import turn_months

ZONE = "Europe/Istanbul"
ROBOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
LINE = "tel:+902125550142"
URLS = (
    "https://antika.example/", "https://antika.example/?gclid=EAIaIQ", "https://antika.example/?utm_source=google&utm_medium=cpc",
    "https://antika.example/?utm_source=bing&utm_medium=cpc",
)  # fmt: skip


def refresh(data: Path, now: int, since: Reached | None, also_from: int | None = None) -> Summarised:
    """As the helper does; nobody else has the files open."""
    return run(Order(str(data), now, since, also_from), lambda _: None)


def kept(data: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(data / "ledger.db")) as ledger:
        ledger.row_factory = sqlite3.Row
        return [dict(row) for row in ledger.execute("select * from daily_summary order by day, traffic_source, device_type")]


def write(data: Path, told: Summarised, now: int) -> None:
    with engine(data, now) as made, made.core.ledger.transaction():
        write_summary(made.core.ledger, told)


class Life:
    """Visits of a year, at random; what happens to them later, too."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.sids: list[tuple[str, int]] = []

    def visit(self, made: Engine) -> None:
        """Now, or told only now by a phone that was offline for up to three days."""
        chance, sid = self.chance, f"visitor {len(self.sids)}"
        late = chance.choice([0, 0, 0, 600_000, 3 * DAY])
        agent = {"user_agent": ROBOT} if chance.random() < 0.1 else {}
        internal = {"meta": {"internal": 1}} if chance.random() < 0.1 else {}
        told: dict[str, Any] = {"sid": sid, "u": chance.choice(URLS), "at": made.now - late, **agent, **internal}
        made.send(**told)
        self.sids.append((sid, made.now - late))
        if chance.random() < 0.4:
            link = chance.choice([LINE, "https://wa.me/905321112233"])
            made.send(**told | {"ec": "conversion", "ea": chance.choice(["phone_call", "whatsapp"]), "el": link, "at": made.now})

    def come_back(self, made: Engine) -> None:
        """Something of an earlier visit, from before it was known to begin: its day may move."""
        sid, at = self.chance.choice(self.sids[-20:])
        made.send(sid=sid, at=max(made.now - 20 * DAY, at - self.chance.choice([60_000, DAY])), u=URLS[0])

    def judge(self, made: Engine) -> None:
        calls = [row["id"] for row in made.calls()[-30:]]
        if calls:
            judged = self.chance.choice(calls), self.chance.choice(["real", "junk", "confirmed"])
            with made.core.ledger.transaction():
                made.core.ledger.db.execute("update calls set status = ?2 where id = ?1", judged)
                insert = "insert into verdicts (site_id, call_id, at, to_status) values (1, ?, ?, ?)"
                made.core.ledger.db.execute(insert, (judged[0], made.now, judged[1]))


def check(data: Path, days: list[str], now: int) -> None:
    by_day: dict[str, list[dict[str, Any]]] = {}
    for row in kept(data):
        by_day.setdefault(row["day"], []).append(row)
    for day in days:
        mine, live = by_day.pop(day, []), stats(data, "antika", day, day, "all", now)
        total = {name: sum(row[name] for row in mine) for name in ("sessions", "intents", "sealed", "bots", "internal", "bounces")}
        told = {name: live["all"][name] for name in ("sessions", "intents", "sealed")}
        told |= {name: live[name]["sessions"] for name in ("bots", "internal")}
        told["bounces"] = round((live["bounce_rate"] or 0) * live["all"]["sessions"])
        assert total == told, day
        seconds = sum(row["total_duration_sec"] for row in mine) / max(1, total["sessions"])
        assert seconds == pytest.approx(live["avg_duration_sec"] or 0, abs=0.06), day
        for name, split in (("traffic_source", "by_source"), ("device_type", "by_device")):
            counted = Counter[str]()
            for row in mine:
                counted[row[name] or "unknown"] += row["sessions"]
            assert +counted == Counter(live[split]), (day, split)
    assert by_day == {}, "days that are no days of this year"


@pytest.mark.parametrize("seed", [1, 2])
def test_summary_and_live_are_the_same_for_every_day_of_a_random_year(tmp_path: Path, seed: int) -> None:
    """Refreshed again and again on the way, each time only what changed."""
    data, life, since, now = tmp_path / "data", Life(seed), None, NOON
    for _ in range(24):
        with engine(data, now) as made:
            for _ in range(12):
                made.now += life.chance.randrange(2 * 3_600_000, 3 * DAY // 2)
                life.visit(made)
                life.chance.choice([life.come_back, life.judge, life.judge, life.visit])(made)
            made.catch_up()
            turn_months(made.core, made.now)
            now = made.now
        told = refresh(data, now, since)
        write(data, told, now)
        since = told.reached
    days = days_of_range("2026-10-10", "2027-11-30")
    check(data, days, now)
    assert len({row["day"] for row in kept(data)}) > 150
    whole = refresh(data, now, None)
    assert sorted(map(str, whole.rows)) == sorted(str(row) for row in refresh(data, now, Reached(0, 0, 0), 0).rows)
    before = kept(data)
    write(data, whole, now)
    assert kept(data) == before


def test_only_days_that_changed_are_summed_up(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with engine(data) as made:
        for number in range(10):
            made.now = NOON + number * DAY
            made.send(sid=f"visitor {number}")
        made.catch_up()
        now = made.now
    first = refresh(data, now, None)
    assert len(first.days) == 10
    assert refresh(data, now, first.reached).days == []
    with engine(data, now) as made:
        made.send(sid="visitor 9", at=now - 2 * 3_600_000)
        made.send(sid="visitor 99")
        made.catch_up()
    assert refresh(data, now, first.reached).days == [(1, "2026-11-14")]
    assert [day for _, day in refresh(data, now, first.reached, now - 2 * DAY).days] == ["2026-11-12", "2026-11-13", "2026-11-14"]


def test_what_is_not_in_its_month_file_yet_is_not_reached(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = Engine(data)
    made.send(sid="visitor 1")
    made.catch_up()
    made.send(sid="visitor 2")
    made.vault.close()
    made.core.months.close()
    made.core.ledger.close()
    made.core.folder.release()  # it ended before it was projected
    told = refresh(data, NOON, None)
    assert (told.reached.seq, sum(row.sessions for row in told.rows)) == (1, 1)


class Meanwhile(Summary):
    """Something comes in while it looks at a day."""

    meanwhile: Callable[[], object]

    def sum_up(self, site_id: int, day: str) -> list[SummaryRow]:
        self.meanwhile()
        return super().sum_up(site_id, day)


def test_what_comes_while_it_looks_is_neither_lost_nor_wrong(tmp_path: Path) -> None:
    with Box(tmp_path / "data") as box:
        box.run_job("refresh_daily_summary")
        with Summary(Order(str(box.data), NOON, None)) as summary:
            site = box.add_site()["public_id"]
            box.send(site)
            box.wait_projected()
            assert summary.reached().seq == 0, "or the day of a site it does not know would never be summed up"
        box.run_job("refresh_daily_summary")
        with Meanwhile(Order(str(box.data), system_clock(), None)) as looking:
            looking.meanwhile = lambda: (box.send(site, sid=str(uuid4())), box.wait_projected())
            assert list(looking.differing(0)) == [(1, [], 0)]


def test_the_job_keeps_it_and_the_view_tells_it(tmp_path: Path) -> None:
    with Box(tmp_path / "data") as box:
        site = box.add_site()["public_id"]
        for number in range(4):
            box.send(site, sid=f"5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a1{number}", u=URLS[1])
        box.wait_projected()
        told = box.run_job("refresh_daily_summary")
        assert told["result"].endswith("days are summed up, to signal 4.")  # none, where the job has come by itself before
        asked = "select date, traffic_source, total_sessions, bounce_rate from mv_daily_analytics_summary"
        (row,) = ask(box, asked)
        assert row[1:] == ("First Click (Paid)", 4, 1.0)


def ask(box: Box, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{box.data / 'ledger.db'}?mode=ro", uri=True)) as ledger:
        return ledger.execute(sql).fetchall()


def test_how_far_it_is_survives(tmp_path: Path) -> None:
    with engine(tmp_path / "data") as made:
        assert reached_of(made.core.ledger) is None
        with made.core.ledger.transaction():
            write_summary(made.core.ledger, Summarised([], [], Reached(7, 3, 9)))
        assert reached_of(made.core.ledger) == Reached(7, 3, 9)
        assert rows(made.core.ledger.db, "select * from daily_summary") == []
