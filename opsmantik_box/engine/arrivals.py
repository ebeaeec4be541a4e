"""What trackers tell of themselves, counted by site and hour: a fold over the ledger, each signal in it once.

It is added up in memory behind the answers and written every few seconds, together with the newest signal it contains; after a crash
it is taken up from there. So the way of a signal costs no statement more.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import apsw

from opsmantik_box.domain.arrivals import HOUR_MS, OTHER, Arrivals, Report, add_up, first_hour, read_report
from opsmantik_box.domain.signals import Arrival, decode_payload
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.sql import load

if TYPE_CHECKING:
    from opsmantik_box.engine.ledger import Ledger

SQL = load("arrivals")
READ = load("reads")["read_arrivals"]
KEPT_MS = 35 * 86_400_000
MOST_NAMES = 50
"""Versions, modes and reasons are words that a client may invent: past so many of a kind, a site's others share one."""

Heard = tuple[int, int, bool, str, str, str]
"""(site, hour, has an id of its own, version, storage, breaker): what signals are alike in."""
Key = tuple[int, int, str, str]
"""(site, hour, kind, name), as in the table."""


class ArrivalCounts:
    """One for the engine's life. `told` are sites whose trackers reported and of which no watcher was told yet, first come first."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._heard: Counter[Heard] = Counter()
        self._missing: Counter[Key] = Counter()
        self._depths: dict[Key, int] = {}
        self._names: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        self.told: dict[int, None] = {}
        self._take_up()

    def _take_up(self) -> None:
        """What was stored and not yet counted when the engine ended."""
        for site_id, received_at, payload in self._db.execute(SQL["read_uncounted"]):
            kept = decode_payload(payload)
            self._note(site_id, received_at, kept.id is not None, read_report(kept.meta or {}))

    def note(self, heard: Iterable[tuple[int, Arrival]]) -> None:
        """Signals as (site, arrival) that are on disk now. Those without an id of their own are an old tracker's: it cannot tell what
        it lost, and they are not counted."""
        for site_id, arrival in heard:
            self._note(site_id, arrival.signal.received_at, len(arrival.event_ids) == 1, arrival.report)

    def _note(self, site_id: int, received_at: int, has_id: bool, report: Report | None) -> None:
        hour = received_at // HOUR_MS
        if report is None:
            self._heard[site_id, hour, has_id, "", "", ""] += 1
            return
        self._heard[site_id, hour, has_id, report.version, report.storage, report.breaker] += 1
        self.told[site_id] = None
        for kind, missing in (("lost", report.lost), ("parked", report.parked)):
            for reason, n in missing.items():
                self._missing[self._key(site_id, hour, kind, reason)] += n
        if report.outbox is not None:
            key = site_id, hour, "outbox", ""
            self._depths[key] = max(self._depths.get(key, 0), report.outbox)

    def write(self, ledger: "Ledger") -> None:
        """What was added up since the last time. Raises LedgerFull, LedgerPoisoned, Unavailable; it is then kept for the next time."""
        if not self._heard:
            return
        counts = self._by_name() + self._missing
        with ledger.transaction():
            self._db.executemany(SQL["add_to_hour"], [(*key, n) for key, n in counts.items()])
            self._db.executemany(SQL["raise_hour"], [(*key, n) for key, n in self._depths.items()])
            self._db.execute(SQL["write_counted"], (ledger.next_seq - 1,))
        for added_up in (self._heard, self._missing, self._depths):
            added_up.clear()

    def _by_name(self) -> Counter[Key]:
        counts: Counter[Key] = Counter()
        for (site_id, hour, has_id, *told), n in self._heard.items():
            if has_id:
                counts[site_id, hour, "accepted", ""] += n
            for kind, name in zip(("version", "storage", "breaker"), told, strict=True):
                if name:
                    counts[self._key(site_id, hour, kind, name)] += n
        return counts

    def _key(self, site_id: int, hour: int, kind: str, name: str) -> Key:
        names = self._names[site_id, kind]
        if name not in names and len(names) >= MOST_NAMES:
            name = OTHER
        names.add(name)
        return site_id, hour, kind, name


def read_arrivals(db: apsw.Connection, site_id: int, now: int) -> Arrivals:
    """A site's last 24 hours, as far as they are written."""
    return add_up(all_rows(db, READ, {"site_id": site_id, "from_hour": first_hour(now)}))


def forget_arrivals(ledger: "Ledger", now: int) -> None:
    """Hours that are older than they are kept go, if there are any. Raises LedgerFull, LedgerPoisoned, Unavailable."""
    oldest = (now - KEPT_MS) // HOUR_MS
    if ledger.db.execute(SQL["has_old"], (oldest,)).get is not None:
        with ledger.transaction():
            ledger.db.execute(SQL["forget_hours"], (oldest,))
