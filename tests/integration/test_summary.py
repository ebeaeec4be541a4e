"""The daily summary is what the report counts, for every day of a random year, whatever came late, was judged or was a robot."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from opsmantik_box.domain.days import day_of, days_of_range
from opsmantik_box.domain.report import SCOPES
from opsmantik_box.domain.summary import Order, Summarised, SummaryRow
from opsmantik_box.engine.summaries import end_round, write_summary
from opsmantik_box.ops.report import stats
from opsmantik_box.ops.summarising import Summary, run
from tests.harness import Box
from tests.integration.engine_kit import DAY, NOON, Engine, engine
from tests.months import turn_months

ZONE = "Europe/Istanbul"
LONG_AFTER = NOON + 40 * DAY
ROBOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
LINE = "tel:+902125550142"
URLS = (
    "https://antika.example/", "https://antika.example/?gclid=EAIaIQ", "https://antika.example/?utm_source=google&utm_medium=cpc",
    "https://antika.example/?utm_source=bing&utm_medium=cpc",
)  # fmt: skip


def refresh(data: Path, now: int, *, everything: bool = False) -> Summarised:
    """As the job does it; nobody else has the files open."""
    with engine(data, now) as made:
        number = made.core.due.begin_round(everything=everything)
    told = run(Order(str(data), number), lambda _: None)
    with engine(data, now) as made:
        for _ in write_summary(made.core.ledger, told):
            pass
        end_round(made.core.ledger, number)
    return told


def kept(data: Path) -> list[tuple[Any, ...]]:
    return ask(data, "select * from daily_counts order by site_id, day, attribution_rank, device_type, is_bot, is_internal")


def ask(data: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{data / 'ledger.db'}?mode=ro", uri=True)) as ledger:
        return ledger.execute(sql).fetchall()


def change(data: Path, sql: str) -> None:
    with closing(sqlite3.connect(data / "ledger.db", isolation_level=None)) as ledger:
        ledger.execute(sql)


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


def reports(data: Path, spans: list[tuple[str, str]], now: int) -> list[dict[str, Any]]:
    """Of each span of days, for all scopes in turn, with everything that can be told."""
    scopes = cycle(SCOPES)
    return [stats(data, "antika", first, last, next(scopes), now, details=True) for first, last in spans]


def sources(found: list[dict[str, Any]]) -> set[str]:
    """Takes them out of the reports."""
    return {report.pop("source") for report in found}


def live_reports(data: Path, spans: list[tuple[str, str]], now: int) -> list[dict[str, Any]]:
    """As if nothing had been summed up."""
    change(data, "insert into days_due values (1, 0, 0)")
    found = reports(data, spans, now)
    change(data, "delete from days_due where quarter = 0")
    assert sources(found) == {"live"}
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_summary_and_live_are_the_same_for_every_day_and_range_of_a_random_year(tmp_path: Path, seed: int) -> None:
    """Refreshed again and again on the way, each time only what changed; at the end some days are due again."""
    data, life, now = tmp_path / "data", Life(seed), NOON
    for _ in range(24):
        with engine(data, now) as made:
            for _ in range(12):
                made.now += life.chance.randrange(2 * 3_600_000, 3 * DAY // 2)
                life.visit(made)
                life.chance.choice([life.come_back, life.judge, life.judge, life.visit])(made)
            made.catch_up()
            turn_months(made.core, made.now)
            now = made.now
        refresh(data, now)
    days = days_of_range("2026-10-10", day_of(now, ZONE))
    ranges = [sorted(life.chance.sample(days, 2)) for _ in range(60)]
    spans = [(day, day) for day in days] + [(first, last) for first, last in ranges]
    summed = reports(data, spans, now)
    assert [report["source"] for report in summed[: len(days)]] == ["summary"] * (len(days) - 1) + ["live"]
    sources(summed)
    assert summed == live_reports(data, spans, now)
    with engine(data, now) as made:
        for _ in range(5):
            life.come_back(made)
            life.judge(made)
        made.catch_up()
    changed = spans[-90:]
    mixed = reports(data, changed, now)
    assert sources(mixed) == {"summary", "mixed", "live"}
    assert mixed == live_reports(data, changed, now)
    check_whole(data, now)


def check_whole(data: Path, now: int) -> None:
    """What was kept by what changed is what is found when everything is looked at; and the view tells the same."""
    refresh(data, now)
    before = kept(data)
    assert len({row[1] for row in before}) > 150
    refresh(data, now, everything=True)
    assert kept(data) == before
    first, last = before[0][1], before[-1][1]
    told = stats(data, "antika", first, last, "all", now, details=True)
    ((sessions, intents, bots, internal, seconds),) = ask(
        data, "select sum(sessions), sum(intents), sum(bots), sum(internal), sum(total_duration_sec) from daily_summary"
    )
    assert (sessions, intents) == (told["all"]["sessions"], told["all"]["intents"])
    assert (bots, internal) == (told["bots"]["sessions"], told["internal"]["sessions"])
    assert seconds / sessions == pytest.approx(told["avg_duration_sec"], abs=0.06)


def test_a_long_report_tells_what_is_counted_session_by_session_on_demand(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with engine(data) as made:
        for number in range(3):
            made.now = NOON + number * 20 * DAY
            made.send(sid=f"visitor {number}", u=URLS[1], meta={"fp": "fp_0123456789abcdef"})
        made.catch_up()
        now = made.now + DAY
    refresh(data, now)
    short, details = (stats(data, "antika", "2026-11-01", "2026-12-31", "ads", now, details=details) for details in (False, True))
    each = {"by_campaign", "by_keyword", "by_landing_page", "by_button"}
    assert {name for name, told in short.items() if told is None} == each
    assert (short["ads"].pop("visitors"), details["ads"].pop("visitors")) == (None, 1)
    assert short["ads"] == details["ads"] | {"sessions": 3, "with_click": 3}
    assert short["reconciliation"]["buckets"]["reopened_clicks"] == "unknown"
    assert details["reconciliation"]["buckets"]["reopened_clicks"] == 2
    assert short["source"] == "mixed", "it ends with today"


def test_many_days_are_summed_up_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsmantik_box.ops.summarising.MOST_DAYS", 4)
    data = tmp_path / "data"
    with engine(data) as made:
        for number in range(10):
            made.now = NOON + number * DAY
            made.send(sid=f"visitor {number}")
        made.catch_up()
        number, found = made.core.due.begin_round(everything=True), list[int]()
        order = Order(str(data), number)
        while (told := run(order, lambda _: None)).days:
            found.append(len(told.days))
            assert told.sites == ([1] if len(found) == 1 else [])
            order = replace(order, after=told.days[-1])
    assert found == [4, 4, 2]


@pytest.mark.parametrize("everything", [True, False])
def test_a_refresh_that_is_cut_off_between_any_two_commits_is_made_whole_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, everything: bool
) -> None:
    """Until then what it was at is read live: no half of a day is told."""
    monkeypatch.setattr("opsmantik_box.engine.summaries.MOST", 2)
    data, life, now = tmp_path / "data", Life(7), NOON
    for _ in range(2):
        if life.sids:
            refresh(data, now)
        with engine(data, now) as made:
            for _ in range(6):
                made.now += DAY // 2
                life.visit(made)
                life.visit(made)
            made.catch_up()
            now = made.now + DAY
            number = made.core.due.begin_round(everything=everything)
    told = run(Order(str(data), number), lambda _: None)
    days, now = days_of_range("2026-11-01", "2026-11-15"), LONG_AFTER
    spans = [(day, day) for day in days] + [(days[0], days[-1])]
    whole = reports(data, spans, now)
    assert sources(whole) == ({"live"} if everything else {"live", "summary", "mixed"})
    commits = len(slices_of(data, told, tmp_path / "all of them", None))
    assert commits > 8
    for some in range(commits + 1):
        cut_off = tmp_path / f"cut off after {some}"
        slices_of(data, told, cut_off, some)
        found = reports(cut_off, spans, now)
        assert (sources(found), found) == ({"live"} if everything else {"live", "summary", "mixed"}, whole), some
        refresh(cut_off, now)
        found = reports(cut_off, spans, now)
        assert (sources(found), found) == ({"summary"}, whole), some


def slices_of(data: Path, told: Summarised, copy: Path, some: int | None) -> list[None]:
    """A copy of a Box, with so many of the commits of a summary and then none."""
    shutil.copytree(data, copy)
    with engine(copy, LONG_AFTER) as made:
        return list(islice(write_summary(made.core.ledger, told), some))


def test_a_site_that_is_given_another_zone_is_summed_up_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with engine(data) as made:
        made.send(sid="visitor 1", at=NOON - 14 * 3_600_000)  # 2026-11-05 01:00 in Istanbul, a day earlier in New York
        made.catch_up()
    refresh(data, NOON + 3 * DAY)
    assert [row[1] for row in kept(data)] == ["2026-11-05"]
    change(data, "update sites set timezone = 'America/New_York'")
    assert stats(data, "antika", "2026-11-04", "2026-11-04", "all", NOON + 3 * DAY)["source"] == "live"
    refresh(data, NOON + 3 * DAY)
    assert [row[1] for row in kept(data)] == ["2026-11-04"]
    assert stats(data, "antika", "2026-11-04", "2026-11-04", "all", NOON + 3 * DAY)["source"] == "summary"


def test_only_days_that_changed_are_summed_up(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with engine(data) as made:
        for number in range(10):
            made.now = NOON + number * DAY
            made.send(sid=f"visitor {number}")
        made.catch_up()
        now = made.now
    assert len(refresh(data, now).days) == 10
    assert refresh(data, now).days == []
    with engine(data, now) as made:
        made.send(sid="visitor 9", at=now - 2 * 3_600_000)
        made.send(sid="visitor 99")
        made.send(sid="visitor 3", at=now - 3 * DAY)
        made.catch_up()
    assert refresh(data, now).days == [(1, f"2026-11-{day}") for day in ("08", "09", "10", "11", "14")], (
        "each day that a visit touches"
    )
    assert len(refresh(data, now - 3 * DAY, everything=True).days) == 10, "whatever the clock says"


def test_what_is_not_in_its_month_file_yet_is_due_when_it_comes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = Engine(data)
    made.send(sid="visitor 1")
    made.catch_up()
    made.send(sid="visitor 2")
    number = made.core.due.begin_round(everything=False)
    told = run(Order(str(data), number), lambda _: None)
    made.catch_up()  # while the helper looked
    for _ in write_summary(made.core.ledger, told):
        pass
    end_round(made.core.ledger, number)
    made.close()
    assert sum(row[7] for row in kept(data)) == 1
    assert refresh(data, NOON).days == [(1, "2026-11-05")]
    assert sum(row[7] for row in kept(data)) == 2


class Meanwhile(Summary):
    """Something comes in while it looks at a day."""

    meanwhile: Callable[[], object]

    def sum_up(self, site_id: int, day: str) -> list[SummaryRow]:
        self.meanwhile()
        return super().sum_up(site_id, day)


def test_what_comes_while_it_looks_is_neither_lost_nor_wrong(tmp_path: Path) -> None:
    with Box(tmp_path / "data") as box:
        box.run_job("refresh_daily_summary")
        with Summary(Order(str(box.data), 0)) as summary:
            site = box.add_site()["public_id"]
            box.send(site)
            box.wait_projected()
            assert summary.due(1 << 62) == ([], []), "it does not know the site"
        box.run_job("refresh_daily_summary")
        assert ask(box.data, "select sum(sessions) from daily_counts") == [(1,)]
        with Meanwhile(Order(str(box.data), 0)) as looking:
            looking.meanwhile = lambda: (box.send(site, sid=str(uuid4())), box.wait_projected())
            assert list(looking.differing(0)) == [(1, [], 0)]


def test_the_job_keeps_it_and_the_view_tells_it(tmp_path: Path) -> None:
    with Box(tmp_path / "data") as box:
        site = box.add_site()["public_id"]
        for number in range(4):
            box.send(site, sid=f"5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a1{number}", u=URLS[1])
        box.wait_projected()
        told = box.run_job("refresh_daily_summary")
        assert told["result"].endswith("days are summed up.")  # none, where the job has come by itself before
        asked = "select date, traffic_source, total_sessions, bounce_rate from mv_daily_analytics_summary"
        (row,) = ask(box.data, asked)
        assert row[1:] == ("First Click (Paid)", 4, 1.0)
