"""The gateway's end of the link: asks the engine, one Future a question, and keeps what the engine announces.

Promises: at most 4,000 signals and 8 MB wait for the engine, more are refused at once; when the link ends, everything that waits is
answered and nothing hangs. Never decides anything about a signal, never waits for one question before sending the next.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from msgspec.structs import replace

from opsmantik_box.adapters.telephony.signatures import HookRequest
from opsmantik_box.clock import monotonic
from opsmantik_box.domain.signals import Arrival
from opsmantik_box.domain.sites import Site
from opsmantik_box.domain.watch import latency
from opsmantik_box.errors import Unavailable
from opsmantik_box.link.framing import Unpacker, pack
from opsmantik_box.link.messages import (
    Accepted,
    Admit,
    AskSite,
    AskToken,
    Command,
    Count,
    Drain,
    Failed,
    Fed,
    Limited,
    Months,
    Prove,
    Proven,
    Ready,
    Refused,
    SiteChanged,
    State,
    Submit,
    TellCall,
    TellForm,
    TokenFound,
    TokensChanged,
    Told,
    Watching,
    decode_to_gateway,
    refused_with,
)

MAX_SIGNALS = 4_000
MAX_BYTES = 8 * 1024 * 1024
RETRY_AFTER = 2
TOKEN_KEPT = 60.0
MAX_TOKENS = 10_000
COUNT_EVERY = 0.5
MAX_TOKEN_LENGTH = 256
FLUSH_AT = 8
"""Messages."""

Answer = Accepted | Limited | Refused


class EngineLink(asyncio.Protocol):
    """One connection to the engine. `draining` is called when the engine says so, `lost` when the link has ended."""

    def __init__(self, draining: Callable[[], None], lost: Callable[[], None]) -> None:
        self.sites: dict[str, Site] = {}
        self.sites_by_id: dict[int, Site] = {}
        self.months: list[tuple[str, str]] = []
        self.state = State(False, "starting", 0, 0)
        self.feed = Fed(0, 1, 0)
        self.announced = asyncio.Event()
        self._draining, self._lost = draining, lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        self._unpacker = Unpacker()
        self._out: list[bytearray] = []
        self._rid = 0
        self._waiting: dict[int, tuple[asyncio.Future[Any], int, int]] = {}
        self._signals = self._bytes = 0
        self._tokens: dict[str, tuple[float, TokenFound]] = {}
        self._token_changes = 0
        self._asked: dict[str, asyncio.Future[Any]] = {}
        self._counts: dict[tuple[int, str], int] = {}
        self._answers: dict[tuple[int, int], int] = {}
        self._latency, self._latency_ms = latency.empty(), 0.0
        self._counting = False
        self._take: dict[type, Callable[[Any], None]] = {
            SiteChanged: self._take_site,
            TokensChanged: self._forget_tokens,
            Fed: self._take_feed,
            Months: self._take_months,
            State: self._take_state,
            Drain: lambda _: self._draining(),
        }
        self._listening: dict[type, Callable[[Any], None]] = {}

    # --- questions ----------------------------------------------------------------------------------------------------------------

    def submit(self, site_id: int, address: str, session: bytes, conversion: bool, arrivals: list[Arrival]) -> Awaitable[Answer]:
        """Signals of one request, for the disk. Answers Refused at once (reason 'busy') when too much waits already."""
        self._rid = rid = self._rid + 1
        frame = pack(Submit(rid, site_id, address, session, conversion, arrivals))
        return self._send(rid, frame, len(arrivals))

    def admit(self, site_id: int, address: str) -> Awaitable[Answer]:
        """Whether a request of this address to /api/call-event may pass: Accepted without results, Limited, or Refused."""
        self._rid = rid = self._rid + 1
        return self._send(rid, pack(Admit(rid, site_id, address)), 1)

    async def ask_site(self, public_id: str) -> Site | None:
        """Whether there is such a site after all. One question for however many ask at once. Raises Unavailable."""
        key = f"site {public_id}"
        found = await self._ask_once(key, lambda rid: AskSite(rid, public_id))
        return found.site

    async def ask_token(self, token: str) -> TokenFound:
        """Whose token this is; `rights` is '' for no one's. Kept until tokens change, at most 60 s. Raises Unavailable."""
        kept = self._tokens.get(token)
        if kept is not None and kept[0] > monotonic():
            return kept[1]
        if len(token) > MAX_TOKEN_LENGTH:
            return TokenFound(0, 0, "", [])
        found: TokenFound = await self._ask_once(f"token {token}", lambda rid: AskToken(rid, token))
        return found

    async def command(self, name: str, arguments: dict[str, Any], token: int) -> Any:
        """Has the engine do something that changes the Box, for the token of this number. Raises the BoxError it was refused with."""
        self._rid = rid = self._rid + 1
        answer = await self._send(rid, pack(Command(rid, name, arguments, token)), 1)
        if isinstance(answer, Refused):
            raise Unavailable(reason=answer.reason)
        if isinstance(answer, Failed):
            raise refused_with(answer)
        return answer.result

    async def prove(self, hook_id: int, site_id: int, request: HookRequest) -> Proven:
        """Whether a request is an exchange's (`hook_id` 0: signed with a secret of the site). Raises Unavailable."""
        self._rid = rid = self._rid + 1
        asked = Prove(rid, hook_id, site_id, dict(request.headers), request.body, request.url, request.secret, request.address)
        answer = await self._send(rid, pack(asked), 1)
        if isinstance(answer, Refused):
            raise Unavailable(reason=answer.reason)
        return answer

    def tell(self, told: TellCall | TellForm) -> "Awaitable[Told | Refused]":
        """A call or a form, for the disk. Its `rid` is given here."""
        self._rid = rid = self._rid + 1
        return self._send(rid, pack(replace(told, rid=rid)), 1)

    def count(self, site_id: int, reason: str, times: int = 1) -> None:
        """Tells the engine, within half a second, that something was refused (`site_id` 0: no known site)."""
        key = site_id, reason
        self._counts[key] = self._counts.get(key, 0) + times
        self._send_counts_soon()

    def answered(self, site_id: int, status: int, seconds: float) -> None:
        """Tells the engine, within half a second, what /api/sync answered and how long that took."""
        key = site_id, status
        self._answers[key] = self._answers.get(key, 0) + 1
        self._latency[latency.bucket_of(seconds * 1000)] += 1
        self._latency_ms += seconds * 1000
        self._send_counts_soon()

    def watching(self, tokens: list[int]) -> None:
        """These tokens have a stream open here, and no others."""
        if self.alive:
            self._write(pack(Watching(tokens)))

    def ready(self, walls: str) -> None:
        """This gateway serves."""
        self._write(pack(Ready(walls)))

    def close(self) -> None:
        """Sends what is left to send, then ends the link."""
        self._send_counts()
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def listen(self, kind: type, call: Callable[[Any], None]) -> None:
        """`call` gets each announcement of this kind, after the link has taken note of it. One listener a kind."""
        self._listening[kind] = call

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    # --- sending ------------------------------------------------------------------------------------------------------------------

    def _send(self, rid: int, frame: bytearray, signals: int) -> "asyncio.Future[Any]":
        future = self._loop.create_future()
        size = len(frame)
        if not self.alive:
            future.set_result(Refused(rid, "stopping", RETRY_AFTER))
        elif self._signals + signals > MAX_SIGNALS or self._bytes + size > MAX_BYTES:
            future.set_result(Refused(rid, "busy", RETRY_AFTER))
        else:
            self._signals += signals
            self._bytes += size
            self._waiting[rid] = future, signals, size
            self._write(frame)
        return future

    async def _ask_once(self, key: str, question: Callable[[int], object]) -> Any:
        """One question on the link for all who ask the same at the same time."""
        future = self._asked.get(key)
        if future is None:
            self._rid = rid = self._rid + 1
            self._asked[key] = future = self._send(rid, pack(question(rid)), 1)
            changes = self._token_changes
            future.add_done_callback(lambda _: self._asked.pop(key, None))
            future.add_done_callback(lambda done: self._keep_token(key, done, changes))
        answer = await asyncio.shield(future)
        if isinstance(answer, Refused):
            raise Unavailable(reason=answer.reason)
        return answer

    def _keep_token(self, key: str, answered: "asyncio.Future[Any]", changes: int) -> None:
        """Unless tokens changed since it was asked: the answer may be older than the change."""
        answer = None if answered.cancelled() else answered.result()
        if isinstance(answer, TokenFound) and changes == self._token_changes:
            if len(self._tokens) >= MAX_TOKENS:
                self._tokens.clear()
            self._tokens[key.removeprefix("token ")] = monotonic() + TOKEN_KEPT, answer

    def _send_counts_soon(self) -> None:
        if not self._counting:
            self._counting = True
            self._loop.call_later(COUNT_EVERY, self._send_counts)

    def _send_counts(self) -> None:
        self._counting = False
        if not self.alive or not (self._counts or self._answers):
            return
        refusals = [(site_id, reason, times) for (site_id, reason), times in self._counts.items()]
        answers = [(site_id, status, times) for (site_id, status), times in self._answers.items()]
        self._write(pack(Count(refusals, answers, self._latency, self._latency_ms)))
        self._counts.clear()
        self._answers.clear()
        self._latency, self._latency_ms = latency.empty(), 0.0

    def _write(self, frame: bytearray) -> None:
        """At the end of this turn, or when there is enough for the engine to begin with: not one system call a signal, and neither
        process waits for the other."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(frame)
        if len(self._out) >= FLUSH_AT:
            self._flush()

    def _flush(self) -> None:
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    # --- what arrives -------------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        for body in self._unpacker.feed(data):
            message = decode_to_gateway(body)
            waiting = self._waiting.pop(getattr(message, "rid", 0), None)
            if waiting is None:
                self._announce(message)
            else:
                future, signals, size = waiting
                self._signals -= signals
                self._bytes -= size
                if not future.done():
                    future.set_result(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.state = State(False, "stopping", self.state.lag_signals, self.state.lag_ms)
        waiting, self._waiting = self._waiting, {}
        self._signals = self._bytes = 0
        for rid, (future, _, _) in waiting.items():
            if not future.done():
                future.set_result(Refused(rid, "stopping", RETRY_AFTER))
        self._lost()

    def _announce(self, message: object) -> None:
        take = self._take.get(type(message))
        if take is not None:
            take(message)
        listener = self._listening.get(type(message))
        if listener is not None:
            listener(message)

    def _take_site(self, message: SiteChanged) -> None:
        site = message.site
        if message.removed:
            self.sites.pop(site.public_id, None)
            self.sites_by_id.pop(site.id, None)
        else:
            self.sites[site.public_id] = self.sites_by_id[site.id] = site

    def _forget_tokens(self, _: TokensChanged) -> None:
        self._tokens.clear()
        self._token_changes += 1

    def _take_feed(self, message: Fed) -> None:
        self.feed = message

    def _take_months(self, message: Months) -> None:
        self.months = message.months

    def _take_state(self, message: State) -> None:
        self.state = message
        self.announced.set()
