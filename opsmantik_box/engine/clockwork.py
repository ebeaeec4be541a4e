"""What the engine does by the clock: a beat once a second, which also starts the jobs; once a minute the watch. What cannot be done now is
done the next time.

The watchdog is fed by the same loop that writes: when the writer hangs, so does the feeding."""

import asyncio
import itertools
from typing import TYPE_CHECKING

import structlog

from opsmantik_box.domain.feed import as_json
from opsmantik_box.domain.schedules import MINUTE_MS
from opsmantik_box.engine.arrivals import read_arrivals
from opsmantik_box.engine.desk import ring_reminders
from opsmantik_box.engine.hints import MOST as MOST_HINTS
from opsmantik_box.engine.notify import notify, watchdog_sec
from opsmantik_box.engine.watchtower import ClockWatch
from opsmantik_box.errors import BoxError, LedgerPoisoned

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

ARRIVAL_BEATS = 5
"""How often what trackers tell of themselves is written, and told to watchers."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Clockwork:
    """One for a running service. `scheduled`: it stays, and does its jobs when they are due; an engine that serves one command does not."""

    def __init__(self, service: "Service", *, scheduled: bool) -> None:
        self._service, self._core, self._scheduled = service, service.core, scheduled
        self._begun, self._minute = False, 0
        self._clock_watch = ClockWatch(service.clock, service.core.ledger)

    async def run(self) -> None:
        """Until cancelled, or until the service fails. The first beat is at once."""
        if not self._core.lag:
            self._service.turns.end_replay()
        for beats in itertools.count():
            try:
                self._beat(beats)
            except LedgerPoisoned as error:
                self._service.fail(error)
                return
            except BoxError as error:
                log.warning("the clock's work is put off", problem=str(error))
            except Exception as error:  # noqa: BLE001 - an engine that does not know what happened to it stops
                self._service.fail(error)
                return
            await asyncio.sleep(1)

    def _beat(self, beats: int) -> None:
        service, core = self._service, self._core
        if service.turns.replaying:
            notify("EXTEND_TIMEOUT_USEC=30000000", f"STATUS=replaying, {core.lag} signals to go")
        if core.full and core.recover():
            service.turns.wake()
        if not core.full:
            self._keep_up()
            if not service.turns.replaying:
                self._start_jobs()
                self._watch()
                self._send()
            if beats % ARRIVAL_BEATS == 0:
                self._tell_arrivals()
        if core.lag and not core.full:
            service.turns.wake()
        service.tell_state()

    def _keep_up(self) -> None:
        service, now = self._service, self._service.clock()
        service.refusals.write(now)
        service.admission.tell_limited_clicks(self._core.ledger, now)
        self._clock_watch.look()
        ring_reminders(self._core.ledger, now)
        service.presence.look(now)
        if service.turns.is_resting:
            self._core.rest(now)

    def _tell_arrivals(self) -> None:
        """Of sites whose trackers reported; those that are too many for one time come the next."""
        service, ledger, told = self._service, self._core.ledger, self._core.ledger.arrivals.told
        ledger.arrivals.write(ledger)
        for site_id in list(told)[:MOST_HINTS]:
            service.hints.add("tracker", site_id, str(site_id), as_json(read_arrivals(ledger.db, site_id, service.clock())))
            del told[site_id]

    def _start_jobs(self) -> None:
        jobs, now = self._service.jobs, self._service.clock()
        if self._scheduled and not self._begun:
            jobs.begin(now)
            self._begun = True
        jobs.tick(now, scheduled=self._scheduled)

    def _send(self) -> None:
        if self._scheduled:
            self._service.lanes.tick(self._service.clock())

    def _watch(self) -> None:
        """Once in every minute that clocks show."""
        now = self._service.clock()
        if self._scheduled and now // MINUTE_MS != self._minute:
            self._minute = now // MINUTE_MS
            self._service.watchtower.look(now)


async def feed_watchdog() -> None:
    """As often as systemd asks for."""
    interval = watchdog_sec()
    while interval is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval)
