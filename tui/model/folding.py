"""How a lead changes: by a contact, a verdict, a piece of work. Pure.

Promises: what is told twice changes nothing the second time; what is older than what is known changes nothing.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from opsmantik_box.domain.desk import WorkBody
from opsmantik_box.domain.verdicts import Row
from opsmantik_box.domain.work import Attempt, Claim, Reminder
from tui.model.lead import Contact, Lead, Tried

MOST_CONTACTS = 50
"""The newest so many of a lead are kept, as in the Box's lists."""


def with_contact(lead: Lead | None, contact: Contact) -> Lead:
    """A lead with a tap, form or call more, or with what is now known of one. Place and device stay when nothing new is told of them."""
    if lead is None:
        return Lead(id=contact.lead, site_id=contact.site_id, contacts=(contact,), contact_count=1)
    known = next((one for one in lead.contacts if one.id == contact.id), None)
    if known is not None and known.version > contact.version:
        return lead
    kept = contact if known is None else _keep_known(known, contact)
    others = [one for one in lead.contacts if one.id != contact.id]
    contacts = sorted((*others, kept), key=lambda one: (one.at, one.id))[-MOST_CONTACTS:]
    return replace(lead, contacts=tuple(contacts), contact_count=lead.count + (known is None))


def _keep_known(known: Contact, told: Contact) -> Contact:
    """A message says less than a list does: of what it leaves out, the list's word stays."""
    return replace(told, **{name: getattr(told, name) or getattr(known, name) for name in KEPT})


KEPT = (
    "page", "target", "action", "click_id_kind", "click_at", "rank", "place", "device", "number", "position", "note", "name", "email",
    "sale_amount", "currency", "confirmed_at",
)  # fmt: skip


def with_verdict(lead: Lead, row: Row) -> Lead:
    """A lead after a verdict on one of its rows; a verdict closes its reminder."""

    def judged(contact: Contact) -> Contact:
        if contact.id != row.id or contact.version > row.version:
            return contact
        return replace(
            contact, status=row.status, version=row.version, sale_amount=row.sale_amount, currency=row.currency, note=row.note,
            confirmed_at=row.confirmed_at,
        )  # fmt: skip

    contacts = tuple(judged(one) for one in lead.contacts)
    return lead if contacts == lead.contacts else replace(lead, contacts=contacts, reminder=None)


def with_work(lead: Lead, told: WorkBody, version: int) -> Lead:
    """A lead after a piece of work of this version."""
    if told.kind != "rang" and version <= lead.version:
        return lead
    changed = WORK.get(told.kind, lambda one, _: one)(lead, told)
    return replace(changed, version=max(version, lead.version))


def _claimed(lead: Lead, told: WorkBody) -> Lead:
    return replace(lead, claim=msgspec.convert(told.new, Claim), claimed_by=told.who)


def _released(lead: Lead, _told: WorkBody) -> Lead:
    return replace(lead, claim=None, claimed_by="")


def _tried(lead: Lead, told: WorkBody) -> Lead:
    made = msgspec.convert(told.new, Attempt)
    attempt = Tried(told.at, made.outcome, told.who, made.again_at)
    reminder = Reminder(told.by or 0, attempt.again_at) if attempt.again_at else None
    return replace(lead, attempts=lead.attempts + 1, last_attempt=attempt, reminder=reminder,
        first_attempt_at=lead.first_attempt_at or attempt.at,
    )  # fmt: skip


def _reminded(lead: Lead, told: WorkBody) -> Lead:
    return replace(lead, reminder=msgspec.convert(told.new, Reminder) if told.new else None)


def _noted(lead: Lead, _told: WorkBody) -> Lead:
    return replace(lead, notes=lead.notes + 1)


WORK: dict[str, Callable[[Lead, WorkBody], Lead]] = {
    "claimed": _claimed, "taken_over": _claimed, "released": _released, "attempt": _tried, "reminder": _reminded, "rang": _reminded,
    "note": _noted,
}  # fmt: skip
