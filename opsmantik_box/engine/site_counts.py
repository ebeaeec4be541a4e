"""What each site has: sessions, click ids and intents of people, by minute in memory and by hour in the ledger. Counted when signals are
accepted, written once a minute: a crash costs a minute of a pattern that is made of weeks. Never counts bots and internal visits.
"""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from opsmantik_box.domain.days import HOUR_MS
from opsmantik_box.domain.sites import Site
from opsmantik_box.domain.watch.minutes import KEPT, MINUTE_MS, Minutes
from opsmantik_box.domain.watch.pattern import WEEKS, Counts, Pattern
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.engine.months import Months
from opsmantik_box.sql import load

SQL = load("site_counts")
KEPT_MS = (WEEKS + 4) * 7 * 24 * HOUR_MS


class News(NamedTuple):
    """What one accepted signal added to its site, when that is anything."""

    site_id: int
    session: bool
    click: bool
    intent: bool


class SiteCounts:
    """`heard`: when a person was last heard of, by site; `clicked`: when a click id was."""

    def __init__(self, ledger: Ledger) -> None:
        self._db = ledger.db
        self.minutes = Minutes()
        self.heard: dict[int, int] = {}
        self.clicked: dict[int, int] = {}
        self._unwritten: dict[tuple[int, int], list[int]] = {}
        self._patterns: dict[int, tuple[Site, Pattern]] = {}

    def note(self, heard: Iterable[int], news: Iterable[News], now: int) -> None:
        """A batch that is on disk: the sites a person was heard of, and what was new."""
        self.heard.update(dict.fromkeys(heard, now))
        for site_id, *added in news:
            counts = self._unwritten.setdefault((site_id, now // HOUR_MS), [0, 0, 0])
            for place, name in enumerate(Counts._fields):
                if added[place]:
                    counts[place] += 1
                    self.minutes.add(now, site_id, name)
            if added[1]:
                self.clicked[site_id] = now

    def remember(self, months: Months, sites: Iterable[int], now: int) -> None:
        """After a start: the last hours as the month files have them."""
        since = now - KEPT * MINUTE_MS
        for site_id in sites:
            self.heard.setdefault(site_id, months.last_event(site_id) or 0)
            for file in months.files():
                for minute, sessions, clicks in all_rows(file.db, SQL["recent_sessions"], (site_id, since)):
                    self.minutes.add(minute * MINUTE_MS, site_id, "sessions", sessions)
                    self.minutes.add(minute * MINUTE_MS, site_id, "clicks", clicks)
                    if clicks:
                        self.clicked[site_id] = max(minute * MINUTE_MS, self.clicked.get(site_id, 0))
            last = self._db.execute(SQL["last_click_hour"], (site_id,)).get
            self.clicked.setdefault(site_id, (last + 1) * HOUR_MS if last is not None else 0)

    def write(self) -> None:
        """In the caller's transaction, to be followed by `written`."""
        rows = [(*key, *counts) for key, counts in self._unwritten.items()]
        self._db.executemany(SQL["add_counts"], rows)

    def written(self) -> None:
        """What was written is on disk."""
        self._unwritten.clear()

    def trim(self, sites: Iterable[int], now: int) -> None:
        """Forgets what no pattern looks at, in the caller's transaction."""
        oldest = (now - KEPT_MS) // HOUR_MS
        self._db.executemany(SQL["trim_hours"], [(site_id, oldest) for site_id in sites])
        for _, pattern in self._patterns.values():
            pattern.forget_before(now // HOUR_MS - 2 * 24)

    def pattern(self, site: Site) -> Pattern:
        """A site's, by what is written."""
        kept = self._patterns.get(site.id)
        if kept is None or kept[0] is not site:
            first: int | None = self._db.execute(SQL["first_hour"], (site.id,)).get
            if first is None:
                return Pattern(site.timezone, 1 << 40, lambda _: [])
            kept = self._patterns[site.id] = site, Pattern(site.timezone, first, lambda hours: self._read(site.id, hours))
        return kept[1]

    def _read(self, site_id: int, hours: Sequence[int]) -> list[Counts]:
        found = {hour: Counts(*counts) for hour, *counts in all_rows(self._db, SQL["read_hours"], (site_id, json.dumps(hours)))}
        return [found.get(hour, Counts()) for hour in hours]

    def since(self, site_id: int, hour: int) -> Counts:
        """What a site had from an hour (since 1970) on, by what is written."""
        return Counts(*all_rows(self._db, SQL["count_since"], (site_id, hour))[0])
