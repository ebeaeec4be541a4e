"""Leads: which intents and calls are one row of the operator's queue, and what of a person is shown before the row is claimed. Pure."""

from collections.abc import Iterable

import phonenumbers
from msgspec import Struct

LEAD_MS = 86_400_000
"""A lead takes what comes within 24 hours of its first contact. (Of its first, not of its last: else it might never end.)"""
HIDDEN = "***"


class Contact(Struct, frozen=True):
    """An intent or call of one site. `keys` say whose it is: any in common means the same visitor."""

    id: int
    at: int
    keys: frozenset[str]


class Lead(Struct, frozen=True):
    """`id` is that of its first contact, `first_at` its time; contacts in the order in which they happened."""

    id: int
    first_at: int
    contacts: tuple[int, ...]


def contact_keys(fingerprint: str, weak: bool, session_id: str, phone_hash: str) -> frozenset[str]:
    """What a visitor is recognised by, each '' when not known. A weak fingerprint is none: identical phones share it."""
    known = {"fp:": "" if weak else fingerprint, "session:": session_id, "phone:": phone_hash}
    return frozenset(kind + value for kind, value in known.items() if value)


def choose_lead(at: int, leads: Iterable[tuple[int, int]]) -> int | None:
    """The lead a new contact belongs to, or None: it begins one, with its own id. `leads`: (id, first_at) of those its keys name.
    The earliest that is near; a contact that connects two leads joins the earlier one, and both stay."""
    near = [(first_at, lead_id) for lead_id, first_at in leads if abs(at - first_at) <= LEAD_MS]
    return min(near)[1] if near else None


def group_leads(contacts: Iterable[Contact]) -> list[Lead]:
    """All contacts of one site as leads, oldest first, whatever their order."""
    leads: dict[int, Lead] = {}
    newest: dict[str, int] = {}
    for contact in sorted(contacts, key=lambda one: (one.at, one.id)):
        named = {newest[key] for key in contact.keys if key in newest}
        chosen = choose_lead(contact.at, [(lead_id, leads[lead_id].first_at) for lead_id in named])
        lead = leads[chosen] if chosen is not None else Lead(contact.id, contact.at, ())
        leads[lead.id] = Lead(lead.id, lead.first_at, (*lead.contacts, contact.id))
        newest |= dict.fromkeys(contact.keys, lead.id)
    return list(leads.values())


def mask_number(number: str) -> str:
    """A number as shown before its row is claimed: '+90 532 *** 01 43'. At least three digits stay hidden, how many is not shown; of
    what is no E.164 number, everything."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return HIDDEN
    digits = phonenumbers.national_significant_number(parsed)
    front, tail = min(3, max(0, len(digits) - 7)), min(4, max(0, len(digits) - 3))
    end = digits[len(digits) - tail :]
    return " ".join(filter(None, (f"+{parsed.country_code}", digits[:front], HIDDEN, end[:-2], end[-2:])))


def mask_name(name: str) -> str:
    """A name as shown before its row is claimed: 'A***'."""
    return name.strip()[:1] + HIDDEN if name.strip() else ""


def mask_email(email: str) -> str:
    """An e-mail address as shown before its row is claimed: 'a***@***'. (Of a small company, what stands behind the @ is a name too.)"""
    return f"{mask_name(email)}@{HIDDEN}" if email else ""
