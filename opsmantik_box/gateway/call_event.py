"""`/api/call-event`, as trackers in the field use it: each tap on a phone or WhatsApp link is posted here as well, unsigned.

Promises: such a tap is answered with what `/api/sync` has stored of it; a call is refused in words. Never stores anything, and
never says that it did: taking calls (with the site's token or a signature) is not built yet.
"""

from opsmantik_box.clock import Clock
from opsmantik_box.domain.addresses import Networks
from opsmantik_box.domain.metadata import read_text
from opsmantik_box.domain.rates import CALL_EVENTS
from opsmantik_box.domain.reading import clean
from opsmantik_box.domain.site_rules import site_rules
from opsmantik_box.domain.sites import Site
from opsmantik_box.domain.targets import read_target
from opsmantik_box.gateway import answers
from opsmantik_box.gateway.answers import Answer, Refused
from opsmantik_box.gateway.asgi import HeaderMap, Receive, Scope
from opsmantik_box.gateway.bodies import BadBody, WireCall, read_call
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.reads import Reads
from opsmantik_box.gateway.reception import Caller, Reception
from opsmantik_box.sql.scope import ReadRefused, ReadTooSlow

RECENT_MS = 30 * 60_000
"""How old an intent may be that a tap is matched with."""
MAX_FINGERPRINT = 128


class CallEvent(Reception):
    """The callable."""

    def __init__(self, link: EngineLink, clock: Clock, reads: Reads, trusted: Networks, allowed_origins: tuple[str, ...]) -> None:
        super().__init__(link, trusted, allowed_origins, CALL_EVENTS.address)
        self._clock, self._reads = clock, reads

    async def _answer(self, scope: Scope, headers: HeaderMap, receive: Receive) -> Answer:
        try:
            wire = read_call(await self._body(scope, headers, receive))
        except BadBody:
            raise Refused(Answer(400, answers.INVALID_JSON), "json_malformed") from None
        caller = await self._caller(await self._open(wire.site_id or ""), scope, headers)
        site = caller.door.site
        target = read_tapped(wire, site)
        if not target:
            raise refused_call(caller)
        reason = self._admit(caller, (None,))
        remaining = await self._count(caller, reason)
        body = await self._find(site, read_fingerprint(wire), target)
        return Answer(200, body, reason, remaining=remaining)

    async def _count(self, caller: Caller, reason: str) -> int:
        """Requests this address still has in this minute. Raises Refused when it has none."""
        if not caller.bucket:
            return CALL_EVENTS.address
        return self._taken(await self._link.admit(caller.door.site.id, caller.bucket), caller, reason).remaining

    async def _find(self, site: Site, fingerprint: str, target: str) -> bytes:
        """What is known of a tap. Raises Refused when it cannot be looked up now."""
        if not fingerprint:
            return answers.UNMATCHED
        try:
            found = await self._reads.recent_intent(site.id, fingerprint, target, self._clock() - RECENT_MS)
        except (ReadRefused, ReadTooSlow) as error:
            refused = Answer(503, answers.NOT_READ, retry_after=error.retry_after or 0)
            raise Refused(refused, "read_failed", site.id) from error
        return answers.matched(*found) if found else answers.UNMATCHED


def read_tapped(wire: WireCall, site: Site) -> str:
    """The target of the link that was tapped; '' when the number is none of a link."""
    rules = site_rules(site)
    found = read_target(clean(wire.phone_number or ""), rules.region, rules.wa_hosts)
    return found[1] if found else ""


def read_fingerprint(wire: WireCall) -> str:
    """In the spelling in which signals keep it."""
    told = wire.fingerprint
    return read_text(clean(told) if isinstance(told, str) else told)[:MAX_FINGERPRINT]


def refused_call(caller: Caller) -> Refused:
    """A call, not a tap."""
    if caller.has_token:
        return Refused(Answer(422, answers.NO_CALLS_YET), "call_not_taken", caller.door.site.id)
    return Refused(Answer(401, answers.NO_TOKEN), "call_unauthorized", caller.door.site.id)
