"""`/hooks/call/{hook_id}/{secret}`: where exchanges tell of calls.

Promises: 2xx only for what is in the ledger, or tells nothing (an exchange's test). The request is proven by the engine, which alone
has the keys, before anything of its body is read; what is proven is read here. Never logs a path, a body or a header: the address is
a password. A wrong secret and an address that is none give the same 404.
"""

from opsmantik_box.adapters.telephony.fields import read_update
from opsmantik_box.adapters.telephony.refused import EventRefused
from opsmantik_box.adapters.telephony.signatures import HookRequest
from opsmantik_box.clock import Clock
from opsmantik_box.domain.addresses import Networks, client_address
from opsmantik_box.gateway import answers
from opsmantik_box.gateway.answers import RATE_LIMIT, Answer, Refused
from opsmantik_box.gateway.asgi import HeaderMap, Receive, Scope, texts_of
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.reception import Reception, told
from opsmantik_box.link.messages import Proven, TellCall

MAX_NUMBER = 12
"""Digits of a hook's number."""


class Hooks(Reception):
    """The callable. `public_url` is what the world calls this Box: Twilio signs the address."""

    def __init__(self, link: EngineLink, clock: Clock, trusted: Networks, public_url: str) -> None:
        super().__init__(link, trusted, (), RATE_LIMIT)
        self._clock, self._public_url = clock, public_url.rstrip("/")

    async def _answer(self, scope: Scope, headers: HeaderMap, receive: Receive) -> Answer:
        hook_id, secret = read_path(scope["path"])
        body = await self._body(scope, headers, receive)
        if not hook_id:
            raise Refused(Answer(404, answers.NOT_FOUND), "hook_secret_wrong")
        proven = await self._link.prove(hook_id, 0, self._request(scope, headers, body, secret))
        if proven.reason:
            raise refused(proven)
        try:
            update = read_update(proven.provider, body, proven.region, self._clock())
        except EventRefused as error:
            raise Refused(Answer(400, answers.UNREADABLE), f"hook_{error.reason}", proven.site_id) from None
        if update is not None:
            call = TellCall(0, proven.site_id, update, message_id=proven.message_id, hook_id=hook_id)
            told(await self._link.tell(call), proven.site_id)
        return Answer(200, answers.TAKEN)

    def _request(self, scope: Scope, headers: HeaderMap, body: bytes, secret: str) -> HookRequest:
        peer = scope["client"]
        forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1")
        return HookRequest(
            headers=texts_of(headers),
            body=body,
            url=self._url(scope, headers),
            secret=secret,
            address=client_address(peer[0] if peer else "", forwarded, self._trusted),
        )

    def _url(self, scope: Scope, headers: HeaderMap) -> str:
        """As its sender wrote it. Without a setting the Box can only guess what it is called outside."""
        base = self._public_url or f"http://{headers.get(b'host', b'').decode('latin-1')}"
        query: bytes = scope["query_string"]
        path = scope["raw_path"].decode("latin-1")
        return f"{base}{path}?{query.decode('latin-1')}" if query else base + path


def read_path(path: str) -> tuple[int, str]:
    """(number of the hook, secret) of an address; (0, '') for one that is none."""
    parts = path.split("/")
    if len(parts) != 5 or parts[2] != "call" or len(parts[3]) > MAX_NUMBER or not (parts[3].isascii() and parts[3].isdecimal()):
        return 0, ""
    return int(parts[3]), parts[4]


def refused(proven: Proven) -> Refused:
    """An address that is none, a sender that is not listed, one that proved nothing, or too much. Each is counted by its reason."""
    if proven.reason == "secret_wrong":
        answer = Answer(404, answers.NOT_FOUND)
    elif proven.reason == "address_refused":
        answer = Answer(403, answers.ADDRESS)
    elif proven.reason == "rate_limited":
        wait = proven.retry_after
        answer = Answer(429, answers.limited(wait), remaining=0, retry_after=wait)
    else:
        answer = Answer(401, answers.NOT_PROVEN, challenge=b'Basic realm="OpsMantik Box"')
    return Refused(answer, f"hook_{proven.reason}", proven.site_id)
