"""The ledger: everything the Box must never lose. When `transaction()` ends without an error, what was written in it survives power loss.

It is written by the engine alone, in one transaction per batch, with `synchronous=FULL`. A failed commit is one of three things:
no room (LedgerFull: nothing stored, try later), somebody else's lock (Unavailable), or a disk that cannot be trusted any more
(LedgerPoisoned: the engine stops)."""

import secrets
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw
import structlog

from opsmantik_box.domain import months
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.engine.alerts import Alerts
from opsmantik_box.engine.arrivals import ArrivalCounts
from opsmantik_box.engine.checkpoints import WalKeeper
from opsmantik_box.engine.connections import LEDGER_CACHE_MB, all_rows, open_database, overwrite_deleted
from opsmantik_box.engine.faults import point
from opsmantik_box.engine.migrations import migrate
from opsmantik_box.errors import LedgerFull, LedgerPoisoned, Unavailable
from opsmantik_box.sql import load

SQL = load("ledger")
log: structlog.stdlib.BoundLogger = structlog.get_logger()
KEPT_MS = 35 * 86_400_000
"""An id is known for at least 35 days: a tracker keeps what it could not send for less."""


class Partition(NamedTuple):
    """A month as the ledger knows it. `last_seq`: what its file must reach. `sha256`: of the sealed file of a closed month; None until
    then."""

    month: str
    file: str
    state: str
    last_seq: int
    sha256: str | None
    made_at: int

    @property
    def is_sealed(self) -> bool:
        return self.state == "closed" and self.sha256 is not None


class SignalRow(NamedTuple):
    """An accepted signal, as a month file is folded from it."""

    seq: int
    event_id: bytes
    received_at: int
    payload: bytes
    decision: bytes


class Ledger:
    """An open ledger. `next_seq` is the number the next accepted signal gets, `feed_seq` that of the newest row of the feed."""

    def __init__(self, path: Path, now: int, vfs: str | None = None) -> None:
        """Opens (or makes) and migrates the file. Raises ForeignFile, NewerSchema, apsw.Error."""
        self.path = path
        self.db = open_database(path, synchronous="full", cache_mb=LEDGER_CACHE_MB, vfs=vfs)
        migrate(self.db, "ledger", path)
        self.wal = WalKeeper(self.db)
        if not self.db.execute(SQL["read_identity"]).get:
            self.db.execute(SQL["write_identity"], {"ledger_id": secrets.token_hex(8), "at": now})
        self.ledger_id, self.epoch = self.db.execute(SQL["read_identity"]).get
        self.next_seq = self.last_seq() + 1
        self.feed_seq: int = self.db.execute(SQL["read_feed_seq"]).get
        self._fed = False
        self._poisoned: LedgerPoisoned | None = None
        self.processed = ProcessedIds(self.db)
        self.arrivals = ArrivalCounts(self.db)
        self.alerts = Alerts(self.db, self.add_feed)

    def close(self) -> None:
        """Moves the WAL into the file, if nobody reads and there is room, and lets go. Raises LedgerPoisoned."""
        try:
            self.checkpoint(self.wal.empty)
        except apsw.FullError:
            log.warning("no room for a WAL checkpoint; the next start does it")
        finally:
            self.db.close()

    def checkpoint(self, how: Callable[[], bool]) -> bool:
        """A WAL checkpoint. Raises apsw.FullError, LedgerPoisoned."""
        self._check_trust()
        try:
            return how()
        except apsw.FullError:
            raise
        except apsw.Error as error:
            raise self._doubted(disk_error(error) or LedgerPoisoned(problem=str(error))) from error

    def _check_trust(self) -> None:
        """After a failed sync nothing more is written, whoever comes before the process has ended. Raises LedgerPoisoned."""
        if self._poisoned is not None:
            raise self._poisoned

    def _doubted(self, error: BaseException) -> BaseException:
        if isinstance(error, LedgerPoisoned):
            self._poisoned = error
        return error

    def last_seq(self) -> int:
        """The newest sequence number ever given."""
        return self.db.execute(SQL["read_last_seq"]).get

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing, and durable at the end. Raises LedgerFull, LedgerPoisoned, Unavailable; any other error of the body passes
        through after a rollback."""
        self._check_trust()
        seq = self.next_seq
        try:
            self.db.execute("begin immediate")
            yield
            point("before_ledger_commit")
            fed = self.db.execute(SQL["read_feed_seq"]).get if self._fed else self.feed_seq  # a savepoint may have taken rows back
            self.db.execute("commit")
        except BaseException as error:  # noqa: BLE001 - raised again, by what it means for the disk
            self.next_seq, self._fed = seq, False
            self._roll_back()
            raise self._doubted(disk_error(error) or error) from None
        self.feed_seq, self._fed = fed, False
        point("after_ledger_commit")

    def _roll_back(self) -> None:
        try:
            if self.db.in_transaction:
                self.db.execute("rollback")
        except apsw.Error as error:
            raise self._doubted(LedgerPoisoned(problem=f"rollback failed: {error}")) from error

    def append(self, rows: Sequence[tuple[int, int, bytes, int, bytes, bytes | None]]) -> None:
        """Signals as (seq, site, event id, received, payload, decision), in the caller's transaction."""
        self.db.executemany(SQL["append_signal"], rows)

    def reach(self, month: str, seq: int, now: int) -> None:
        """The file of `month` must contain everything up to `seq`."""
        sessions, events = months.partition_names(month)
        self.db.execute(SQL["reach_month"], (month, sessions, events, f"{month}.db", seq, now))

    def prepare_month(self, month: str, now: int) -> None:
        """A month that has no signal yet, in the caller's transaction."""
        sessions, events = months.partition_names(month)
        self.db.execute(SQL["prepare_month"], (month, sessions, events, f"{month}.db", now))

    def close_partition(self, month: str, now: int) -> None:
        """The month takes no more signals, in the caller's transaction."""
        self.db.execute(SQL["close_partition"], {"month": month, "at": now})

    def seal_partition(self, month: str, rows: int, sha256: str) -> None:
        """Its file will not change any more, in the caller's transaction."""
        self.db.execute(SQL["seal_partition"], {"month": month, "rows": rows, "sha256": sha256})

    def unseal_partition(self, month: str) -> None:
        """Its file changes after all, in the caller's transaction."""
        self.db.execute(SQL["unseal_partition"], {"month": month})

    def reopen_partition(self, month: str) -> None:
        """Its file has to be folded again, in the caller's transaction."""
        self.db.execute(SQL["reopen_partition"], {"month": month})

    def is_trimmed(self, month: str) -> bool:
        """Were some of its signals deleted? Then it cannot be folded again."""
        return (month,) in all_rows(self.db, SQL["list_trimmed_months"])

    def partitions(self) -> list[Partition]:
        """Every month, oldest first."""
        return [Partition(*row) for row in self.db.execute(SQL["list_partitions"])]

    def signals_after(self, seq: int, limit: int) -> list[SignalRow]:
        """Accepted signals in sequence order."""
        return [SignalRow(*row) for row in self.db.execute(SQL["read_signals"], (seq, limit))]

    def alert(self, code: Code, text: str, now: int, site_id: int | None = None) -> None:
        """Something happened that a person should know: told once, then counted. In the caller's transaction."""
        self.alerts.happened(code, text, now, site_id)

    def add_feed(self, now: int, topic: str, site_id: int | None, ref: int, body: str, version: int = 1) -> int:
        """A row of the feed, in the caller's transaction; its number. `body`: JSON in one line."""
        self._fed = True
        return self.db.execute(SQL["add_feed"], (now, topic, site_id, str(ref), version, body)).get


class ProcessedIds:
    """Which (site, event id) were received: a table per month of receipt, dropped whole."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._month = ""
        self._claim = ""
        self._find: list[str] = []

    def turn_to(self, received_at: int) -> None:
        """Make the tables right for this time, in the caller's transaction. Cheap while the month stays the same."""
        month = months.month_of(received_at)
        if month == self._month:
            return
        name = month.replace("-", "_")
        self._db.execute(SQL["make_processed"].format(month=name))
        kept = [other for (other,) in all_rows(self._db, SQL["list_processed"]) if self._keep(other, received_at)]
        self._claim = SQL["claim_id"].format(month=name)
        self._find = [SQL["find_id"].format(month=other) for other in reversed(kept) if other != name]
        self._find_here = SQL["find_id"].format(month=name)
        self._name, self._month = name, month

    def forget(self) -> None:
        """After a rollback: what `turn_to` made may be gone."""
        self._month = ""

    def _keep(self, name: str, now: int) -> bool:
        if months.month_start(months.next_month(name.replace("_", "-"))) + KEPT_MS > now:
            return True
        self._db.pragma("secure_delete", False)  # ids say nothing of anybody, and a million of them cost a second to overwrite
        self._db.execute(SQL["drop_processed"].format(month=name))
        overwrite_deleted(self._db)
        return False

    def claim(self, site_id: int, event_ids: list[bytes], received_at: int, seq: int, payload_hash: bytes) -> bool:
        """Is this signal new? Then its id is taken. `event_ids`: its own, then others it may have been received under."""
        own = event_ids[0]
        for statement in self._find:
            for event_id in event_ids:
                if self._db.execute(statement, (site_id, event_id)).get is not None:
                    return False
        for event_id in event_ids[1:]:
            if self._db.execute(self._find_here, (site_id, event_id)).get is not None:
                return False
        self._db.execute(self._claim, (site_id, own, received_at, seq, payload_hash))
        return self._db.changes() == 1

    def conflicts(self, site_id: int, event_id: bytes, payload_hash: bytes) -> bool:
        """Was this id received with another payload? The other hash is then kept beside the first."""
        stored = self._db.execute(self._find_here, (site_id, event_id)).get
        if stored is None or stored == payload_hash:
            return False
        note = SQL["note_conflict"].format(month=self._name)
        self._db.execute(note, (payload_hash, site_id, event_id, payload_hash))
        return True

    def quarantine(self, site_id: int, event_id: bytes, error: str) -> None:
        """The claimed id's signal could not be decided."""
        self._db.execute(SQL["quarantine_id"].format(month=self._name), (error, site_id, event_id))

    def forget_error(self, site_id: int, event_id: bytes) -> None:
        """What went wrong with it may quote it, and is not to be known any more."""
        for (name,) in all_rows(self._db, SQL["list_processed"]):
            self._db.execute(SQL["forget_error"].format(month=name), (site_id, event_id))

    def release(self, site_id: int, event_id: bytes) -> None:
        """The quarantined id's signal was decided after all; it may stand in any month's table."""
        for (name,) in all_rows(self._db, SQL["list_processed"]):
            self._db.execute(SQL["release_id"].format(month=name), (site_id, event_id))


def disk_error(error: BaseException) -> Exception | None:
    """What a database error means for the ledger; None when it says nothing about the disk (a constraint, a rule, a bug)."""
    if isinstance(error, apsw.FullError):
        return LedgerFull()
    if isinstance(error, apsw.BusyError):
        return Unavailable(reason="another process holds the ledger's lock")
    if isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in _NO_ROOM:
        return LedgerFull()
    if isinstance(error, apsw.IOError | apsw.CorruptError | apsw.NotADBError | apsw.ReadOnlyError | apsw.CantOpenError | OSError):
        return LedgerPoisoned(problem=str(error))
    return None


_NO_ROOM = (apsw.SQLITE_IOERR_SHMSIZE,)
