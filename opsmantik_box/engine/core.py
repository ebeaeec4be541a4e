"""The engine without its sockets: a data folder that accepts signals and keeps its month files up to them.

The order of writes is here, in `accept` and `catch_up`, and nowhere else. Synchronous, one thread, the time passed in."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import apsw
import structlog

from opsmantik_box.domain import months as month_rules
from opsmantik_box.engine.acceptance import Acceptance
from opsmantik_box.engine.connections import forget_pages, patience
from opsmantik_box.engine.due_days import DueDays
from opsmantik_box.engine.folder import DataFolder
from opsmantik_box.engine.known_sessions import KnownSessions
from opsmantik_box.engine.ledger import Ledger, Partition
from opsmantik_box.engine.month_file import BROKEN, MonthFile
from opsmantik_box.engine.months import Months
from opsmantik_box.engine.projector import SLICE, Projector
from opsmantik_box.engine.sealing import Sealed
from opsmantik_box.engine.site_counts import SiteCounts
from opsmantik_box.engine.writing import Answer, Incoming
from opsmantik_box.errors import DataFolderUnusable, LedgerFull, LedgerPoisoned, MonthDamaged, Unavailable

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Core:
    """An open Box. `full` while the disk has no room: then nothing is accepted, and `recover` looks whether that is over."""

    def __init__(self, folder: DataFolder, now: int, vfs: str | None = None) -> None:
        """Raises LedgerLostItsTail, ForeignFile, NewerSchema, DataFolderUnusable."""
        self.folder, self.vfs = folder, vfs
        self.full = not folder.hold_reserve()
        try:
            self.ledger = Ledger(folder.ledger, now, vfs)
        except (*BROKEN, apsw.FullError) as error:
            raise DataFolderUnusable(
                data=folder.root, problem=f"ledger.db cannot be opened ({error}); run `opsmantik-box doctor`"
            ) from error
        try:
            self.months = Months(folder.months, self.ledger, now, vfs)
        except (*BROKEN, apsw.FullError, LedgerFull, OSError) as error:
            raise DataFolderUnusable(
                data=folder.root, problem=f"a month file cannot be made ({error}); is the disk full, or broken?"
            ) from error
        self.due = DueDays(self.ledger)
        self.projector = Projector(self.ledger, self.months, self.due)
        self.sessions = KnownSessions(self.months.find_known)
        self.counts = SiteCounts(self.ledger)
        self.acceptance = Acceptance(self.ledger, self.months, self.sessions, self.counts)

    @property
    def lag(self) -> int:
        """Signals accepted and not yet in their month file."""
        return self.projector.lag

    def accept(self, batch: Sequence[Incoming], now: int) -> list[Answer]:
        """Decide and store. When this returns, every signal in it is durable. Raises LedgerFull, Unavailable, LedgerPoisoned."""
        with self.minding(now):
            return self.acceptance.accept(batch, now, self.projector.cursor)

    @contextmanager
    def minding(self, now: int) -> Generator[None]:
        """What a write tells of the disk is acted upon before it is told on."""
        try:
            yield
        except (LedgerFull, apsw.FullError) as error:
            self._run_full()
            raise LedgerFull from error
        except MonthDamaged as error:
            self.replace_month(str(error.details["month"]), now, str(error))
            raise

    @contextmanager
    def _sound_folder(self) -> Generator[None]:
        """A folder whose names cannot be made to last is as bad as a ledger that cannot: nothing is tried twice."""
        try:
            yield
        except OSError as error:
            raise LedgerPoisoned(problem=f"the folder of the months: {error}") from error

    def catch_up(self, now: int, limit: int = SLICE) -> int:
        """One slice of projection; how many signals it took."""
        try:
            return self.projector.run(now, limit)
        except LedgerFull:
            self._run_full()
            return 0
        except Unavailable:  # somebody holds the ledger's lock, and it has to be marked what changes: later
            return 0

    def tend(self, now: int) -> bool:
        """One WAL checkpoint that is due, if there is one: the ledger's before a month's. Raises LedgerPoisoned."""
        if self.ledger.wal.is_due:
            self._checkpoint_ledger(self.ledger.wal.tend)
            return True
        file = next((file for file in self.months.files() if file.wal.is_due), None)
        if file is None:
            return False
        self._checkpoint_month(file, file.wal.tend, now)
        return True

    def rest(self, now: int) -> None:
        """Nobody came for a while: cut the WALs to nothing, so that a restart finds little to do."""
        if self.ledger.wal.pages:
            self._checkpoint_ledger(self.ledger.wal.empty)
        for file in self.months.files():
            if file.wal.pages:
                self._checkpoint_month(file, file.wal.empty, now)

    def is_alone(self, month: str | None, now: int) -> bool:
        """Is everything of a month's file (None: of the ledger) in it, and nothing in a WAL or cache of ours? False while a reader is in
        the way; nobody waits for him. Raises LedgerPoisoned, LedgerFull."""
        file = self.months.held(month) if month else None
        if month and file is None:
            return True  # a closed month's has neither
        db = file.db if file else self.ledger.db
        with patience(db, 0):
            emptied = self._checkpoint_month(file, file.wal.empty, now) if file else self._checkpoint_ledger(self.ledger.wal.empty)
        forget_pages(db)
        return emptied

    def _checkpoint_ledger(self, checkpoint: Callable[[], bool]) -> bool:
        try:
            return self.ledger.checkpoint(checkpoint)
        except apsw.FullError:
            self._run_full()
        return False

    def _checkpoint_month(self, file: MonthFile, checkpoint: Callable[[], bool], now: int) -> bool:
        try:
            return checkpoint()
        except apsw.FullError:
            self._run_full()
        except apsw.Error as error:
            self.replace_month(file.month, now, str(error))
        return False

    def replace_month(self, month: str, now: int, problem: str) -> None:
        """Its file is set aside, and folded again from the ledger."""
        self.months.replace(month, now, problem)
        self.projector.start_over()

    def make_month(self, month: str, now: int) -> Partition:
        """Have a month's file ready before its first signal. Raises LedgerFull, LedgerPoisoned."""
        with self.minding(now), self._sound_folder():
            with self.ledger.transaction():
                self.ledger.prepare_month(month, now)
            self.months.open(month, now)
        return next(partition for partition in self.ledger.partitions() if partition.month == month)

    def months_over(self, now: int) -> list[str]:
        """Open months that take no signals any more by the calendar, oldest first."""
        found = (partition.month for partition in self.ledger.partitions() if partition.state == "open")
        return [month for month in found if now >= month_rules.closes_at(month)]

    def close_month(self, month: str, now: int) -> bool:
        """No more signals for this month. False while its file has not everything, safely on the disk (a reader may be in the way).
        Raises LedgerFull, LedgerPoisoned."""
        partition = next(one for one in self.ledger.partitions() if one.month == month)
        with self.minding(now):
            file = self.months.open(month, now)
            if file.checkpoint < partition.last_seq or not self._checkpoint_month(file, file.wal.empty, now):
                return False
            with self.ledger.transaction():
                self.ledger.close_partition(month, now)
        self.months.closed.add(month)
        self.sessions.forget_month(month)
        return True

    def unsealed_months(self) -> list[str]:
        """Closed months whose file is not final yet, oldest first."""
        found = (one.month for one in self.ledger.partitions() if one.state == "closed" and one.sha256 is None)
        return [month for month in found if month not in self.months.lost]

    def adopt_seal(self, month: str, sealed: Sealed, now: int) -> bool:
        """The sealed copy takes the place of the month's file; False when a reader is in the way. Raises LedgerFull, LedgerPoisoned."""
        with self.minding(now), self._sound_folder():
            if not self.months.adopt(month):
                return False
            with self.ledger.transaction():
                self.ledger.seal_partition(month, sealed.rows, sealed.sha256)
        return True

    def recover(self) -> bool:
        """Is there room again? The reserve coming back proves it."""
        if self.full and self.folder.has_room() and self.folder.hold_reserve():
            self.full = False
            log.warning("the disk has room again, accepting")
        return not self.full

    def _run_full(self) -> None:
        """No room left: the reserve makes enough of it for the WAL to be moved into the ledger."""
        if not self.full:
            log.error("the disk is full, nothing is accepted until there is room again")
        self.full = True
        self.folder.give_reserve()
        try:
            self.ledger.checkpoint(self.ledger.wal.empty)
        except apsw.FullError:
            log.error("no room for a WAL checkpoint either")

    def close(self) -> None:
        """Bring the month files up, move every WAL into its file, let go of the folder."""
        try:
            self.months.close()
            self.ledger.close()
        finally:
            self.folder.release()
