"""uvicorn's HTTP protocol with what it lacks: receive time-outs, a bound on headers, and CORS headers on its own refusals.

Promises: a header takes at most 5 s (from the connection, or from its first byte on a connection kept alive), a body 10 s, an idle
connection stays 75 s; one sweep a second looks at all connections, so a request costs no timer. Never looks into a body.

A request that is being answered is never timed out here: streams last for hours.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from opsmantik_box.gateway import answers
from opsmantik_box.gateway.answers import Answer
from opsmantik_box.gateway.asgi import ANSWER, STREAM
from opsmantik_box.gateway.cycle import LAST, Cycle

HEADER_SECONDS = 5.0
BODY_SECONDS = 10.0
IDLE_SECONDS = 75.0
STALLED_SECONDS = 30.0
"""How long answers wait for a client that does not read them."""
FRESH_GRACE_SECONDS = 1.0
"""How long a connection without a request is waited for once the gateway stops."""
SWEEP_EVERY = 0.5
MAX_HEADER_BYTES = 32 * 1024

FRESH, HEADER, BODY, READ, IDLE = "fresh", "header", "body", "read", "idle"

_BAD = {
    400: Answer(400, answers.MALFORMED),
    408: Answer(408, answers.TOO_SLOW),
    431: Answer(431, answers.HEADERS_TOO_LARGE),
}


class PatientProtocol(HttpToolsProtocol):
    """One connection. `phase` is what it is waiting for, `since` when (the loop's time) that began."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False
        self.phase = FRESH
        self.since = self.loop.time()
        self._header_bytes = 0
        self._last = False
        self._stalled_since = 0.0

    # --- what the parser tells ----------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        try:
            cast("Any", self.parser).feed_data(data)
        except httptools.HttpParserUpgrade:
            self._close_after_answer()
        except httptools.HttpParserError:
            self.send_400_response("")
        else:
            if self.phase is HEADER:
                self._header_bytes += len(data)
                if self._header_bytes > MAX_HEADER_BYTES:
                    self._refuse(431)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.phase, self.since, self._header_bytes = HEADER, self.loop.time(), 0

    def on_headers_complete(self) -> None:
        """As uvicorn's, without web sockets and its concurrency limit, and with a Cycle of ours."""
        self.phase, self.since = BODY, self.loop.time()
        self._fill_scope()
        app = cast("Any", self.config.loaded_app)  # pyright: ignore[reportUnknownMemberType]
        before, parser = self._current, cast("Any", self.parser)
        self.cycle = cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=not self._last and self.scope["http_version"] != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        scope = cast("dict[str, Any]", self.scope)
        scope[ANSWER], scope[STREAM] = cycle.answer, cycle.stream
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))

    def _fill_scope(self) -> None:
        """Raises for what is no path, as `CONNECT` and `OPTIONS *` have none; the parser makes it a 400."""
        scope, parser = self.scope, cast("Any", self.parser)
        scope["method"] = parser.get_method().decode("ascii")
        scope["http_version"] = parser.get_http_version()
        url = httptools.parse_url(self.url)
        raw_path = url.path
        path = raw_path.decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = url.query or b""

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.phase = READ
        if self.cycle.response_complete:
            self._wait_idle()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled_since = self.loop.time()

    def on_response_complete(self) -> None:
        """As uvicorn's, without a keep-alive timer for each answer: the sweep has that."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self.since = self.loop.time()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self.phase is READ:
            self._wait_idle()

    def _wait_idle(self) -> None:
        self.phase, self.since = IDLE, self.loop.time()

    # --- ends ---------------------------------------------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words, not ours
        """What cannot be parsed. Behind a request that is still being answered it ends the connection after that answer."""
        if self._answering():
            self._close_after_answer()
        else:
            self._refuse(400)

    def shutdown(self) -> None:
        """The gateway stops: an idle connection ends, one in the middle of a request ends with its answer."""
        self._last = True
        cycle = self._current
        answered = cycle is None or cycle.response_complete
        if self.phase is IDLE or (self.phase is BODY and answered):
            self.transport.close()
        elif not answered:
            self._answer_last()

    def expire(self, now: float, stopping: bool) -> None:
        """Ends this connection when it has waited too long. Called by the sweep."""
        waited = now - self.since
        if self.flow.write_paused and now - self._stalled_since > STALLED_SECONDS:
            self.transport.abort()
        elif self.transport.is_closing() or self.flow.read_paused:
            return
        elif self.phase is IDLE and waited > IDLE_SECONDS:
            self._drop()
        elif self.phase is FRESH and waited > (FRESH_GRACE_SECONDS if stopping else HEADER_SECONDS):
            # Nothing was asked, and browsers open connections on suspicion: an answer would be taken for the next request's.
            self._drop()
        elif (self.phase is HEADER and waited > HEADER_SECONDS) or (self.phase is BODY and waited > BODY_SECONDS):
            self._time_out()

    def _time_out(self) -> None:
        cycle = self._current
        answered = self.phase is BODY and cycle is not None and cycle.response_started
        if self._answering() or answered:
            self._drop()
        else:
            self._refuse(408)

    @property
    def _current(self) -> RequestResponseCycle | None:
        """The newest request whose headers are complete."""
        return self.cycle

    def _answering(self) -> bool:
        """Whether a request that came completely has no complete answer yet."""
        cycle = self._current
        return bool(self.pipeline) or (cycle is not None and not cycle.response_complete and not cycle.more_body)

    def _close_after_answer(self) -> None:
        """Nothing more is read here."""
        self.flow.pause_reading()
        self._answer_last()

    def _answer_last(self) -> None:
        for cycle in (self._current, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None:
                cycle.keep_alive = False

    def _refuse(self, status: int) -> None:
        """Answers for the request that is arriving, whose headers may not all be known, and ends the connection."""
        if self.transport.is_closing():
            return
        cycle = self._current
        started = cycle is not None and cycle.response_started and not cycle.response_complete
        if not started and self.phase is not READ:
            self.transport.write(_rendered(_BAD[status], _origin_in(cast("Any", self.headers) or ())))
        self.transport.close()

    def _drop(self) -> None:
        """No answer, no waiting for a peer that does not read."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()


def _origin_in(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return next((value for name, value in headers if name == b"origin"), b"")


def _rendered(answer: Answer, origin: bytes) -> bytes:
    return b"".join((STATUS_LINE[answer.status], answers.block_of(answer, origin), LAST, answer.body))


class Sweep:
    """Looks at every connection twice a second. `stopping` shortens what it waits for."""

    def __init__(self, connections: Iterable[Any]) -> None:
        self._connections, self.stopping = connections, False

    async def run(self) -> None:
        """Until cancelled. A connection that cannot be ended is logged and never stops the sweep."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            now = loop.time()
            for connection in list(self._connections):
                try:
                    connection.expire(now, self.stopping)
                except Exception:
                    logging.getLogger(__name__).exception("sweep_failed")
