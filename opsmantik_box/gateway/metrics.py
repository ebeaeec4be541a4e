"""`GET /metrics` for Prometheus: to who asks from this machine without a proxy in between, or shows a token that sees the Box.

Stores nothing, decides nothing else: the engine makes the page.
"""

import ipaddress

from opsmantik_box.domain.exposition import CONTENT_TYPE
from opsmantik_box.errors import BoxError, Forbidden
from opsmantik_box.gateway.asgi import HeaderMap, Receive, Scope, Send, answer_with, discard, header_map
from opsmantik_box.gateway.auth import authenticate
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.problems import HEADERS, WrongMethod, as_asgi

PATH = "/metrics"
FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")
"""Who has one of these came through a proxy, whatever the connection says."""


class Metrics:
    """The ASGI application of this address."""

    def __init__(self, link: EngineLink) -> None:
        self._link = link

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await discard(receive)
        try:
            if scope["method"] not in ("GET", "HEAD"):
                raise WrongMethod(method="GET")
            await self._admit(scope)
            page = (await self._link.command("read_metrics", {}, 0)).encode()
        except BoxError as error:
            await answer_with(send, *as_asgi(error))
            return
        headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
        length = [(b"content-type", CONTENT_TYPE.encode()), (b"content-length", b"%d" % len(page))]
        await answer_with(send, 200, [*headers, *length], b"" if scope["method"] == "HEAD" else page)

    async def _admit(self, scope: Scope) -> None:
        """Raises Unauthorized, Forbidden, Unavailable."""
        headers = header_map(scope["headers"])
        if is_local(scope, headers):
            return
        shown = headers.get(b"authorization", b"").decode("latin-1")
        if not (await authenticate(self._link.ask_token, shown, "admin")).box:
            raise Forbidden(has="admin of some sites", needs="admin of every site")


def is_local(scope: Scope, headers: HeaderMap) -> bool:
    """Is it a program on this machine that asks, and no proxy for somebody else?"""
    peer = scope.get("client")
    if not peer or any(name in headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(peer[0]).is_loopback
    except ValueError:
        return False
