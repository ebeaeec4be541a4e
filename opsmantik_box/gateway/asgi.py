"""Requests and answers as ASGI messages: headers as a map, a body of bounded size, an answer. Knows nothing of signals."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from opsmantik_box.gateway.answers import Headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
HeaderMap = dict[bytes, bytes]

MAX_DISCARDED = 1024 * 1024
"""A refused body is read to its end up to here, so that the sender reads an answer instead of a reset connection."""


ANSWER = "opsmantik.answer"
"""In a scope of our own protocol: `await scope[ANSWER](status, header block, body)` answers in one write, where ASGI makes two."""


STREAM = "opsmantik.stream"
"""In a scope of our own protocol: `scope[STREAM](header block)` begins an answer without an end, and gives its OpenAnswer."""


class OpenAnswer(Protocol):
    """An answer that goes on until one of both hangs up; `receive` then says so."""

    @property
    def unread(self) -> int:
        """Bytes that were written and that the system has not taken yet: the client reads more slowly than it is told."""
        ...

    @property
    def is_over(self) -> bool:
        """One of both has hung up."""
        ...

    def write(self, data: bytes) -> None:
        """At once, whether the client reads or not; nothing once it is gone."""

    async def drain(self) -> None:
        """Waits until the client has read most of what was written, or is gone."""

    def end(self) -> None:
        """Hangs up; what the client has not read by then, it does not get."""


class Disconnected(Exception):
    """The client is gone: there is no one to answer."""


def header_map(headers: Headers) -> HeaderMap:
    """By lower-case name; the values of a header that comes more than once are joined with commas, as RFC 9110 has it."""
    named = dict(headers)
    if len(named) != len(headers):
        named.clear()
        for name, value in headers:
            named[name] = named[name] + b", " + value if name in named else value
    return named


def texts_of(headers: HeaderMap) -> dict[str, str]:
    """Names and values as texts."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}


async def receive_body(receive: Receive, limit: int) -> bytes | None:
    """The body; None when it is longer than `limit` bytes (what was left of it is discarded). Raises Disconnected."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False) and len(body) <= limit:
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise Disconnected
    if len(body) <= limit:
        return body
    if message.get("more_body", False):
        await discard(receive, len(body))
    return None


async def discard(receive: Receive, already: int = 0) -> None:
    """Reads a body nobody wants to its end, or to a megabyte, whichever comes first. Raises Disconnected."""
    more = True
    while more and already <= MAX_DISCARDED:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        already += len(message.get("body", b""))
        more = message.get("more_body", False)


async def answer_with(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
