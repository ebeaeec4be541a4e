"""The watch: once a minute it looks at everything the rules ask about, and writes down what changed: an alert that opened, was repeated,
got worse, or is over. After a restart it goes on with the alerts as they stand in the ledger.

Decides nothing itself (domain/watch/): what is told is a row of the feed.
"""

from typing import TYPE_CHECKING

from opsmantik_box.clock import Clock, monotonic
from opsmantik_box.domain.watch.alerts import Alert, follow
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.domain.watch.facts import BoxFacts, Finding, Outcome
from opsmantik_box.domain.watch.minutes import MINUTE_MS
from opsmantik_box.domain.watch.rules import judge
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.gathering import Gathering
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.sql import load

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

SQL = load("watch")
AWAY_MS = 2 * MINUTE_MS
"""Who was gone for longer than that does not know what did not come."""
STEP_MS = 2_000
TRIM_EVERY = 24 * 60


class Watchtower:
    """One for a running service. `listening_since`: from when on it took whatever came; None while it takes nothing."""

    def __init__(self, service: "Service") -> None:
        self._service, self._core, self._ledger = service, service.core, service.core.ledger
        looked_at, since = next(iter(all_rows(self._ledger.db, SQL["read_watch"])), (None, None))
        self._looked_at: int | None = looked_at
        self.listening_since: int | None = since
        self._looks = 0
        self._facts: BoxFacts | None = None

    def facts(self, now: int) -> BoxFacts:
        """What the last look saw; where there was none, or sites came since, what there is to see."""
        known = None if self._facts is None else {site.site_id for site in self._facts.sites}
        if self._facts is not None and known == self._service.directory.sites.keys():
            return self._facts
        return Gathering(self._service, now, self.listening_since).box()

    def look(self, now: int) -> BoxFacts:
        """One transaction. Raises LedgerFull, LedgerPoisoned, Unavailable; what was not written is written the next time."""
        counts, sites = self._core.counts, self._service.directory.sites
        if not self._looks:
            counts.remember(self._core.months, sites, now)
        self._listen(now)
        with self._ledger.transaction():
            counts.write()
            if self._looks % TRIM_EVERY == 0:
                counts.trim(sites, now)
            self._ledger.db.execute(SQL["save_watch"], {"now": now, "listening_since": self.listening_since})
            facts = Gathering(self._service, now, self.listening_since).box()
            self._follow(facts, now)
        counts.written()
        self._looks += 1
        self._facts = facts
        return facts

    def _listen(self, now: int) -> None:
        """Since when nothing that came was turned away. A short restart does not count; a clock that was set does not either."""
        away = not self._looks and (self._looked_at is None or not 0 <= now - self._looked_at <= AWAY_MS)
        if not self._service.state().accepting:
            self.listening_since = None
        elif self.listening_since is None or away or self.listening_since > now:
            self.listening_since = now

    def _follow(self, facts: BoxFacts, now: int) -> None:
        known = {(alert.code, alert.site_id): alert for alert in self._ledger.alerts.open_ones()}
        for code, site_id, outcome in judge(facts):
            alert = known.get((code, site_id))
            if alert is not None:
                self._follow_one(alert, outcome, now)
            elif isinstance(outcome, Finding):
                self._ledger.alerts.open(code, site_id, outcome, now)

    def _follow_one(self, alert: Alert, outcome: Outcome, now: int) -> None:
        after, change = follow(alert, outcome, now)
        if change is not None:
            self._ledger.alerts.change(after, change, now)
        elif after != alert:
            self._ledger.alerts.save(after)


class ClockWatch:
    """Compares the wall clock with one that cannot be set, at every beat."""

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        self._clock, self._ledger = clock, ledger
        self._before = clock(), monotonic()

    def look(self) -> None:
        """Raises LedgerFull, LedgerPoisoned, Unavailable."""
        wall, steady = self._clock(), monotonic()
        step = (wall - self._before[0]) - round((steady - self._before[1]) * 1000)
        self._before = wall, steady
        if abs(step) > STEP_MS:
            with self._ledger.transaction():
                self._ledger.alert(Code.CLOCK_STEP, f"The clock was set by {step / 1000:+.0f} s.", wall)
