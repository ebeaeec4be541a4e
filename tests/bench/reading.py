"""How long reading takes on a Box with a year behind it, while signals come in: 20 sites, 12 months, 10,000,000 events."""

import http.client
import json
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from opsmantik_box.link.client import engine_for
from tests.bench import fill, load, traffic
from tests.bench.boxes import BenchmarkFailed, Box, data_folder, fill_folder, running_box, send
from tests.bench.results import Result

ZONE = ZoneInfo("Europe/Istanbul")
STORED = 0.93
"""What the day's re-sent signals leave of it."""
ROUNDS, WARM_UP, INGEST_RATE = 200, 50, 500.0
JOB_SEC = 30


class Year(NamedTuple):
    sites: int
    days: int
    events: int


FULL_YEAR, QUICK_YEAR = Year(20, 365, 10_000_000), Year(5, 40, 50_000)


def reading(year: Year, parent: Path, kept: Path | None) -> Iterator[Result]:
    """`kept`: a folder that holds such a year already, or shall keep it for the next time."""
    with ExitStack() as stack:
        data = kept or stack.enter_context(data_folder(parent))
        if not data.exists():
            fill_year(data, year)
        box = stack.enter_context(running_box(data))
        box.come_to_rest()
        reader = Reader(box, open_desk(data))
        if (source := reader.get(f"/sites/{reader.site()}/stats?{reader.year}")["source"]) != "summary":
            raise BenchmarkFailed(f"a year's report is {source}")
        yield from measured(box, reader)
        yield from beside_jobs(box, reader.desk)


def site_name(number: int) -> str:
    return f"site-{number:02}"


def fill_year(data: Path, year: Year) -> None:
    data.mkdir(mode=0o750, parents=True)
    with engine_for(data) as engine:
        for number in range(year.sites):
            engine.call("add_site", traffic.SITE | {"name": site_name(number)})
    fill_folder(fill.Order(data=str(data), seed=1, project=True, parts=list(parts_of(year))))


def parts_of(year: Year) -> Iterator[fill.Part]:
    """In the order of time: every day the same for every site; today ends now."""
    today = datetime.now(ZONE).date()
    days = [today - timedelta(days=back) for back in reversed(range(year.days))]
    signals = int(year.events / STORED / len(days) / year.sites)
    for day in days:
        midnight = int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp() * 1000)
        count = min(signals, so_far(midnight)) if day == today else signals
        for number in range(year.sites):
            yield fill.Part(signals=count, site=site_name(number), midnight=midnight, at_once=1)


def so_far(midnight: int) -> int:
    """Signals of the recorded day that would have come by now."""
    now = int(datetime.now(UTC).timestamp() * 1000) - midnight
    return sum(line.sent < now for line in traffic.read_day().lines)


class Desk(NamedTuple):
    """Who reads: a user's token for all sites but one; that one, whose signals come in meanwhile, with a token to send with. Were they
    sent to a site that is read, it would have thirty ordinary days in one after a minute."""

    token: str
    sites: list[str]
    busy: str
    sender: str


def open_desk(data: Path) -> Desk:
    with engine_for(data) as engine:
        sites = [site for site in engine.call("list_sites", {}) if site["name"].startswith("site-")]
        who = {"email": f"reader-{time.time_ns()}@bench.example"}
        engine.call("add_user", who)
        for site in sites:
            engine.call("grant", {"user": who["email"], "site": site["id"], "rights": "read"})
        token = engine.call("create_token", {"user": who["email"], "rights": "read"})["token"]
        busy = engine.call("add_site", traffic.SITE | {"name": f"busy-{time.time_ns()}"})["public_id"]
        sender = engine.call("create_token", {"site": busy, "name": "bench"})["token"]
        return Desk(token, [site["public_id"] for site in sites], busy, sender)


class Reader:
    """Asks over one connection, kept alive."""

    def __init__(self, box: Box, desk: Desk) -> None:
        self.desk, self._chance = desk, random.Random(7)
        self._headers = {"authorization": f"Bearer {desk.token}"}
        self._connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=30)

    def get(self, path: str) -> Any:
        self._connection.request("GET", f"/api/v1{path}", headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise BenchmarkFailed(f"{path} was answered {answer.status}: {body[:200]!r}")
        return json.loads(body)

    def site(self) -> str:
        return self._chance.choice(self.desk.sites)

    @cached_property
    def year(self) -> str:
        """The 365 days before today, as an address asks for them."""
        today = date.fromisoformat(self.get(f"/sites/{self.desk.sites[0]}/stats")["to"])
        return f"from={today - timedelta(days=365)}&to={today - timedelta(days=1)}"

    def visit(self) -> str:
        """The address of one of today's sessions of a site."""
        site = self.site()
        return f"/sites/{site}/sessions/{self._chance.choice(self.get(f'/sites/{site}/sessions?limit=50')['sessions'])['id']}"

    def time(self, path: Callable[[], str]) -> list[float]:
        """Milliseconds of each of many. Some of them once before, to warm up: a console asks again and again."""
        paths = [path() for _ in range(ROUNDS)]
        for one in paths[:WARM_UP]:
            self.get(one)
        spent: list[float] = []
        for one in paths:
            started = time.perf_counter()
            self.get(one)
            spent.append((time.perf_counter() - started) * 1000)
        return sorted(spent)


def measured(box: Box, reader: Reader) -> Iterator[Result]:
    asked = {
        "stats of a site today": ("read stats", lambda: f"/sites/{reader.site()}/stats"),
        "stats of all sites today": ("read all stats", lambda: "/stats"),
        "stats of a site's year": ("read year", lambda: f"/sites/{reader.site()}/stats?{reader.year}"),
        "intents, a page": ("read intents", lambda: f"/sites/{reader.site()}/intents"),
        "timeline of a session": ("read timeline", reader.visit),
    }
    order = ingest_for(60, box, reader.desk, seed=99)
    with ThreadPoolExecutor(1) as beside:
        ingest = beside.submit(send, order)
        time.sleep(1)
        for name, (target, path) in asked.items():
            spent = reader.time(path)
            p95 = spent[int(len(spent) * 0.95)]
            yield Result(name=name, target=target, value=p95, p50=median(spent), p99=spent[int(len(spent) * 0.99)],
                         note=f"p95 of {len(spent)}, while signals come in at {INGEST_RATE:.0f}/s")  # fmt: skip
        account = ingest.result()
    yield Result(name="ingest beside the reading", requests=account.per_second, signals=account.per_second,
                 p50=account.p50_ms, p99=account.p99_ms)  # fmt: skip


def ingest_for(seconds: int, box: Box, desk: Desk, seed: int) -> load.Order:
    """Signals at an even rate, for the site that is not read."""
    return load.Order(
        port=box.port, requests=int(INGEST_RATE * seconds), seed=seed, site=desk.busy, token=desk.sender, connections=32,
        rate=INGEST_RATE,
    )  # fmt: skip


def beside_jobs(box: Box, desk: Desk) -> Iterator[Result]:
    """What the hourly and the nightly job take, and what the nightly one does to signals that come in."""
    yield Result(name="hourly refresh", target="refresh", value=box.run_job("refresh_daily_summary"))
    quiet, audits = send(ingest_for(JOB_SEC, box, desk, seed=98)), list[float]()
    with ThreadPoolExecutor(1) as beside:
        ingest = beside.submit(send, ingest_for(JOB_SEC, box, desk, seed=97))
        while not ingest.done():
            audits.append(box.run_job("audit-data-integrity"))
        account = ingest.result()
    yield Result(name="nightly audit", target="audit", value=max(audits))
    yield Result(name="ingest beside the audit", target="ingest beside audit", value=account.p99_ms / quiet.p99_ms, p50=account.p50_ms,
                 p99=account.p99_ms, note=f"{len(audits)} audits one after the other; without: p99 {quiet.p99_ms:.1f} ms")  # fmt: skip
