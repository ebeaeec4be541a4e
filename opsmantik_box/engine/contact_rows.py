"""Deleting contacts: intents, forms and calls, with everything that was said and done about them, in the caller's transaction.

The table `erasing` lists them for as long as the transaction lasts; the triggers let nothing else of a trail go. A lead whose first contact
goes and others stay is named after the first of these. The number of a deleted contact is never given again.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import apsw

from opsmantik_box.domain.days import day_of
from opsmantik_box.domain.erasure import COUNTED_AS
from opsmantik_box.domain.verdicts import is_sealed
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.marks import SQL

MOVES = ("move_contacts", "move_leads", "move_attempts", "move_notes", "move_reminders")
TABLES = ("verdicts", "attempts", "notes", "reminders", "leads", "call_messages", "calls")
"""In the order in which they point at each other."""

Lost = Counter[tuple[int, str, str]]
"""(site, its day, what) → how many of the day's number are gone."""


class Contact(NamedTuple):
    """A contact that goes. `counts`: nobody's robot, and not the agency's own."""

    id: int
    site_id: int
    at: int
    source: str
    status: str | None
    counts: int
    provider: str
    provider_call_id: str | None
    stamp: str | None
    click_id: str | None
    whole_lead: int


def list_contacts(db: apsw.Connection, statement: str, *of: object) -> None:
    """They are going to be deleted. `statement`: one of list_erasing_…"""
    db.execute(SQL[statement], of)


def read_contacts(db: apsw.Connection) -> list[Contact]:
    """All that are listed, once they are."""
    db.execute(SQL["name_leads_anew"])
    return [Contact(*row) for row in all_rows(db, SQL["read_erasing"])]


def lost_with(contacts: list[Contact], timezones: Mapping[int, str]) -> Lost:
    """What the days' numbers lose with them."""
    lost: Lost = Counter()
    for one in contacts:
        if one.counts:
            day = day_of(one.at, timezones[one.site_id])
            lost[one.site_id, day, COUNTED_AS[one.source]] += 1
            lost[one.site_id, day, "sealed"] += is_sealed(one.status)
    return +lost


def erase_contacts(db: apsw.Connection) -> dict[str, int]:
    """Those that are listed and were read; rows by table."""
    for move in MOVES:
        db.execute(SQL[move])
    db.execute(SQL["keep_last_call"])
    erased: dict[str, int] = {}
    for table in TABLES:
        db.execute(SQL[f"erase_{table}"])
        erased[table] = db.changes()
    db.execute(SQL["end_erasing"])
    return erased


def note_lost(db: apsw.Connection, lost: Lost, cause: str, now: int) -> None:
    """For the reports of those days."""
    rows = [(site_id, day, now, what, cause, count) for (site_id, day, what), count in sorted(lost.items())]
    db.executemany(SQL["add_erased_count"], rows)
