"""`/api/sync`: the hot path, an ASGI callable in front of everything else.

Promises: never a 5xx for anything a client sent; CORS headers on every answer; every refusal counted by reason; `synced` only for
what the engine says is on disk. Order of checks: size, JSON, ids, site, origin, rate. It never writes, never logs what a client
sent, and makes neither task nor timer of its own: the server's task waits for one Future.
"""

from collections.abc import Awaitable, Callable

from msgspec import Raw

from opsmantik_box.adapters.geo import GeoFile
from opsmantik_box.clock import Clock
from opsmantik_box.domain.addresses import Networks
from opsmantik_box.domain.reading import Context, Refusal, read_signal
from opsmantik_box.domain.relaying import Envelope
from opsmantik_box.domain.signals import Arrival, WireBody, WireSignal
from opsmantik_box.gateway import answers
from opsmantik_box.gateway.answers import Answer, Refused
from opsmantik_box.gateway.asgi import HeaderMap, Receive, Scope
from opsmantik_box.gateway.bodies import MAX_BATCH_BODY, MAX_ITEMS, BadBody, id_of, read_body, read_item
from opsmantik_box.gateway.doors import Door
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.reception import Caller, Reception
from opsmantik_box.link.messages import Accepted


class Sync(Reception):
    """The callable. `limit` is how many requests a minute a session has, `geo` where visitors' places are looked up."""

    counts_answers = True

    def __init__(
        self, link: EngineLink, clock: Clock, trusted: Networks, allowed_origins: tuple[str, ...], limit: int, geo: GeoFile | None
    ) -> None:
        super().__init__(link, trusted, allowed_origins, limit, geo)
        self._clock = clock

    async def _answer(self, scope: Scope, headers: HeaderMap, receive: Receive) -> Answer:
        body = await self._body(scope, headers, receive)
        return await self.take(body, self._clock(), lambda door: self._caller(door, scope, headers))

    def relayed(self, door: Door, envelope: Envelope) -> Caller:
        """Who sent what a relay kept: the visitor as the relay saw him."""
        client, _ = door.address(envelope.address, b"")
        origin = envelope.origin.encode("latin-1", "replace")
        return Caller(door, origin, client, "", envelope.agent, has_token=False, found_place=self._find_place(client))

    async def take(self, body: bytes, at: int, find_caller: Callable[[Door], Awaitable[Caller]]) -> Answer:
        """A body that was received at this time (UTC ms). `find_caller` says who sent it, once it is known for which site. Raises
        Refused, Unavailable."""
        try:
            wire = read_body(body)
        except BadBody:
            raise Refused(Answer(400, answers.INVALID_JSON), "json_malformed") from None
        if wire.e is not None and (len(wire.e) > MAX_ITEMS or len(body) > MAX_BATCH_BODY):
            raise Refused(Answer(413, answers.TOO_LARGE), "too_large")
        if not wire.s or (wire.e is None and not wire.u):
            raise Refused(Answer(200, answers.SKIPPED), "missing_id")
        caller = await find_caller(await self._open(wire.s))
        return await (self._one(wire, caller, at) if wire.e is None else self._many(wire, wire.e, caller, at))

    def _read(self, wire: WireSignal, caller: Caller, at: int, sent_at: float | None) -> Arrival | Refusal:
        """A signal as the rules read it, or why it cannot be stored; what had to be left out or was refused is counted."""
        site = caller.door.site
        context = Context(at, sent_at, caller.user_agent, caller.client, caller.told_place, caller.found_place)
        reading = read_signal(wire, site, context)
        if isinstance(reading, Refusal):
            return reading
        for reason in reading.notes:
            self._link.count(site.id, reason)
        return reading.arrival

    async def _one(self, wire: WireBody, caller: Caller, at: int) -> Answer:
        reason = self._admit(caller, (wire.u,))
        read = self._read(wire, caller, at, wire.st)
        if isinstance(read, Refusal):
            raise Refused(Answer(400, answers.refusal(read.message), reason), read.reason, caller.door.site.id)
        accepted = await self._store([read], caller, reason)
        duplicate, score = accepted.results[0]
        remaining = caller.remaining(accepted)
        return Answer(200, answers.stored(duplicate, score), reason, remaining=remaining, site_id=caller.door.site.id)

    async def _many(self, wire: WireBody, items: list[Raw], caller: Caller, at: int) -> Answer:
        """Every item by itself; those that can be stored go to the engine together."""
        reason = self._admit(caller, map(page_of, items) if caller.origin == b"null" and items else (None,))
        read = [self._read_item(item, caller, at, wire.st) for item in items]
        arrivals = [arrival for _, arrival in read if arrival is not None]
        accepted = await self._store(arrivals, caller, reason) if arrivals else Accepted(0, [], answers.RATE_LIMIT)
        stored = iter(accepted.results)
        results = [result if arrival is None else answers.result(result["id"], *next(stored)) for result, arrival in read]
        last = accepted.results[-1][1] if arrivals else 0
        remaining = caller.remaining(accepted)
        return Answer(200, answers.many(results, last), reason, remaining=remaining, site_id=caller.door.site.id)

    def _read_item(self, item: Raw, caller: Caller, at: int, sent_at: float | None) -> tuple[answers.Result, Arrival | None]:
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
        read = self._read(wire, caller, at, sent_at)
        if isinstance(read, Refusal):
            self._link.count(site_id, read.reason)
            return answers.bad_result(wire.id, read.message), None
        return {"id": wire.id}, read

    async def _store(self, arrivals: list[Arrival], caller: Caller, reason: str) -> Accepted:
        """Raises Refused for what the engine did not take. The session of a batch's bucket is its first signal's."""
        conversion = any(arrival.signal.category == "conversion" for arrival in arrivals)
        answer = await self._link.submit(caller.door.site.id, caller.bucket, arrivals[0].signal.sid, conversion, arrivals)
        return self._taken(answer, caller, reason)


def page_of(item: Raw) -> str | None:
    """The page a batch's item names, if it can be read at all."""
    try:
        return read_item(item).u
    except BadBody:
        return None
