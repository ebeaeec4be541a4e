"""The turns of the engine's loop. In each everything that waits is accepted as one batch, answered, and then a slice of month work is
done. While a commit waits for the disk, the next batch gathers in the sockets: that is the group commit.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from opsmantik_box.clock import monotonic
from opsmantik_box.engine.pace import Pace
from opsmantik_box.engine.peers import Peer
from opsmantik_box.engine.projector import slice_for
from opsmantik_box.engine.waiting import Bounds, Waiting, WaitingRoom
from opsmantik_box.engine.writing import Answer, Incoming
from opsmantik_box.errors import Unavailable
from opsmantik_box.link import messages as m

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

BUSY_SEC = 2
FULL_SEC = 10
REST_SEC = 5
"""So long nobody came: then the WALs are cut."""


class Turns:
    """The turns of a service. `replaying` until the month files hold what the ledger held at the start: nothing is accepted before.
    `last_signal`: when each site was heard of last (ms), by its number."""

    def __init__(self, service: "Service", bounds: Bounds) -> None:
        self._service, self._core, self._bounds = service, service.core, bounds
        self.waiting, self.pace = WaitingRoom(bounds), Pace(self.wake)
        self.replaying = self._core.lag > 0
        self.last_signal = {site_id: self._core.months.last_event(site_id) for site_id in service.directory.sites}
        self._scheduled = False
        self._busy_at = monotonic()

    # --- how it stands ------------------------------------------------------------------------------------------------------------

    @property
    def condition(self) -> tuple[bool, str]:
        """Are signals accepted? And why not."""
        if self._core.full:
            return False, "full"
        if self.replaying or self._core.projector.rebuilding:
            return False, "replaying"
        return True, ""

    @property
    def has_time(self) -> bool:
        """Can what takes long be done now?"""
        return self.condition[0]

    @property
    def is_resting(self) -> bool:
        """Nobody came for a while."""
        return monotonic() - self._busy_at >= REST_SEC and not self.waiting

    def refusal(self, rid: int) -> m.Refused | None:
        """What a request is told that cannot be taken now."""
        accepting, reason = self.condition
        if not accepting:
            return m.Refused(rid, reason, FULL_SEC if reason == "full" else BUSY_SEC)
        if self.waiting.is_full or self._core.lag > self._bounds.lag_signals:
            return m.Refused(rid, "busy", BUSY_SEC)
        return None

    def unavailable(self, rid: int, error: Unavailable) -> m.Refused:
        """What a request is told whose write failed."""
        return m.Refused(rid, "full" if self._core.full else "busy", error.retry_after or BUSY_SEC)

    # --- a turn -------------------------------------------------------------------------------------------------------------------

    def submit(self, peer: Peer, asked: m.Submit) -> None:
        """Signals for the next batch, or the answer that they are not taken."""
        refusal = self.refusal(asked.rid)
        if refusal is not None:
            peer.send(refusal)
            return
        remaining = self._service.admission.admit(asked, self._service.clock())
        if isinstance(remaining, m.Limited):
            peer.send(remaining)
            return
        self.waiting.add(peer, asked, remaining)
        self.wake()

    def wake(self) -> None:
        """There is something to do."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def finish(self) -> None:
        """Accept whatever still waits."""
        while self.waiting:
            self._turn()

    def give_up(self) -> None:
        """Nobody who waits, or comes, gets a yes any more."""
        self.replaying = True
        for waiting in self.waiting.clear():
            waiting.peer.send(m.Refused(waiting.asked.rid, "poisoned", BUSY_SEC))

    def _turn(self) -> None:
        self._scheduled = False
        try:
            self._accept_waiting()
            self._service.audience.flush()
            if not self._core.tend(self._service.clock()) and self._slice_is_due():
                self._catch_up()
        except Exception as error:  # noqa: BLE001 - an engine that does not know what happened to it stops
            self._service.fail(error)
            return
        if (self.waiting and not self._core.full) or self._slice_is_due():
            self.wake()
        elif self.replaying and not self._core.lag:
            self.end_replay()

    def _accept_waiting(self) -> None:
        batch = self.waiting.take()
        if not batch:
            return
        self._busy_at, now = monotonic(), self._service.clock()
        incoming = [Incoming(waiting.asked.site_id, arrival) for waiting in batch for arrival in waiting.asked.arrivals]
        try:
            answers = self._core.accept(incoming, now)
        except Unavailable as error:
            for waiting in batch:
                waiting.peer.send(self.unavailable(waiting.asked.rid, error))
        except Exception:
            for waiting in batch:
                waiting.peer.send(m.Refused(waiting.asked.rid, "poisoned", BUSY_SEC))
            raise
        else:
            self._answer(batch, answers, now)

    def _answer(self, batch: Iterable[Waiting], answers: Sequence[Answer], now: int) -> None:
        self._service.meters.note_accepted(len(answers), sum(answer.duplicate for answer in answers), now)
        start = 0
        for waiting in batch:
            end = start + len(waiting.asked.arrivals)
            mine = answers[start:end]
            waiting.peer.send(m.Accepted(waiting.asked.rid, list(mine), waiting.remaining))
            self._service.hints.add_accepted(waiting.asked.site_id, waiting.asked.arrivals, mine)
            self.last_signal[waiting.asked.site_id] = now
            start = end

    # --- month work ---------------------------------------------------------------------------------------------------------------

    def _slice_is_due(self) -> bool:
        urgent = self.replaying or self._core.projector.rebuilding
        return not self._core.full and self.pace.is_due(self._core.lag, urgent=urgent)

    def _catch_up(self) -> None:
        names, now = self._core.months.names(), self._service.clock()
        self._core.catch_up(now, slice_for(self._core.lag))
        if self._core.months.names() != names:
            self._service.audience.tell(m.Months(self._core.months.names()))
        self.pace.note_slice(self._core.lag, now)

    def end_replay(self) -> None:
        """The month files hold everything: from now on signals are taken."""
        self.replaying = False
        self._service.greet()
