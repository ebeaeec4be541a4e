"""A phone call as an exchange tells it, event by event, and the one call it becomes. Pure.

The rule is a join: every field of a call is a minimum, a maximum, an OR or the better of two texts. So events that come twice, late
or in another order make the same call, and nothing has to be remembered of them but the call itself.
"""

import hashlib
from typing import Literal

import msgspec
from msgspec import Struct

Direction = Literal["", "inbound", "outbound"]
"""'' while no event has said it."""
State = Literal["ringing", "answered", "missed", "ended"]

_STATES: tuple[State, ...] = ("ringing", "answered", "missed", "ended")
_BITS = {state: bits for bits, state in enumerate(_STATES)}
_ANSWERED, _OVER = 1, 2
"""A state is what is known of two questions. *missed* is over without ever having been answered; *ended* is answered and over. An
event that only knows that a call is over says *missed*: as soon as another one knows of an answer, the call is *ended*."""


class CallUpdate(Struct, frozen=True):
    """One event of one call. Times in UTC milliseconds.

    `at`: the earliest time this event knows of the call: its first ring, else the event's own. `number`: the other party as sent;
    `number_e164` the same as +90…, '' when it cannot be read (withheld, an extension). `called_number`: the line an inbound call
    was made to, as +90…. `duration_sec`: talking; of calls that were not answered it is not believed."""

    provider: str
    provider_call_id: str
    state: State
    at: int
    direction: Direction = ""
    number: str = ""
    number_e164: str = ""
    called_number: str = ""
    answered_at: int | None = None
    ended_at: int | None = None
    duration_sec: int | None = None


class CallState(Struct, frozen=True):
    """A call as known so far, field for field what its row keeps. `number` as +90…, or as sent when it cannot be read.

    `duration_sec`: from answer to end when both times are known, else the longest that was told, None when nothing was."""

    provider: str
    provider_call_id: str
    state: State
    at: int
    direction: Direction
    number: str
    called_number: str
    answered_at: int | None
    ended_at: int | None
    duration_sec: int | None


def merge_call(known: CallState | None, update: CallUpdate) -> CallState:
    """The call, one event later. Equal to `known` when the event says nothing new: then there is nothing to write."""
    told = _as_state(update)
    return told if known is None else join_calls(known, told)


def join_calls(one: CallState, other: CallState) -> CallState:
    """What two halves of one call's events make together; commutative, associative, idempotent."""
    assert (one.provider, one.provider_call_id) == (other.provider, other.provider_call_id)
    answered_at = _earliest(one.answered_at, other.answered_at)
    ended_at = _earliest(one.ended_at, other.ended_at)
    return CallState(
        provider=one.provider,
        provider_call_id=one.provider_call_id,
        state=_STATES[_BITS[one.state] | _BITS[other.state]],
        at=min(one.at, other.at),
        direction="inbound" if "inbound" in (one.direction, other.direction) else one.direction or other.direction,
        number=_better(one.number, other.number),
        called_number=_better(one.called_number, other.called_number),
        answered_at=answered_at,
        ended_at=ended_at,
        duration_sec=_duration(answered_at, ended_at, one.duration_sec, other.duration_sec),
    )


def _as_state(update: CallUpdate) -> CallState:
    answered_at, ended_at = update.answered_at, update.ended_at
    bits = _BITS[update.state] | _ANSWERED * (answered_at is not None) | _OVER * (ended_at is not None)
    told = update.duration_sec if bits & _ANSWERED else None
    return CallState(
        provider=update.provider,
        provider_call_id=update.provider_call_id,
        state=_STATES[bits],
        at=min(at for at in (update.at, answered_at, ended_at) if at is not None),
        direction=update.direction,
        number=update.number_e164 or update.number,
        called_number=update.called_number,
        answered_at=answered_at,
        ended_at=ended_at,
        duration_sec=_duration(answered_at, ended_at, told),
    )


def _earliest(*times: int | None) -> int | None:
    """The first that was told: what tells it again (a copy, a record written afterwards) tells it later."""
    return min((at for at in times if at is not None), default=None)


def _duration(answered_at: int | None, ended_at: int | None, *told: int | None) -> int | None:
    """Known times win for good, so that it does not matter whether a duration was told before them or after."""
    if answered_at is not None and ended_at is not None:
        return max(0, ended_at - answered_at) // 1000
    return max((seconds for seconds in told if seconds is not None), default=None)


def _better(*texts: str) -> str:
    """A number that could be read before one that could not; of two equals the smaller, so that order does not matter."""
    return min(filter(None, texts), key=lambda text: (not text.startswith("+"), text), default="")


def event_key(update: CallUpdate, message_id: str = "") -> str:
    """By what a repeated delivery is recognised: the sender's id of the message, else the call, its state and a hash of all that the
    update says. (The call and its state alone would drop a second event that knows more.)"""
    if message_id:
        return f"id:{message_id}"
    digest = hashlib.blake2b(msgspec.msgpack.encode(update), digest_size=8).hexdigest()
    return f"{update.provider_call_id}:{update.state}:{digest}"
