"""Audits: what must be true of stored rows, and how much of a day may be wrong before somebody should look. Pure."""

from typing import Literal

from msgspec import Struct

Kind = Literal[
    "orphaned_events", "events_before_session", "google_without_click", "score_mismatch", "calls_without_session", "duplicate_intents",
    "checkpoint_ahead", "summary_differs",
]  # fmt: skip
SAYS: dict[Kind, str] = {
    "orphaned_events": "events without their session",
    "events_before_session": "events from before their session began",
    "google_without_click": "sessions from Google Ads (utm) without a click id",
    "score_mismatch": "sessions whose score is not that of their rules",
    "calls_without_session": "calls matched with a session that is not there",
    "duplicate_intents": "intents that are there twice",
    "checkpoint_ahead": "month files ahead of the ledger",
    "summary_differs": "days whose summary is not what is counted live",
}
DERIVED: frozenset[Kind] = frozenset({"orphaned_events", "events_before_session", "score_mismatch"})
"""What folding the month again from the ledger mends."""
MOST = 0.01
"""The share of a day that may be wrong, unless the site's setting `watch.audit_share` says otherwise."""
EXAMPLES = 5


class Scope(Struct, frozen=True):
    """Whose rows, from when until when (UTC ms, the end outside)."""

    site_id: int
    start: int
    end: int


class Order(Struct, frozen=True):
    """For the helper: the data folder, and what to look at."""

    data: str
    scopes: list[Scope]
    now: int


class Audited(Struct, frozen=True):
    """What one audit found: so many of so many are wrong. `examples`: ids of some; `months`: in whose files."""

    kind: Kind
    site_id: int | None
    wrong: int
    total: int
    examples: list[str] = []
    months: list[str] = []

    @property
    def share(self) -> float:
        return self.wrong / max(1, self.total)

    def __str__(self) -> str:
        some = f" (like {', '.join(self.examples)})" if self.examples else ""
        return f"{self.wrong} of {self.total} {SAYS[self.kind]}{some}"


def is_too_much(found: Audited, most: float) -> bool:
    """More than so much of a day; of a whole file, anything."""
    return found.wrong > 0 and (found.site_id is None or found.share > most)
