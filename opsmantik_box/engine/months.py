"""Month files: a fold over the ledger's decisions. Each can be thrown away and folded again; a missing one is made, a broken one set
aside. A slice's sessions, events and checkpoint are one transaction."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec
import structlog

from opsmantik_box.disk import sync_directory
from opsmantik_box.domain.decisions import Decision, Known
from opsmantik_box.domain.ids import uuid_text
from opsmantik_box.domain.sessions import GAP_MS, LONGEST_SEC, Session, duration_sec, fold
from opsmantik_box.domain.signals import Payload, decode_payload
from opsmantik_box.domain.summary import quarters_of
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.engine.checkpoints import WalKeeper
from opsmantik_box.engine.connections import (
    OPEN_MONTH_CACHE_MB,
    OTHER_CACHE_MB,
    atomically,
    is_sound,
    let_go,
    open_database,
    open_sealed,
)
from opsmantik_box.engine.due_days import Quarter
from opsmantik_box.engine.faults import point
from opsmantik_box.engine.ledger import Ledger, Partition, SignalRow
from opsmantik_box.engine.migrations import is_outdated, migrate
from opsmantik_box.engine.sealing import Sealed, SealOrder, make_seal
from opsmantik_box.engine.session_rows import FIND_SESSION, SAVE_SESSION, from_row, to_row
from opsmantik_box.errors import BoxError, ForeignFile, LedgerLostItsTail, MonthDamaged
from opsmantik_box.sql import load

SQL = load("engine_month")
CHECKED_BYTES = 64 * 1024 * 1024
"""Files up to this size are read through at the start (0.3 s); larger ones by the nightly check."""

SEALING, SEALED_MODE = ".sealing", 0o440

BROKEN = (apsw.IOError, apsw.CorruptError, apsw.NotADBError, apsw.CantOpenError, apsw.ReadOnlyError)
"""What says that a file, or the disk under it, cannot be used as it is."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class MonthGone(BoxError):
    """The file of {month} {problem}, and its signals were deleted when their days were over: it cannot be folded again. Put
    months/{month}.db back from a backup (docs/backups.md), and start the Box."""


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


class Months:
    """The month files, opened on demand and held: what a gateway is told of exists and has been touched by the engine."""

    def __init__(self, folder: Path, ledger: Ledger, now: int, vfs: str | None = None) -> None:
        """Opens every open month of the ledger. Raises LedgerLostItsTail."""
        self._folder, self._ledger, self._vfs = folder, ledger, vfs
        self._open: dict[str, MonthFile] = {}
        self.closed: set[str] = set()
        self.lost: set[str] = set()
        """Months whose file is gone or broken and that cannot be folded again: some of their signals were deleted."""
        for leftover in folder.glob(f"*{SEALING}*"):
            leftover.unlink()
        for partition in ledger.partitions():
            if partition.state == "closed":
                self.closed.add(partition.month)
            self._take_up(partition, now)
        self._look_for_strangers()

    def _take_up(self, partition: Partition, now: int) -> None:
        """Hold what may be written; of a sealed month only see that it is there, and of this schema."""
        month, path = partition.month, self._folder / partition.file
        if not path.exists() and self._ledger.is_trimmed(month):
            self._lose(month, "was not there", now)
            return
        if not path.exists() and (partition.last_seq or partition.state == "closed"):
            self._reopen(month)
            self._say(month, "was not there", now)
        try:
            if month not in self.closed or not partition.is_sealed:
                self.open(month, now)
            elif is_outdated(path, "month", self._vfs):
                self.unseal(month, now)
        except MonthGone as error:
            self._lose(month, str(error.details["problem"]), now)

    def _lose(self, month: str, problem: str, now: int) -> None:
        """It is read by nobody until its file is put back."""
        self.lost.add(month)
        log.error("a month file is lost: its signals were deleted, it cannot be folded again", month=month, problem=problem)
        with self._ledger.transaction():
            self._ledger.alert(Code.PARTITION_FAULT, str(MonthGone(month=month, problem=problem)), now)

    def _reopen(self, month: str) -> None:
        """Its file is lost: it is folded again from the ledger, and closed again when that is done."""
        if month in self.closed:
            self.closed.discard(month)
            with self._ledger.transaction():
                self._ledger.reopen_partition(month)

    def _look_for_strangers(self) -> None:
        """Month files that the ledger does not know: it was replaced by a copy from before them, or deleted. Raises LedgerLostItsTail."""
        last = self._ledger.last_seq()
        for path in sorted(self._folder.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9].db")):
            if path.stem in self._open or path.stem in self.closed:
                continue
            checkpoint = _applied(path, self._ledger, self._vfs)
            if checkpoint > last:
                raise LedgerLostItsTail(file=path, checkpoint=checkpoint, last=last)

    def open(self, month: str, now: int) -> MonthFile:
        """The month's file, made if it is missing, set aside and made anew if it is broken or foreign."""
        if month not in self._open:
            path = self._folder / f"{month}.db"
            if not path.exists():
                self._make(path)
            elif not path.stat().st_mode & 0o200:
                path.chmod(0o640)
            self._open[month] = self._open_or_replace(path, now)
        return self._open[month]

    def _open_or_replace(self, path: Path, now: int) -> MonthFile:
        try:
            file = MonthFile(path, self._ledger, self._cache_mb(), self._vfs, any_epoch=path.stem in self.closed)
            if path.stat().st_size <= CHECKED_BYTES and not is_sound(file.db):
                file.db.close()
                raise apsw.CorruptError("quick_check found damage")
        except (apsw.CorruptError, apsw.NotADBError, apsw.CantOpenError, apsw.SQLError, ForeignFile) as error:
            if self._ledger.is_trimmed(path.stem):
                raise MonthGone(month=path.stem, problem=f"is damaged ({error})") from error
            self._set_aside(path, now, str(error))
            self._make(path)
            file = MonthFile(path, self._ledger, self._cache_mb(), self._vfs)
        last = self._ledger.last_seq()
        if file.checkpoint > last:
            file.db.close()
            raise LedgerLostItsTail(file=path, checkpoint=file.checkpoint, last=last)
        return file

    def _cache_mb(self) -> int:
        return OTHER_CACHE_MB if self._open else OPEN_MONTH_CACHE_MB

    def _make(self, path: Path) -> None:
        """Under a temporary name, whole and closed, then renamed: a crash leaves no half-made month."""
        temporary = path.with_suffix(".making")
        for leftover in _with_wal(temporary):
            leftover.unlink(missing_ok=True)
        db = open_database(temporary, synchronous="full", cache_mb=OTHER_CACHE_MB, vfs=self._vfs)
        migrate(db, "month", path)
        db.pragma("journal_mode", "delete")
        db.close()
        point("month_written")
        self._clear(path)
        temporary.rename(path)
        sync_directory(path.parent)
        point("month_renamed")

    def _clear(self, path: Path, *suffixes: str) -> None:
        """A file that was lost may have left its WAL behind; SQLite would replay that into the new one."""
        parts = [path.with_name(path.name + suffix) for suffix in suffixes] if suffixes else _with_wal(path)
        left = [part for part in parts if part.exists()]
        for part in left:
            part.unlink()
        if left:
            sync_directory(path.parent)

    def _set_aside(self, path: Path, now: int, problem: str) -> None:
        """Keep the broken file beside the new one, and say so."""
        for part in _with_wal(path):
            if part.exists():
                part.rename(part.with_name(f"{part.name}.aside-{now}"))
        sync_directory(path.parent)
        self._reopen(path.stem)
        log.error("month file set aside, it is folded again from the ledger", month=path.stem, problem=problem)
        self._say(path.stem, f"was damaged ({problem})", now)

    def _say(self, month: str, problem: str, now: int) -> None:
        with self._ledger.transaction():
            self._ledger.alert(Code.PARTITION_FAULT, f"The file of {month} {problem}; it is being rebuilt from the ledger.", now)

    def replace(self, month: str, now: int, problem: str) -> None:
        """A month turned out to be broken: set it aside and start it again from nothing; one that was trimmed is left as it is. Raises
        apsw.Error when that fails as well."""
        file = self._open.pop(month, None)
        if file is not None:
            file.db.close()
        if self._ledger.is_trimmed(month):
            self._lose(month, f"is damaged ({problem})", now)
            return
        self._set_aside(self._folder / f"{month}.db", now, problem)
        self.open(month, now)

    def files(self) -> list[MonthFile]:
        """The open months, newest first."""
        return [self._open[month] for month in sorted(self._open, reverse=True)]

    def held(self, month: str) -> MonthFile | None:
        """An open month."""
        return self._open.get(month)

    def names(self) -> list[tuple[str, str]]:
        """(month, file name) of everything a gateway may read, oldest first."""
        return [(month, f"{month}.db") for month in sorted({*self._open, *self.closed} - self.lost)]

    def there(self) -> list[str]:
        """The months whose files exist, oldest first."""
        return [month for month, file in self.names() if (self._folder / file).exists()]

    def oldest_open(self, otherwise: str) -> str:
        """The oldest month that still takes signals."""
        return min(self._open.keys() - self.closed, default=otherwise)

    def find_known(self, site_id: int, session_id: bytes) -> Known | None:
        """Where a session lives, newest month first; a closed month takes nothing more, and is not asked. Raises MonthDamaged."""
        for file in self.files():
            if file.month in self.closed:
                continue
            try:
                known = file.find_known(site_id, session_id)
            except BROKEN as error:
                raise MonthDamaged(month=file.month, problem=str(error)) from error
            if known is not None:
                return known
        return None

    def last_event(self, site_id: int) -> int | None:
        """When the site's newest projected event was (ms)."""
        times = (file.db.execute(SQL["last_event"], (site_id,)).get for file in self.files())
        return max((at for at in times if at is not None), default=None)

    def seal_order(self, month: str) -> SealOrder:
        """What is to be copied before `adopt` can take it over."""
        path = self._folder / f"{month}.db"
        return SealOrder(str(path), str(path.with_suffix(SEALING)))

    def make_seal(self, month: str) -> Sealed:
        """The copy, made here and now; the service has a helper make it. Raises CopyFailed."""
        return make_seal(self.seal_order(month), lambda _: None, self._vfs)

    def changes(self, month: str) -> int:
        """A number that is another one after each change of the month's rows."""
        return self._open[month].db.total_changes()

    def adopt(self, month: str) -> bool:
        """Put the sealed copy in the place of the month's file; False when a reader is in the way, or the copy was thrown away. At every
        moment the file on the disk is whole: the WAL is emptied and gone before the copy comes. Raises apsw.FullError."""
        file = self._open[month]
        copy = file.path.with_suffix(SEALING)
        if not copy.exists() or not file.wal.empty():
            return False
        file.db.close()
        del self._open[month]
        self._clear(file.path, "-wal", "-shm")
        point("month_unsealed")
        copy.rename(file.path)
        sync_directory(file.path.parent)
        point("month_sealed")
        file.path.chmod(SEALED_MODE)
        return True

    def unseal(self, month: str, now: int) -> MonthFile:
        """A closed month's file, to be written again; it is sealed anew afterwards. Raises apsw.Error."""
        if month not in self._open:
            with self._ledger.transaction():
                self._ledger.unseal_partition(month)
        return self.open(month, now)

    @contextmanager
    def using(self, month: str) -> Generator[apsw.Connection]:
        """A month's file to look into; to take rows out of, it must be held. Raises MonthDamaged, apsw.FullError."""
        held = self._open.get(month)
        try:
            db = held.db if held else open_sealed(self._folder / f"{month}.db", self._vfs)
            try:
                yield db
            finally:
                if held is None:
                    db.close()
        except BROKEN as error:
            raise MonthDamaged(month=month, problem=str(error)) from error

    def close(self) -> None:
        """Let go of every file."""
        for file in self._open.values():
            file.close()
        self._open.clear()


def _applied(path: Path, ledger: Ledger, vfs: str | None) -> int:
    """What a month file has applied: of this ledger; of any, when this one is empty. 0 for a file that is somebody else's or broken: it
    is set aside when its month comes."""
    db = apsw.Connection(str(path), vfs=vfs)
    try:
        row = db.execute(SQL["read_checkpoint"]).fetchone()
    except apsw.Error:
        return 0
    finally:
        let_go(db)
    return row[2] if row and (row[:2] == (ledger.ledger_id, ledger.epoch) or not ledger.last_seq()) else 0


def _with_wal(path: Path) -> Iterable[Path]:
    return (path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal")))
