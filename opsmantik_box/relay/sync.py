"""`/api/sync` of a relay: judged as main judges, kept instead of decided, answered when it is on disk.

`score` is 0 in its answers: nobody has scored what they are of.
"""

import asyncio
from typing import cast

from msgspec.structs import asdict

from opsmantik_box.clock import Clock
from opsmantik_box.domain.addresses import Networks
from opsmantik_box.domain.rates import RateLimits, Rates
from opsmantik_box.domain.relaying import Envelope
from opsmantik_box.domain.signals import Arrival
from opsmantik_box.domain.sites import Site
from opsmantik_box.errors import LedgerFull, LedgerPoisoned
from opsmantik_box.gateway import answers
from opsmantik_box.gateway.answers import Answer, Refused
from opsmantik_box.gateway.asgi import HeaderMap, Receive, Scope
from opsmantik_box.gateway.doors import Door
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.reception import Caller
from opsmantik_box.gateway.sync import Sync
from opsmantik_box.link.messages import Accepted
from opsmantik_box.relay.outbox import Outbox
from opsmantik_box.relay.registry import STRANGER, Registry

FULL_SEC = 60


class Sender(Caller, frozen=True, gc=False):
    """A caller, and what he sent."""

    at: int = 0
    body: bytes = b""


class OpenDoor(Door):
    """Of a site nobody could be asked about: main will judge who comes through."""

    def judge(self, origin: bytes, page_url: str | None) -> tuple[bool, str]:  # noqa: ARG002
        return True, answers.UNCHECKED


class RelaySync(Sync):
    """The callable."""

    counts_answers = False
    """The error rate is main's, of what main answers."""

    def __init__(self, registry: Registry, outbox: Outbox, clock: Clock, trusted: Networks, limits: RateLimits) -> None:
        super().__init__(cast("EngineLink", registry), clock, trusted, (), limits.session, None)
        self._registry, self._outbox, self._rates = registry, outbox, Rates(limits)
        registry.changed = self._forget

    def _forget(self) -> None:
        """Other sites, or other hosts that may send for all of them."""
        self._allowed_origins = self._registry.allowed_origins
        self._doors.clear()

    async def _answer(self, scope: Scope, headers: HeaderMap, receive: Receive) -> Answer:
        body, at = await self._body(scope, headers, receive), self._clock()

        async def sender(door: Door) -> Sender:
            return Sender(**asdict(await self._caller(door, scope, headers)), at=at, body=body)

        return await self.take(body, at, sender)

    def _door(self, site: Site) -> Door:
        return OpenDoor(site, self._trusted, ()) if site.id == STRANGER else super()._door(site)

    async def _store(self, arrivals: list[Arrival], caller: Caller, reason: str) -> Accepted:
        """Keeps the whole request, once for all its signals. Raises Refused."""
        sender = cast("Sender", caller)
        conversion = any(arrival.signal.category == "conversion" for arrival in arrivals)
        site_id, session = caller.door.site.id, arrivals[0].signal.sid
        verdict = self._rates.admit(site_id, caller.bucket, session, len(arrivals), conversion, sender.at)
        if not verdict.allowed:
            wait = verdict.retry_after
            raise Refused(Answer(429, answers.limited(wait), reason, remaining=0, retry_after=wait), "rate_limited", site_id)
        origin, body = caller.origin.decode("latin-1"), sender.body.decode()
        try:
            await asyncio.shield(self._outbox.add(Envelope(sender.at, origin, caller.client, caller.user_agent, body)))
        except LedgerFull:
            raise Refused(Answer(503, answers.NOT_STORED, reason, retry_after=FULL_SEC), "relay_full", site_id) from None
        except LedgerPoisoned:
            raise Refused(Answer(503, answers.NOT_STORED, reason, retry_after=FULL_SEC), "relay_broken", site_id) from None
        return Accepted(0, [(False, 0)] * len(arrivals), verdict.remaining)
