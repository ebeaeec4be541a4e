"""`POST /api/v1/login` and `/logout`: a token for a password, and giving it back.

Promises: what is wrong is not said, nor by the time it takes; tries are counted by the engine, for all gateways. Never logs a password.
"""

from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.openapi.spec import SecurityRequirement
from litestar.params import SkipValidation
from litestar.types import ControllerRouterHandler
from msgspec import Meta, Struct

from opsmantik_box.domain.addresses import Networks, bucket_key, client_address
from opsmantik_box.domain.logins import LONGEST
from opsmantik_box.gateway.auth import ANYONE, AuthedRequest
from opsmantik_box.gateway.desk_api import Ask, Nothing
from opsmantik_box.gateway.given import Person
from opsmantik_box.gateway.problems import documented

MAX_BODY = 4_096
Trusted = NamedDependency[SkipValidation[Networks]]
OPEN: list[SecurityRequirement] = [{}]


class LoginAsked(Struct, frozen=True, kw_only=True):
    """`name`: what the token is to be called in lists, so that it can be told from others."""

    email: Annotated[str, Meta(min_length=1, max_length=254)]
    password: Annotated[str, Meta(min_length=1, max_length=4 * LONGEST)]
    name: Annotated[str, Meta(min_length=1, max_length=100)] = "login"


class LoginDone(Struct, frozen=True):
    """The token is told this once; it opens until `expires_at` (UTC milliseconds)."""

    token: str
    expires_at: int
    user: Person


@post(
    "/login",
    opt={"scope": ANYONE},
    security=OPEN,
    status_code=200,
    responses=documented(400, 413, 429),
    request_max_body_size=MAX_BODY,
)
async def log_in(request: Request[Any, Any, Any], link: Ask, trusted: Trusted, data: LoginAsked) -> LoginDone:
    """A token for 30 days, for an e-mail address and its password. It may do what its person may."""
    peer = request.client.host if request.client else ""
    address = bucket_key(client_address(peer, request.headers.getall("x-forwarded-for", []), trusted))
    asked = {"email": data.email, "password": data.password, "address": address, "name": data.name}
    return msgspec.convert(await link.command("log_in", asked, 0), LoginDone)


@post("/logout", opt={"scope": "read"}, status_code=200, responses=documented())
async def log_out(request: AuthedRequest, link: Ask) -> Nothing:
    """The token this is asked with opens nothing any more."""
    await link.command("log_out", {}, request.auth.token_id)
    return Nothing()


LOGIN_ROUTES: list[ControllerRouterHandler] = [log_in, log_out]
