"""What the API reads of the ledger and the month files, each reading as the sites of the asking token see them.

Promises: at most three readings at a time, each answered whole by one reader; none lasts longer than its deadline. Never writes;
decides nothing about numbers (domain/report.py, domain/pages.py).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from opsmantik_box.clock import monotonic
from opsmantik_box.domain.arrivals import Arrivals, ask_arrivals
from opsmantik_box.domain.days import Days, day_of
from opsmantik_box.domain.pages import Position, SessionRows, Span, ask_newest, ask_timeline
from opsmantik_box.domain.questions import Asking, Question, Row, ask_one
from opsmantik_box.domain.queue import People, Queue, Told, ask_lead, ask_queue, ask_with_people
from opsmantik_box.domain.report import Line, Stats, ask_lines, ask_stats
from opsmantik_box.gateway.readers import IDLE_SECONDS, Reader, ledger_identity, refusal
from opsmantik_box.sql.scope import DEADLINE_SECONDS

READERS = 3
"""A reading is a few milliseconds of one core; a long one must not hold up the others."""

Result = TypeVar("Result")
Names = Callable[[], list[tuple[str, str]]]


class Reads:
    """`months`: the month files that may be opened now, as (month, name inside DATA/months), oldest first.

    Every reading raises ReadRefused and ReadTooSlow."""

    def __init__(self, data: Path, months: Names) -> None:
        self._data, self._months = data, months
        self._turns = asyncio.Semaphore(READERS)
        self._idle: list[Reader] = []
        self._sweeping: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    # --- what can be read ---------------------------------------------------------------------------------------------------------

    async def stats(self, site_id: int, days: Days, scope: str, now: int, *, details: bool = False) -> Stats:
        """The report of a site's days. `scope` is one of SCOPES."""
        return await self._run(ask_stats(days, scope, self.months(), now, details=details), (site_id,))

    async def lines(self, asked: Mapping[int, Days], now: int) -> list[Line]:
        """The line of each site for its days. Those with the same days (in the same time zone) are read together."""
        found: dict[int, Line] = {}
        for days in set(asked.values()):
            today = day_of(now, days.timezone)
            found |= await self._run(ask_lines(days, self.months(), today), [site for site in asked if asked[site] == days])
        return [found[site_id] for site_id in asked if site_id in found]

    async def arrivals(self, site_ids: Sequence[int], now: int) -> list[Arrivals]:
        """How the signals of each site arrived in the 24 hours before now."""
        return await self._run(ask_arrivals(site_ids, now), site_ids)

    async def newest(
        self, statement: str, site_ids: Sequence[int], span: Span, more: dict[str, Any] | None = None
    ) -> Sequence[Row]:
        """Rows of list_events or list_sessions, newest first, one more than the span's limit when there is a next page."""
        return await self._run(ask_newest(statement, site_ids, span, self.months(), more), site_ids)

    async def intents(self, site_id: int, span: Span, more: dict[str, Any]) -> tuple[Sequence[Row], People]:
        """Rows of list_intents, newest first, one more than the span's limit when there is a next page; and who people are."""
        question = Question(None, "list_intents", span.parameters(site_id) | more)
        return await self._run(ask_with_people(question), (site_id,))

    async def queue(self, now: int, site_ids: Sequence[int]) -> Queue:
        """The operator's first screen of these sites."""
        return await self._run(ask_queue(now), site_ids)

    async def lead(self, site_id: int, number: int) -> Told | None:
        """The lead of a row, with everything that happened to it; None when the site has no such row."""
        return await self._run(ask_lead(site_id, number, self.months()), (site_id,))

    async def timeline(self, site_id: int, session_id: str, after: Position, limit: int) -> SessionRows | None:
        """A session with its events after a position, and what it led to; None when the site has no such session."""
        return await self._run(ask_timeline(site_id, session_id, after, limit, self.months()), (site_id,))

    async def recent_intent(self, site_id: int, fingerprint: str, target: str, from_ms: int) -> Row | None:
        """A row of find_recent_intent."""
        parameters = {"site_id": site_id, "fingerprint": fingerprint, "target": target, "from_ms": from_ms}
        rows = await self._run(ask_one(Question(None, "find_recent_intent", parameters)), (site_id,))
        return rows[0] if rows else None

    async def alerts(self, scope: Sequence[int], before: Position, limit: int, *, everything: bool) -> Sequence[Row]:
        """Rows of list_alerts, newest first, one more than `limit` when there are more. `scope`: sites, and BOX for who sees that."""
        parameters = {"before_at": before.at, "before_key": before.key, "limit": limit + 1, "all": int(everything)}
        return await self._run(ask_one(Question(None, "list_alerts", parameters)), scope)

    async def feed(self, site_ids: Sequence[int], after: int, upto: int, limit: int) -> Sequence[Row]:
        """Rows of read_feed, oldest first: behind `after`, up to and with `upto`, at most `limit`."""
        parameters = {"after": after, "upto": upto, "limit": limit}
        return await self._run(ask_one(Question(None, "read_feed", parameters)), site_ids)

    def months(self) -> list[str]:
        """Oldest first."""
        return [month for month, _ in self._months()]

    async def close(self) -> None:
        """Ends every connection, after the readings in hand. Before the event loop ends."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for _ in range(READERS):
            await self._turns.acquire()
        while self._idle:
            await self._idle.pop().close()
        if self._closing:
            await asyncio.wait(self._closing)

    # --- how ----------------------------------------------------------------------------------------------------------------------

    async def _run(self, asking: Asking[Result], site_ids: Sequence[int]) -> Result:
        """A whole reading, within one deadline, however long it waits for its turn. Raises ReadRefused, ReadTooSlow."""
        deadline, scope = monotonic() + DEADLINE_SECONDS, tuple(site_ids)
        async with self._turns:
            reader = await self._take(scope)
            try:
                return await reader.answer(asking, scope, deadline)
            finally:
                self._give_back(reader)

    async def _take(self, scope: tuple[int, ...]) -> Reader:
        """A reader nobody uses: one that saw these sites last has its statements prepared."""
        try:
            there = ledger_identity(self._data)
            for replaced in [reader for reader in self._idle if reader.ledger != there]:
                self._let_go(replaced)
            if self._idle:
                chosen = next((reader for reader in reversed(self._idle) if reader.scope == scope), self._idle[-1])
                self._idle.remove(chosen)
                return chosen
            fresh = Reader(self._data, lambda: dict(self._months()))
            await fresh
        except (sqlite3.Error, OSError) as error:
            raise refusal(error) from error
        return fresh

    def _give_back(self, reader: Reader) -> None:
        self._idle.append(reader)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Closes what nobody asked for a while."""
        self._sweeping = None
        for reader in [reader for reader in self._idle if monotonic() - reader.used_at >= IDLE_SECONDS]:
            self._let_go(reader)
        if self._idle:
            self._sweeping = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._sweep)

    def _let_go(self, reader: Reader) -> None:
        self._idle.remove(reader)
        task = asyncio.get_running_loop().create_task(reader.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
