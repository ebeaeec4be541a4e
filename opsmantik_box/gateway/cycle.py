"""One request and its answer, beside ASGI: in one write where ASGI makes two, or open, for a stream that is written to without waiting."""

from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from opsmantik_box.gateway.asgi import ANSWER, STREAM

LAST = b"connection: close\r\n\r\n"
"""The end of a header block after which the connection ends."""


class Cycle(RequestResponseCycle):
    """uvicorn's, with `answer` and `stream` for whoever finds them in the scope, and what `OpenAnswer` promises. The scope lets go of
    them when one is called, or every request would be a cycle for the garbage collector."""

    async def answer(self, status: int, headers: bytes, body: bytes, close: bool = False) -> None:
        """The whole answer in one write. `headers` are lines that are known to be well formed, with a content-length; `close` ends
        the connection after it. Once only."""
        self._leave_scope()
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        self.response_started, self.waiting_for_100_continue = True, False
        self.keep_alive = self.keep_alive and not close
        ending = b"\r\n" if self.keep_alive else LAST
        shown = b"" if self.scope["method"] == "HEAD" else body
        self.transport.write(b"".join((STATUS_LINE[status], headers, ending, shown)))
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def stream(self, headers: bytes) -> "Cycle":
        """Begins an answer (200) that ends with the connection: no length, no chunks, the same bytes for every reader."""
        self._leave_scope()
        self.response_started, self.waiting_for_100_continue, self.keep_alive = True, False, False
        self.write(b"".join((STATUS_LINE[200], headers, LAST)))
        return self

    def _leave_scope(self) -> None:
        scope = cast("dict[str, Any]", self.scope)
        scope.pop(ANSWER, None)
        scope.pop(STREAM, None)

    # --- an open answer -----------------------------------------------------------------------------------------------------------

    @property
    def unread(self) -> int:
        return self.transport.get_write_buffer_size()

    @property
    def is_over(self) -> bool:
        return self.transport.is_closing()

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    async def drain(self) -> None:
        await self.flow.drain()

    def end(self) -> None:
        if self.response_complete or self.disconnected:
            return
        self.response_complete = True
        self.message_event.set()
        if self.unread:
            self.transport.abort()
        else:
            self.transport.close()
        self.on_response()
