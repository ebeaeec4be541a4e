"""One month's file: a fold over the ledger's decisions. A slice's sessions, events and checkpoint are one transaction."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import msgspec
import structlog

from opsmantik_box.domain.decisions import Decision, Known
from opsmantik_box.domain.ids import uuid_text
from opsmantik_box.domain.sessions import GAP_MS, LONGEST_SEC, Session, duration_sec, fold
from opsmantik_box.domain.signals import Payload, decode_payload
from opsmantik_box.domain.summary import quarters_of
from opsmantik_box.engine.checkpoints import WalKeeper
from opsmantik_box.engine.connections import atomically, open_database
from opsmantik_box.engine.due_days import Quarter
from opsmantik_box.engine.ledger import Ledger, SignalRow
from opsmantik_box.engine.migrations import migrate
from opsmantik_box.engine.session_rows import FIND_SESSION, SAVE_SESSION, from_row, to_row
from opsmantik_box.errors import ForeignFile
from opsmantik_box.sql import load

SQL = load("engine_month")
BROKEN = (apsw.IOError, apsw.CorruptError, apsw.NotADBError, apsw.CantOpenError, apsw.ReadOnlyError)
"""What says that a file, or the disk under it, cannot be used as it is."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class MonthFile:
    """An open month. `checkpoint` is the newest signal it has applied."""

    def __init__(self, path: Path, ledger: Ledger, cache_mb: int, vfs: str | None = None, *, any_epoch: bool = False) -> None:
        """Opens and migrates an existing file. Raises ForeignFile (another ledger's, or another epoch's), apsw.Error. `any_epoch`: of a
        month that took its last signal before the ledger was restored."""
        self.path = path
        self.month = path.stem
        self._ledger_id, self._epoch = ledger.ledger_id, ledger.epoch
        self.db = open_database(path, synchronous="normal", cache_mb=cache_mb, vfs=vfs)
        try:
            if not self.db.pragma("user_version"):
                raise apsw.NotADBError("it is empty")
            migrate(self.db, "month", path)
            self.wal = WalKeeper(self.db)
            self.checkpoint = self._read_checkpoint(any_epoch=any_epoch)
            self._last_no: int = self.db.execute(SQL["read_last_no"]).get
        except BaseException:
            self.db.close()
            raise

    def _read_checkpoint(self, *, any_epoch: bool) -> int:
        row = self.db.execute(SQL["read_checkpoint"]).fetchone()
        if row is None:
            return 0
        if row[0] != self._ledger_id or (row[1] != self._epoch and not any_epoch):
            raise ForeignFile(file=self.path, problem="it was folded from another ledger")
        return row[2]

    def close(self) -> None:
        """Moves the WAL into the file, if nobody reads, and lets go. A failure costs nothing: the next start looks, and folds again."""
        try:
            self.wal.empty()
        except apsw.Error as error:
            log.warning("the WAL of a month stays as it is", month=self.month, problem=str(error))
        finally:
            self.db.close()

    def find_known(self, site_id: int, session_id: bytes) -> Known | None:
        """What this month knows of a session."""
        row = self.db.execute(SQL["find_known"], (site_id, uuid_text(session_id))).fetchone()
        return None if row is None else Known(row[0], row[1], row[2], row[3], bool(row[4]), bool(row[5]), self.checkpoint)

    def apply(self, rows: Sequence[tuple[SignalRow, Decision]], now: int, mark: Callable[[Iterable[Quarter]], None]) -> None:
        """Fold signals of this month, in one transaction with the checkpoint. `mark` is told when the sessions were, before
        it is committed. Raises apsw.Error and what `mark` does, with nothing changed."""
        with atomically(self.db):
            page = _Slice(self)
            for row, decision in rows:
                page.add(row, decision)
            page.write()
            mark(page.quarters())
            self._write_checkpoint(rows[-1][0].seq, now)
        self.checkpoint = rows[-1][0].seq

    def pass_to(self, seq: int, now: int) -> None:
        """Up to there nothing more is of this month. Raises apsw.Error."""
        self._write_checkpoint(seq, now)
        self.checkpoint = seq

    def _write_checkpoint(self, seq: int, now: int) -> None:
        self.db.execute(SQL["write_checkpoint"], (self._ledger_id, self._epoch, seq, now))

    def load(self, site_id: int, session_id: bytes) -> tuple[int, Session] | None:
        """A session as folded so far, with its number."""
        row = self.db.execute(FIND_SESSION, (site_id, uuid_text(session_id))).fetchone()
        return None if row is None else from_row(row, session_id)

    def next_no(self) -> int:
        """The number of a new session."""
        self._last_no += 1
        return self._last_no


class _Slice:
    """The sessions and events that one slice touches, gathered before anything is written."""

    def __init__(self, month: MonthFile) -> None:
        self._month = month
        self._sessions: dict[tuple[int, bytes], _Touched] = {}
        self._events: list[tuple[Any, ...]] = []

    def add(self, row: SignalRow, decision: Decision) -> None:
        payload = decode_payload(row.payload)
        key = (decision.site_id, decision.signal.sid)
        touched = self._sessions.get(key)
        if touched is None:
            touched = self._sessions[key] = _Touched(self._month, *key)
        touched.session = fold(touched.session, decision, row.seq, payload.u)
        touched.times.append(decision.signal.at)
        self._events.append(_event_row(touched.no, row, decision, payload))

    def quarters(self) -> Iterator[Quarter]:
        """Of every day its sessions touch."""
        for (site_id, _), touched in self._sessions.items():
            if (session := touched.session) is not None:
                yield from ((site_id, one) for one in quarters_of(session.entry_key[0], session.exit_key[0]))

    def write(self) -> None:
        db = self._month.db
        db.executemany(SAVE_SESSION, [touched.finish(db) for touched in self._sessions.values()])
        db.executemany(SQL["add_event"], self._events)


class _Touched:
    """A session while a slice is folded into it. `times` are those of this slice's events."""

    __slots__ = ("_is_new", "no", "session", "times")

    def __init__(self, month: MonthFile, site_id: int, session_id: bytes) -> None:
        found = month.load(site_id, session_id)
        self._is_new = found is None
        self.no, self.session = found or (month.next_no(), None)
        self.times: list[int] = []

    def finish(self, db: apsw.Connection) -> tuple[Any, ...]:
        session = self.session
        assert session is not None
        # A session that has reached the longest duration can only stay there: a robot's thousands of events are not read again.
        if session.duration_sec < LONGEST_SEC:
            session.duration_sec = duration_sec(self._times(db, session))
        return to_row(self.no, session)

    def _times(self, db: apsw.Connection, session: Session) -> list[int]:
        """Of the session's events, ascending; of a short session the ends say as much, and nothing has to be read."""
        ends = [session.entry_key[0], session.exit_key[0]]
        if ends[1] - ends[0] <= GAP_MS:
            return ends
        before = () if self._is_new else (at for (at,) in db.execute(SQL["read_times"], (self.no,)))
        return sorted([*before, *self.times])


_ON_THE_SESSION = frozenset({"fp", "gclid", "wbraid", "gbraid"})


def _event_row(no: int, row: SignalRow, decision: Decision, payload: Payload) -> tuple[Any, ...]:
    signal = decision.signal
    kept = {name: value for name, value in (payload.meta or {}).items() if name not in _ON_THE_SESSION}
    if payload.r:
        kept["referrer"] = payload.r
    metadata = msgspec.json.encode(kept).decode() if kept else "{}"
    return (no, signal.at, row.seq, row.event_id, decision.site_id, payload.u, signal.category, payload.ea or "view", payload.el,
            payload.ev, metadata, row.received_at)  # fmt: skip
