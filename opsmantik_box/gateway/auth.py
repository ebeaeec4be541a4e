"""Who asks, and what for: a bearer token for every route, and every route with the right it needs declared (`opt={"scope": …}`).

Promises: a route that declares nothing is refused to everyone. A token is never logged.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers.base import BaseRouteHandler
from msgspec import Struct

from opsmantik_box.gateway.problems import Forbidden, Unauthorized
from opsmantik_box.link.messages import TokenFound

RIGHTS = ("read", "operate", "admin")
"""Each includes those before it. `send` (a site's own token) reads nothing."""

AskToken = Callable[[str], Awaitable[TokenFound]]


class Caller(Struct, frozen=True):
    """Whose request this is: the token's number, its rights, and the sites it sees."""

    token_id: int
    rights: str
    site_ids: tuple[int, ...]


AuthedRequest = Request[None, Caller, State]


def bearer_token(header: str) -> str:
    """The token of an Authorization header. Raises Unauthorized."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized
    return token.strip()


def may(rights: str, needed: str) -> bool:
    """Whether a token's rights include the needed one."""
    return rights in RIGHTS and needed in RIGHTS and RIGHTS.index(rights) >= RIGHTS.index(needed)


def guard_with(ask_token: AskToken) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]:
    """A guard for every route: finds the caller, and compares its rights with the scope the route declares."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        found = await ask_token(bearer_token(connection.headers.get("authorization", "")))
        if not found.rights:
            raise Unauthorized
        needed = str(handler.opt.get("scope", "nobody's"))
        if not may(found.rights, needed):
            raise Forbidden(has=found.rights, needs=needed)
        connection.scope["auth"] = Caller(found.token_id, found.rights, tuple(found.site_ids))

    return guard
