"""`/api/relay`: what a relay kept while this Box was away, and the sites it may keep something for.

Promises: only with a relay's token. Each envelope is judged as its request would have been at `/api/sync`, with the visitor's address, user
agent, origin and time as the relay saw them, and no rate limit: the relay counted. One that is refused stops no other.
"""

import asyncio

import msgspec
from msgspec import Raw
from msgspec.structs import asdict

from opsmantik_box.clock import Clock
from opsmantik_box.domain.relaying import MAX_BYTES, MAX_ENVELOPES, Envelope, Envelopes, Known, Verdict, Verdicts, received_at
from opsmantik_box.errors import Unavailable
from opsmantik_box.gateway import answers
from opsmantik_box.gateway.answers import Answer, Refused
from opsmantik_box.gateway.asgi import HeaderMap, Receive, Scope
from opsmantik_box.gateway.doors import Door
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.reception import Caller, Reception
from opsmantik_box.gateway.sync import Sync

RIGHT = "relay"

_decode = msgspec.json.Decoder(Envelopes).decode


class Relayed(Reception):
    """The callable. `sync` judges what is in the envelopes."""

    def __init__(self, link: EngineLink, clock: Clock, sync: Sync, allowed_origins: tuple[str, ...]) -> None:
        super().__init__(link, (), allowed_origins, answers.RATE_LIMIT)
        self._clock, self._sync = clock, sync

    async def _answer(self, scope: Scope, headers: HeaderMap, receive: Receive) -> Answer:
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or (await self._link.ask_token(token.strip())).rights != RIGHT:
            raise Refused(Answer(401, answers.NO_RELAY), "relay_unauthorized")
        if scope["method"] == "GET":
            known = Known([asdict(site) for site in self._link.sites.values()], list(self._allowed_origins))
            return Answer(200, msgspec.json.encode(known))
        body = await self._body(scope, headers, receive, MAX_BYTES)
        try:
            envelopes = _decode(body).envelopes
        except (msgspec.MsgspecError, UnicodeError):
            raise Refused(Answer(400, answers.INVALID_JSON), "relay_malformed") from None
        if len(envelopes) > MAX_ENVELOPES:
            raise Refused(Answer(413, answers.TOO_LARGE), "relay_too_large")
        now = self._clock()
        judged = await asyncio.gather(*(self._judge(envelope, now) for envelope in envelopes))
        return Answer(200, msgspec.json.encode(Verdicts(now, judged)))

    async def _judge(self, envelope: Envelope, now: int) -> Verdict:
        """What its tracker would have been told."""
        at = received_at(envelope, now)
        if at is None:
            return Verdict(410, Raw(answers.TOO_OLD))

        async def caller(door: Door) -> Caller:
            return self._sync.relayed(door, envelope)

        try:
            answer = await self._sync.take(envelope.body.encode(), at, caller)
        except Refused as refused:
            self._link.count(refused.site_id, f"relayed_{refused.counted}")
            answer = refused.answer
        except Unavailable:
            answer = answers.unavailable()
        except Exception as fault:  # noqa: BLE001 - one envelope must not cost the others their answer
            answer = self._failed(fault)
        return Verdict(answer.status, Raw(answer.body))
