"""What is told outside, over HTTP: deliveries and their lanes, for who sees the Box. Decides nothing: the engine does."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from opsmantik_box.domain.lanes import State
from opsmantik_box.gateway.auth import AuthedRequest
from opsmantik_box.gateway.cursors import next_cursor, read_cursor
from opsmantik_box.gateway.given import Cursor, Limit, RowId
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.problems import documented

ADMIN = {"scope": "admin"}
Ask = NamedDependency[SkipValidation[EngineLink]]
Lane = Annotated[str | None, QueryParameter(max_length=60, description="Of one lane only.")]
Which = Annotated[State | None, QueryParameter(name="state", description="In this state only.")]


class LaneView(Struct, frozen=True):
    """All deliveries to one destination. `dead`: given up, `opsmantik-box deliveries retry` sends them again. Times in UTC ms."""

    lane: str
    state: Literal["ok", "waiting", "stopped", "off"]
    waiting: int
    dead: int
    delivered_24h: int
    last_delivered_at: int | None
    paused_until: int | None
    last_error: str


class DeliveryView(Struct, frozen=True):
    """One of them; never what it carries. `key` is the same at every attempt."""

    id: int
    lane: str
    kind: str
    key: str
    state: State
    attempts: int
    not_before: int
    deadline: int | None
    last_error: str
    created_at: int
    delivered_at: int | None


class DeliveryPage(Struct, frozen=True):
    lanes: list[LaneView]
    deliveries: list[DeliveryView]
    next: str | None


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object."""


@get("/deliveries", opt=ADMIN, responses=documented(400))
async def list_deliveries(
    request: AuthedRequest, link: Ask, lane: Lane = None, which: Which = None, limit: Limit = 50, cursor: Cursor = None
) -> DeliveryPage:
    """What is or was to be told outside, newest first, and how each lane is."""
    asked: dict[str, Any] = {"lane": lane, "state": which, "limit": limit + 1}
    if cursor is not None:
        asked["before"] = read_cursor("deliveries", cursor, int).key
    told = await link.command("list_deliveries", asked, request.auth.token_id)
    shown = msgspec.convert(told["deliveries"], list[DeliveryView])
    following = next_cursor("deliveries", [(one.created_at, one.id) for one in shown], limit)
    return DeliveryPage(msgspec.convert(told["lanes"], list[LaneView]), shown[:limit], following)


@post("/deliveries/{number:int}/retry", opt=ADMIN, status_code=200, responses=documented(400, 404, 413))
async def retry_delivery(request: AuthedRequest, link: Ask, number: RowId, data: Nothing) -> DeliveryView:  # noqa: ARG001
    """Send one again that was given up."""
    return msgspec.convert(await link.command("retry_delivery", {"id": number}, request.auth.token_id), DeliveryView)


DELIVERY_ROUTES: list[ControllerRouterHandler] = [list_deliveries, retry_delivery]
