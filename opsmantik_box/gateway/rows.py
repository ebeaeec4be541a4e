"""What the API shows of a session, an event and an intent, under the columns' names. Times are UTC milliseconds, site ids public.

Each `read_*` takes a row of the statement of sql/reads.sql that is named beside it.
"""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from opsmantik_box.domain.arrivals import Arrivals
from opsmantik_box.domain.ids import uuid_text
from opsmantik_box.domain.queue import People
from opsmantik_box.domain.report import Line, Stats
from opsmantik_box.domain.scoring import NAMES as RULE_NAMES
from opsmantik_box.domain.work import Claim, Reminder

Row = Sequence[Any]


class SiteView(Struct, frozen=True):
    """One of my sites, with what I may do there with this token. `answer_target_ms`: within which open milliseconds somebody who got in
    touch is to be answered; `opening_hours`: days and times like {"mon-fri": "09:00-19:00"}, by the clocks of `timezone`."""

    id: str
    name: str
    domains: list[str]
    timezone: str
    currency: str
    rights: str
    answer_target_ms: int
    opening_hours: dict[str, str]


class EventView(Struct, frozen=True):
    """One thing a tracker reported, with what lives once on its session. Label and value are null when it sent none."""

    created_at: int
    seq: int
    event_id: str
    site_id: str
    session_id: str
    session_month: str
    url: str
    event_category: str
    event_action: str
    event_label: str | None
    event_value: float | None
    metadata: dict[str, Any]
    received_at: int
    device_type: str
    browser: str
    city: str | None
    district: str | None
    lead_score: int
    attribution_source: str
    is_bot: bool
    is_internal: bool


class SessionView(Struct, frozen=True):
    """A visit. `created_month` is the file it lives in; `fired` are the scoring rules by name; the address is truncated."""

    created_at: int
    id: str
    site_id: str
    created_month: str
    last_event_at: int
    entry_page: str
    exit_page: str
    event_count: int
    page_views: int
    intents: int
    conversion_events: int
    scroll_pct: int
    total_duration_sec: int
    active_sec: int
    lead_score: int
    fired: list[str]
    attribution_source: str
    attribution_rank: int
    fingerprint: str | None
    fingerprint_strength: str | None
    gclid: str | None
    wbraid: str | None
    gbraid: str | None
    click_at: int | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    utm_term: str | None
    utm_content: str | None
    keyword: str | None
    device_type: str
    browser: str
    city: str | None
    district: str | None
    referrer_host: str | None
    ip_address: str | None
    consent: str
    is_bot: bool
    bot_reason: str | None
    is_internal: bool


class IntentView(Struct, frozen=True):
    """A tap, a form or a call. `attribution_at_tap` is what reports count by; `attribution_source` follows the session and is only
    shown. `sale_amount` is in the smallest unit of `currency`. `lead_id`: the first contact of this visitor within 24 hours. `device` and
    `place` (district or city) are a tap's. `masked_*`: what may be shown of the person before the lead is claimed, '' when not known.
    From `direction` on, of calls only: `match_how` is how the visit was found (fingerprint, number, operator or ''), `candidates` the
    visits it may be with their likelihood, for the operator to pick from."""

    at: int
    id: int
    site_id: str
    lead_id: int
    matched_session_id: str | None
    matched_session_month: str | None
    source: str
    intent_action: str | None
    intent_target: str | None
    status: str | None
    version: int
    sale_amount: int | None
    currency: str | None
    note: str
    confirmed_at: int | None
    confirmed_by: int | None
    lead_score_at_match: int | None
    score_breakdown: dict[str, Any]
    attribution_at_tap: str | None
    attribution_rank_at_tap: int | None
    attribution_source: str | None
    intent_page_url: str | None
    position: str
    click_id_kind: str | None
    click_at: int | None
    device: str
    place: str
    is_bot: bool
    is_internal: bool
    received_at: int
    masked_number: str
    masked_name: str
    masked_email: str
    direction: str
    call_state: str
    answered_at: int | None
    ended_at: int | None
    duration_sec: int | None
    called_number: str
    match_how: str
    match_likelihood: float | None
    candidates: list[dict[str, Any]]


class AttemptView(Struct, frozen=True):
    """One try to reach somebody. `call`: the row it was made on; `who`: how `by` is called ('' when nobody by that number works here any
    more); `again_at`: when to try again."""

    call: int
    at: int
    by: int | None
    who: str
    outcome: str
    again_at: int | None


class WorkView(Struct, frozen=True):
    """What was done with a lead. `version` counts the pieces of work on it; `claim` is null when it is free, `reminder` is the open one;
    `attempts` and `notes` are numbers."""

    version: int = 0
    claim: Claim | None = None
    claimed_by: str = ""
    reminder: Reminder | None = None
    attempts: int = 0
    first_attempt_at: int | None = None
    last_attempt: AttemptView | None = None
    notes: int = 0


class WorkedIntent(IntentView, frozen=True):
    """A tap, a form or a call, and what was done with its lead."""

    work: WorkView


class EventPage(Struct, frozen=True):
    """`next` is the cursor of the following page, null on the last; `feed` is where the stream goes on from this page (`?after=`)."""

    events: list[EventView]
    next: str | None
    feed: str


class SessionPage(Struct, frozen=True):
    sessions: list[SessionView]
    next: str | None
    feed: str


class IntentPage(Struct, frozen=True):
    intents: list[WorkedIntent]
    next: str | None
    feed: str


class Timeline(Struct, frozen=True):
    """A session, what it led to, and its events in the order in which they happened; `next` for the events after these."""

    session: SessionView
    intents: list[IntentView]
    events: list[EventView]
    next: str | None
    feed: str


class SiteList(Struct, frozen=True):
    sites: list[SiteView]


class EventList(Struct, frozen=True):
    """The newest events of all my sites."""

    events: list[EventView]
    feed: str


class LineList(Struct, frozen=True):
    """The line of each of my sites."""

    sites: list[Line]
    feed: str


class TrackerView(Arrivals, frozen=True, kw_only=True):
    """How the signals of one of my sites arrive, by what its trackers say."""

    site_id: str
    name: str


class TrackerList(Struct, frozen=True):
    trackers: list[TrackerView]


class StatsView(Stats):
    feed: str


def read_event(row: Row, site: str) -> EventView:
    """list_events, list_timeline."""
    values = _named(EventView, row, site)
    values |= {"event_id": uuid_text(bytes.fromhex(values["event_id"])), "metadata": _object(values["metadata"])}
    return EventView(**values)


def read_session(row: Row, site: str) -> SessionView:
    """list_sessions, find_session."""
    values = _named(SessionView, row, site)
    values["fired"] = [name for rule, name in RULE_NAMES.items() if values["fired"] & rule]
    return SessionView(**values)


def read_intent(row: Row, site: str) -> IntentView:
    """The columns `_contact`: list_session_intents, list_queue, list_contacts."""
    return IntentView(**_intent_values(row, site))


def read_worked_intent(row: Row, site: str, people: People, now: int) -> WorkedIntent:
    """list_intents."""
    width = len(IntentView.__struct_fields__)
    return WorkedIntent(**_intent_values(row, site), work=read_work(row[width:], people, now))


def read_work(row: Row, people: People, now: int) -> WorkView:
    """The columns `_work`."""
    version, holder, since, until, reminded, due_at, rang_at, tries, first, *last, notes = row
    claim = Claim(holder, since, until) if holder is not None and until > now else None
    return WorkView(
        version, claim, people.get(claim.by, "") if claim else "", None if due_at is None else Reminder(reminded, due_at, rang_at),
        tries, first, read_attempt(last, people) if tries else None, notes,
    )  # fmt: skip


def read_attempt(row: Row, people: People) -> AttemptView:
    """list_attempts."""
    call, at, by, *rest = row
    return AttemptView(call, at, by, people.get(by, ""), *rest)


def _intent_values(row: Row, site: str) -> dict[str, Any]:
    values = _named(IntentView, row, site)
    values["score_breakdown"] = _object(values["score_breakdown"])
    values["candidates"] = msgspec.json.decode(values["candidates"] or "[]", type=list[dict[str, Any]])
    return values


def _named(view: type[Struct], row: Row, site: str) -> dict[str, Any]:
    """A row by the view's fields, which stand in the statement's order. Inside, sites and truth are numbers."""
    values = dict(zip(view.__struct_fields__, row, strict=False))
    return values | {"site_id": site, "is_bot": bool(values["is_bot"]), "is_internal": bool(values["is_internal"])}


def _object(text: str) -> dict[str, Any]:
    """A JSON column; empty when it holds anything but an object."""
    value: Any = msgspec.json.decode(text) if text else {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
