"""What the stream tells, as the console takes it. Tolerant: what is not known is left alone, what is missing has a default. Pure."""

from typing import Any

import msgspec
from msgspec import Struct, field

from opsmantik_box.domain.work import Outcome
from tui.model.lead import Contact, Tried

TOPICS = ("intent", "call", "verdict", "work", "alert", "health", "presence")
"""What the console listens to; hints of single events and sessions are not shown."""


class Envelope(Struct, frozen=True):
    """The data of a message. `ref` and `version` say which row it is about; hints have neither."""

    site_id: str = ""
    at: int = 0
    ref: str = ""
    version: int = 0
    body: dict[str, Any] = field(default_factory=dict[str, Any])


class Message(Struct, frozen=True):
    """One message: its position ('' of a hint), its topic and what it says."""

    id: str
    topic: str
    told: Envelope


class TapTold(Struct, frozen=True):
    """The body of `intent`."""

    id: int
    lead: int
    at: int
    action: str = ""
    target: str = ""
    page: str = ""
    position: str = ""
    session: str = ""
    session_month: str = ""
    score: int = 0
    breakdown: dict[str, int] = field(default_factory=dict[str, int])
    attribution: str = ""
    device: str = ""
    is_bot: bool = False
    is_internal: bool = False


class CallTold(Struct, frozen=True):
    """The body of `call`."""

    id: int
    lead: int
    at: int
    state: str = ""
    direction: str = ""
    number: str = ""
    called_number: str = ""
    answered_at: int | None = None
    ended_at: int | None = None
    duration_sec: int | None = None
    status: str | None = None
    how: str = ""
    likelihood: float | None = None
    session: str | None = None
    session_month: str | None = None
    score: int = 0
    breakdown: dict[str, int] = field(default_factory=dict[str, int])
    attribution: str | None = None
    is_bot: bool = False
    is_internal: bool = False
    candidates: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    version: int = 1


class RowTold(Struct, frozen=True):
    """A row after a verdict: what /verdict answers, and `old` and `new` of `verdict`."""

    id: int
    status: str | None = None
    version: int = 0
    sale_amount: int | None = None
    currency: str | None = None
    note: str = ""
    confirmed_at: int | None = None
    confirmed_by: int | None = None


class VerdictTold(Struct, frozen=True):
    """The body of `verdict`."""

    at: int
    by: int | None
    old: RowTold
    new: RowTold
    undone: bool = False
    who: str = ""


class WorkTold(Struct, frozen=True):
    """The body of `work`. `new` is a claim, a reminder, an attempt or a note's text, as `kind` says."""

    kind: str
    at: int
    lead: int
    call: int | None = None
    by: int | None = None
    who: str = ""
    old: Any = None
    new: Any = None

    def attempt(self) -> Tried:
        """Of the kind `attempt`. Raises msgspec.ValidationError."""
        return Tried(self.at, msgspec.convert(self.new["outcome"], Outcome), self.who, self.new.get("again_at"))


class Present(Struct, frozen=True):
    """Somebody who is there, and at which lead."""

    id: int
    who: str
    site_id: str | None = None
    lead: int | None = None
    since: int = 0


def contact_of(message: Message) -> Contact:
    """The tap, form or call an `intent` or `call` tells. Raises msgspec.ValidationError."""
    return _tap(message.told) if message.topic == "intent" else _call(message.told)


def _tap(told: Envelope) -> Contact:
    tap = msgspec.convert(told.body, TapTold)
    return Contact(
        id=tap.id, site_id=told.site_id, lead=tap.lead, at=tap.at, source="form" if tap.target.startswith("form:") else "click",
        action=tap.action, target=tap.target, page=tap.page, position=tap.position, status="intent", version=told.version, score=tap.score,
        breakdown=dict(tap.breakdown), attribution=tap.attribution, session=tap.session, session_month=tap.session_month,
        is_bot=tap.is_bot, is_internal=tap.is_internal, device=tap.device,
    )  # fmt: skip


def _call(told: Envelope) -> Contact:
    call = msgspec.convert(told.body, CallTold)
    return Contact(
        id=call.id, site_id=told.site_id, lead=call.lead, at=call.at, source="call", status=call.status, version=call.version,
        score=call.score, breakdown=dict(call.breakdown), attribution=call.attribution, session=call.session,
        session_month=call.session_month, is_bot=call.is_bot, is_internal=call.is_internal, direction=call.direction,
        call_state=call.state, answered_at=call.answered_at, ended_at=call.ended_at, duration_sec=call.duration_sec,
        called_number=call.called_number, number=call.number, how=call.how, likelihood=call.likelihood, candidates=call.candidates,
    )  # fmt: skip
