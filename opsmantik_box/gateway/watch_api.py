"""What is wrong, over HTTP: alerts of one's sites, and for who sees the Box, of the Box itself. Reads by scope; acknowledging and silencing
are the engine's."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from opsmantik_box.domain.pages import END_OF_TIME, Position, Row
from opsmantik_box.domain.watch.codes import ABOUT, Code, Level
from opsmantik_box.gateway.auth import AuthedRequest
from opsmantik_box.gateway.cursors import next_cursor, read_cursor
from opsmantik_box.gateway.desk_api import OPERATE, Ask, When
from opsmantik_box.gateway.given import READ, Cursor, Limit, RowId, TheDesk
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.problems import documented

Which = Annotated[Literal["open", "all"], QueryParameter(name="state", description="The open ones, or all.")]


class AlertView(Struct, frozen=True):
    """Something that is wrong, or was. `site_id` is null when it is the Box itself. `since`: when it began, `opened_at`: when the Box found
    it, `times`: how often since."""

    id: int
    site_id: str | None
    code: str
    level: Level
    state: Literal["open", "acknowledged", "resolved"]
    text: str
    advice: str
    since: int
    opened_at: int
    last_at: int
    times: int
    resolved_at: int | None
    acknowledged_at: int | None
    acknowledged_by: str | None
    silenced_until: int | None
    covered_by: str | None
    version: int


class AlertPage(Struct, frozen=True):
    alerts: list[AlertView]
    next: str | None
    feed: str


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object."""


class SilenceAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """`until`: UTC milliseconds, or a time like 2h or tomorrow 10:00; null ends a silence."""

    until: When | None


@get("/alerts", opt=READ, responses=documented(400))
async def list_alerts(
    request: AuthedRequest, desk: TheDesk, which: Which = "open", limit: Limit = 50, cursor: Cursor = None
) -> AlertPage:
    """What is wrong with my sites, newest first."""
    feed = desk.feed()
    before = read_cursor("alerts", cursor, int) if cursor is not None else Position(END_OF_TIME, 0)
    rows = await desk.reads.alerts(request.auth.scope, before, limit, everything=which == "all")
    shown = [read_alert(row, public_id(desk.link, row[2])) for row in rows[:limit]]
    return AlertPage(shown, next_cursor("alerts", rows, limit), feed)


def public_id(link: EngineLink, site_id: int | None) -> str | None:
    """As a site is shown; None for the Box itself."""
    site = link.sites_by_id.get(site_id or 0)
    return site.public_id if site else None


def read_alert(row: Row, site: str | None) -> AlertView:
    """A row of list_alerts."""
    at, number, _, code, level, text, since, last_at, times, resolved_at, acknowledged_at, by, silenced, covered, version = row
    state = "resolved" if resolved_at is not None else "acknowledged" if acknowledged_at is not None else "open"
    advice = ABOUT[Code(code)].advice if code in Code.__members__ else ""
    return AlertView(
        number, site, code, level, state, text, advice, since, at, last_at, times, resolved_at, acknowledged_at, by, silenced, covered,
        version,
    )  # fmt: skip


@post("/alerts/{number:int}/acknowledge", opt=OPERATE, status_code=200, responses=documented(400, 404, 413))
async def acknowledge_alert(request: AuthedRequest, link: Ask, number: RowId, data: Nothing) -> AlertView:  # noqa: ARG001
    """Say that somebody knows: it is not told again, unless it gets worse."""
    return await _changed(link, request, "acknowledge_alert", {"id": number})


@post("/alerts/{number:int}/silence", opt=OPERATE, status_code=200, responses=documented(400, 404, 413))
async def silence_alert(request: AuthedRequest, link: Ask, number: RowId, data: SilenceAsked) -> AlertView:
    """It, and what opens of its kind on its site, is told to nobody until then."""
    return await _changed(link, request, "silence_alert", {"id": number, "until": data.until})


async def _changed(link: EngineLink, request: AuthedRequest, name: str, asked: dict[str, Any]) -> AlertView:
    """The alert as it is then. Raises the BoxError the engine refused with."""
    told = await link.command(name, asked, request.auth.token_id)
    return msgspec.convert(told | {"site_id": public_id(link, told["site_id"])}, AlertView)


WATCH_ROUTES: list[ControllerRouterHandler] = [list_alerts, acknowledge_alert, silence_alert]
