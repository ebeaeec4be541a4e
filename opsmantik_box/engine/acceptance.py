"""Acceptance: decide and store a batch. When `accept` returns, every accepted signal in it survives power loss.

How each signal is decided and written is in writing.py."""

from collections.abc import Callable, Iterable, Sequence

import structlog

from opsmantik_box.domain.signals import decode_arrival
from opsmantik_box.engine.connections import all_rows, atomically
from opsmantik_box.engine.known_sessions import KnownSessions
from opsmantik_box.engine.ledger import SQL, Ledger, disk_error
from opsmantik_box.engine.months import Months
from opsmantik_box.engine.site_counts import SiteCounts
from opsmantik_box.engine.writing import Answer, Arrived, Incoming, Writing
from opsmantik_box.errors import BoxError

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Acceptance:
    """The one way into the ledger for signals. `conflicts` and `restamped` count what was odd since the start. `meet` is called inside
    a batch's transaction with what calls were waiting for; it is no part of a signal's own way."""

    def __init__(self, ledger: Ledger, found_months: Months, sessions: KnownSessions, counts: SiteCounts) -> None:
        self._ledger, self._months, self._sessions, self._counts = ledger, found_months, sessions, counts
        self.meet: Callable[[Iterable[Arrived], int], None] = lambda _arrived, _now: None
        self.conflicts = self.restamped = self.quarantined = 0

    def accept(self, batch: Sequence[Incoming], now: int, projected: int) -> list[Answer]:
        """All or nothing: on LedgerFull or Unavailable nothing was stored; on LedgerPoisoned the engine must stop. A signal that
        cannot be decided or stored does not take the others along: it goes to quarantine."""
        try:
            return self._store(batch, now, projected, one_by_one=False)
        except BoxError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one signal did, the others of its batch get their chance
            log.warning("a batch is run again one by one", problem=repr(error), signals=len(batch))
            return self._store(batch, now, projected, one_by_one=True)

    def _store(self, batch: Sequence[Incoming], now: int, projected: int, *, one_by_one: bool) -> list[Answer]:
        writing = Writing(self._ledger, self._months, self._sessions, now)
        put = writing.put_safely if one_by_one else writing.put
        try:
            with self._ledger.transaction():
                self._ledger.processed.turn_to(now)
                answers = [put(incoming) for incoming in batch]
                self._finish(writing, now)
        except BaseException:
            self._ledger.processed.forget()
            raise
        self._merge(writing, projected)
        self._counts.note(writing.people, writing.news, now)
        for site_id in writing.quarantined:
            self._counts.minutes.add(now, site_id, "quarantined")
        return answers

    def retry_quarantined(self, now: int, projected: int) -> tuple[int, int]:
        """Decide again what is in quarantine; (stored now, still there)."""
        writing = Writing(self._ledger, self._months, self._sessions, now)
        with self._ledger.transaction():
            self._ledger.processed.turn_to(now)
            found = all_rows(self._ledger.db, SQL["list_quarantined"])
            stored = sum(writing.retry(Incoming(site_id, decode_arrival(kept)), seq) for seq, site_id, kept in found)
            self._finish(writing, now)
        self._merge(writing, projected)
        return stored, len(found) - stored

    def _finish(self, writing: Writing, now: int) -> None:
        """The batch's rows; then the calls that waited for one of them. A fault there costs a match, never a signal."""
        writing.finish()
        if not writing.arrived:
            return
        try:
            with self._sessions.deciding(writing.overlay), atomically(self._ledger.db):
                self.meet(writing.arrived, now)
        except BoxError:
            raise
        except Exception as error:
            if (fault := disk_error(error)) is not None:
                raise fault from error
            log.error("[CALL_FAULT]", kind=type(error).__name__)

    def _merge(self, writing: Writing, projected: int) -> None:
        self._sessions.merge(writing.overlay, projected)
        self._ledger.arrivals.note(writing.heard)
        self.conflicts += writing.conflicts
        self.restamped += writing.taps.restamped
        self.quarantined += len(writing.quarantined)
