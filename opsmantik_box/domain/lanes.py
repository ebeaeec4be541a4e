"""When a delivery goes, and when it goes again. Pure.

A lane is all deliveries to one destination; one of them is on its way at a time. What fails comes again later and later, and lets the
others of its lane go before; a receiver that fails is left alone for a while; no lane knows of another.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

State = Literal["waiting", "delivered", "dead", "expired"]
Outcome = Literal["delivered", "again", "refused"]

SECOND_MS = 1_000
AGAIN_MS = tuple(seconds * SECOND_MS for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200))
"""After the first attempt, the second …; the last goes on until the deadline."""
PAUSE_MS, LONGEST_PAUSE_MS = 5 * SECOND_MS, 300 * SECOND_MS
"""A lane rests after a failure: twice as long after each that follows, until something gets through."""
LONGEST_WAIT_MS = 3_600 * SECOND_MS
"""More a receiver cannot ask for."""
FADING = ("hot", "daily", "test")
"""Kinds of messages that are of no use later than their deadline."""
KEEP_TRYING_MS = 72 * 3_600 * SECOND_MS


class LaneState(Struct, frozen=True):
    """How a lane is. `failures` in a row; `failing_since` the first of them; `moved_to`: where a chat is now that was at another number."""

    lane: str
    paused_until: int = 0
    failures: int = 0
    failing_since: int | None = None
    last_error: str = ""
    last_delivered_at: int | None = None
    moved_to: str = ""


class Attempted(Struct, frozen=True):
    """What becomes of a delivery: its state, when it may go again."""

    state: State
    not_before: int


def after_attempt(outcome: Outcome, kind: str, attempts: int, deadline: int | None, now: int, wait_ms: int = 0) -> Attempted:
    """`attempts`: this one included. `wait_ms`: what the receiver asked for. What would come after its deadline is given up; what nobody
    wants any more then, quietly."""
    if outcome == "delivered":
        return Attempted("delivered", 0)
    if outcome == "refused":
        return Attempted("dead", 0)
    again = now + max(AGAIN_MS[min(attempts, len(AGAIN_MS)) - 1], min(wait_ms, LONGEST_WAIT_MS))
    if deadline is not None and again > deadline:
        return Attempted("expired" if kind in FADING else "dead", 0)
    return Attempted("waiting", again)


def lane_after(lane: LaneState, outcome: Outcome, detail: str, now: int, wait_ms: int = 0, moved_to: str = "") -> LaneState:
    """A lane after an attempt. A refusal is an answer: the receiver is there."""
    lane = replace(lane, moved_to=moved_to or lane.moved_to)
    if outcome == "delivered":
        return replace(lane, paused_until=0, failures=0, failing_since=None, last_error="", last_delivered_at=now)
    if outcome == "refused":
        return replace(lane, last_error=detail)
    pause = min(PAUSE_MS * 2 ** min(lane.failures, 10), LONGEST_PAUSE_MS)
    rest = min(wait_ms, LONGEST_WAIT_MS) or pause
    since = lane.failing_since if lane.failing_since is not None else now
    return replace(lane, paused_until=now + rest, failures=lane.failures + 1, failing_since=since, last_error=detail)


# --- a chat is not flooded --------------------------------------------------------------------------------------------------------

MINUTE_MS = 60 * SECOND_MS
SINGLY = 5
"""Messages a minute that come one by one; what is more comes together."""
MOST_TOGETHER = 15
APART_MS = SECOND_MS
"""A chat takes one message a second (core.telegram.org/bots/faq)."""


def how_many(waiting: int, sent: Sequence[int], now: int) -> int:
    """How many of those that wait go with the next message: none yet, one, or as many as a digest holds. `sent`: when messages went."""
    lately = [at for at in sent if now - MINUTE_MS < at <= now]
    if not waiting or (lately and now - lately[-1] < APART_MS) or len(lately) > SINGLY:
        return 0
    if waiting + len(lately) <= SINGLY:
        return 1
    return min(waiting, MOST_TOGETHER) if len(lately) < SINGLY or now - lately[-1] >= MINUTE_MS // 2 else 0
