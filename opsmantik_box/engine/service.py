"""The engine as it runs: one thread, one loop. Here are its parts, its life and how it says it is. What it does in a turn of the loop is
in turns.py, what it is asked in hearing.py, who listens in audience.py, what it does by the clock in clockwork.py."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from opsmantik_box import __version__
from opsmantik_box.clock import Clock, monotonic
from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.engine.admission import Admission
from opsmantik_box.engine.audience import Audience
from opsmantik_box.engine.chores import JOBS
from opsmantik_box.engine.clockwork import Clockwork, feed_watchdog
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.directory import Directory
from opsmantik_box.engine.erasures import Erasures
from opsmantik_box.engine.feed import Feed
from opsmantik_box.engine.gateways import Gateway, GatewayOptions
from opsmantik_box.engine.hearing import Hearing
from opsmantik_box.engine.hints import HintBoard
from opsmantik_box.engine.hooks import Hooks
from opsmantik_box.engine.jobs import Jobs
from opsmantik_box.engine.keeping import NOTHING_SET, Keeping
from opsmantik_box.engine.lanes import Lanes
from opsmantik_box.engine.logins import Logins
from opsmantik_box.engine.long_work import LongWork
from opsmantik_box.engine.meters import Meters
from opsmantik_box.engine.notify import notify
from opsmantik_box.engine.outward import SILENT, Outward
from opsmantik_box.engine.peers import Peer
from opsmantik_box.engine.presence import Presence
from opsmantik_box.engine.refusals import Refusals
from opsmantik_box.engine.telling import Telling
from opsmantik_box.engine.turns import Turns
from opsmantik_box.engine.vault import Vault
from opsmantik_box.engine.waiting import Bounds
from opsmantik_box.engine.watchtower import Watchtower
from opsmantik_box.errors import LedgerPoisoned
from opsmantik_box.garbage import collect_rarely
from opsmantik_box.link import messages as m

STOP_GATEWAYS_SEC = 4.0
STOP_PROJECTION_SEC = 3.0

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Service:
    """A running engine. `run` returns the process's exit code."""

    def __init__(
        self,
        core: Core,
        vault: Vault,
        clock: Clock,
        limits: RateLimits,
        bounds: Bounds,
        keeping: Keeping = NOTHING_SET,
        outward: Outward = SILENT,
    ) -> None:
        self.core, self.clock, self._vault, self.keeping, self.outward = core, clock, vault, keeping, outward
        self.directory, self.hearing, self.audience = Directory(core.ledger, vault), Hearing(self), Audience(self)
        self.hooks, self.logins = Hooks(core.ledger, vault, self.directory), Logins(core.ledger, vault, self.directory)
        self.telling = Telling(core, vault)
        self.erasures, self.long_work = Erasures(core, self.telling.marks, clock), LongWork(self)
        self.admission, self.refusals, self.meters = Admission(limits), Refusals(core.ledger), Meters()
        self.feed, self.hints, self.presence = Feed(core.ledger), HintBoard(self.audience.tell), Presence(self.audience.tell)
        self.turns = Turns(self, bounds)
        self.jobs, self.lanes, self.watchtower = Jobs(self, JOBS), Lanes(self, outward), Watchtower(self)
        self._gateways: list[Gateway] = []
        self._greetings: list[Callable[[], None]] = []
        self._started_at, self._stopping = clock(), False
        self._ended: asyncio.Future[int] | None = None

    # --- life ---------------------------------------------------------------------------------------------------------------------

    async def run(self, options: GatewayOptions | None, until: asyncio.Event | None = None) -> int:
        """Serve until a signal (or `until`) says stop. Without `options` there are no gateways: only commands."""
        collect_rarely()
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        server = await self._listen_for_commands()
        if options is not None:
            self._gateways = [Gateway(number, self, options) for number in range(1, options.count + 1)]
        running = [asyncio.ensure_future(gateway.keep_running()) for gateway in self._gateways]
        clockwork = Clockwork(self, scheduled=options is not None)
        timers = [asyncio.ensure_future(task) for task in (clockwork.run(), feed_watchdog(), self.long_work.run())]
        if self.erasures.waits:
            self.erase()
        if until is not None:
            timers.append(asyncio.ensure_future(self._stop_when(until)))
        self.turns.wake()
        try:
            return await self._ended
        finally:
            server.close()
            for task in (*running, *timers):
                task.cancel()
            for gateway in self._gateways:
                gateway.kill()
            self.lanes.close()
            self.core.folder.admin_socket.unlink(missing_ok=True)

    @property
    def serves(self) -> bool:
        """There are gateways, or were: it is the service, not the engine of one command."""
        return bool(self._gateways)

    def when_accepting(self, say: Callable[[], None]) -> None:
        """Call `say` once, when everything is replayed and signals are taken."""
        self._greetings.append(say)

    async def _listen_for_commands(self) -> asyncio.Server:
        path = self.core.folder.admin_socket
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            return await asyncio.get_running_loop().create_unix_server(lambda: Peer(self, is_gateway=False), os.fspath(path))
        finally:
            os.umask(before)

    async def _stop_when(self, event: asyncio.Event) -> None:
        await event.wait()
        self.stop()

    def stop(self) -> None:
        """Asked to end: once is enough, twice changes nothing."""
        if not self._stopping:
            self._stopping = True
            notify("STOPPING=1")
            self._stop_task = asyncio.ensure_future(self._stop())

    async def _stop(self) -> None:
        """Gateways answer what they hold and leave; what they sent is committed; month files catch up; WALs are emptied."""
        for gateway in self._gateways:
            gateway.stopping()
        self.audience.tell(m.Drain())
        await self.jobs.stop()
        deadline = monotonic() + STOP_GATEWAYS_SEC
        while self.audience.has_gateways and monotonic() < deadline:  # noqa: ASYNC110 - with a deadline, once a life
            await asyncio.sleep(0.01)
        self.turns.finish()
        deadline = monotonic() + STOP_PROJECTION_SEC
        while self.core.lag and not self.core.full and monotonic() < deadline:
            self.core.catch_up(self.clock())
        if not self.core.full:
            self.refusals.write(self.clock())
            self.core.ledger.arrivals.write(self.core.ledger)
        self._end(0)

    def fail(self, error: Exception) -> None:
        """The ledger, or the engine itself, cannot be trusted any more: nobody gets a yes, and the process ends."""
        log.critical("the engine stops", problem=str(error), exc_info=None if isinstance(error, LedgerPoisoned) else error)
        notify(f"STATUS={error}")
        self._stopping = True
        self.turns.give_up()
        self.audience.flush()
        self._end(1)

    def _end(self, code: int) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(code)

    # --- how it is ----------------------------------------------------------------------------------------------------------------

    def greet(self) -> None:
        """Signals are taken from now on."""
        self.tell_state()
        log.info("accepting", data=os.fspath(self.core.folder.root))
        while self._greetings:
            self._greetings.pop()()
        notify("READY=1", f"STATUS=accepting, {len(self.directory.sites)} sites")

    def erase(self) -> None:
        """Do what erasures wait for."""
        self.long_work.add("erasures", self.erasures.work)

    def state(self) -> m.State:
        accepting, reason = self.turns.condition
        lag_ms = self.turns.pace.lag_ms(self.clock())
        return m.State(accepting and not self._stopping, reason or ("stopping" if self._stopping else ""), self.core.lag, lag_ms)

    def tell_state(self) -> None:
        self.audience.tell(self.state())

    def webhook_key(self, number: int) -> bytes:
        """What the requests of this webhook are signed with."""
        return self._vault.box_key(f"webhook:{number}")

    def status(self) -> dict[str, Any]:
        """How the engine is, for `doctor` and the like."""
        state, now = self.state(), self.clock()
        acceptance = self.core.acceptance
        return {
            "version": __version__,
            "pid": os.getpid(),
            "accepting": state.accepting,
            "reason": state.reason,
            "lag_signals": state.lag_signals,
            "lag_ms": state.lag_ms,
            "gateways": [gateway.describe() for gateway in self._gateways],
            "started_at": self._started_at,
            "months": self.core.months.names(),
            "last_seq": self.core.ledger.next_seq - 1,
            "conflicts": acceptance.conflicts,
            "restamped": acceptance.restamped,
            "quarantined": acceptance.quarantined,
            "refusals_today": self.refusals.of_today(now),
            "alerts": [msgspec.to_builtins(alert) for alert in self.core.ledger.alerts.open_ones()],
        }

    def close(self) -> None:
        """After `run`: let go of the files."""
        self.core.close()
        self._vault.close()
