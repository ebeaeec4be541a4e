"""What `/api/sync`, `/api/call-event` and hooks have in common: who may come in, how large a body may be, an answer for everyone.

Promises: CORS headers on every answer; never a 5xx for anything a client sent; every refusal counted by reason. Never logs what a
client sent, and makes neither task nor timer of its own. What a request is about is for the two callables to know.
"""

import asyncio
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

import structlog
from msgspec import Struct

from opsmantik_box.adapters.geo import GeoFile
from opsmantik_box.clock import monotonic
from opsmantik_box.domain.addresses import Networks
from opsmantik_box.domain.ids import site_id_text
from opsmantik_box.domain.places import NOWHERE, Place
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
from opsmantik_box.gateway.bodies import MAX_BODY
from opsmantik_box.gateway.doors import Door
from opsmantik_box.gateway.link import Answer as EngineAnswer
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.link.messages import Accepted, Limited, Told
from opsmantik_box.link.messages import Refused as EngineRefused

MAX_DOORS = 20_000
RELAY_RIGHT = "send"

log = structlog.get_logger()


class Caller(Struct, frozen=True, gc=False):
    """Who sends, as far as the rules care. `bucket` is the rate bucket's key, '' when exempt. `told_place` is a trusted proxy's word,
    `found_place` the installed file's."""

    door: Door
    origin: bytes
    client: str
    bucket: str
    user_agent: str
    has_token: bool
    told_place: Place = NOWHERE
    found_place: Place = NOWHERE

    def remaining(self, accepted: Accepted) -> int:
        """Requests this session still has in this minute; who is exempt always has all."""
        return accepted.remaining if self.bucket else answers.RATE_LIMIT


class Reception(ABC):
    """A callable for what pages send. `trusted` are the Box's trusted proxies, `allowed_origins` hosts that may send for any site,
    `limit` is what X-RateLimit-Limit says, `geo` where visitors' places are looked up, if anybody wants to know."""

    counts_answers: ClassVar[bool] = False
    """Are its answers what the error rate and the latency are made of?"""

    def __init__(
        self, link: EngineLink, trusted: Networks, allowed_origins: tuple[str, ...], limit: int, geo: GeoFile | None = None
    ) -> None:
        self._link, self._limit = link, limit
        self._trusted, self._allowed_origins, self._geo = trusted, allowed_origins, geo
        self._doors: dict[str, Door] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = monotonic()
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
        if self.counts_answers:
            self._link.answered(answer.site_id, answer.status, monotonic() - started)
        answer.limit, answer.remaining = self._limit, min(answer.remaining, self._limit)
        if ANSWER in scope:
            await scope[ANSWER](answer.status, answers.block_of(answer, origin), answer.body, answer.close)
        else:
            await answer_with(send, answer.status, answers.headers_of(answer, origin), answer.body)

    @abstractmethod
    async def _answer(self, scope: Scope, headers: HeaderMap, receive: Receive) -> Answer:
        """The answer to a request that is no preflight. Raises Refused for one that ends early, Disconnected, Unavailable."""

    async def _body(self, scope: Scope, headers: HeaderMap, receive: Receive, limit: int = MAX_BODY) -> bytes:
        """At most `limit` bytes of a POST, not coded. Raises Refused for anything else, after its body went by: a sender in the middle of
        its body would read a reset connection, not the answer. One that waits for leave to send (`Expect`) gets none."""
        refused = None
        if scope["method"] != "POST":
            refused = Answer(405, answers.METHOD), "method"
        elif headers.get(b"content-encoding", b"identity").lower() != b"identity":
            refused = Answer(415, answers.CODED), "coded"
        elif int(headers.get(b"content-length", b"0")) > limit:
            refused = Answer(413, answers.TOO_LARGE), "too_large"
        if refused is None:
            body = await receive_body(receive, limit)
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
        door = self._doors.get(text)
        if door is not None and self._link.sites.get(door.site.public_id) is door.site:
            return door
        public_id = site_id_text(text)
        if public_id is None:
            raise Refused(Answer(400, answers.INVALID_SITE_ID), "site_id_malformed")
        site = self._link.sites.get(public_id) or await self._link.ask_site(public_id)
        if site is None:
            raise Refused(Answer(404, answers.NO_SUCH_SITE), "no_such_site")
        if len(self._doors) >= MAX_DOORS:
            self._doors.clear()
        door = self._doors[text] = self._door(site)
        return door

    def _door(self, site: Site) -> Door:
        return Door(site, self._trusted, self._allowed_origins)

    async def _caller(self, door: Door, scope: Scope, headers: HeaderMap) -> Caller:
        peer = scope["client"][0] if scope["client"] else ""
        client, bucket = door.address(peer, headers.get(b"x-forwarded-for", b""))
        bearer = headers.get(b"authorization")
        has_token = bearer is not None and await self._is_relay(bearer, door.site)
        agent = headers.get(b"user-agent", b"").decode("latin-1")
        told = door.told_place(peer, headers)
        found = self._find_place(client) if not (has_token and client == peer) else NOWHERE  # a relay's own address is no visitor's
        return Caller(door, headers.get(b"origin", b""), client, "" if has_token else bucket, agent, has_token, told, found)

    def _find_place(self, client: str) -> Place:
        return self._geo.find(client) if self._geo else NOWHERE

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

    def _taken(self, answer: EngineAnswer, caller: Caller, reason: str) -> Accepted:
        """What the engine took. Raises Refused for what it did not."""
        if isinstance(answer, Accepted):
            return answer
        site_id, wait = caller.door.site.id, answer.retry_after
        if isinstance(answer, Limited):
            raise Refused(Answer(429, answers.limited(wait), reason, remaining=0, retry_after=wait), "rate_limited", site_id)
        raise Refused(Answer(503, answers.NOT_STORED, reason, retry_after=wait), f"engine_{answer.reason}", site_id)

    def _failed(self, fault: BaseException) -> Answer:
        """Our own fault: counted, and logged without the message, which may quote what a client sent."""
        where = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(fault.__traceback__)]
        log.error("request_failed", by=type(self).__name__, error=type(fault).__name__, where=where[-6:])
        self._link.count(0, "fault")
        return answers.unavailable()


def told(answer: Told | EngineRefused, site_id: int) -> Told:
    """What the engine stored of a call. Raises Refused for what it did not."""
    if isinstance(answer, Told):
        return answer
    wait = answer.retry_after
    raise Refused(Answer(503, answers.NOT_STORED, retry_after=wait), f"engine_{answer.reason}", site_id)
