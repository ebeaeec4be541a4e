"""Newest first over month files: which of them to ask for a page, and when enough is known. Pure, and asks nobody itself.

A file holds what its name says and, at its edges, its neighbours' (a session lives in the month of its first accepted signal): so
one more file is asked than the names alone would need.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from opsmantik_box.domain.months import month_start, next_month, previous_month
from opsmantik_box.domain.questions import Asking, Question, Row

END_OF_TIME = 1 << 53
"""Later than any time that is stored."""


class Position(Struct, frozen=True, array_like=True, order=True):
    """Where a page ends: the last row's time (UTC milliseconds) and key."""

    at: int
    key: int | str


class Span(Struct, frozen=True):
    """What part of a list is asked for: rows from `from_ms` on, before `before`, at most `limit`."""

    from_ms: int
    before: Position
    limit: int

    def parameters(self, site_id: int) -> dict[str, Any]:
        """As the statements of sql/reads.sql name them; one row more than asked for tells whether there is a next page."""
        return {
            "site_id": site_id, "from_ms": self.from_ms, "before_at": self.before.at, "before_key": self.before.key,
            "limit": self.limit + 1,
        }  # fmt: skip


def may_hold(month: str, from_ms: int, before_at: int) -> bool:
    """Whether a month's file can hold anything that happened in a span of time."""
    earliest = month_start(previous_month(previous_month(month)))
    return earliest <= before_at and _latest(month) > from_ms


def _latest(month: str) -> int:
    """What happened in a month file's sessions is older than this."""
    return month_start(next_month(next_month(month)))


def ask_newest(
    name: str, site_ids: Sequence[int], span: Span, months: Iterable[str], more: dict[str, Any] | None = None
) -> Asking[list[Row]]:
    """The newest rows (span.limit + 1 of them, if there are) of these sites over all months. Site by site, because one statement
    for many sites would sort everything they ever had. A row begins with its position: time, then the key that tells apart what
    happened in the same millisecond."""
    kept: list[Row] = []
    for month in sorted(months, reverse=True):
        if len(kept) > span.limit and kept[-1][0] >= _latest(month):
            break
        if not may_hold(month, span.from_ms, span.before.at):
            continue
        for site_id in site_ids:
            kept += yield Question(month, name, span.parameters(site_id) | (more or {}))
        kept = sorted(kept, key=lambda row: (row[0], row[1]), reverse=True)[: span.limit + 1]
    return kept


class SessionRows(NamedTuple):
    """A session (a row of find_session), its events (of list_timeline; one more than asked for when there are more) and what it led to
    (of list_session_intents)."""

    session: Row
    events: Sequence[Row]
    intents: Sequence[Row]


def ask_timeline(site_id: int, session_id: str, after: Position, limit: int, months: Iterable[str]) -> Asking[SessionRows | None]:
    """A session with its events after a position, in the newest month that knows it; None when none does."""
    for month in sorted(months, reverse=True):
        rows = yield Question(month, "find_session", {"site_id": site_id, "id": session_id})
        if rows:
            position = {"no": rows[0][-1], "after_at": after.at, "after_key": after.key, "limit": limit + 1}
            events = yield Question(month, "list_timeline", position)
            intents = yield Question(None, "list_session_intents", {"site_id": site_id, "id": rows[0][1]})
            return SessionRows(rows[0], events, intents)
    return None
