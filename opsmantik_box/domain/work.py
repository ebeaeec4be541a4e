"""Work on a lead: claims, attempts with what follows from them, reminders. Pure; the engine calls these in the order of its commits.

Promises: of two who claim at once exactly one has it, because each claim is decided on the state the commit before it left; an attempt
suggests a verdict and never gives one; a reminder is a time by the site's clocks.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal, get_args

from msgspec import Struct

from opsmantik_box.domain.days import day_of, moment
from opsmantik_box.domain.opening import Hours, next_opening, open_at_or_after
from opsmantik_box.domain.verdicts import Status
from opsmantik_box.errors import Conflict, UsageError

MINUTE_MS = 60_000
LEASE_MS = 10 * MINUTE_MS
"""A claim ends this long after its holder's last key on the row."""

Outcome = Literal[
    "reached", "no_answer", "busy", "wrong_number", "call_later", "whatsapp_sent", "replied", "spam", "already_customer"
]  # fmt: skip
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""In the order of the console's digits, 1 to 9."""

NOT_REACHED = ("no_answer", "busy")
AGAIN_MS = (15 * MINUTE_MS, 120 * MINUTE_MS)
"""When to try again after the first and the second time nobody was reached; from the third on, at the next opening."""

SUGGESTS: dict[Outcome, Status] = {
    "reached": "real", "replied": "real", "wrong_number": "junk", "spam": "junk", "already_customer": "junk",
}  # fmt: skip
"""What the console offers next. `junk` for a customer of old: the advertisement won nobody new."""


class Claim(Struct, frozen=True):
    """Who works on a lead (a user's id), since when, and until when if no key is pressed."""

    by: int
    since: int
    until: int


class Claimed(Struct, frozen=True):
    """A claim as it is now, and what it replaced. Renewals are no news: only the two others are messages of the feed (topic `work`)."""

    claim: Claim
    how: Literal["claimed", "renewed", "taken_over"]
    before: Claim | None = None


class Attempt(Struct, frozen=True):
    """One try to reach somebody; append-only. `again_at`: when to try again, None: not; it becomes the lead's reminder."""

    by: int
    at: int
    outcome: Outcome
    again_at: int | None = None
    suggests: Status | None = None


class Reminder(Struct, frozen=True):
    """A lead has one at most: a newer one, an attempt or a verdict closes it. `rang_at` is stored, so that it rings once, also after
    a restart. `by`: a user's id."""

    by: int
    due_at: int
    rang_at: int | None = None
    closed_at: int | None = None


def is_held(claim: Claim | None, now: int) -> bool:
    """Does somebody work on it?"""
    return claim is not None and now < claim.until


def claim_lead(held: Claim | None, by: int, now: int, *, take_over: bool = False) -> Claimed:
    """Claims a lead, or renews the claim one has. Raises Conflict with the claim (`details["current"]`: who, since when) when another
    has it, unless it is taken over."""
    fresh = Claim(by, now, now + LEASE_MS)
    if held is None or not is_held(held, now):
        return Claimed(fresh, "claimed", held)
    if held.by == by:
        return Claimed(Claim(by, held.since, max(held.until, fresh.until)), "renewed", held)
    if not take_over:
        raise Conflict(problem="Somebody else has claimed it.", current=held)
    return Claimed(fresh, "taken_over", held)


def release_lead(held: Claim | None, by: int, now: int) -> Claim | None:
    """The claim that ends by being given back; None when nobody has one. Raises Conflict when another has it."""
    if held is None or not is_held(held, now):
        return None
    if held.by != by:
        raise Conflict(problem="Somebody else has claimed it.", current=held)
    return held


def sees_number(claim: Claim | None, by: int, now: int) -> bool:
    """Only who has claimed a lead sees its numbers in full, and only so long."""
    return claim is not None and claim.by == by and is_held(claim, now)


def record_attempt(
    outcome: Outcome, earlier: Sequence[Outcome], by: int, now: int, hours: Hours, again_at: int | None = None
) -> Attempt:
    """An attempt with its follow-up. `earlier`: the lead's outcomes so far. `again_at` is the operator's own choice, and needed for
    `call_later`. Raises UsageError when that is missing or not in the future. Needs no claim: what happened, happened."""
    if outcome == "call_later" and again_at is None:
        raise UsageError(problem="again_at: when shall it be tried again?")
    if again_at is not None and again_at <= now:
        raise UsageError(problem="again_at: it is not in the future")
    follow_up = again_at if again_at is not None else _again(outcome, earlier, now, hours)
    return Attempt(by, now, outcome, follow_up, SUGGESTS.get(outcome))


def _again(outcome: Outcome, earlier: Sequence[Outcome], now: int, hours: Hours) -> int | None:
    if outcome not in NOT_REACHED:
        return None
    tries = sum(one in NOT_REACHED for one in earlier)
    return open_at_or_after(hours, now + AGAIN_MS[tries]) if tries < len(AGAIN_MS) else next_opening(hours, now)


_AFTER = re.compile(r"([1-9]\d{0,2}) ?(m|h)", re.ASCII)
_CLOCK = re.compile(r"(tomorrow )?([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
REMINDERS = ("15m", "1h", "16:00", "tomorrow 10:00")
"""What the console offers; `read_when` reads any of their kind."""


def read_when(text: str, now: int, timezone: str) -> int:
    """A time as an operator says it: '15m', '1h', '16:00' (the next time clocks show it), 'tomorrow 10:00'. Minutes and hours pass
    at the same pace on every day; clock times are the site's, whatever its clocks do in between. Raises UsageError."""
    plain = " ".join(text.lower().split())
    if found := _AFTER.fullmatch(plain):
        return now + int(found[1]) * MINUTE_MS * (60 if found[2] == "h" else 1)
    if not (found := _CLOCK.fullmatch(plain)):
        raise UsageError(problem=f"{text[:30]!r} is no time like {', '.join(REMINDERS)}")
    today, minutes = date.fromisoformat(day_of(now, timezone)), int(found[2]) * 60 + int(found[3])
    at = moment(today.isoformat(), minutes, timezone)
    return at if at > now and not found[1] else moment((today + timedelta(days=1)).isoformat(), minutes, timezone)


def is_due(reminder: Reminder, now: int) -> bool:
    """Does it stand at the top of the queue?"""
    return reminder.closed_at is None and reminder.due_at <= now


def rings(reminder: Reminder, now: int) -> bool:
    """Is now the time to ring, for the first and last time?"""
    return is_due(reminder, now) and reminder.rang_at is None
