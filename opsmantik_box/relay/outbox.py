"""What the relay keeps until main has it. When `add` is done, an envelope survives power loss; it leaves when main said yes.

One file, one thread, `synchronous=FULL`: while a commit waits for the disk, the next requests gather (engine/service.py does the same).
A failed fsync is never retried: `broken` is called, and the process ends.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import apsw

from opsmantik_box.domain.relaying import MAX_AGE_MS as KEPT_MS
from opsmantik_box.domain.relaying import MAX_BYTES, MAX_ENVELOPES, Envelope
from opsmantik_box.engine.checkpoints import WalKeeper
from opsmantik_box.engine.connections import OTHER_CACHE_MB, all_rows, atomically, open_database
from opsmantik_box.engine.ledger import disk_error
from opsmantik_box.engine.migrations import migrate
from opsmantik_box.errors import LedgerFull, LedgerPoisoned
from opsmantik_box.sql import load

SQL = load("relay")
OVERHEAD = 512
"""Bytes of an envelope in a request, besides its body; JSON in JSON doubles that at worst."""


class Outbox:
    """The open file. `max_bytes` bounds it; `broken` is called once, when the disk cannot be trusted any more."""

    def __init__(self, path: Path, max_bytes: int, vfs: str | None = None) -> None:
        """Opens (or makes) and migrates the file; what was parked waits again. Raises ForeignFile, NewerSchema, apsw.Error."""
        self._db = open_database(path, synchronous="full", cache_mb=OTHER_CACHE_MB, vfs=vfs)
        self._db.pragma("secure_delete", True)
        migrate(self._db, "relay", path)
        self._wal = WalKeeper(self._db)
        self._max_bytes = max_bytes
        self._news: list[tuple[Envelope, asyncio.Future[None]]] = []
        self.arrived = asyncio.Event()
        self.broken: Callable[[Exception], None] = lambda _: None
        with atomically(self._db):
            self._db.execute(SQL["unpark"])

    async def add(self, envelope: Envelope) -> None:
        """Durable when this returns. Raises LedgerFull, LedgerPoisoned."""
        if self.is_full:
            raise LedgerFull
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._news:
            asyncio.get_running_loop().call_soon(self._commit)
        self._news.append((envelope, done))
        await done

    @property
    def is_full(self) -> bool:
        """As large as it may be."""
        pages = self._db.pragma("page_count") - self._db.pragma("freelist_count")
        return pages * self._db.pragma("page_size") >= self._max_bytes

    def _commit(self) -> None:
        """Everything that came in the meantime, as one transaction."""
        news, self._news = self._news, []
        rows = [(one.at, one.origin, one.address, one.agent, one.body.encode()) for one, _ in news]
        problem = self._write(lambda: self._db.executemany(SQL["add_envelope"], rows))
        for _, done in news:
            if done.cancelled():
                continue
            if problem is None:
                done.set_result(None)
            else:
                done.set_exception(problem)
        self.arrived.set()

    def _write(self, write: Callable[[], object]) -> Exception | None:
        """One durable transaction; what went wrong, when something did."""
        try:
            with atomically(self._db):
                write()
            self._wal.tend()
        except Exception as error:  # noqa: BLE001 - looked at, and told to whoever waits
            problem = disk_error(error) or LedgerPoisoned(problem=repr(error))
            if isinstance(problem, LedgerPoisoned):
                self.broken(problem)
            return problem
        return None

    def waiting(self) -> list[tuple[int, Envelope]]:
        """The oldest that wait, with their numbers: as many as fit into one request to main."""
        found, size = list[tuple[int, Envelope]](), 0
        for no, at, origin, address, agent, body in all_rows(self._db, SQL["list_waiting"], (MAX_ENVELOPES,)):
            size += 2 * len(body) + OVERHEAD
            if found and size > MAX_BYTES:
                break
            found.append((no, Envelope(at, origin, address, agent, body.decode())))
        return found

    def settle(self, taken: Iterable[int], parked: Iterable[tuple[int, str, int]], told_at: int, skew_ms: int) -> None:
        """Main has the one and refused the other for good, as (status, answer, number). Raises LedgerFull, LedgerPoisoned: then they
        are sent again, and main knows them."""
        gone = [(no,) for no in taken]

        def write() -> None:
            self._db.executemany(SQL["drop_envelope"], gone)
            self._db.executemany(SQL["park_envelope"], parked)
            self._db.execute(SQL["note_told"], (len(gone), told_at, skew_ms))
            self._db.execute(SQL["forget_parked"], (told_at - KEPT_MS,))

        self._raise(self._write(write))

    def note_failure(self, at: int, failure: str) -> None:
        """Main did not answer. Not worth failing for."""
        self._write(lambda: self._db.execute(SQL["note_failure"], (at, failure)))

    def keep_sites(self, sites: bytes, at: int) -> None:
        """As main told them. Not worth failing for."""
        self._write(lambda: self._db.execute(SQL["write_sites"], (sites.decode(), at)))

    def read_sites(self) -> tuple[bytes, int] | None:
        """What main told last, and when."""
        sites, at = all_rows(self._db, SQL["read_sites"])[0]
        return None if sites is None else (sites.encode(), at)

    def status(self) -> dict[str, Any]:
        """How many wait and are parked, and how the line to main is."""
        return read_status(self._db)

    def rest(self) -> None:
        """Nobody came for a while: cut the WAL to nothing."""
        if self._wal.pages:
            self._raise(self._write(self._wal.empty))

    def close(self) -> None:
        if self._news:
            self._commit()
        self._db.close()

    def _raise(self, problem: Exception | None) -> None:
        if problem is not None:
            raise problem


def read_status(db: apsw.Connection) -> dict[str, Any]:
    """The same of any open file."""
    counts = {state: (n, oldest) for state, n, oldest in all_rows(db, SQL["count_envelopes"])}
    names = ("sites_at", "handed_on", "told_at", "failed_at", "failure", "skew_ms")
    line = dict(zip(names, all_rows(db, SQL["read_state"])[0], strict=True))
    parked = [
        dict(zip(("status", "answer", "envelopes", "newest_at"), row, strict=True)) for row in all_rows(db, SQL["list_parked"])
    ]
    waiting, oldest = counts.get("waiting", (0, None))
    return {"waiting": waiting, "oldest_at": oldest, "parked": counts.get("parked", (0, None))[0], "refused": parked, **line}
