"""What an operator does, from the key until the Box has said yes. Pure.

Promises: an action is a thing of its own (a key that nobody else has), so that telling it again does nothing twice; what it will do is
shown at once by the Box's own rules, and taken back when the Box says no.
"""

from typing import Any, Literal
from uuid import uuid4

from msgspec import Struct, field
from msgspec.structs import replace

from opsmantik_box.domain.verdicts import Row, unjudged
from opsmantik_box.domain.work import Outcome, Reminder, record_attempt
from opsmantik_box.errors import BoxError
from tui.model.folding import with_verdict
from tui.model.lead import Lead, Tried
from tui.model.sites import Site

Kind = Literal["verdict", "attempt", "reminder", "note"]


class Action(Struct, frozen=True, kw_only=True):
    """`key`: its Idempotency-Key. `body` is what is posted to /intents/{contact}/{kind}; a verdict's carries the version it is based on.
    `box` and `by`: at which Box, and by whom."""

    key: str
    kind: Kind
    lead: int
    contact: int
    site_id: str
    at: int
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    box: str = ""
    by: int = 0

    @property
    def path(self) -> str:
        return f"/api/v1/intents/{self.contact}/{self.kind}"


def new_action(kind: Kind, lead: Lead, contact: int, at: int, body: dict[str, Any], *, box: str, by: int) -> Action:
    """An action on one of a lead's contacts, with a key of its own."""
    return Action(key=uuid4().hex, kind=kind, lead=lead.id, contact=contact, site_id=lead.site_id, at=at, body=body, box=box, by=by)


def foresee(lead: Lead, action: Action, site: Site, me: int) -> Lead:
    """The lead as it will be when the Box has done this."""
    if action.kind == "verdict":
        return _judged(lead, action)
    if action.kind == "attempt":
        return _tried(lead, action, site, me)
    if action.kind == "reminder":
        due = action.body["when"]
        return replace(lead, reminder=Reminder(me, due)) if isinstance(due, int) else lead
    return replace(lead, notes=lead.notes + 1)


def _judged(lead: Lead, action: Action) -> Lead:
    contact = next((one for one in lead.contacts if one.id == action.contact), None)
    if contact is None:
        return lead
    body = action.body
    status = unjudged(contact.source) if body["status"] == "intent" else body["status"]
    amount, note = body.get("sale_amount"), body.get("note", contact.note)
    row = Row(contact.id, contact.source, status, contact.version + 1, amount, body.get("currency"), note, action.at)
    return with_verdict(lead, row)


def _tried(lead: Lead, action: Action, site: Site, me: int) -> Lead:
    outcome: Outcome = action.body["outcome"]
    earlier: list[Outcome] = [lead.last_attempt.outcome] * lead.attempts if lead.last_attempt else []
    when = action.body.get("when")
    try:
        attempt = record_attempt(outcome, earlier, me, action.at, site.hours, when if isinstance(when, int) else None)
    except BoxError:  # the Box will say what is wrong with it
        return lead
    reminder = Reminder(me, attempt.again_at) if attempt.again_at else None
    return replace(lead, attempts=lead.attempts + 1, last_attempt=Tried(action.at, outcome), reminder=reminder,
        first_attempt_at=lead.first_attempt_at or action.at,
    )  # fmt: skip


def rebase(later: Action, done: Action, row: Row) -> Action:
    """A verdict that was said on top of another one, after the Box has done that: based on the row as it became."""
    on_same_row = later.kind == done.kind == "verdict" and later.contact == done.contact
    if not on_same_row or later.body.get("version") != done.body["version"] + 1:
        return later
    return replace(later, body=later.body | {"version": row.version})
