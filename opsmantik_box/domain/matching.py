"""Which visit a phone call belongs to. Pure: the candidates are handed in, the engine finds them (docs/work.md).

Promises: the same answer in whatever order the candidates come; a call that matches nothing is still a call; a match never judges:
it makes nothing sealed, and the only word it may put on a call is `suspicious`.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from opsmantik_box.errors import UsageError

WINDOW_MS = 30 * 60_000
"""A visit or tap older than this at the time of the call is not what the call came from."""
TOLERANCE_MS = 2 * 60_000
"""An exchange's clock and the Box's may differ by this much; what begins later than that after the call cannot have caused it."""
MOST_CANDIDATES = 200
"""What is worth asking for and recording, newest first: nobody picks from a longer list."""

CLOSE_MS = 30_000
DOUBT_MS = 15 * 60_000

How = Literal["", "fingerprint", "number", "operator"]


class Call(Struct, frozen=True, gc=False):
    """A call as it was told. `at`: when it rang; `called_number` is E.164 or '' (unknown), `fingerprint` '' when none came."""

    at: int
    received_at: int
    called_number: str = ""
    fingerprint: str = ""


class Candidate(Struct, frozen=True, omit_defaults=True):
    """A visit a call may have come from. By fingerprint: a session, from its first to its last event. By number: a tap of it (`tap_id`
    is its row in `calls`), which begins and ends at the tap. `score`, `breakdown` and `rank` are the session's now; `weak`: found by
    a fingerprint that identical phones share. `likelihood` is what `match` makes of it; JSON of all is the column `candidates`."""

    session_id: str
    session_month: str
    started_at: int
    last_event_at: int
    score: int
    breakdown: dict[str, int]
    rank: int
    tap_id: int | None = None
    weak: bool = False
    likelihood: float = 0.0


class Match(Struct, frozen=True):
    """`chosen` is the visit, or None: unmatched, with `candidates` to pick from (likeliest first) when there are several.
    `suspicious` is the call's status then; it is never matched."""

    how: How = ""
    chosen: Candidate | None = None
    candidates: tuple[Candidate, ...] = ()
    suspicious: bool = False


def rang_at(call: Call) -> int:
    """When it rang. Nothing happens after it was told: a later time is a wrong clock."""
    return min(call.at, call.received_at)


def target_of_call(call: Call) -> str:
    """The target (`tel:+90…`) whose taps are a call's candidates; '' when there are none to look for: a fingerprint came, and decides
    alone, or the called number is not known."""
    return "" if call.fingerprint or not call.called_number else f"tel:{call.called_number}"


def search_span(call: Call) -> tuple[int, int]:
    """The times (the second outside) candidates may lie in. For `questions.months_to_ask`: at a month's edge that is both months, and a
    visit begun in the month before is found in that month's file."""
    return rang_at(call) - WINDOW_MS, rang_at(call) + WINDOW_MS + 1


def match(call: Call, candidates: Iterable[Candidate]) -> Match:
    """Rule of wire.md. By fingerprint, when one came: the newest visit with an event in the half hour before the call; if there is none
    and one begins more than two minutes after the call (but within half an hour), that is suspicious. Else by the called number:
    the taps on it, and only when all are one visit's is there nothing left to pick for the operator."""
    at, newest = rang_at(call), sorted(candidates, key=_newest, reverse=True)
    near = [candidate for candidate in newest if is_near(at, candidate)][:MOST_CANDIDATES]
    if call.fingerprint:
        return _by_fingerprint(rate(at, near)) if near else _too_late(at, newest)
    return _by_number(rate(at, near)) if target_of_call(call) else Match()


def _by_fingerprint(rated: Sequence[Candidate]) -> Match:
    """A strong fingerprint is one visitor's: certain. Of a weak one's visits the newest is taken too, with its doubt."""
    chosen = max(rated, key=_newest)
    if chosen.weak:
        return Match("fingerprint", chosen, tuple(rated))
    chosen = replace(chosen, likelihood=1.0)
    return Match("fingerprint", chosen, (chosen,))


def _too_late(at: int, newest: Sequence[Candidate]) -> Match:
    later = tuple(one for one in newest if at + TOLERANCE_MS < one.started_at <= at + WINDOW_MS)
    return Match(candidates=later[:MOST_CANDIDATES], suspicious=bool(later))


def _by_number(taps: Sequence[Candidate]) -> Match:
    """Several taps of one visit leave nothing to pick: it is as likely as all of them together."""
    if len({tap.session_id for tap in taps}) != 1:
        return Match(candidates=tuple(taps))
    together = sum(tap.likelihood for tap in taps)
    return Match("number", replace(taps[0], likelihood=together), tuple(taps))


def pick(candidates: Sequence[Candidate], session_id: str | None) -> Match:
    """The operator says which of the recorded visits it was, or (None) that it was none of them: certain from now on. `candidates` come
    likeliest first. Raises UsageError for a visit that is not among them."""
    if session_id is None:
        return Match("operator", None, tuple(candidates))
    for candidate in candidates:
        if candidate.session_id == session_id:
            return Match("operator", replace(candidate, likelihood=1.0), tuple(candidates))
    raise UsageError(problem="session: it is none of the visits this call may have come from (its `candidates`)")


def is_near(at: int, candidate: Candidate) -> bool:
    """Was this visit going on, or over for at most half an hour, when the phone rang?"""
    return candidate.started_at <= at + TOLERANCE_MS and candidate.last_event_at >= at - WINDOW_MS


def rate(at: int, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates with their likelihoods, likeliest first.

    A candidate weighs 1 / (30 s + distance to the call), and "none of these" weighs 1 / 15 min; a likelihood is a weight's share of all.
    So a lone tap 7 s before the call has 96 %, one 48 s before 92 %, one half an hour before 33 %; the nearer is never the less
    likely; each further candidate costs the others; and all together stay below 1, because somebody may always have dialled by heart.
    This is an estimate chosen for these properties, not a measurement. Cut (not rounded) to four digits, so that the sum stays below 1."""
    weighed = [(1 / (CLOSE_MS + distance(at, one)), one) for one in candidates]
    total = 1 / DOUBT_MS + sum(weight for weight, _ in weighed)
    rated = [replace(one, likelihood=math.floor(weight / total * 10_000) / 10_000) for weight, one in weighed]
    return tuple(sorted(rated, key=lambda one: (one.likelihood, _newest(one)), reverse=True))


def distance(at: int, candidate: Candidate) -> int:
    """Milliseconds between a call and a visit; 0 while it went on."""
    return max(0, at - candidate.last_event_at, candidate.started_at - at)


def _newest(candidate: Candidate) -> tuple[int, int, str, int]:
    """Sorts the newest last; two that began at once by what else tells them apart, so that their order of arrival does not matter."""
    return candidate.started_at, candidate.last_event_at, candidate.session_id, candidate.tap_id or 0
