"""uvicorn's HTTP protocol with what it lacks: receive time-outs, a bound on headers, and CORS headers on its own refusals.

Promises: a header takes at most 5 s (from the connection, or from its first byte on a connection kept alive), a body 10 s, an idle
connection stays 75 s; one sweep a second looks at all connections, so a request costs no timer. Never looks into a body.

A request that is being answered is never timed out here: streams last for hours.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from opsmantik_box.gateway import answers
from opsmantik_box.gateway.answers import Answer

HEADER_SECONDS = 5.0
BODY_SECONDS = 10.0
IDLE_SECONDS = 75.0
FRESH_GRACE_SECONDS = 1.0
"""How long a connection without a request is waited for once the gateway stops."""
SWEEP_EVERY = 0.5
MAX_HEADER_BYTES = 32 * 1024

FRESH, HEADER, BODY, READ, IDLE = "fresh", "header", "body", "read", "idle"

_BAD = {
    400: Answer(400, answers.MALFORMED, close=True),
    408: Answer(408, answers.TOO_SLOW, close=True),
    431: Answer(431, answers.HEADERS_TOO_LARGE, close=True),
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

    # --- what the parser tells --------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
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
        super().on_headers_complete()
        self.phase, self.since = BODY, self.loop.time()
        if self._last:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.phase = READ
        if self.cycle.response_complete:
            self._wait_idle()

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

    # --- ends -------------------------------------------------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """What cannot be parsed. Behind a request that is still being answered it ends the connection after that answer."""
        if self._answering():
            self._close_after_answer()
        else:
            self._refuse(400)

    def shutdown(self) -> None:
        """The gateway stops: an idle connection ends, one in the middle of a request ends with its answer."""
        self._last = True
        answered = self.cycle is None or self.cycle.response_complete
        if self.phase is IDLE or (self.phase is BODY and answered):
            self.transport.close()
        elif not answered:
            self._answer_last()

    def expire(self, now: float, stopping: bool) -> None:
        """Ends this connection when it has waited too long. Called by the sweep."""
        waited = now - self.since
        if self.transport.is_closing() or self.flow.read_paused:
            return
        if self.phase is IDLE and waited > IDLE_SECONDS:
            self._drop()
        elif self.phase is FRESH and waited > (FRESH_GRACE_SECONDS if stopping else HEADER_SECONDS):
            # Nothing was asked, and browsers open connections on suspicion: an answer would be taken for the next request's.
            self._drop()
        elif (self.phase is HEADER and waited > HEADER_SECONDS) or (self.phase is BODY and waited > BODY_SECONDS):
            self._time_out()

    def _time_out(self) -> None:
        if self._answering() or (self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete):
            self._drop()
        elif self.phase is BODY and self.cycle is not None and self.cycle.response_complete:
            self._drop()
        else:
            self._refuse(408)

    def _answering(self) -> bool:
        """Whether a request that came completely has no complete answer yet."""
        cycle = self.cycle
        return bool(self.pipeline) or (cycle is not None and not cycle.response_complete and not cycle.more_body)

    def _close_after_answer(self) -> None:
        """Nothing more is read here."""
        self.flow.pause_reading()
        self._answer_last()

    def _answer_last(self) -> None:
        for cycle in (self.cycle, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None:
                cycle.keep_alive = False

    def _refuse(self, status: int) -> None:
        """Answers for the request that is arriving, whose headers may not all be known, and ends the connection."""
        if self.transport.is_closing():
            return
        started = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if not started and self.phase is not READ:
            self.transport.write(_rendered(_BAD[status], _origin_in(self.headers or ())))
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
    lines = [name + b": " + value + b"\r\n" for name, value in answers.headers_of(answer, origin)]
    return b"".join((STATUS_LINE[answer.status], *lines, b"\r\n", answer.body))


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
