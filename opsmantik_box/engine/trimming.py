"""Trimming: events, and the signals they were read from, are deleted when their days are over; a month at a time, of each site by its own
days, and only of a month that is sealed and safe. Safe: its file as it is was read back whole from a backup, and a verified backup of the
ledger holds its last signal.

Promises: a month of which something was begun is finished, by the next run too, and is never folded again from what is left of its
signals (engine/months.py). Sessions, intents, ids and numbers of days stay. Cut off at any moment, nothing else is gone.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import structlog

from opsmantik_box.clock import Clock
from opsmantik_box.domain.backups import TRUSTED_MS
from opsmantik_box.domain.decisions import decode_decision
from opsmantik_box.domain.retention import is_month_over
from opsmantik_box.engine.connections import all_rows, atomically
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.ledger import Partition
from opsmantik_box.engine.site_rows import every_site
from opsmantik_box.sql import load

SQL = load("trimming")
MOST = 500
"""Rows of one slice: a few milliseconds."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Trimming:
    """Of one Box. `deleted`: how many rows so far, by table; `waits`: months whose days are over and that are not safe."""

    def __init__(self, core: Core, clock: Clock) -> None:
        self._core, self._ledger, self._db, self._clock = core, core.ledger, core.ledger.db, clock
        self.deleted: Counter[str] = Counter()
        self.waits: list[str] = []

    def work(self) -> Iterator[None]:
        """All that is due, a slice at a time. Raises LedgerFull, Unavailable, LedgerPoisoned, MonthDamaged; it may be begun anew."""
        for partition in self._ledger.partitions():
            begun = {site_id: bool(done) for site_id, done in all_rows(self._db, SQL["list_trimmed"], (partition.month,))}
            due = self._due(partition, set(begun))
            if due:
                self._begin(partition.month, due)
            sites = [*due, *(site_id for site_id, done in begun.items() if not done)]
            if sites:
                yield from self._trim(partition, sites)

    def _due(self, partition: Partition, begun: set[int]) -> list[int]:
        """Sites whose events of a month may go now."""
        now, month = self._clock(), partition.month
        over = [
            site.id for site in every_site(self._db).values() if site.id not in begun and is_month_over(site.settings, month, now)
        ]
        if not over or not partition.is_sealed:
            return []
        if not self._is_safe(partition, now):
            self.waits.append(month)
            return []
        return over

    def _is_safe(self, partition: Partition, now: int) -> bool:
        asked: dict[str, Any] = {
            "month": partition.month, "sha256": partition.sha256, "since": now - TRUSTED_MS, "seq": partition.last_seq,
        }  # fmt: skip
        return bool(self._db.execute(SQL["is_safe"], asked).get)

    def _begin(self, month: str, sites: list[int]) -> None:
        """From now on the month is not folded again."""
        now = self._clock()
        with self._core.minding(now), self._ledger.transaction():
            self._db.executemany(SQL["begin_trim"], [(month, site_id, now) for site_id in sites])

    def _trim(self, partition: Partition, sites: list[int]) -> Iterator[None]:
        for site_id in sites:
            yield from self._trim_events(partition.month, site_id)
        yield from self._trim_signals(partition, set(sites))
        while not self._core.is_alone(partition.month, self._clock()):
            yield  # a month's commits are not synced one by one: without this, power loss brings events back that count as gone
        with self._core.minding(self._clock()), self._ledger.transaction():
            self._db.executemany(SQL["end_trim"], [(partition.month, site_id) for site_id in sites])
        log.info("events whose days are over, deleted", month=partition.month, sites=len(sites), rows=dict(self.deleted))

    def _trim_events(self, month: str, site_id: int) -> Iterator[None]:
        deleted = MOST
        while deleted == MOST:
            with self._core.minding(self._clock()):
                self._core.months.unseal(month, self._clock())
                with self._core.months.using(month) as db, atomically(db):
                    db.execute(SQL["trim_events"], (site_id, MOST))
                    deleted = db.changes()
            self.deleted["events"] += deleted
            yield

    def _trim_signals(self, partition: Partition, sites: set[int]) -> Iterator[None]:
        """They were all accepted before its last one."""
        after = 0
        while rows := all_rows(self._db, SQL["list_decided"], (after, partition.last_seq, MOST)):
            after = rows[-1][0]
            gone = [(seq,) for seq, site_id, told in rows if site_id in sites and decode_decision(told).month == partition.month]
            if gone:
                with self._core.minding(self._clock()), self._ledger.transaction():
                    self._db.executemany(SQL["trim_signal"], gone)
                self.deleted["signals"] += len(gone)
            yield
