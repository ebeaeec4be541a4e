"""The console's API under /api/v1: one's own sites, their numbers, lists and sessions, for whoever has a token. Beside it stand the
first screen (queue_api.py), the desk (desk_api.py), forms (forms_api.py) and logins (login_api.py).

Promises: a site or session of another tenant and one that does not exist give the same 404; every error is a problem document
(RFC 9457); every route declares the right it needs. Writes nothing itself; never answers a client's mistake with a 5xx.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from litestar import Litestar, get
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec.structs import asdict

from opsmantik_box import __version__
from opsmantik_box.clock import Clock
from opsmantik_box.domain.addresses import Networks
from opsmantik_box.domain.days import Days, day_bounds, day_of
from opsmantik_box.domain.ids import event_id, uuid_text
from opsmantik_box.domain.pages import END_OF_TIME, Position, Span
from opsmantik_box.domain.report import MOST_DAYS
from opsmantik_box.domain.sites import Site
from opsmantik_box.errors import UsageError
from opsmantik_box.gateway.auth import AuthedRequest, guard_with
from opsmantik_box.gateway.cursors import next_cursor, read_cursor
from opsmantik_box.gateway.deliveries_api import DELIVERY_ROUTES
from opsmantik_box.gateway.desk_api import DESK_ROUTES
from opsmantik_box.gateway.forms_api import FORM_ROUTES
from opsmantik_box.gateway.given import READ, Cursor, Desk, Limit, SiteId, TheDesk
from opsmantik_box.gateway.health_api import HEALTH_ROUTES
from opsmantik_box.gateway.jobs_api import JOB_ROUTES
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.login_api import LOGIN_ROUTES
from opsmantik_box.gateway.problems import HANDLERS, HEADERS, NoSuchSession, documented
from opsmantik_box.gateway.queue_api import QUEUE_ROUTES
from opsmantik_box.gateway.reads import Reads
from opsmantik_box.gateway.rows import (
    EventList,
    EventPage,
    IntentPage,
    LineList,
    SessionPage,
    SiteList,
    StatsView,
    Timeline,
    TrackerList,
    TrackerView,
    read_event,
    read_intent,
    read_session,
    read_worked_intent,
)
from opsmantik_box.gateway.watch_api import WATCH_ROUTES

NEWEST = 100
"""Events on /api/v1/events."""

First = Annotated[date | None, QueryParameter(name="from", description="First day, in the site's time zone.")]
Last = Annotated[date | None, QueryParameter(name="to", description="Last day, inside the range.")]
Which = Annotated[Literal["ads", "all", "bots", "internal"], QueryParameter(name="scope", description="Which traffic.")]
ReportScope = Annotated[
    Literal["ads", "all", "other_paid"], QueryParameter(name="scope", description="What averages and splits are of.")
]
Details = Annotated[
    bool, QueryParameter(description="Of more than 31 days: also visitors and the splits that are counted session by session.")
]
SessionId = Annotated[str, PathParameter(description="The session's id (UUID).")]
FILTERS: dict[str, dict[str, int]] = {
    "ads": {"is_bot": 0, "is_internal": 0, "ads": 1},
    "all": {"is_bot": 0, "is_internal": 0, "ads": 0},
    "bots": {"is_bot": 1, "is_internal": 0, "ads": 0},
    "internal": {"is_bot": 0, "is_internal": 1, "ads": 0},
}


@get("/sites", opt=READ, responses=documented())
async def list_sites(request: AuthedRequest, desk: TheDesk) -> SiteList:
    """The sites this token sees."""
    return SiteList(desk.sites(request, request.auth.site_ids))


@get("/trackers", opt=READ, responses=documented())
async def list_trackers(request: AuthedRequest, desk: TheDesk) -> TrackerList:
    """How the signals of each of my sites arrived in the last 24 hours, by what their trackers say of themselves."""
    mine = desk.my_sites(request)
    found = await desk.reads.arrivals([site.id for site in mine], desk.clock())
    pairs = zip(mine, found, strict=True)
    return TrackerList([TrackerView(**asdict(told), site_id=site.public_id, name=site.name) for site, told in pairs])


@get("/events", opt=READ, responses=documented())
async def newest_events(request: AuthedRequest, desk: TheDesk) -> EventList:
    """The newest 100 events of all my sites."""
    names = {number: site.public_id for number, site in desk.link.sites_by_id.items()}
    mine = [number for number in request.auth.site_ids if number in names]
    span, feed = Span(0, Position(END_OF_TIME, 0), NEWEST), desk.feed()
    rows = await desk.reads.newest("list_events", mine, span)
    return EventList([read_event(row, names[row[3]]) for row in rows[:NEWEST]], feed)


@get("/stats", opt=READ, responses=documented(400))
async def read_lines(request: AuthedRequest, desk: TheDesk, first: First = None, last: Last = None) -> LineList:
    """One line a site that this token sees: the report without its splits. Both days default to each site's today."""
    now, feed = desk.clock(), desk.feed()
    asked = {site.id: chosen_days(first, last, now, site.timezone) for site in desk.my_sites(request)}
    return LineList(await desk.reads.lines(asked, now), feed)


@get("/sites/{site:str}/stats", opt=READ, responses=documented(400, 404))
async def read_stats(
    request: AuthedRequest,
    desk: TheDesk,
    site: SiteId,
    first: First = None,
    last: Last = None,
    which: ReportScope = "ads",
    details: Details = False,
) -> StatsView:
    """The report of the site's days, both inside; both default to today."""
    mine = await desk.site(request, site)
    now, feed = desk.clock(), desk.feed()
    days = chosen_days(first, last, now, mine.timezone)
    return StatsView(**asdict(await desk.reads.stats(mine.id, days, which, now, details=details)), feed=feed)


@get("/sites/{site:str}/events", opt=READ, responses=documented(400, 404))
async def list_events(
    request: AuthedRequest,
    desk: TheDesk,
    site: SiteId,
    limit: Limit = 50,
    cursor: Cursor = None,
    first: First = None,
    last: Last = None,
) -> EventPage:
    """Newest first."""
    mine = await desk.site(request, site)
    span, feed = chosen_span("events", mine, 0, limit, cursor, (first, last)), desk.feed()
    rows = await desk.reads.newest("list_events", (mine.id,), span)
    return EventPage([read_event(row, mine.public_id) for row in rows[:limit]], next_cursor("events", rows, limit), feed)


@get("/sites/{site:str}/sessions", opt=READ, responses=documented(400, 404))
async def list_sessions(
    request: AuthedRequest,
    desk: TheDesk,
    site: SiteId,
    limit: Limit = 50,
    cursor: Cursor = None,
    first: First = None,
    last: Last = None,
    which: Which = "all",
) -> SessionPage:
    """Newest first. `all` is everything but bots and internal visits."""
    mine = await desk.site(request, site)
    span, feed = chosen_span("sessions", mine, "", limit, cursor, (first, last)), desk.feed()
    rows = await desk.reads.newest("list_sessions", (mine.id,), span, FILTERS[which])
    return SessionPage([read_session(row, mine.public_id) for row in rows[:limit]], next_cursor("sessions", rows, limit), feed)


@get("/sites/{site:str}/intents", opt=READ, responses=documented(400, 404))
async def list_intents(
    request: AuthedRequest,
    desk: TheDesk,
    site: SiteId,
    limit: Limit = 50,
    cursor: Cursor = None,
    first: First = None,
    last: Last = None,
    which: Which = "all",
) -> IntentPage:
    """Taps, forms and calls, newest first, with the work on their leads. `all` is everything but those of bots and internal visits."""
    mine = await desk.site(request, site)
    span, now, feed = chosen_span("intents", mine, 0, limit, cursor, (first, last)), desk.clock(), desk.feed()
    rows, people = await desk.reads.intents(mine.id, span, FILTERS[which])
    shown = [read_worked_intent(row, mine.public_id, people, now) for row in rows[:limit]]
    return IntentPage(shown, next_cursor("intents", rows, limit), feed)


@get("/sites/{site:str}/sessions/{sid:str}", opt=READ, responses=documented(400, 404))
async def read_timeline(
    request: AuthedRequest, desk: TheDesk, site: SiteId, sid: SessionId, limit: Limit = 200, cursor: Cursor = None
) -> Timeline:
    """A session: what it was, what it led to, and its events in the order in which they happened."""
    mine = await desk.site(request, site)
    value, feed = event_id(sid), desk.feed()
    after = read_cursor("timeline", cursor, int) if cursor is not None else Position(0, 0)
    found = await desk.reads.timeline(mine.id, uuid_text(value), after, limit) if value else None
    if found is None:
        raise NoSuchSession
    return Timeline(
        read_session(found.session, mine.public_id),
        [read_intent(one, mine.public_id) for one in found.intents],
        [read_event(one, mine.public_id) for one in found.events[:limit]],
        next_cursor("timeline", found.events, limit),
        feed,
    )


@get("/openapi.json", opt=READ, include_in_schema=False, media_type="application/json")
async def read_document(request: AuthedRequest) -> dict[str, Any]:
    """This API, as OpenAPI 3.1."""
    return request.app.state.document


READ_ROUTES: list[ControllerRouterHandler] = [
    list_sites, list_trackers, newest_events, read_lines, read_stats, list_events, list_sessions, list_intents, read_timeline,
    read_document,
]  # fmt: skip
ROUTES = [
    *READ_ROUTES,
    *QUEUE_ROUTES,
    *DESK_ROUTES,
    *FORM_ROUTES,
    *LOGIN_ROUTES,
    *JOB_ROUTES,
    *WATCH_ROUTES,
    *HEALTH_ROUTES,
    *DELIVERY_ROUTES,
]


def chosen_days(first: date | None, last: date | None, now: int, timezone: str) -> Days:
    """The days of a report: both told, or today. Raises UsageError."""
    told = last or first
    end = told.isoformat() if told else day_of(now, timezone)
    begin = first.isoformat() if first else end
    check_days(begin, end)
    return Days(begin, end, timezone)


def check_days(first: str, last: str) -> None:
    """Raises UsageError for a range that is upside down, too long or not of our time."""
    if first > last:
        raise UsageError(problem=f"from: {first} is after to: {last}")
    if not (first >= "1970-01-02" and last <= "9990-12-31"):
        raise UsageError(problem="from, to: only days from 1970-01-02 to 9990-12-31")
    if (date.fromisoformat(last) - date.fromisoformat(first)).days >= MOST_DAYS:
        raise UsageError(problem=f"from, to: at most {MOST_DAYS} days at a time")


def chosen_span(
    listing: str, site: Site, no_key: int | str, limit: int, cursor: str | None, days: tuple[date | None, date | None]
) -> Span:
    """The part of a list a request asks for. `no_key` is smaller than every key of the list. Raises UsageError."""
    first, last = (day.isoformat() if day else None for day in days)
    check_days(first or last or "1970-01-02", last or first or "1970-01-02")
    from_ms = day_bounds(first, site.timezone)[0] if first else 0
    before = Position(day_bounds(last, site.timezone)[1] if last else END_OF_TIME, no_key)
    if cursor is not None:
        kind = int if isinstance(no_key, int) else str
        told = read_cursor(listing, cursor, kind)
        before = min(before, told, key=lambda position: (position.at, position.key))
    return Span(from_ms, before, limit)


def build_document(routes: Sequence[ControllerRouterHandler], given: dict[str, Provide]) -> dict[str, Any]:
    """The OpenAPI document. An application of its own makes it, because the framework would serve pages beside it."""
    config = OpenAPIConfig(
        title="OpsMantik Box",
        version=__version__,
        description="Reading back what the Box knows, and working on it. Times are UTC milliseconds, days are the site's.",
        use_handler_docstrings=True,
        security=[{"token": []}],
        components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
    )
    documented_app = Litestar(
        path="/api/v1", route_handlers=list(routes), openapi_config=config, dependencies=given, logging_config=None
    )
    return documented_app.openapi_schema.to_schema()


def build_api(reads: Reads, link: EngineLink, clock: Clock, trusted: Networks) -> Litestar:
    """The application behind /api/sync: everything under /api/v1. `trusted`: proxies whose word on their client's address counts."""
    given = {
        "desk": Provide(lambda: Desk(reads, link, clock), sync_to_thread=False),
        "link": Provide(lambda: link, sync_to_thread=False),
        "trusted": Provide(lambda: trusted, sync_to_thread=False),
    }
    app = Litestar(
        path="/api/v1",
        route_handlers=ROUTES,
        dependencies=given,
        guards=[guard_with(link.ask_token)],
        exception_handlers=HANDLERS,
        on_shutdown=[reads.close],
        openapi_config=None,
        logging_config=None,
        response_headers=HEADERS,
    )
    app.state.document = build_document(ROUTES, given)
    return app
