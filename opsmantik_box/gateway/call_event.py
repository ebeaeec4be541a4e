"""`/api/call-event`: a call, told by a site's server or an exchange; and what trackers in the field post here, each tap on a link.

Promises: a call (with the site's token, or signed with a secret of the site) is answered when it is in the ledger. A tap is answered
with what `/api/sync` has stored of it, and nothing is stored. Never logs what was sent.
"""

from opsmantik_box.adapters.telephony.fields import MAX_AHEAD_MS, MAX_CALL_ID, MAX_NUMBER, read_time
from opsmantik_box.adapters.telephony.signatures import HookRequest
from opsmantik_box.clock import Clock
from opsmantik_box.domain.addresses import Networks
from opsmantik_box.domain.calls import CallUpdate
from opsmantik_box.domain.metadata import read_text
from opsmantik_box.domain.rates import CALL_EVENTS
from opsmantik_box.domain.reading import clean
from opsmantik_box.domain.site_rules import site_rules
from opsmantik_box.domain.sites import Site
from opsmantik_box.domain.targets import e164, is_number, read_target
from opsmantik_box.domain.time import MAX_DELAY_MS
from opsmantik_box.gateway import answers
from opsmantik_box.gateway.answers import Answer, Refused
from opsmantik_box.gateway.asgi import HeaderMap, Receive, Scope, texts_of
from opsmantik_box.gateway.bodies import BadBody, WireCall, read_call
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.reads import Reads
from opsmantik_box.gateway.reception import Caller, Reception, told
from opsmantik_box.link.messages import TellCall
from opsmantik_box.sql.scope import ReadRefused, ReadTooSlow

RECENT_MS = 30 * 60_000
"""How old an intent may be that a tap is matched with."""
MAX_FINGERPRINT = 128
PROVIDER = "call-event"
"""Whose call ids these are, where an exchange would stand."""


class CallEvent(Reception):
    """The callable."""

    def __init__(self, link: EngineLink, clock: Clock, reads: Reads, trusted: Networks, allowed_origins: tuple[str, ...]) -> None:
        super().__init__(link, trusted, allowed_origins, CALL_EVENTS.address)
        self._clock, self._reads = clock, reads

    async def _answer(self, scope: Scope, headers: HeaderMap, receive: Receive) -> Answer:
        try:
            body = await self._body(scope, headers, receive)
            wire = read_call(body)
        except BadBody:
            raise Refused(Answer(400, answers.INVALID_JSON), "json_malformed") from None
        caller = await self._caller(await self._open(wire.site_id or ""), scope, headers)
        site = caller.door.site
        target = read_tapped(wire, site)
        return await (
            self._tap(wire, target, caller) if target else self._call(wire, caller, HookRequest(texts_of(headers), body, "", ""))
        )

    async def _tap(self, wire: WireCall, target: str, caller: Caller) -> Answer:
        reason = self._admit(caller, (None,))
        remaining = await self._count(caller, reason)
        found = await self._find(caller.door.site, read_fingerprint(wire), target)
        return Answer(200, found, reason, remaining=remaining)

    async def _call(self, wire: WireCall, caller: Caller, request: HookRequest) -> Answer:
        site, message_id = caller.door.site, request.headers.get("webhook-id", "")[:MAX_CALL_ID]
        remaining = CALL_EVENTS.address
        if not caller.has_token:
            if "webhook-signature" not in request.headers:
                raise refused_call(site.id, "call_unauthorized")
            remaining = await self._count(caller, "signature")
            proven = await self._link.prove(0, site.id, request)
            if proven.reason:
                raise refused_call(site.id, f"call_{proven.reason}")
        update = read_call_update(wire, site, self._clock())
        call = told(await self._link.tell(TellCall(0, site.id, update, read_fingerprint(wire), message_id)), site.id)
        if call.session_id is None:
            return Answer(200, answers.unmatched(call.call_id), "site_token", remaining=remaining)
        return Answer(200, answers.matched(call.call_id, call.session_id, call.lead_score or 0), "site_token", remaining=remaining)

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


def read_call_update(wire: WireCall, site: Site, now: int) -> CallUpdate:
    """What is told of a call: that it rang, when, and who called which line. `now`: when it was told."""
    region = site.default_region.upper()
    number, called = read_text(clean(wire.phone_number or ""))[:MAX_NUMBER], wire.called_number
    return CallUpdate(
        provider=PROVIDER,
        provider_call_id=clean(read_text(wire.call_id))[:MAX_CALL_ID],
        state="ringing",
        at=read_at(wire.at, now),
        direction="inbound",
        number=number,
        number_e164=read_number(number, region),
        called_number=read_number(called.removeprefix("tel:"), region) if isinstance(called, str) else "",
    )


def read_number(text: str, region: str) -> str:
    """As +90…; '' for what is none."""
    return e164(text, region) if is_number(text) else ""


def read_at(told_at: object, now: int) -> int:
    """UTC milliseconds of a number or of ISO 8601. What cannot be, as in hooks, is not told: then it is now."""
    text = read_text(told_at)
    found = read_time(text, "ms", "UTC") if text else None
    return found if found is not None and now - MAX_DELAY_MS <= found <= now + MAX_AHEAD_MS else now


def refused_call(site_id: int, reason: str) -> Refused:
    """A call, not a tap, and nothing that proves whose it is."""
    return Refused(Answer(401, answers.NO_TOKEN), reason, site_id)
