"""Gathers what the watch looks at: from memory, from the ledger, from the disk. Reads only; decides nothing."""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from opsmantik_box.disk import used_share
from opsmantik_box.domain.arrivals import Arrivals
from opsmantik_box.domain.days import HOUR_MS, zone
from opsmantik_box.domain.schedules import ALARM_AFTER
from opsmantik_box.domain.sites import Site
from opsmantik_box.domain.watch.facts import Answers, BoxFacts, Expiry, Gap, OpenAlert, SiteFacts, gap_of, limits_of
from opsmantik_box.domain.watch.pattern import Pattern
from opsmantik_box.engine.arrivals import read_arrivals
from opsmantik_box.engine.auditing import newest_findings
from opsmantik_box.engine.checkpoints import PAGE_BYTES
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.meters import RECENT_MINUTES
from opsmantik_box.sql import load

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

SQL = load("watch")
DAY_MS = 24 * HOUR_MS
SOON_MS, LATELY_MS = 7 * DAY_MS, 2 * DAY_MS
"""A token that expires within a week is worth a word, if somebody used it in the last two days."""


class Gathering:
    """One look at a running service; what was counted must be written before. `listening_since` as in BoxFacts."""

    def __init__(self, service: "Service", now: int, listening_since: int | None) -> None:
        self._service, self._core, self._counts = service, service.core, service.core.counts
        self._now, self._listening_since = now, listening_since
        self._hour, self._hours = (self._counts.minutes.totals(now, minutes) for minutes in (60, 180))
        self._quarantined = self._counts.minutes.totals(now, RECENT_MINUTES)
        self._answers = service.meters.minutes.totals(now, RECENT_MINUTES)

    def box(self) -> BoxFacts:
        core, now, db = self._core, self._now, self._core.ledger.db
        state, disk = self._service.state(), os.statvfs(core.folder.root)
        wal_bytes, wal_file = max(self.wals())
        ((made_at, backed_up_at, elsewhere),) = all_rows(db, SQL["last_backups"])
        return BoxFacts(
            now,
            self._listening_since,
            sites=[self.site(site) for site in self._service.directory.sites.values()],
            answers=Answers(self._sum("answers"), self._sum("failed") + self._sum_quarantined()),
            lag_ms=state.lag_ms,
            lag_signals=state.lag_signals,
            rebuilding=bool(core.projector.rebuilding),
            disk_used=used_share(disk),
            disk_free=disk.f_bavail * disk.f_frsize,
            wal_bytes=wal_bytes,
            wal_file=wal_file,
            made_at=made_at,
            backed_up_at=backed_up_at,
            is_backed_up_elsewhere=bool(elsewhere),
            failed_jobs=[
                f"The job {name} failed {failures} times in a row: {result}"
                for name, failures, result in all_rows(db, SQL["list_failed_jobs"], (ALARM_AFTER,))
            ],
            audits=newest_findings(core.ledger),
            lanes=self._service.lanes.facts(now),
            expiring=[
                Expiry(f"token {number} ({name})" if name else f"token {number}", at)
                for number, name, at in all_rows(db, SQL["list_expiring"], (now, now + SOON_MS, now - LATELY_MS))
            ],
            quarantined=dict(all_rows(db, SQL["count_quarantined"])),
            open=[OpenAlert(one.code, one.site_id, one.last_at) for one in core.ledger.alerts.open_ones()],
        )

    def wals(self) -> Iterator[tuple[int, str]]:
        """(bytes, file) of every write-ahead log."""
        yield self._core.ledger.wal.pages * PAGE_BYTES, "ledger.db"
        for file in self._core.months.files():
            yield file.wal.pages * PAGE_BYTES, file.path.name

    def site(self, site: Site) -> SiteFacts:
        number, now, counts = site.id, self._now, self._counts
        found = counts.pattern(site)
        pattern = found if found.is_proven(now) else None
        heard, clicked = counts.heard.get(number, 0), counts.clicked.get(number, 0)
        today = counts.since(number, now // HOUR_MS - 24)
        arrivals = read_arrivals(self._core.ledger.db, number, now)
        return SiteFacts(
            number,
            site.name,
            _hour_of(now, site.timezone),
            limits_of(site.settings),
            sessions_last_hour=self._hour[number, "sessions"],
            sessions_last_3_hours=self._hours[number, "sessions"],
            clicks_last_3_hours=self._hours[number, "clicks"],
            sessions=self._gap(pattern, number, "sessions", heard, HOUR_MS),
            clicks=self._gap(pattern, number, "clicks", clicked, 3 * HOUR_MS),
            had_sessions=heard > 0,
            had_clicks=clicked > 0,
            answers=self._answers_of(number),
            last_at=heard or None,
            sessions_of_day=today.sessions,
            intents_of_day=today.intents,
            arrival=None if arrivals.arrival_rate is None else (arrivals.accepted, _missing(arrivals)),
            intents_expected=_expected_intents(pattern, today.sessions, now) if pattern else None,
        )

    def _gap(self, pattern: Pattern | None, site_id: int, name: str, last: int, window: int) -> Gap:
        """It begins with the last one, or when the Box began to listen."""
        begins = min(self._listening_since or self._now, self._now)

        def had(hour: int) -> int:
            return getattr(self._counts.since(site_id, hour), name)

        return gap_of(pattern, name, max(begins, min(last, self._now)), self._now, window, had if last >= begins else None)

    def _answers_of(self, site_id: int) -> Answers:
        failed = self._answers[site_id, "failed"] + self._quarantined[site_id, "quarantined"]
        return Answers(self._answers[site_id, "answers"], failed)

    def _sum(self, name: str) -> int:
        return sum(count for (_, counted), count in self._answers.items() if counted == name)

    def _sum_quarantined(self) -> int:
        return sum(count for (_, counted), count in self._quarantined.items() if counted == "quarantined")


def _missing(arrivals: Arrivals) -> int:
    """Lost or parked, for whatever reason."""
    return sum(arrivals.lost.values()) + sum(arrivals.parked.values())


def _hour_of(now: int, timezone: str) -> float:
    """What the clocks there show, as hours."""
    local = datetime.fromtimestamp(now / 1000, zone(timezone))
    return local.hour + local.minute / 60


def _expected_intents(pattern: Pattern, sessions: int, now: int) -> float | None:
    """How many intents so many sessions of the last 24 hours usually lead to."""
    start, end = (now // HOUR_MS - 24) * HOUR_MS, now // HOUR_MS * HOUR_MS
    usual = pattern.expects("sessions", start, end)
    return sessions * pattern.expects("intents", start, end) / usual if usual else None
