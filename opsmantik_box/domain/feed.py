"""What the stream tells, by topic, and where one is in the feed. Pure.

A message of the feed says all that a screen shows, because the session may not be in its month file yet. Hints are kept nowhere.
"""

import re
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from opsmantik_box.domain.matching import Candidate
from opsmantik_box.errors import UsageError

KEPT_MS = 30 * 86_400_000
"""How long a row of the feed is kept: a reader that was away for longer reads the page again."""

BOX = 0
"""In a scope: what is the Box's own, and has no site. Numbers of sites begin at 1."""

FEED_TOPICS = ("intent", "call", "verdict", "alert", "work", "erased")
HINT_TOPICS = ("event", "session", "health", "presence", "tracker")
TOPICS = frozenset((*FEED_TOPICS, *HINT_TOPICS))
OLD_NAMES = {"public:events": {"event"}, "public:calls": {"intent", "call", "verdict", "erased"}, "public:sessions": {"session"}}
"""What readers of the tables of old ask for: changes of a row of `calls` are four topics here."""


class FeedPosition(NamedTuple):
    """After which row of the feed one is. A restored ledger counts in another epoch: its numbers say nothing about the one before."""

    epoch: int
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"


class Resumption(NamedTuple):
    """Where a reader goes on. `reset`: why what it has read so far cannot be continued ('' when it can)."""

    seq: int
    reset: str = ""


_POSITION = re.compile(r"(\d{1,9})-(\d{1,18})", re.ASCII)


def resume(told: str, now: FeedPosition, oldest: int) -> Resumption:
    """Where the reader of position `told` goes on, when the feed is at `now` and `oldest` is the first row that is kept."""
    found = _POSITION.fullmatch(told)
    if found is None:
        return Resumption(now.seq, "malformed")
    epoch, seq = int(found[1]), int(found[2])
    if epoch != now.epoch:
        return Resumption(now.seq, "epoch")
    if seq > now.seq:
        return Resumption(now.seq, "ahead")
    return Resumption(seq) if seq + 1 >= oldest else Resumption(now.seq, "too_old")


def read_topics(told: str | None) -> frozenset[str]:
    """The topics of a comma-separated list, old names included; all when there is none. Raises UsageError."""
    if told is None:
        return TOPICS
    names = told.split(",")
    unknown = next((name for name in names if name not in TOPICS and name not in OLD_NAMES), None)
    if unknown is not None:
        raise UsageError(problem=f"topics: {unknown[:30]!r} is none of {', '.join((*FEED_TOPICS, *HINT_TOPICS, *OLD_NAMES))}")
    return frozenset(topic for name in names for topic in OLD_NAMES.get(name, {name}))


class IntentBody(Struct, frozen=True):
    """A new intent. Times in UTC milliseconds; `score` after the tap; `page` without masked values; `lead`: the id of its lead's first
    contact; `rank` at the tap: of `attribution`, the name alone does not say whose ad it was."""

    id: int
    lead: int
    at: int
    action: str
    target: str
    page: str
    position: str
    session: str
    session_month: str
    score: int
    breakdown: dict[str, int]
    attribution: str
    device: str
    is_bot: bool
    is_internal: bool
    place: str = ""
    rank: int | None = None


class CallBody(Struct, frozen=True):
    """A call as known now: topic `call`, one message for each change; the row's version tells them apart. `number` is masked.
    `how` is '' while it is matched with no visit; `candidates` are those to pick from, likeliest first, also when one was chosen."""

    id: int
    lead: int
    at: int
    state: str
    direction: str
    number: str
    called_number: str
    answered_at: int | None
    ended_at: int | None
    duration_sec: int | None
    status: str | None
    how: str
    likelihood: float | None
    session: str | None
    session_month: str | None
    score: int
    breakdown: dict[str, int]
    attribution: str | None
    is_bot: bool
    is_internal: bool
    candidates: tuple[Candidate, ...]
    version: int
    rank: int | None = None


class ErasedBody(Struct, frozen=True):
    """A visitor was erased: these intents and calls are gone, and nothing that is shown of them is to be shown any longer."""

    at: int
    ids: list[int]


class EventHint(Struct, frozen=True):
    """A signal was accepted (hint): what it was, and its session's score now."""

    at: int
    session: str
    category: str
    action: str
    score: int
    device: str
    is_bot: bool
    is_internal: bool


class SessionHint(Struct, frozen=True):
    """Something happened in a session (hint): when, and its score now."""

    at: int
    session: str
    score: int


def as_json(body: Struct | dict[str, Any]) -> str:
    """As JSON text, as it lies in a column."""
    return msgspec.json.encode(body).decode()
