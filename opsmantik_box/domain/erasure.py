"""Erasing a visitor: what may be asked for, and the receipt. Pure.

A receipt says what was found and erased, where, when and by whom; of the visitor only a keyed hash.
"""

from collections import Counter
from typing import Literal

import msgspec
from msgspec import Struct

from opsmantik_box.domain.ids import event_id, is_weak, session_id
from opsmantik_box.domain.targets import e164

Kind = Literal["fingerprint", "phone", "session"]
State = Literal["finding", "erasing", "done"]
COUNTED_AS = {"click": "intents", "form": "forms", "call": "calls"}
"""A contact's source, and what of a day's numbers it is."""

Tables = dict[str, dict[str, int]]
"""File → table → rows."""


class Rehashed(Struct, frozen=True):
    """A closed month's SHA-256 before and after; `after` None until it is sealed anew."""

    month: str
    before: str
    after: str | None = None


class Receipt(Struct, frozen=True):
    """`site` None: all sites. `mark`: the keyed hash of what was asked for. `guessed`: visits that a call of theirs was matched with by the
    called number alone; `others`: other fingerprints in the sessions that were found. Neither was followed."""

    id: str
    at: int
    by: str
    site: str | None
    kind: Kind
    mark: str
    state: State = "finding"
    tables: Tables = {}
    rehashed: list[Rehashed] = []
    guessed: int = 0
    others: int = 0
    done_at: int | None = None


def values_of(kind: Kind, told: str, site_id: int, region: str) -> list[str | bytes]:
    """What a visitor may be known by on a site, as it is kept there; empty for what can be nobody's there. A session's id is the
    tracker's own, or the Box's."""
    text = told.strip()
    if kind == "phone":
        return [number] if (number := e164(text, region)) else []
    if kind == "fingerprint":
        return [text[:128]] if text else []
    own = event_id(text)
    return [session_id(site_id, text, "", b""), *([own] if own else [])] if text else []


def is_shared(kind: Kind, told: str) -> bool:
    """May it be several people's? Identical phones have the same weak fingerprint."""
    return kind == "fingerprint" and is_weak(told.strip())


def add_tables(one: Tables, other: Tables) -> Tables:
    """Rows of both; what has none is left out."""
    files = {name: Counter(one.get(name, {})) + Counter(other.get(name, {})) for name in sorted({*one, *other})}
    return {name: dict(rows) for name, rows in files.items() if rows}


encode_receipt = msgspec.json.Encoder().encode
decode_receipt = msgspec.json.Decoder(Receipt).decode
