"""A watch over a real folder, in this process, and the clock it looks at."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opsmantik_box.domain.days import HOUR_MS
from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.domain.watch.facts import BoxFacts
from opsmantik_box.engine.service import Service
from opsmantik_box.engine.waiting import Bounds
from tests.integration.engine_kit import Engine, rows

MINUTE_MS = 60_000
DAY_MS = 24 * HOUR_MS
NOON = 1_793_869_200_000  # Thursday 2026-11-05, 12:00 in Istanbul
WEEKS = 8
CLICK = "https://antika.example/?gclid=EAIaIQobChMI8pXr"


class Tower:
    """A Service that nobody runs: the test beats its clock."""

    def __init__(self, data: Path, now: int = NOON) -> None:
        self.data = data
        self.engine = Engine(data, now)
        self.service = self._serve()

    def _serve(self) -> Service:
        service = Service(self.engine.core, self.engine.vault, lambda: self.engine.now, RateLimits(), Bounds())
        service.turns.replaying = False
        return service

    @property
    def now(self) -> int:
        return self.engine.now

    def look(self, minutes: float = 0) -> BoxFacts:
        """Time goes by, then the watch looks once."""
        self.engine.now += round(minutes * MINUTE_MS)
        return self.service.watchtower.look(self.engine.now)

    def watch(self, minutes: int, each: Callable[[], object] | None = None, step: int = 1) -> None:
        """A look every `step` minutes; `each` happens before every one."""
        for _ in range(0, minutes, step):
            self.engine.now += step * MINUTE_MS
            if each is not None:
                each()
            self.look()

    def watch_until(self, code: Code, site_id: int | None, most: int) -> int:
        """Minutes until it opens."""
        for minute in range(1, most + 1):
            self.look(1)
            if (code, site_id) in self.open():
                return minute
        raise AssertionError(f"{code} did not open in {most} minutes: {self.alerts()}")

    def restart(self) -> None:
        """Another engine on the same folder."""
        self.engine.close()
        self.engine = Engine(self.data, self.engine.now)
        self.service = self._serve()

    def alerts(self) -> list[dict[str, Any]]:
        return rows(self.engine.core.ledger.db, "select * from alerts order by id")

    def open(self) -> set[tuple[str, int | None]]:
        """(code, site) of what is wrong now."""
        return {(one["kind"], one["site_id"]) for one in self.alerts() if one["resolved_at"] is None}

    def told(self, code: Code | None = None) -> list[str]:
        """The changes the feed tells, in order."""
        bodies = [
            json.loads(one["body"]) for one in rows(self.engine.core.ledger.db, "select body from feed where topic = 'alert'")
        ]
        return [body["change"] for body in bodies if code in (None, body["code"])]

    def had(self, sessions: int, clicks: int = 0, intents: int = 0, weeks: int = WEEKS, until: int | None = None) -> None:
        """So much in each hour of the weeks before, on every day from 9 to 21 by the site's clocks (Istanbul: 6 to 18 UTC)."""
        last = (until or self.now) // HOUR_MS
        hours = [hour for hour in range(last - weeks * 168, last) if 6 <= hour % 24 < 18]
        insert = "insert into site_hours (site_id, hour, sessions, clicks, intents) values (?, ?, ?, ?, ?)"
        told = [(self.engine.site.id, hour, sessions, clicks, intents) for hour in hours]
        with self.engine.core.ledger.transaction():
            self.engine.core.ledger.db.executemany(insert, told)

    def visit(self, **fields: Any) -> None:
        """Somebody opens a page."""
        self.engine.send(**fields)
        self.engine.catch_up()

    def close(self) -> None:
        self.engine.close()


@contextmanager
def tower(data: Path, now: int = NOON) -> Iterator[Tower]:
    made = Tower(data, now)
    try:
        yield made
    finally:
        made.close()
