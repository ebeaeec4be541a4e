"""The month files there are: each can be thrown away and folded again; a missing one is made, a broken one set aside."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import apsw
import structlog

from opsmantik_box.disk import sync_directory
from opsmantik_box.domain.decisions import Known
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.engine.connections import (
    OPEN_MONTH_CACHE_MB,
    OTHER_CACHE_MB,
    is_sound,
    let_go,
    open_database,
    open_sealed,
)
from opsmantik_box.engine.faults import point
from opsmantik_box.engine.ledger import Ledger, Partition
from opsmantik_box.engine.migrations import is_outdated, migrate
from opsmantik_box.engine.month_file import BROKEN, SQL, MonthFile
from opsmantik_box.engine.sealing import Sealed, SealOrder, make_seal
from opsmantik_box.errors import BoxError, ForeignFile, LedgerLostItsTail, MonthDamaged

CHECKED_BYTES = 64 * 1024 * 1024
"""Files up to this size are read through at the start (0.3 s); larger ones by the nightly check."""

SEALING, SEALED_MODE = ".sealing", 0o440

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class MonthGone(BoxError):
    """The file of {month} {problem}, and its signals were deleted when their days were over: it cannot be folded again. Put
    months/{month}.db back from a backup (docs/backups.md), and start the Box."""


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
