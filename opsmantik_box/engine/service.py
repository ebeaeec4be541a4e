"""The engine as it runs: one thread, one loop. In each turn everything that waits is accepted as one batch, answered, and then a slice
of month work is done. While a commit waits for the disk, the next batch gathers in the sockets: that is the group commit.

What it does by the clock is in clockwork.py."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from opsmantik_box import __version__
from opsmantik_box.clock import Clock, monotonic
from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.engine.acceptance import Answer, Incoming
from opsmantik_box.engine.admission import Admission
from opsmantik_box.engine.asking import CRON, CRON_TOKEN, Asker, find_asker
from opsmantik_box.engine.chores import JOBS
from opsmantik_box.engine.clockwork import Clockwork, feed_watchdog
from opsmantik_box.engine.commands import run_command
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.directory import Directory
from opsmantik_box.engine.erasures import Erasures
from opsmantik_box.engine.feed import Feed
from opsmantik_box.engine.gateways import Gateway, GatewayOptions
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
from opsmantik_box.engine.pace import Pace
from opsmantik_box.engine.peers import Peer
from opsmantik_box.engine.presence import Presence
from opsmantik_box.engine.projector import slice_for
from opsmantik_box.engine.refusals import Refusals
from opsmantik_box.engine.telling import Telling
from opsmantik_box.engine.vault import Vault
from opsmantik_box.engine.waiting import Bounds, Waiting, WaitingRoom
from opsmantik_box.engine.watchtower import Watchtower
from opsmantik_box.errors import BoxError, Forbidden, LedgerPoisoned, Unauthorized, Unavailable
from opsmantik_box.garbage import collect_rarely
from opsmantik_box.link import messages as m

BUSY_SEC = 2
FULL_SEC = 10
STOP_GATEWAYS_SEC = 4.0
STOP_PROJECTION_SEC = 3.0
REST_SEC = 5
"""So long nobody came: then the WALs are cut."""

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
        self.core, self.clock, self._bounds, self._vault, self.keeping = core, clock, bounds, vault, keeping
        self.directory = Directory(core.ledger, vault)
        self.hooks, self.telling = Hooks(core.ledger, vault, self.directory), Telling(core, vault)
        self.logins = Logins(core.ledger, vault, self.directory)
        self.erasures, self.long_work = Erasures(core, self.telling.marks, clock), LongWork(self)
        self.last_signal = {site_id: core.months.last_event(site_id) for site_id in self.directory.sites}
        self.admission, self._pace = Admission(limits), Pace(self.wake)
        self._gateways: list[Gateway] = []
        self._peers: set[Peer] = set()
        self._unflushed: set[Peer] = set()
        self.waiting = WaitingRoom(bounds)
        self._scheduled = False
        self.replaying = core.lag > 0
        self._started_at = clock()
        self._busy_at = monotonic()
        self.refusals, self.meters = Refusals(core.ledger), Meters()
        self.feed, self.hints, self.presence = Feed(core.ledger), HintBoard(self.tell), Presence(self.tell)
        self.jobs = Jobs(self, JOBS)
        self.outward, self.lanes = outward, Lanes(self, outward)
        self.watchtower = Watchtower(self)
        self._stopping = False
        self._greetings: list[Callable[[], None]] = []
        self._later: set[asyncio.Future[None]] = set()
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
        self.wake()
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
        self.tell(m.Drain())
        await self.jobs.stop()
        deadline = monotonic() + STOP_GATEWAYS_SEC
        while any(peer.is_gateway for peer in self._peers) and monotonic() < deadline:  # noqa: ASYNC110 - with a deadline, once a life
            await asyncio.sleep(0.01)
        while self.waiting:
            self._turn()
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
        self.replaying = self._stopping = True
        self._refuse(self.waiting.clear(), "poisoned", BUSY_SEC)
        self.flush()
        self._end(1)

    def _end(self, code: int) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(code)

    # --- peers --------------------------------------------------------------------------------------------------------------------

    def peer_came(self, peer: Peer) -> None:
        self._peers.add(peer)
        if peer.is_gateway:
            peer.send(m.Months(self.core.months.names()))
            peer.send(self.feed.ends())
            for site in self.directory.sites.values():
                peer.send(m.SiteChanged(site))
            peer.send(self.state())
            peer.send(self.presence.everybody())

    def peer_left(self, peer: Peer) -> None:
        self._peers.discard(peer)
        self.presence.watch(peer, [], self.clock())

    def must_flush(self, peer: Peer) -> None:
        if not self._unflushed and not self._scheduled:
            asyncio.get_running_loop().call_soon(self.flush)
        self._unflushed.add(peer)

    def flush(self) -> None:
        """The end of a turn: what peers are to hear, and how far the feed is now. Gateways first: who is told that a change was made
        (a token revoked) finds it made."""
        if (news := self.feed.news()) is not None:
            self.tell(news)
        for peer in sorted(self._unflushed, key=lambda peer: not peer.is_gateway):
            peer.flush()
        self._unflushed.clear()

    def tell(self, message: object) -> None:
        """Every gateway."""
        for peer in self._peers:
            if peer.is_gateway:
                peer.send(message)

    def handle(self, peer: Peer, asked: m.ToEngine) -> None:
        """One message of a peer."""
        match asked:
            case m.Submit():
                self._submit(peer, asked)
            case m.Admit():
                peer.send(self.admission.answer(asked, self.clock()))
            case m.AskSite():
                peer.send(m.SiteFound(asked.rid, self.directory.find_public(asked.public_id)))
            case m.AskToken():
                self._guard(lambda: peer.send(self._find_token(peer, asked)))
            case m.Command():
                self._guard(lambda: self._run(peer, asked))
            case m.Prove():
                peer.send(self.admission.prove(asked, self.hooks.answer, self.clock()))
            case m.TellCall() | m.TellForm():
                self._guard(lambda: peer.send(self._tell(asked)))
            case m.Count() | m.Watching() | m.Ready():
                self._note(peer, asked)

    def _note(self, peer: Peer, told: m.Count | m.Watching | m.Ready) -> None:
        """What needs no answer."""
        match told:
            case m.Count():
                self.refusals.note(told.refusals)
                self.meters.note(told, self.clock())
            case m.Watching():
                self.presence.watch(peer, self._askers(peer, told.tokens), self.clock())
            case m.Ready():
                peer.walls = told.walls
                log.info("a gateway serves", walls=told.walls)

    def _run(self, peer: Peer, asked: m.Command) -> None:
        answer = run_command(self, peer, asked)
        if isinstance(answer, m.Done | m.Failed):
            peer.send(answer)
        else:
            task = asyncio.ensure_future(self._send_later(peer, answer))
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    async def _send_later(self, peer: Peer, answer: Awaitable[m.Done | m.Failed]) -> None:
        try:
            peer.send(await answer)
        except Exception as error:  # noqa: BLE001 - an engine that does not know what happened to it stops
            self.fail(error)

    def _guard(self, work: Any) -> None:
        try:
            work()
        except LedgerPoisoned as error:
            self.fail(error)

    def _find_token(self, peer: Peer, asked: m.AskToken) -> m.TokenFound:
        if self.keeping.is_cron(asked.token):
            peer.shown.add(CRON_TOKEN)
            return m.TokenFound(asked.rid, CRON_TOKEN, CRON, [])
        try:
            found = self.directory.find_principal(asked.token, self.clock())
        except LedgerPoisoned:
            raise
        except BoxError:
            return m.TokenFound(asked.rid, 0, "", [])
        peer.shown.add(found.token_id)
        sites, rights = list(found.sites), list(found.sites.values())
        return m.TokenFound(asked.rid, found.token_id, found.rights, sites, rights, found.user_id, found.user, found.box)

    def _askers(self, peer: Peer, tokens: Iterable[int]) -> list[Asker]:
        """Whose tokens these are, of those that this gateway has shown and that still open something."""
        found: list[Asker] = []
        for token in tokens:
            with suppress(Forbidden, Unauthorized):
                found.append(find_asker(self, peer, token))
        return found

    def _tell(self, asked: m.TellCall | m.TellForm) -> m.Told | m.Refused:
        """A call or a form, one commit each: they are few, and each is matched with what was accepted before it."""
        refusal = self._refusal(asked.rid)
        if refusal is not None:
            return refusal
        try:
            return self.telling.tell(asked, self.clock())
        except LedgerPoisoned:
            raise
        except Unavailable as error:
            return m.Refused(asked.rid, "full" if self.core.full else "busy", error.retry_after or BUSY_SEC)
        except Exception as error:  # noqa: BLE001 - nothing was stored; one call must not cut off the gateway that brought it
            log.error("[CALL_FAULT]", kind=type(error).__name__, site=asked.site_id)
            return m.Refused(asked.rid, "busy", BUSY_SEC)

    # --- turns --------------------------------------------------------------------------------------------------------------------

    def _submit(self, peer: Peer, asked: m.Submit) -> None:
        refusal = self._refusal(asked.rid)
        if refusal is not None:
            peer.send(refusal)
            return
        remaining = self.admission.admit(asked, self.clock())
        if isinstance(remaining, m.Limited):
            peer.send(remaining)
            return
        self.waiting.add(peer, asked, remaining)
        self.wake()

    def _refusal(self, rid: int) -> m.Refused | None:
        accepting, reason = self._condition()
        if not accepting:
            return m.Refused(rid, reason, FULL_SEC if reason == "full" else BUSY_SEC)
        if self.waiting.is_full or self.core.lag > self._bounds.lag_signals:
            return m.Refused(rid, "busy", BUSY_SEC)
        return None

    def _condition(self) -> tuple[bool, str]:
        if self.core.full:
            return False, "full"
        if self.replaying or self.core.projector.rebuilding:
            return False, "replaying"
        return True, ""

    def erase(self) -> None:
        """Do what erasures wait for."""
        self.long_work.add("erasures", self.erasures.work)

    @property
    def has_time(self) -> bool:
        """Can what takes long be done now?"""
        return not (self.replaying or self.core.full or self.core.projector.rebuilding)

    @property
    def is_resting(self) -> bool:
        """Nobody came for a while."""
        return monotonic() - self._busy_at >= REST_SEC and not self.waiting

    def wake(self) -> None:
        """There is something to do."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        try:
            self._accept_waiting()
            self.flush()
            if not self.core.tend(self.clock()) and self._slice_is_due():
                self._catch_up()
        except Exception as error:  # noqa: BLE001 - an engine that does not know what happened to it stops
            self.fail(error)
            return
        if (self.waiting and not self.core.full) or self._slice_is_due():
            self.wake()
        elif self.replaying and not self.core.lag:
            self.end_replay()

    def _slice_is_due(self) -> bool:
        urgent = self.replaying or self.core.projector.rebuilding
        return not self.core.full and self._pace.is_due(self.core.lag, urgent=urgent)

    def _accept_waiting(self) -> None:
        batch = self.waiting.take()
        if not batch:
            return
        self._busy_at, now = monotonic(), self.clock()
        incoming = [Incoming(waiting.asked.site_id, arrival) for waiting in batch for arrival in waiting.asked.arrivals]
        try:
            answers = self.core.accept(incoming, now)
        except Unavailable as error:
            self._refuse(batch, "full" if self.core.full else "busy", error.retry_after or BUSY_SEC)
        except Exception:
            self._refuse(batch, "poisoned", BUSY_SEC)
            raise
        else:
            self._answer(batch, answers, now)

    def _refuse(self, batch: Iterable[Waiting], reason: str, retry_after: int) -> None:
        for waiting in batch:
            waiting.peer.send(m.Refused(waiting.asked.rid, reason, retry_after))

    def _answer(self, batch: Sequence[Waiting], answers: Sequence[Answer], now: int) -> None:
        self.meters.note_accepted(len(answers), sum(answer.duplicate for answer in answers), now)
        start = 0
        for waiting in batch:
            end = start + len(waiting.asked.arrivals)
            mine = answers[start:end]
            waiting.peer.send(m.Accepted(waiting.asked.rid, list(mine), waiting.remaining))
            self.hints.add_accepted(waiting.asked.site_id, waiting.asked.arrivals, mine)
            self.last_signal[waiting.asked.site_id] = now
            start = end

    def _catch_up(self) -> None:
        names = self.core.months.names()
        self.core.catch_up(self.clock(), slice_for(self.core.lag))
        if self.core.months.names() != names:
            self.tell(m.Months(self.core.months.names()))
        self._pace.note_slice(self.core.lag, self.clock())

    def end_replay(self) -> None:
        self.replaying = False
        self.tell_state()
        log.info("accepting", data=os.fspath(self.core.folder.root))
        while self._greetings:
            self._greetings.pop()()
        notify("READY=1", f"STATUS=accepting, {len(self.directory.sites)} sites")

    # --- telling ------------------------------------------------------------------------------------------------------------------

    def state(self) -> m.State:
        accepting, reason = self._condition()
        lag_ms = self._pace.lag_ms(self.clock())
        return m.State(accepting and not self._stopping, reason or ("stopping" if self._stopping else ""), self.core.lag, lag_ms)

    def tell_state(self) -> None:
        self.tell(self.state())

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
