"""Reads the ledger and the month files for the API, through connections that see the asking token's sites only.

Promises: at most one connection a month (and one without), each with a thread of its own, lent for one question at a time; no
reading lasts longer than its deadline; a file that was set aside or rebuilt is opened anew. Never writes; decides nothing about
numbers (domain/report.py, domain/pages.py).
"""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Generator, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite
import structlog

from opsmantik_box.clock import monotonic
from opsmantik_box.domain.pages import Row, Span, ask_newest
from opsmantik_box.domain.questions import Question
from opsmantik_box.domain.report import Line, Stats, ask_line, ask_stats
from opsmantik_box.sql import load
from opsmantik_box.sql.scope import (
    DEADLINE_SECONDS,
    ReadRefused,
    ReadTooSlow,
    ScopedConnection,
    is_interrupted,
    is_passing,
    open_scoped,
)

STATEMENTS = {**load("report"), **load("reads")}
MOST_CONNECTIONS = 8
IDLE_SECONDS = 30.0
"""Then a connection is closed: an open one would keep the engine from closing a month (journal_mode needs the file alone)."""

Answer = TypeVar("Answer")
Names = Callable[[], list[tuple[str, str]]]
log: structlog.stdlib.BoundLogger = structlog.get_logger()


class ScopedReader(aiosqlite.Connection):
    """aiosqlite's connection, with scope and statement in one step of its thread: nothing can come between."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._thread.daemon = True  # a reader never keeps the process from ending

    async def ask(self, site_ids: Sequence[int], seconds: float, sql: str, parameters: dict[str, Any]) -> list[Row]:
        """The rows of one statement. Raises sqlite3.Error."""
        connection = cast("ScopedConnection", self._conn)
        execute = cast("Callable[..., Awaitable[list[Row]]]", self._execute)  # pyright: ignore[reportUnknownMemberType]
        return await execute(_ask, connection, site_ids, seconds, sql, parameters)


def _ask(connection: ScopedConnection, site_ids: Sequence[int], seconds: float, sql: str, parameters: dict[str, Any]) -> list[Row]:
    connection.refill(site_ids, seconds)
    return connection.execute(sql, parameters).fetchall()


class Slot:
    """The connection of one month (or of none), opened when it is asked, for one question at a time."""

    def __init__(self, data: Path, file: str | None) -> None:
        self._data, self._file = data, file
        self._lock = asyncio.Lock()
        self._reader: ScopedReader | None = None
        self._stamp: list[tuple[int, int]] = []
        self.used_at = monotonic()

    @property
    def busy(self) -> bool:
        return self._lock.locked()

    async def ask(self, site_ids: Sequence[int], deadline: float, sql: str, parameters: dict[str, Any]) -> list[Row]:
        """Waits its turn. Raises sqlite3.Error, OSError, ReadTooSlow."""
        async with self._lock:
            self.used_at = monotonic()
            if deadline <= self.used_at:
                raise ReadTooSlow(seconds=DEADLINE_SECONDS)
            reader = await self._opened()
            return await reader.ask(site_ids, deadline - self.used_at, sql, parameters)

    async def _opened(self) -> ScopedReader:
        """A connection to the files that are there now, not to those that were there when it was opened."""
        stamp = [_identity(path) for path in self._paths()]
        if self._reader is not None and self._stamp == stamp:
            return self._reader
        await self._close()
        months = [self._file] if self._file else []
        reader = ScopedReader(lambda: open_scoped(self._data, (), months))
        await reader
        self._reader, self._stamp = reader, stamp
        return reader

    def _paths(self) -> list[Path]:
        return [self._data / "ledger.db", *([self._data / "months" / self._file] if self._file else [])]

    async def close(self) -> None:
        """After the question in hand, if there is one."""
        async with self._lock:
            await self._close()

    async def _close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()


def _identity(path: Path) -> tuple[int, int]:
    found = os.stat(path)  # noqa: PTH116  # two calls a question: no Path objects in between
    return found.st_dev, found.st_ino


class Reads:
    """`months`: the month files that may be opened now, as (month, name inside DATA/months), oldest first."""

    def __init__(self, data: Path, months: Names) -> None:
        self._data, self._months = data, months
        self._slots: dict[str | None, Slot] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    # --- what can be read ---------------------------------------------------------------------------------------------------------

    async def stats(self, site_id: int, first: str, last: str, scope: str = "ads") -> Stats:
        """The report of a site's days, both inside. `scope` is one of SCOPES. Raises ReadRefused, ReadTooSlow."""
        return await self._run(ask_stats(site_id, first, last, scope, self.months()), (site_id,))

    async def lines(self, asked: Sequence[tuple[int, str, str]]) -> list[Line]:
        """The line of each site for its days (first and last, both inside); while one asks the ledger, another asks its month. Raises
        ReadRefused, ReadTooSlow."""
        known, all_of_them = self.months(), [site_id for site_id, _, _ in asked]
        return await asyncio.gather(*(self._run(ask_line(*one, known), all_of_them) for one in asked))

    async def newest(self, statement: str, site_ids: Sequence[int], span: Span, more: dict[str, Any] | None = None) -> list[Row]:
        """Rows of list_events or list_sessions, newest first, one more than the span's limit when there is a next page."""
        return await self._run(ask_newest(statement, site_ids, span, self.months(), more), site_ids)

    async def intents(self, site_id: int, span: Span, more: dict[str, Any]) -> list[Row]:
        """Rows of list_intents, newest first, one more than the span's limit when there is a next page."""
        return await self._one(Question(None, "list_intents", span.parameters(site_id) | more), site_id)

    async def session(self, site_id: int, session_id: str) -> tuple[str, Row] | None:
        """(month, row of find_session) of the newest month that knows this session."""
        for month in reversed(self.months()):
            rows = await self._one(Question(month, "find_session", {"site_id": site_id, "id": session_id}), site_id)
            if rows:
                return month, rows[0]
        return None

    async def timeline(self, site_id: int, month: str, no: int, after: tuple[int, int], limit: int) -> list[Row]:
        """Rows of list_timeline after a position, one more than `limit` when there are more."""
        parameters = {"no": no, "after_at": after[0], "after_key": after[1], "limit": limit + 1}
        return await self._one(Question(month, "list_timeline", parameters), site_id)

    async def session_intents(self, site_id: int, session_id: str) -> list[Row]:
        """Rows of list_session_intents."""
        return await self._one(Question(None, "list_session_intents", {"site_id": site_id, "id": session_id}), site_id)

    async def recent_intent(self, site_id: int, fingerprint: str, target: str, from_ms: int) -> Row | None:
        """A row of find_recent_intent."""
        parameters = {"site_id": site_id, "fingerprint": fingerprint, "target": target, "from_ms": from_ms}
        rows = await self._one(Question(None, "find_recent_intent", parameters), site_id)
        return rows[0] if rows else None

    async def feed(self, site_ids: Sequence[int], after: int, upto: int, limit: int) -> list[Row]:
        """Rows of read_feed, oldest first: behind `after`, up to and with `upto`, at most `limit`."""
        parameters = {"after": after, "upto": upto, "limit": limit}
        return await self._ask(Question(None, "read_feed", parameters), site_ids, monotonic() + DEADLINE_SECONDS)

    def months(self) -> list[str]:
        """Oldest first."""
        return [month for month, _ in self._months()]

    async def close(self) -> None:
        """Ends every connection. Before the event loop ends."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        slots, self._slots = list(self._slots.values()), {}
        for slot in slots:
            await slot.close()
        if self._closing:
            await asyncio.wait(self._closing)

    # --- how ----------------------------------------------------------------------------------------------------------------------

    async def _run(self, asking: Generator[Question, Sequence[Row], Answer], site_ids: Sequence[int]) -> Answer:
        """Answers a domain module's questions until it has what it wants, all within one deadline."""
        deadline = monotonic() + DEADLINE_SECONDS
        try:
            question = next(asking)
            while True:
                question = asking.send(await self._ask(question, site_ids, deadline))
        except StopIteration as done:
            return done.value

    async def _one(self, question: Question, site_id: int) -> list[Row]:
        return await self._ask(question, (site_id,), monotonic() + DEADLINE_SECONDS)

    async def _ask(self, question: Question, site_ids: Sequence[int], deadline: float) -> list[Row]:
        """One question, asked again once when its file was just being replaced. Raises ReadRefused, ReadTooSlow."""
        try:
            return await self._ask_slot(question, site_ids, deadline)
        except (sqlite3.Error, OSError) as error:
            if not _may_pass(error):
                raise _refused(error, question) from error
        await self._drop(question.month)
        try:
            return await self._ask_slot(question, site_ids, deadline)
        except (sqlite3.Error, OSError) as error:
            raise _refused(error, question) from error

    async def _ask_slot(self, question: Question, site_ids: Sequence[int], deadline: float) -> list[Row]:
        slot = self._slot(question.month)
        return await slot.ask(site_ids, deadline, STATEMENTS[question.name], question.parameters)

    def _slot(self, month: str | None) -> Slot:
        slot = self._slots.pop(month, None)
        if slot is None:
            self._make_room()
            slot = Slot(self._data, dict(self._months()).get(month, f"{month}.db") if month else None)
        self._slots[month] = slot  # the last one is the one used last
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._sweep)
        return slot

    def _make_room(self) -> None:
        if len(self._slots) >= MOST_CONNECTIONS:
            idle = next((month for month, slot in self._slots.items() if not slot.busy), next(iter(self._slots)))
            self._forget(idle)

    def _sweep(self) -> None:
        """Closes what nobody asked for a while."""
        self._sweeping = None
        for month, slot in list(self._slots.items()):
            if not slot.busy and monotonic() - slot.used_at >= IDLE_SECONDS:
                self._forget(month)
        if self._slots:
            self._sweeping = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._sweep)

    def _forget(self, month: str | None) -> None:
        task = asyncio.get_running_loop().create_task(self._slots.pop(month).close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _drop(self, month: str | None) -> None:
        slot = self._slots.pop(month, None)
        if slot is not None:
            await slot.close()


def _may_pass(error: Exception) -> bool:
    return isinstance(error, OSError) or (isinstance(error, sqlite3.Error) and is_passing(error))


def _refused(error: Exception, question: Question) -> ReadRefused | ReadTooSlow:
    if isinstance(error, sqlite3.Error) and is_interrupted(error):
        return ReadTooSlow(seconds=DEADLINE_SECONDS)
    log.warning("[READ_FAILED]", statement=question.name, month=question.month, error=str(error))
    return ReadRefused(problem="the file is being replaced" if _may_pass(error) else "the file cannot be read")
