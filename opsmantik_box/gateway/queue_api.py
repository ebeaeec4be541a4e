"""The operator's first screen, and one lead in full. Reads; what a row means, and which comes first, is whose who draws them."""

from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from opsmantik_box.domain.questions import Row
from opsmantik_box.domain.queue import MOST_LEADS, People, Queue
from opsmantik_box.gateway.auth import AuthedRequest
from opsmantik_box.gateway.given import READ, Person, RowId, SiteId, TheDesk
from opsmantik_box.gateway.problems import NoSuchRow, documented
from opsmantik_box.gateway.rows import (
    AttemptView,
    IntentView,
    SessionView,
    SiteView,
    WorkView,
    read_attempt,
    read_intent,
    read_session,
    read_work,
)

OneSite = Annotated[str | None, QueryParameter(name="site", max_length=100, description="Only this site of mine (its public id).")]
Leads = Annotated[int, QueryParameter(name="limit", ge=1, le=MOST_LEADS, description="How many leads at most.")]


class LeadView(Struct, frozen=True):
    """One visitor's intents and calls on one site within 24 hours: one row of the queue. `contacts` newest first, the newest 50 of
    `contact_count`."""

    lead: int
    site_id: str
    work: WorkView
    contact_count: int
    contacts: list[IntentView]


class QueueView(Struct, frozen=True):
    """What the first screen is drawn from, `leads` newest first; `cut`: there were more. `now` is the Box's clock, `feed` where the
    stream goes on (`?after=`)."""

    now: int
    feed: str
    me: Person
    people: list[Person]
    sites: list[SiteView]
    leads: list[LeadView]
    cut: bool


class NoteView(Struct, frozen=True):
    """`call`: the row it was noted on."""

    call: int
    at: int
    by: int | None
    who: str
    note: str


class ReminderView(Struct, frozen=True):
    """`at`: when it was set; open while `closed_at` is null."""

    at: int
    by: int | None
    who: str
    due_at: int
    rang_at: int | None
    closed_at: int | None


class VerdictView(Struct, frozen=True):
    """A line of the trail. `amount` in the smallest unit of `currency`."""

    call: int
    at: int
    by: int | None
    who: str
    from_status: str | None
    to_status: str | None
    amount: int | None
    currency: str | None
    note: str


class LeadDetail(Struct, frozen=True):
    """A lead in full, everything newest first. `session` is the visit of the row that was asked for, `earlier` that visitor's visits
    before it; `related` are rows of that visit which belong to another lead."""

    now: int
    feed: str
    lead: LeadView
    attempts: list[AttemptView]
    notes: list[NoteView]
    reminders: list[ReminderView]
    verdicts: list[VerdictView]
    session: SessionView | None
    earlier: list[SessionView]
    related: list[IntentView]


@get("/queue", opt=READ, responses=documented(400, 404))
async def read_queue(request: AuthedRequest, desk: TheDesk, site: OneSite = None, limit: Leads = 500) -> QueueView:
    """What an operator's first screen is drawn from, of all my sites or of one: who got in touch in the last 24 hours, and what else is
    not done."""
    mine = request.auth.site_ids if site is None else ((await desk.site(request, site)).id,)
    now, feed, sites = desk.clock(), desk.feed(), desk.sites(request, mine)
    queue = await desk.reads.queue(now, mine)
    names = {number: one.public_id for number, one in desk.link.sites_by_id.items()}
    leads = [_lead(lead, names[rows[0][2]], queue, now) for lead, rows in queue.contacts.items() if rows[0][2] in names]
    people = [Person(*one) for one in queue.people.items()]
    me = Person(request.auth.user_id, request.auth.user)
    return QueueView(now, feed, me, people, sites, leads[:limit], len(leads) > limit)


@get("/sites/{site:str}/intents/{number:int}", opt=READ, responses=documented(400, 404))
async def read_lead(request: AuthedRequest, desk: TheDesk, site: SiteId, number: RowId) -> LeadDetail:
    """The lead of this row, with everything that happened to it."""
    mine, now, feed = await desk.site(request, site), desk.clock(), desk.feed()
    told = await desk.reads.lead(mine.id, number)
    if told is None:
        raise NoSuchRow
    people = told.queue.people
    return LeadDetail(
        now, feed, _lead(told.lead, mine.public_id, told.queue, now),
        attempts=[read_attempt(row, people) for row in told.attempts],
        notes=[NoteView(*_with_name(row, 2, people)) for row in told.notes],
        reminders=[ReminderView(*_with_name(row, 1, people)) for row in told.reminders],
        verdicts=[VerdictView(*_with_name(row, 2, people)) for row in told.verdicts],
        session=read_session(told.session, mine.public_id) if told.session else None,
        earlier=[read_session(row, mine.public_id) for row in told.earlier],
        related=[read_intent(row, mine.public_id) for row in told.related],
    )  # fmt: skip


def _with_name(row: Row, by: int, people: People) -> tuple[Any, ...]:
    """A row with a person's name behind the number that stands at `by`."""
    return (*row[: by + 1], people.get(row[by], ""), *row[by + 1 :])


def _lead(lead: int, site: str, queue: Queue, now: int) -> LeadView:
    rows, work = queue.contacts[lead], queue.work.get(lead)
    contacts = [read_intent(row, site) for row in rows]
    return LeadView(lead, site, read_work(work[1:], queue.people, now) if work else WorkView(), rows[0][-1], contacts)


QUEUE_ROUTES: list[ControllerRouterHandler] = [read_queue, read_lead]
