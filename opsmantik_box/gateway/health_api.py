"""How the Box is, over HTTP: in a word and why, the numbers of one's sites, and for who sees the Box, its own. The engine's answer."""

from typing import Any, Literal

import msgspec
from litestar import get
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from opsmantik_box.domain.watch.health import Why
from opsmantik_box.gateway.auth import AuthedRequest
from opsmantik_box.gateway.desk_api import Ask
from opsmantik_box.gateway.given import READ
from opsmantik_box.gateway.problems import documented
from opsmantik_box.gateway.watch_api import public_id


class SiteNumbers(Struct, frozen=True):
    """People only: no bots, no internal visits. Null where there is too little to say."""

    site_id: str | None
    sessions_last_hour: int
    gclid_last_3_hours: int
    error_rate: float | None
    arrival_rate: float | None
    expected_last_hour: float | None
    last_signal_at: int | None


class HealthView(Struct, frozen=True):
    """`why`: every open alert that makes it DEGRADED or DOWN. `box`: the machine's numbers, null for who does not see the Box."""

    state: Literal["OK", "DEGRADED", "DOWN"]
    why: list[Why]
    at: int
    version: str
    accepting: bool
    reason: str
    lag_signals: int
    lag_ms: int
    sites: list[SiteNumbers]
    box: dict[str, Any] | None


@get("/health", opt=READ, responses=documented())
async def read_health(request: AuthedRequest, link: Ask) -> HealthView:
    """How the Box is, and what it says of my sites."""
    told = await link.command("read_health", {}, request.auth.token_id)
    sites = [site | {"site_id": public_id(link, site["site_id"])} for site in told["sites"]]
    return msgspec.convert(told | {"sites": sites}, HealthView)


HEALTH_ROUTES: list[ControllerRouterHandler] = [read_health]
