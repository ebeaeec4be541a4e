"""Requests and answers as ASGI messages: headers as a map, a body of bounded size, an answer. Knows nothing of signals."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

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
