"""The operator's first screen, and one lead in full: which leads, and what to ask of them. Pure; what a row means is in docs/work.md.

Promises: a bounded answer, however much somebody taps: the newest contacts of the newest leads.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from opsmantik_box.domain.questions import Asking, Question, Row

RECENT_MS = 86_400_000
"""Who got in touch within this time is on the screen, whatever became of it."""
OPEN_MS = 7 * 86_400_000
"""So long stays a missed call or a form that nobody judged."""
MOST_CONTACTS = 50
"""Of one lead, the newest."""
MOST_LEADS, MOST_ROWS = 1_000, 5_000
MOST_EARLIER = 10
"""Earlier visits of a visitor."""

_LEAD = 3
"""Where in a row of list_queue and list_contacts it stands."""

People = dict[int, str]


class Queue(NamedTuple):
    """Rows of list_queue (newest first) by lead, of list_queue_work by lead, and who people are."""

    contacts: dict[int, list[Row]]
    work: dict[int, Row]
    people: People


class Told(NamedTuple):
    """A lead in full: rows of the statements named like the fields."""

    lead: int
    queue: Queue
    attempts: Sequence[Row]
    notes: Sequence[Row]
    reminders: Sequence[Row]
    verdicts: Sequence[Row]
    related: Sequence[Row]
    session: Row | None
    earlier: Sequence[Row]


def ask_queue(now: int) -> Asking[Queue]:
    """The first screen of the sites that the reading sees."""
    asked = {"now": now, "day_ms": now - RECENT_MS, "week_ms": now - OPEN_MS, "most": MOST_CONTACTS, "limit": MOST_ROWS}
    rows = yield Question(None, "list_queue", asked)
    work = yield Question(None, "list_queue_work", asked)
    return (yield from _as_queue(rows, work))


def ask_people() -> Asking[People]:
    """Who works on the sites that the reading sees."""
    rows = yield Question(None, "list_people", {})
    return {row[0]: row[1] for row in rows}


def ask_with_people(question: Question) -> Asking[tuple[Sequence[Row], People]]:
    """A question whose rows name people by their numbers."""
    rows = yield question
    return rows, (yield from ask_people())


def ask_lead(site_id: int, number: int, known_months: Iterable[str]) -> Asking[Told | None]:
    """The lead of a row of a site, and everything that happened to it; None when the site has no such row."""
    found = yield Question(None, "find_lead", {"site_id": site_id, "id": number})
    if not found:
        return None
    lead, session, month, months = *found[0], list(known_months)
    asked: dict[str, Any] = {"lead": lead, "most": MOST_CONTACTS}
    rows = yield Question(None, "list_contacts", asked)
    queue = yield from _as_queue(rows, (yield Question(None, "find_work", asked)))
    attempts, notes = (yield Question(None, "list_attempts", asked)), (yield Question(None, "list_notes", asked))
    reminders, verdicts = (yield Question(None, "list_reminders", asked)), (yield Question(None, "list_verdicts", asked))
    of_visit = yield Question(None, "list_session_intents", {"site_id": site_id, "id": session})
    related = [row for row in of_visit if row[_LEAD] != lead]
    visit, earlier = yield from _ask_visits(site_id, session, month, months)
    return Told(lead, queue, attempts, notes, reminders, verdicts, related, visit, earlier)


def _as_queue(rows: Sequence[Row], work: Sequence[Row]) -> Asking[Queue]:
    contacts: dict[int, list[Row]] = {}
    for row in rows:
        contacts.setdefault(row[_LEAD], []).append(row)
    return Queue(contacts, {row[0]: row for row in work}, (yield from ask_people()))


def _ask_visits(site_id: int, session: str | None, month: str | None, months: list[str]) -> Asking[tuple[Row | None, list[Row]]]:
    """A row's visit, and the visits of the same visitor before it, newest first. Identical phones share a weak fingerprint: of one
    nothing is said."""
    if session is None or month not in months:
        return None, []
    found = yield Question(month, "find_session", {"site_id": site_id, "id": session})
    if not found:
        return None, []
    visit, earlier = found[0], list[Row]()
    began, fingerprint, strength = visit[0], visit[18], visit[19]
    asked = {"site_id": site_id, "fingerprint": fingerprint, "before_ms": began, "limit": MOST_EARLIER}
    for one in sorted(months, reverse=True) if fingerprint and strength != "weak" else []:
        earlier += yield Question(one, "list_earlier", asked)
    return visit, sorted(earlier, key=lambda row: row[0], reverse=True)[:MOST_EARLIER]
