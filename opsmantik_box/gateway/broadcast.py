"""Who follows the stream, and telling them: rows of the feed in order, none left out and none twice; hints as they come.

A row reaches a subscriber either by the pages it reads while it catches up or by the reading that is made once for all who are live:
each knows its own position, and takes only what is behind it. Nobody is ever waited for: who does not read is cut off, and comes
again with the position it had. Never decides who may see what: a subscriber brings its sites along.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, NamedTuple

import structlog

from opsmantik_box.domain.feed import FeedPosition
from opsmantik_box.domain.presence import Person, PersonView, seen_by
from opsmantik_box.errors import BoxError
from opsmantik_box.gateway import sse
from opsmantik_box.gateway.asgi import OpenAnswer
from opsmantik_box.gateway.auth import Caller, caller_of
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.reads import Reads
from opsmantik_box.link.messages import Fed, Hints, Present, State, TokensChanged

MAX_UNREAD = 256 * 1024
"""Bytes of a subscriber's that wait in its connection: with more, the next message cuts it off."""
HEARTBEAT_SEC = 15.0
APART_SEC = 0.02
"""Between two readings of the feed: the first row is told at once, those that come right behind it together."""
PAGE = 500
TOGETHER_SEC = 0.05

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Wants(NamedTuple):
    """What one is told of: these topics, of these sites. Who wants the same is sent the same bytes."""

    sites: frozenset[int]
    topics: frozenset[str]


class Subscriber:
    """One open answer. `position`: every row up to it was told, or is not wanted; `live`: what is new reaches it by itself."""

    def __init__(self, answer: OpenAnswer, token: str, caller: Caller, wants: Wants, position: int) -> None:
        self.answer, self.token, self.caller, self.wants, self.position = answer, token, caller, wants, position
        self.live = False
        self.people: list[PersonView] | None = None
        """Whom it was told of as being there."""

    def tell(self, data: bytes) -> None:
        """At once, or never again."""
        if data and self.answer.unread > MAX_UNREAD:
            log.info("a slow reader of the stream is cut off", token=self.caller.token_id)
            self.end()
        elif data:
            self.answer.write(data)

    def end(self) -> None:
        self.live = False
        self.answer.end()


class Broadcast:
    """Everybody who follows the stream of this gateway. `live` and `paged` are two readings, so that nobody who catches up holds up
    those who have."""

    def __init__(self, link: EngineLink, live: Reads, paged: Reads) -> None:
        self._link, self._live_reads, self._paged_reads = link, live, paged
        self._subscribers: set[Subscriber] = set()
        self._tailing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._beat: asyncio.TimerHandle | None = None
        self._health, self._people = link.state, list[Person]()
        self._counting = False
        self.closed = False
        link.listen(Fed, lambda _: self._follow())
        link.listen(Hints, self._take_hints)
        link.listen(State, self._take_state)
        link.listen(Present, self._take_people)
        link.listen(TokensChanged, lambda _: self._start(self._check_all()))

    def __len__(self) -> int:
        return len(self._subscribers)

    @property
    def position(self) -> FeedPosition:
        """Of the newest row."""
        return FeedPosition(self._link.feed.epoch, self._link.feed.newest)

    # --- coming and going ---------------------------------------------------------------------------------------------------------

    async def welcome(self, subscriber: Subscriber) -> None:
        """Makes it live. Its token is asked for once more: it may have been revoked after it was asked for first, and before anybody
        knew whom to cut off."""
        self._subscribers.add(subscriber)
        self._count()
        if self._beat is None:
            self._beat = asyncio.get_running_loop().call_later(HEARTBEAT_SEC, self._say_heartbeat)
        await self._check(subscriber)
        await self._catch_up(subscriber)

    def forget(self, subscriber: Subscriber) -> None:
        """It is gone."""
        self._subscribers.discard(subscriber)
        self._count()

    def close(self) -> None:
        """Ends every stream; there will be no more."""
        self.closed = True
        for subscriber in list(self._subscribers):
            subscriber.end()
        if self._beat is not None:
            self._beat.cancel()

    async def _catch_up(self, subscriber: Subscriber) -> None:
        """Page by page, at the reader's own pace, until nothing is missing."""
        while subscriber.position < self._link.feed.newest and not subscriber.answer.is_over:
            feed = self._link.feed
            if subscriber.position + 1 < feed.oldest:  # it reads more slowly than the feed is trimmed
                subscriber.position = feed.newest
                subscriber.tell(sse.reset(self.position, "too_old"))
                continue
            await self._read(self._paged_reads, [subscriber], feed)
            await subscriber.answer.drain()
        subscriber.live = not subscriber.answer.is_over
        self._tell([sse.health_message(self._link.state)], [subscriber])
        self._tell_people([subscriber])

    # --- the feed -----------------------------------------------------------------------------------------------------------------

    def _live(self) -> list[Subscriber]:
        return [subscriber for subscriber in self._subscribers if subscriber.live]

    def _follow(self) -> None:
        if not self._tailing and self._subscribers:
            self._tailing = True
            self._start(self._tail())

    async def _tail(self) -> None:
        """One reading for all who are live, over and over until they have everything."""
        try:
            while (live := self._live()) and min(one.position for one in live) < self._link.feed.newest:
                await self._read(self._live_reads, live, self._link.feed)
                await asyncio.sleep(APART_SEC)
        finally:
            self._tailing = False

    async def _read(self, reads: Reads, subscribers: Sequence[Subscriber], feed: Fed) -> None:
        """Tells them the rows behind the one of them who is furthest back. A feed that cannot be read ends their streams."""
        after = min(one.position for one in subscribers)
        sites = frozenset[int]().union(*(one.wants.sites for one in subscribers))
        try:
            rows = await reads.feed(sorted(sites), after, feed.newest, PAGE)
        except BoxError:
            for subscriber in subscribers:
                subscriber.end()
            return
        reached = rows[-1][0] if len(rows) == PAGE else feed.newest
        names = {None: None} | {number: site.public_id for number, site in self._link.sites_by_id.items()}
        self._tell([sse.feed_message(row, feed.epoch, names[row[3]]) for row in rows if row[3] in names], subscribers)
        for subscriber in subscribers:
            subscriber.position = max(subscriber.position, reached)

    def _tell(self, messages: Sequence[sse.Message], subscribers: Iterable[Subscriber]) -> None:
        """To each what it wants and does not have yet."""
        made: dict[tuple[Wants, int], bytes] = {}
        for subscriber in subscribers:
            key = subscriber.wants, subscriber.position
            if key not in made:
                made[key] = b"".join(one.data for one in messages if is_for(one, *key))
            subscriber.tell(made[key])

    # --- hints --------------------------------------------------------------------------------------------------------------------

    def _take_hints(self, told: Hints) -> None:
        live, known = self._live(), self._link.sites_by_id
        if live:
            hints = [(topic, site, known[site].public_id, body) for topic, site, body in told.hints if site in known]
            self._tell([sse.hint_message(*hint) for hint in hints], live)

    def _take_state(self, state: State) -> None:
        """Once a second at most, and only what is new."""
        if state != self._health:
            self._health = state
            self._tell([sse.health_message(state)], self._live())

    def _say_heartbeat(self) -> None:
        for subscriber in self._live():
            subscriber.tell(sse.heartbeat(FeedPosition(self._link.feed.epoch, subscriber.position)))
        again = asyncio.get_running_loop().call_later
        self._beat = again(HEARTBEAT_SEC, self._say_heartbeat) if self._subscribers else None

    # --- presence -----------------------------------------------------------------------------------------------------------------

    def _take_people(self, told: Present) -> None:
        self._people = told.people
        self._tell_people(self._live())

    def _tell_people(self, subscribers: Iterable[Subscriber]) -> None:
        """To each whom it sees, when that is not what it was told: of what it does not see it does not even learn that it changed."""
        public_ids = {number: site.public_id for number, site in self._link.sites_by_id.items()}
        seen: dict[frozenset[int], list[PersonView]] = {}
        for subscriber in subscribers:
            sites = subscriber.wants.sites
            if sites not in seen:
                seen[sites] = seen_by(self._people, sites, public_ids)
            if subscriber.people != seen[sites]:
                subscriber.people = seen[sites]
                self._tell([sse.presence_message(subscriber.people)], [subscriber])

    def _count(self) -> None:
        """The engine is told whose streams these are, a moment later: many come at once."""
        if not self._counting:
            self._counting = True
            asyncio.get_running_loop().call_later(TOGETHER_SEC, self._tell_watching)

    def _tell_watching(self) -> None:
        self._counting = False
        self._link.watching(sorted({one.caller.token_id for one in self._subscribers}))

    # --- tokens -------------------------------------------------------------------------------------------------------------------

    async def _check_all(self) -> None:
        for subscriber in list(self._subscribers):
            await self._check(subscriber)

    async def _check(self, subscriber: Subscriber) -> None:
        """Cuts it off when its token is revoked or sees other sites than it did: it comes again, and is told what it may see then."""
        try:
            found = await self._link.ask_token(subscriber.token)
        except BoxError:
            subscriber.end()
        else:
            if caller_of(found) != subscriber.caller:
                subscriber.end()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        """What should not happen ends every stream rather than leaving them without news."""
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("[STREAM_FAULT]", exc_info=fault)
            for subscriber in list(self._subscribers):
                subscriber.end()


def is_for(message: sse.Message, wants: Wants, position: int) -> bool:
    """Whether one who wants this, and is at this position, is told it."""
    wanted = message.topic in wants.topics and (message.site_id is None or message.site_id in wants.sites)
    return wanted and not 0 < message.seq <= position
