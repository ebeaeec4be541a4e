"""Builds a real data folder for tests of reading: the migrations' own SQL, run by Python's SQLite, and rows put in directly."""

import asyncio
import json
import sqlite3
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from opsmantik_box.domain.attribution import NAMES, Rank
from opsmantik_box.domain.days import Days
from opsmantik_box.domain.months import month_of, month_start, next_month, partition_names
from opsmantik_box.domain.summary import QUARTER_MS
from opsmantik_box.gateway.reads import Reads
from opsmantik_box.ops.report import stats
from opsmantik_box.resources import resource

PHONE = {"source": "click", "intent_action": "phone"}
WHATSAPP = {"source": "click", "intent_action": "whatsapp"}
FORM = {"source": "form", "intent_action": "form"}
NOON = 1_793_880_000_000  # 2026-11-05 12:00 UTC
Answer = TypeVar("Answer")


def new_id() -> str:
    return str(uuid.uuid4())


class Folder:
    """DATA with a ledger and month files in WAL mode. Its own connections stay open, as the engine's do: `close()` at the end."""

    def __init__(self, data: Path) -> None:
        self.data = data
        (data / "months").mkdir(parents=True)
        self.ledger = self._make(data / "ledger.db", "ledger")
        self.months: dict[str, sqlite3.Connection] = {}
        self._seq = 0
        self._calls = 0

    def _make(self, file: Path, kind: str) -> sqlite3.Connection:
        database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = off")
        for migration in sorted(resource("migrations", kind).glob("*.sql")):
            database.executescript(migration.read_text())
        return database

    def close(self) -> None:
        for database in (self.ledger, *self.months.values()):
            database.close()

    def names(self) -> list[tuple[str, str]]:
        """As link.months announces them."""
        return [(month, f"{month}.db") for month in sorted(self.months)]

    def month(self, month: str) -> sqlite3.Connection:
        if month not in self.months:
            self.months[month] = self._make(self.data / "months" / f"{month}.db", "month")
            self._insert(
                self.ledger,
                "partitions",
                month=month,
                sessions_name=partition_names(month)[0],
                events_name=partition_names(month)[1],
                file=f"{month}.db",
                made_at=month_start(month),
            )
        return self.months[month]

    def site(self, name: str, timezone: str = "Europe/Istanbul", **more: object) -> tuple[int, str]:
        """(id, public id)."""
        public = new_id()
        values = {
            "public_id": public,
            "name": name,
            "domains": json.dumps([f"{name}.example"]),
            "timezone": timezone,
            "created_at": 1,
        }
        return self._insert(self.ledger, "sites", **(values | more)), public

    def session(self, site: int, at: int, rank: int = Rank.ORGANIC, month: str = "", events: int = 1, **more: object) -> str:
        """A session of `events` events a second apart, in the file of `month` (default: that of its time). Its id."""
        key, last = str(more.pop("id", new_id())), at + 1000 * (events - 1)
        month = month or month_of(at)
        database = self.month(month)
        values = {
            "site_id": site, "id": key, "created_month": month, "created_at": at, "entry_seq": self._seq + 1, "entry_page": "https://a.example/",
            "last_event_at": last, "exit_seq": self._seq + events, "exit_page": "https://a.example/", "fingerprint": None,
            "attribution_source": NAMES[Rank(rank)], "attribution_rank": int(rank), "event_count": events, "page_views": 1,
            "device_type": "mobile", "total_duration_sec": events - 1,
        }  # fmt: skip
        no = self._insert(database, "sessions", **(values | more))
        mark = "insert or ignore into days_due select ?, ?, round from summary_round"
        self.ledger.execute(mark, (site, values["created_at"] // QUARTER_MS))
        for number in range(events):
            self._event(database, site, no, at + 1000 * number)
        return key

    def _event(self, database: sqlite3.Connection, site: int, no: int, at: int) -> None:
        self._seq += 1
        self._insert(
            database, "events", session_no=no, created_at=at, seq=self._seq, event_id=uuid.uuid4().bytes, site_id=site,
            url="https://a.example/", event_category="interaction", event_action="view", received_at=at,
        )  # fmt: skip

    def call(self, site: int, at: int, kind: dict[str, str], rank: int = Rank.ORGANIC, **more: object) -> int:
        self._calls += 1
        values = {
            "site_id": site, "at": at, "received_at": at, "created_at": at, "attribution_rank_at_tap": int(rank),
            "attribution_at_tap": NAMES[Rank(rank)], "intent_stamp": f"stamp-{self._calls}", "matched_session_id": new_id(),
            "matched_session_month": month_of(at), "lead_score_at_match": 60,
        }  # fmt: skip
        call = self._insert(self.ledger, "calls", **(values | kind | more))
        self.ledger.execute("update calls set lead_id = coalesce(lead_id, id) where id = ?", (call,))
        self._insert(self.ledger, "feed", at=at, topic="intent", site_id=site, ref=str(call), body="{}")
        return call

    def add(self, table: str, **values: object) -> int:
        """A row of the ledger."""
        return self._insert(self.ledger, table, **values)

    def _insert(self, database: sqlite3.Connection, table: str, **values: object) -> int:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        return database.execute(f"insert into {table} ({names}) values ({marks})", tuple(values.values())).lastrowid or 0


def with_reads(folder: Folder, use: Callable[[Reads], Awaitable[Answer]]) -> Answer:
    """`use` on the service's reading, which is closed at the end."""

    async def run() -> Answer:
        reading = Reads(folder.data, folder.names)
        try:
            return await use(reading)
        finally:
            await reading.close()

    return asyncio.run(run())


def ask_both(folder: Folder, site: int, name: str, first: str, last: str, scope: str = "ads", now: int = NOON) -> dict[str, Any]:
    """The report, after the service and the command have told the same."""
    by_command = stats(folder.data, name, first, last, scope, now)
    days = Days(first, last, by_command["timezone"])
    by_service = with_reads(folder, lambda reading: reading.stats(site, days, scope, now))
    assert by_command == msgspec.to_builtins(by_service)
    return by_command


def fill_month(folder: Folder, site: int, month: str, sessions: int, events: int) -> None:
    """A month of even traffic: made sessions with `events` events each, in one transaction."""
    database, start, end = folder.month(month), month_start(month), month_start(next_month(month))
    step = (end - start - 10_000) // sessions
    database.execute("begin")
    for number in range(sessions):
        rank = Rank(1 + number % 6)
        visitor = f"fp_{number % (sessions * 3 // 4 + 1)}"
        device = ("mobile", "desktop", "tablet")[number % 3]
        folder.session(
            site, start + number * step, rank, month, events, fingerprint=visitor, device_type=device, is_bot=number % 11 == 0
        )
    database.execute("commit")
