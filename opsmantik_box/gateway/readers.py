"""Threads that read: each has a connection to the ledger and one to each month it was asked about lately, and answers a whole reading
(all of its questions) in one go.

Promises: one reading at a time in a reader, none beyond its deadline; every connection sees the asking token's sites only; a file that
was set aside or rebuilt is opened anew. Never writes.
"""

import os
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite
import structlog

from opsmantik_box.clock import monotonic
from opsmantik_box.domain.questions import Asking, Question, Row, answered
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
MOST_MONTHS = 6
TRIES = 3
IDLE_SECONDS = 30.0
"""Then a connection is closed: an open one would keep the engine from closing a month (journal_mode needs the file alone)."""

Result = TypeVar("Result")
Identity = tuple[int, int]
log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Reader(aiosqlite.Connection):
    """aiosqlite's own connection is the one to the ledger; those to months live in the same thread. `files`: the month files there
    are, by month, as the engine tells them."""

    def __init__(self, data: Path, files: Callable[[], Mapping[str, str]]) -> None:
        super().__init__(lambda: open_scoped(data, ()), iter_chunk_size=64)
        self._thread.daemon = True  # a reader never keeps the process from ending
        self._data, self._files = data, files
        self._months: dict[str, _Held] = {}
        self.ledger = ledger_identity(data)
        self.used_at = monotonic()
        self.scope: tuple[int, ...] = ()

    async def answer(self, asking: Asking[Result], site_ids: tuple[int, ...], deadline: float) -> Result:
        """What a reading comes to. Raises ReadRefused, ReadTooSlow."""
        self.scope = site_ids
        try:
            return await self._in_thread(self._answer, asking, partial(self._ask, site_ids, deadline))
        finally:
            self.used_at = monotonic()

    async def close(self) -> None:
        """After the reading in hand."""
        await self._in_thread(self._close_months)
        await super().close()

    def _in_thread(self, work: Callable[..., Result], *arguments: Any) -> Awaitable[Result]:
        execute = cast("Callable[..., Awaitable[Result]]", self._execute)  # pyright: ignore[reportUnknownMemberType]
        return execute(work, *arguments)

    # --- in the thread ------------------------------------------------------------------------------------------------------------

    def _answer(self, asking: Asking[Result], ask: Callable[[Question], Sequence[Row]]) -> Result:
        """All questions of a reading see each file as it was at the first of them: what is written meanwhile would make sums differ, and
        SQLite forget every page it has read."""
        try:
            return answered(asking, ask)
        finally:
            for connection in self._connections():
                connection.end_reading()

    def _ask(self, site_ids: Sequence[int], deadline: float, question: Question) -> Sequence[Row]:
        """One question, asked again when its file was just being replaced, or when the index of its log was being written: SQLite then
        tells a reader that may not write SQLITE_READONLY_RECOVERY (once in 5,000 questions beside 45,000 commits a second)."""
        for left in reversed(range(TRIES)):
            try:
                return self._run(question, site_ids, deadline)
            except (sqlite3.Error, OSError) as error:
                if not (left and _may_pass(error)):
                    raise refusal(error, question) from error
                if question.month is not None:
                    self._forget(question.month)
        raise AssertionError("the last try answers or refuses")

    def _run(self, question: Question, site_ids: Sequence[int], deadline: float) -> Sequence[Row]:
        connection = self._month(question.month) if question.month else self._ledger
        left = deadline - monotonic()
        if left <= 0:
            raise ReadTooSlow(seconds=DEADLINE_SECONDS)
        connection.refill(site_ids, left)
        connection.begin_reading()
        return connection.execute(STATEMENTS[question.name], question.parameters).fetchall()

    def _month(self, month: str) -> ScopedConnection:
        """The connection to the file that is there at the reading's first question, not to the one that was there when it was opened."""
        if month in self._months and self._months[month].connection.in_transaction:
            return self._months[month].connection
        file = self._files().get(month, f"{month}.db")
        there = _identity(self._data / "months" / file)
        held = self._months.pop(month, None)
        if held is not None and held.file != there:
            held.connection.close()
            held = None
        self._let_go()
        if held is None:
            held = _Held(open_scoped(self._data, (), [file]), there)
        held.used_at = monotonic()
        self._months[month] = held  # the last one is the one used last
        return held.connection

    def _let_go(self) -> None:
        """Of months nobody asked about for a while, and of the one that was asked about least lately when there are too many."""
        now = monotonic()
        idle = [month for month, held in self._months.items() if now - held.used_at >= IDLE_SECONDS]
        for month in idle or list(self._months)[: len(self._months) - MOST_MONTHS + 1]:
            self._forget(month)

    @property
    def _ledger(self) -> ScopedConnection:
        return cast("ScopedConnection", self._conn)

    def _connections(self) -> list[ScopedConnection]:
        return [self._ledger, *(held.connection for held in self._months.values())]

    def _forget(self, month: str) -> None:
        held = self._months.pop(month, None)
        if held is not None:
            held.connection.close()

    def _close_months(self) -> None:
        for month in list(self._months):
            self._forget(month)


class _Held:
    """An open connection to a month; `file` is the identity of what it has open."""

    __slots__ = ("connection", "file", "used_at")

    def __init__(self, connection: ScopedConnection, file: Identity) -> None:
        self.connection, self.file, self.used_at = connection, file, 0.0


def _identity(path: Path) -> Identity:
    found = os.stat(path)  # noqa: PTH116  # two calls a reading: no Path objects in between
    return found.st_dev, found.st_ino


def ledger_identity(data: Path) -> Identity:
    """Which ledger is there: it may have been replaced by another. Raises OSError."""
    return _identity(data / "ledger.db")


def _may_pass(error: Exception) -> bool:
    return isinstance(error, OSError) or (isinstance(error, sqlite3.Error) and is_passing(error))


def refusal(error: Exception, question: Question | None = None) -> ReadRefused | ReadTooSlow:
    """What a reader's error means for who asked."""
    if isinstance(error, sqlite3.Error) and is_interrupted(error):
        return ReadTooSlow(seconds=DEADLINE_SECONDS)
    about: dict[str, Any] = {"statement": question.name, "month": question.month} if question else {}
    log.warning("[READ_FAILED]", error=str(error), **about)
    return ReadRefused(problem="the file is being replaced" if _may_pass(error) else "the file cannot be read")
