"""Retention: once a day, what is older than the table of domain/retention.py (or the site's own setting) says is deleted, a slice at a
time. What waits for verified backups (events, sessions, signals) it never touches.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import structlog

from opsmantik_box.clock import Clock
from opsmantik_box.domain.days import day_of
from opsmantik_box.domain.retention import BY_NAME, Kind, kept_since
from opsmantik_box.domain.verdicts import SEALED
from opsmantik_box.engine.contact_rows import erase_contacts, lost_with, note_lost, read_contacts
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.site_rows import SiteRow, every_site
from opsmantik_box.sql import load

SQL = load("retention")
MOST = 500
"""Rows of one slice: a few milliseconds."""
MOST_CONTACTS = 100
STATUSES: dict[str, tuple[str | None, ...]] = {"unsealed": (None, "intent", "junk", "suspicious"), "sealed": SEALED}
"""Which contacts are of a kind."""
OF_SITES = {"touches": ("trim_touches",)}
OF_THE_BOX = {
    "deliveries": ("trim_deliveries",),
    "alerts": ("trim_alerts", "trim_audits"),
    "refusals": ("trim_refusals",),
    "audit": ("trim_audit_log",),
}
"""Kind → the statements that delete it."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Retention:
    """Of one Box. `deleted`: how many rows of each kind so far."""

    def __init__(self, core: Core, clock: Clock) -> None:
        self._core, self._ledger, self._db, self._clock = core, core.ledger, core.ledger.db, clock
        self.deleted: Counter[str] = Counter()

    def work(self) -> Iterator[None]:
        """All that is due, a slice at a time. Raises LedgerFull, Unavailable, LedgerPoisoned; it may be begun anew at any time."""
        for site in every_site(self._db).values():
            for name, statements in OF_SITES.items():
                yield from self._trim(BY_NAME[name], statements, site.settings, site.id)
            for name, statuses in STATUSES.items():
                for status in statuses:
                    yield from self._trim_contacts(BY_NAME[name], status, site)
        for name, statements in OF_THE_BOX.items():
            yield from self._trim(BY_NAME[name], statements, {})

    def _trim(
        self, kind: Kind, statements: tuple[str, ...], settings: Mapping[str, object], site_id: int | None = None
    ) -> Iterator[None]:
        before = kept_since(settings, kind, self._clock()) or 0
        asked: dict[str, Any] = {"site_id": site_id, "before": before, "before_day": day_of(before, "UTC"), "most": MOST}
        for statement in statements:
            deleted = MOST
            while deleted == MOST:
                with self._core.minding(self._clock()), self._ledger.transaction():
                    self._db.execute(SQL[statement], asked)
                    deleted = self._db.changes()
                self._tell(kind, deleted, site_id)
                yield

    def _trim_contacts(self, kind: Kind, status: str | None, site: SiteRow) -> Iterator[None]:
        """As an erasure deletes them: with their trail, and with a line in what is said of their days."""
        before, now = kept_since(site.settings, kind, self._clock()), self._clock()
        deleted = MOST_CONTACTS
        while deleted == MOST_CONTACTS:
            with self._core.minding(now), self._ledger.transaction():
                self._db.execute(SQL["list_old_contacts"], (site.id, status, before, MOST_CONTACTS))
                contacts = read_contacts(self._db)
                deleted = len(contacts)
                if contacts:
                    note_lost(self._db, lost_with(contacts, {site.id: site.timezone}), "retention", now)
                    erase_contacts(self._db)
            self._tell(kind, deleted, site.id)
            yield

    def _tell(self, kind: Kind, deleted: int, site_id: int | None) -> None:
        if deleted:
            self.deleted[kind.name] += deleted
            log.info("older than it is kept, deleted", kind=kind.name, rows=deleted, site=site_id)
