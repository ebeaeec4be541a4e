"""`/api/sync`: the hot path, an ASGI callable in front of everything else.

Promises: never a 5xx for anything a client sent; CORS headers on every answer; every refusal counted by reason; `synced` only for
what the engine says is on disk. Order of checks: size, JSON, ids, site, origin, rate. It never writes, never logs what a client
sent, and makes neither task nor timer of its own: the server's task waits for one Future.
"""

import asyncio
import traceback
from collections.abc import Iterable

import structlog
from msgspec import Raw, Struct

from opsmantik_box.clock import Clock
from opsmantik_box.domain.addresses import Networks
from opsmantik_box.domain.ids import site_id_text
from opsmantik_box.domain.reading import Context, Refusal, read_signal
from opsmantik_box.domain.signals import Arrival, WireBody, WireSignal
from opsmantik_box.domain.sites import Site
from opsmantik_box.errors import Unavailable
from opsmantik_box.gateway import answers
from opsmantik_box.gateway.answers import Answer, Refused
from opsmantik_box.gateway.asgi import (
    ANSWER,
    Disconnected,
    HeaderMap,
    Receive,
    Scope,
    Send,
    answer_with,
    discard,
    header_map,
    receive_body,
)
from opsmantik_box.gateway.bodies import MAX_BATCH_BODY, MAX_BODY, MAX_ITEMS, BadBody, id_of, read_body, read_item
from opsmantik_box.gateway.doors import Door
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.link.messages import Accepted, Limited

MAX_DOORS = 20_000
RELAY_RIGHT = "send"

log = structlog.get_logger()


class Caller(Struct, frozen=True, gc=False):
    """Who sends, as far as the rules care. `bucket` is the rate bucket's key, '' when exempt."""

    door: Door
    origin: bytes
    client: str
    bucket: str
    user_agent: str
    has_token: bool

    def remaining(self, accepted: Accepted) -> int:
        """Requests this session still has in this minute; who is exempt always has all."""
        return accepted.remaining if self.bucket else answers.RATE_LIMIT


class Sync:
    """The callable. `trusted` are the Box's trusted proxies, `allowed_origins` hosts that may send for any site, `limit` is what
    X-RateLimit-Limit says."""

    def __init__(self, link: EngineLink, clock: Clock, trusted: Networks, allowed_origins: tuple[str, ...], limit: int) -> None:
        self._link, self._clock, self._limit = link, clock, limit
        self._trusted, self._allowed_origins = trusted, allowed_origins
        self._doors: dict[str, Door] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = header_map(scope["headers"])
        origin = headers.get(b"origin", b"")
        if scope["method"] == "OPTIONS":
            asked = headers.get(b"access-control-request-headers", b"")
            await answer_with(send, 204, answers.preflight(origin, asked, self._limit))
            return
        try:
            answer = await self._answer(scope, headers, receive)
        except Refused as refused:
            self._link.count(refused.site_id, refused.counted)
            answer = refused.answer
        except Disconnected:
            return
        except Unavailable:
            self._link.count(0, "engine_away")
            answer = answers.unavailable()
        except (Exception, asyncio.CancelledError) as fault:  # noqa: BLE001 - whatever it is, the tracker gets an answer it can read
            answer = self._failed(fault)
        answer.limit = self._limit
        if ANSWER in scope:
            await scope[ANSWER](answer.status, answers.block_of(answer, origin), answer.body, answer.close)
        else:
            await answer_with(send, answer.status, answers.headers_of(answer, origin), answer.body)

    async def _answer(self, scope: Scope, headers: HeaderMap, receive: Receive) -> Answer:
        body = await self._body(scope, headers, receive)
        try:
            wire = read_body(body)
        except BadBody:
            raise Refused(Answer(400, answers.INVALID_JSON), "json_malformed") from None
        if wire.e is not None and (len(wire.e) > MAX_ITEMS or len(body) > MAX_BATCH_BODY):
            raise Refused(Answer(413, answers.TOO_LARGE), "too_large")
        if not wire.s or (wire.e is None and not wire.u):
            raise Refused(Answer(200, answers.SKIPPED), "missing_id")
        door = self._doors.get(wire.s)
        if door is None or self._link.sites.get(door.site.public_id) is not door.site:
            door = await self._open(wire.s)
        caller = await self._caller(door, scope, headers)
        return await (self._one(wire, caller) if wire.e is None else self._many(wire, wire.e, caller))

    async def _body(self, scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
        """At most 64 KiB of a POST, not coded. Raises Refused for anything else, after its body went by: a sender in the middle of
        its body would read a reset connection, not the answer. One that waits for leave to send (`Expect`) gets none."""
        refused = None
        if scope["method"] != "POST":
            refused = Answer(405, answers.METHOD), "method"
        elif headers.get(b"content-encoding", b"identity").lower() != b"identity":
            refused = Answer(415, answers.CODED), "coded"
        elif int(headers.get(b"content-length", b"0")) > MAX_BODY:
            refused = Answer(413, answers.TOO_LARGE), "too_large"
        if refused is None:
            body = await receive_body(receive, MAX_BODY)
            if body is not None:
                return body
            refused = Answer(413, answers.TOO_LARGE), "too_large"
        elif b"expect" in headers:
            refused[0].close = True
        else:
            await discard(receive)
        raise Refused(*refused)

    async def _open(self, text: str) -> Door:
        """The door of the site named so; the engine is asked before anyone is told that there is none."""
        public_id = site_id_text(text)
        if public_id is None:
            raise Refused(Answer(400, answers.INVALID_SITE_ID), "site_id_malformed")
        site = self._link.sites.get(public_id) or await self._link.ask_site(public_id)
        if site is None:
            raise Refused(Answer(404, answers.NO_SUCH_SITE), "no_such_site")
        if len(self._doors) >= MAX_DOORS:
            self._doors.clear()
        door = self._doors[text] = Door(site, self._trusted, self._allowed_origins)
        return door

    async def _caller(self, door: Door, scope: Scope, headers: HeaderMap) -> Caller:
        peer = scope["client"]
        client, bucket = door.address(peer[0] if peer else "", headers.get(b"x-forwarded-for", b""))
        bearer = headers.get(b"authorization")
        has_token = bearer is not None and await self._is_relay(bearer, door.site)
        agent = headers.get(b"user-agent", b"").decode("latin-1")
        return Caller(door, headers.get(b"origin", b""), client, "" if has_token else bucket, agent, has_token)

    async def _is_relay(self, authorization: bytes, site: Site) -> bool:
        """Whether this is a token to send for this site with; any other is as good as none."""
        scheme, _, token = authorization.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return False
        found = await self._link.ask_token(token.strip())
        return found.rights == RELAY_RIGHT and site.id in found.site_ids

    def _admit(self, caller: Caller, page_urls: Iterable[str | None]) -> str:
        """The word for X-CORS-Reason. Raises Refused when this origin may not send any of these pages' signals for this site."""
        reason = ""
        for url in page_urls:
            allowed, reason = caller.door.judge(caller.origin, url)
            if allowed:
                return reason
        if not caller.origin and caller.has_token:
            return "site_token"
        refused = Answer(403, answers.origin_refused(reason), reason)
        raise Refused(refused, reason if "origin" in reason else f"origin_{reason}", caller.door.site.id)

    def _read(self, wire: WireSignal, caller: Caller, sent_at: float | None) -> Arrival | Refusal:
        """A signal as the rules read it, or why it cannot be stored; what had to be left out or was refused is counted."""
        site = caller.door.site
        reading = read_signal(wire, site, Context(self._clock(), sent_at, caller.user_agent, caller.client))
        if isinstance(reading, Refusal):
            return reading
        for reason in reading.notes:
            self._link.count(site.id, reason)
        return reading.arrival

    async def _one(self, wire: WireBody, caller: Caller) -> Answer:
        reason = self._admit(caller, (wire.u,))
        read = self._read(wire, caller, wire.st)
        if isinstance(read, Refusal):
            raise Refused(Answer(400, answers.refusal(read.message), reason), read.reason, caller.door.site.id)
        accepted = await self._store([read], caller, reason)
        duplicate, score = accepted.results[0]
        return Answer(200, answers.stored(duplicate, score), reason, remaining=caller.remaining(accepted))

    async def _many(self, wire: WireBody, items: list[Raw], caller: Caller) -> Answer:
        """Every item by itself; those that can be stored go to the engine together."""
        reason = self._admit(caller, map(page_of, items) if caller.origin == b"null" and items else (None,))
        read = [self._read_item(item, caller, wire.st) for item in items]
        arrivals = [arrival for _, arrival in read if arrival is not None]
        accepted = await self._store(arrivals, caller, reason) if arrivals else Accepted(0, [], answers.RATE_LIMIT)
        stored = iter(accepted.results)
        results = [result if arrival is None else answers.result(result["id"], *next(stored)) for result, arrival in read]
        last = accepted.results[-1][1] if arrivals else 0
        return Answer(200, answers.many(results, last), reason, remaining=caller.remaining(accepted))

    def _read_item(self, item: Raw, caller: Caller, sent_at: float | None) -> tuple[answers.Result, Arrival | None]:
        """Its arrival; without one, the result is already what the answer says of it."""
        site_id = caller.door.site.id
        try:
            wire = read_item(item)
        except BadBody:
            self._link.count(site_id, "json_malformed")
            return answers.bad_result(id_of(item), "Invalid JSON payload"), None
        if not wire.u:
            self._link.count(site_id, "missing_id")
            return answers.skipped_result(wire.id), None
        if caller.origin == b"null" and not caller.door.judge(caller.origin, wire.u)[0]:
            self._link.count(site_id, "null_origin")
            return answers.bad_result(wire.id, "Origin not allowed"), None
        read = self._read(wire, caller, sent_at)
        if isinstance(read, Refusal):
            self._link.count(site_id, read.reason)
            return answers.bad_result(wire.id, read.message), None
        return {"id": wire.id}, read

    async def _store(self, arrivals: list[Arrival], caller: Caller, reason: str) -> Accepted:
        """Raises Refused for what the engine did not take. The session of a batch's bucket is its first signal's."""
        site_id = caller.door.site.id
        conversion = any(arrival.signal.category == "conversion" for arrival in arrivals)
        answer = await self._link.submit(site_id, caller.bucket, arrivals[0].signal.sid, conversion, arrivals)
        if isinstance(answer, Accepted):
            return answer
        wait = answer.retry_after
        if isinstance(answer, Limited):
            raise Refused(Answer(429, answers.limited(wait), reason, remaining=0, retry_after=wait), "rate_limited", site_id)
        raise Refused(Answer(503, answers.NOT_STORED, reason, retry_after=wait), f"engine_{answer.reason}", site_id)

    def _failed(self, fault: BaseException) -> Answer:
        """Our own fault: counted, and logged without the message, which may quote what a client sent."""
        where = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(fault.__traceback__)]
        log.error("sync_failed", error=type(fault).__name__, where=where[-6:])
        self._link.count(0, "fault")
        return answers.unavailable()


def page_of(item: Raw) -> str | None:
    """The page a batch's item names, if it can be read at all."""
    try:
        return read_item(item).u
    except BadBody:
        return None
