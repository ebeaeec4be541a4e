"""Who asks, and what for: a bearer token for every route, and every route with the right it needs declared (`opt={"scope": …}`).

Promises: a route that declares nothing is refused to everyone; one that is anyone's says so (ANYONE). A token is never logged.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers.base import BaseRouteHandler
from msgspec import Struct

from opsmantik_box.domain.feed import BOX
from opsmantik_box.domain.ids import site_id_text
from opsmantik_box.domain.sites import Site
from opsmantik_box.errors import Forbidden, Unauthorized
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.problems import NoSuchSite
from opsmantik_box.link.messages import TokenFound

RIGHTS = ("read", "operate", "admin")
"""Each includes those before it. `send` (a site's own token) reads nothing."""
ANYONE = "anyone"

AskToken = Callable[[str], Awaitable[TokenFound]]


class Caller(Struct, frozen=True):
    """Whose request this is: the token's number, its rights, the sites it sees, what it may do on each of them; the person (0 and ''
    for a site's own token); and whether it sees what is the Box's own, too."""

    token_id: int
    rights: str
    site_ids: tuple[int, ...]
    site_rights: tuple[str, ...]
    user_id: int
    user: str
    box: bool = False

    @property
    def scope(self) -> tuple[int, ...]:
        """What it sees of lists in which the Box's own rows stand beside those of sites."""
        return (*self.site_ids, BOX) if self.box else self.site_ids


AuthedRequest = Request[None, Caller, State]


def bearer_token(header: str) -> str:
    """The token of an Authorization header. Raises Unauthorized."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized
    return token.strip()


def may(rights: str, needed: str) -> bool:
    """Whether a token's rights include the needed one. What a site's own token may do, no other may."""
    return rights == needed == "send" or (rights in RIGHTS and needed in RIGHTS and RIGHTS.index(rights) >= RIGHTS.index(needed))


def caller_of(found: TokenFound) -> Caller:
    sites, rights = tuple(found.site_ids), tuple(found.site_rights)
    return Caller(found.token_id, found.rights, sites, rights, found.user_id, found.user, found.box)


async def authenticate(ask_token: AskToken, authorization: str, needed: str) -> Caller:
    """Who asks, by an Authorization header. Raises Unauthorized, Forbidden, Unavailable."""
    found = await ask_token(bearer_token(authorization))
    if not found.rights:
        raise Unauthorized
    if not may(found.rights, needed):
        raise Forbidden(has=found.rights, needs=needed)
    return caller_of(found)


async def own_site(link: EngineLink, caller: Caller, told: str) -> Site:
    """The caller's site of this public id. Raises NoSuchSite for any other: nobody learns which there are, not even by the time it
    takes (the engine is asked of those that are known here as well)."""
    public_id = site_id_text(told)
    site = link.sites.get(public_id) if public_id else None
    if public_id and (site is None or site.id not in caller.site_ids):
        site = await link.ask_site(public_id)
    if site is None or site.id not in caller.site_ids:
        raise NoSuchSite
    return site


def guard_with(ask_token: AskToken) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]:
    """A guard for every route: finds the caller, and compares its rights with the scope the route declares."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        needed = str(handler.opt.get("scope", "nobody's"))
        if needed != ANYONE:
            connection.scope["auth"] = await authenticate(ask_token, connection.headers.get("authorization", ""), needed)

    return guard
