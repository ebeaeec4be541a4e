"""`GET /api/stream`: what happens, as server-sent events. An ASGI callable beside the API, so that a subscriber costs a task that
sleeps, and a message one write.

Promises: resumable from any position of the last 30 days, else `reset`; scope is the token's sites; nothing of a token that was
revoked. Never waits for a reader, and never answers a client's mistake with a 5xx.
"""

import asyncio
from typing import ClassVar
from urllib.parse import parse_qsl

from opsmantik_box.domain.feed import Resumption, read_topics, resume
from opsmantik_box.errors import BoxError, Unavailable, UsageError
from opsmantik_box.gateway import sse
from opsmantik_box.gateway.asgi import STREAM, HeaderMap, Receive, Scope, Send, answer_with, header_map
from opsmantik_box.gateway.auth import authenticate, bearer_token, own_site
from opsmantik_box.gateway.broadcast import Broadcast, Subscriber, Wants
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.problems import as_asgi
from opsmantik_box.gateway.reads import Reads

SCOPE = "read"
MOST = 1_000
"""Streams of one gateway."""
PARAMETERS = ("topics", "site", "after")
AHEAD_SEC = 0.5
"""Another gateway may have told a row of which this one hears in a moment."""
HEADERS = (
    b"content-type: text/event-stream\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\nx-accel-buffering: no\r\n"
)


class TooManyStreams(BoxError):
    """{limit} streams are open already, which is the most. Close those you do not read."""

    status: ClassVar[int] = 503
    retry_after: ClassVar[int | None] = 10


class NoSuchMethod(BoxError):
    """The stream is there for GET."""

    status: ClassVar[int] = 405


class Stream:
    """The callable. `live` is read from once for everybody, `paged` by each who catches up."""

    def __init__(self, link: EngineLink, live: Reads, paged: Reads) -> None:
        self._link, self._live = link, live
        self._everybody = Broadcast(link, live, paged)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            subscriber = await self._admit(scope)
        except BoxError as error:
            await answer_with(send, *as_asgi(error))
            return
        try:
            await self._everybody.welcome(subscriber)
            while (await receive())["type"] != "http.disconnect":
                pass  # a body nobody wants
        finally:
            self._everybody.forget(subscriber)

    def end_all(self) -> None:
        """The gateway stops: every reader comes again, and finds its successor."""
        self._everybody.close()

    async def close(self) -> None:
        """After the last stream has ended."""
        await self._live.close()

    async def _admit(self, scope: Scope) -> Subscriber:
        """Opens the answer to whoever may have it. Raises BoxError."""
        if scope["method"] != "GET":
            raise NoSuchMethod
        headers = header_map(scope["headers"])
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        caller = await authenticate(self._link.ask_token, authorization, SCOPE)
        asked = read_query(scope["query_string"])
        topics = read_topics(asked.get("topics"))
        sites = [(await own_site(self._link, caller, asked["site"])).id] if "site" in asked else caller.scope
        begin = await self._begin(asked, headers)
        if self._everybody.closed:
            raise Unavailable(reason="stopping")
        if len(self._everybody) >= MOST:
            raise TooManyStreams(limit=MOST)
        answer = scope[STREAM](HEADERS)
        answer.write(self._first_words(begin))
        return Subscriber(answer, bearer_token(authorization), caller, Wants(frozenset(sites), topics), begin.seq)

    async def _begin(self, asked: dict[str, str], headers: HeaderMap) -> Resumption:
        """A reader that comes again says where it was (the header counts: its address still has what it began with)."""
        last = headers.get(b"last-event-id")
        told = last.decode("latin-1") if last is not None else asked.get("after")
        if told is None:
            return Resumption(self._everybody.position.seq)
        begin = resume(told, self._everybody.position, self._link.feed.oldest)
        if begin.reset != "ahead":
            return begin
        await asyncio.sleep(AHEAD_SEC)
        return resume(told, self._everybody.position, self._link.feed.oldest)

    def _first_words(self, begin: Resumption) -> bytes:
        position = self._everybody.position._replace(seq=begin.seq)
        return sse.opening(position) + (sse.reset(position, begin.reset) if begin.reset else b"")


def read_query(query: bytes) -> dict[str, str]:
    """The parameters the stream knows. Raises UsageError for one that is told twice or cannot be read."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise UsageError(problem="The query cannot be read.") from None
    known = [(name, value) for name, value in pairs if name in PARAMETERS]
    twice = next((name for name, _ in known if [other for other, _ in known].count(name) > 1), None)
    if twice is not None:
        raise UsageError(problem=f"{twice}: it is told twice")
    return dict(known)
