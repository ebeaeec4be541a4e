"""What the stream tells, as the console takes it. The bodies' shapes are the Box's own (`domain`); unknown keys are left alone. Pure."""

from typing import Any

import msgspec
from msgspec import Struct, field

from opsmantik_box.domain.feed import CallBody, IntentBody
from tui.model.lead import Contact

TOPICS = ("intent", "call", "verdict", "work", "alert", "health", "presence")
"""What the console listens to; hints of single events and sessions are not shown."""


class Envelope(Struct, frozen=True):
    """The data of a message; what is no site's is the whole Box's. `ref` and `version` say which row it is about; hints have neither."""

    site_id: str | None = None
    at: int = 0
    ref: str = ""
    version: int = 0
    body: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def site(self) -> str:
        """Whose it is; '' of what is no site's."""
        return self.site_id or ""


class Message(Struct, frozen=True):
    """One message: its position ('' of a hint), its topic and what it says."""

    id: str
    topic: str
    told: Envelope


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
    tap = msgspec.convert(told.body, IntentBody)
    return Contact(
        id=tap.id, site_id=told.site, lead=tap.lead, at=tap.at, source="form" if tap.target.startswith("form:") else "click",
        action=tap.action, target=tap.target, page=tap.page, position=tap.position, status="intent", version=told.version, score=tap.score,
        breakdown=dict(tap.breakdown), attribution=tap.attribution, rank=tap.rank, session=tap.session, session_month=tap.session_month,
        is_bot=tap.is_bot, is_internal=tap.is_internal, device=tap.device, place=tap.place,
    )  # fmt: skip


def _call(told: Envelope) -> Contact:
    call = msgspec.convert(told.body, CallBody)
    return Contact(
        id=call.id, site_id=told.site, lead=call.lead, at=call.at, source="call", status=call.status, version=call.version,
        score=call.score, breakdown=dict(call.breakdown), attribution=call.attribution, rank=call.rank, session=call.session,
        session_month=call.session_month, is_bot=call.is_bot, is_internal=call.is_internal, direction=call.direction,
        call_state=call.state, answered_at=call.answered_at, ended_at=call.ended_at, duration_sec=call.duration_sec,
        called_number=call.called_number, number=call.number, how=call.how, likelihood=call.likelihood,
        candidates=msgspec.to_builtins(call.candidates),
    )  # fmt: skip
