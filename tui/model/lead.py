"""A lead as the console knows it: one visitor's taps, forms and calls on a site, and the work on them. Frozen; the store replaces them."""

from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct, field

from opsmantik_box.domain.attribution import ADS
from opsmantik_box.domain.verdicts import is_sealed
from opsmantik_box.domain.work import Claim, Outcome, Reminder

LOST_CALL_MS = 30 * 60_000
"""After this long a tap on a number waits for no call any more (docs/work.md)."""


class Kind(StrEnum):
    """How somebody can be reached (HOW). The value is what the row says."""

    MISS = "MISS"
    FORM = "FORM"
    WA = "WA"
    CALL = "CALL"
    TEL = "TEL"


class Contact(Struct, frozen=True, kw_only=True, dict=True, rename={
    "lead": "lead_id", "action": "intent_action", "target": "intent_target", "page": "intent_page_url", "score": "lead_score_at_match",
    "breakdown": "score_breakdown", "attribution": "attribution_at_tap", "session": "matched_session_id",
    "session_month": "matched_session_month", "rank": "attribution_rank_at_tap", "number": "masked_number", "name": "masked_name",
    "email": "masked_email", "likelihood": "match_likelihood", "how": "match_how",
}):  # fmt: skip
    """A tap, a form or a call: a row of /intents, or as much of it as a message of the stream told. Times in UTC milliseconds, amounts
    in the currency's minor unit."""

    id: int
    site_id: str
    lead: int
    at: int
    source: Literal["click", "call", "form"] = "click"
    action: str | None = None
    target: str | None = None
    page: str | None = None
    position: str = ""
    status: str | None = None
    version: int = 1
    score: int | None = None
    breakdown: dict[str, Any] = field(default_factory=dict[str, Any])
    attribution: str | None = None
    rank: int | None = None
    session: str | None = None
    session_month: str | None = None
    click_id_kind: str | None = None
    click_at: int | None = None
    sale_amount: int | None = None
    currency: str | None = None
    note: str = ""
    name: str = ""
    email: str = ""
    is_bot: bool = False
    is_internal: bool = False
    direction: str = ""
    call_state: str = ""
    answered_at: int | None = None
    ended_at: int | None = None
    duration_sec: int | None = None
    called_number: str = ""
    number: str = ""
    how: str = ""
    likelihood: float | None = None
    candidates: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    confirmed_at: int | None = None
    device: str = ""
    place: str = ""

    @cached_property
    def kind(self) -> Kind:
        if self.source == "call":
            return Kind.MISS if self.call_state == "missed" and self.direction != "outbound" else Kind.CALL
        if self.source == "form":
            return Kind.FORM
        return Kind.WA if (self.target or "").startswith("wa:") or "wa" in (self.action or "").partition("_")[0] else Kind.TEL

    @property
    def is_ad(self) -> bool:
        """Did an ad of Google's bring it, by what was known at the tap? The name alone does not say: "Paid (UTM)" is anybody's."""
        return self.rank in ADS and self.is_human

    @property
    def is_human(self) -> bool:
        """Neither a bot's nor one of the agency's own."""
        return not self.is_bot and not self.is_internal

    @property
    def is_judged(self) -> bool:
        return self.status in ("confirmed", "qualified", "real", "junk")

    @property
    def is_sealed(self) -> bool:
        return is_sealed(self.status)


class Tried(Struct, frozen=True):
    """One attempt: when, what came of it, and who it was."""

    at: int
    outcome: Outcome
    who: str = ""
    again_at: int | None = None


class Lead(Struct, frozen=True, kw_only=True, dict=True):
    """`contacts` oldest first, never empty; `contact_count`: how many there are, the oldest may be left out. `version` counts the pieces
    of work on it. Of attempts and notes it knows how many; a lead's detail has them all."""

    id: int
    site_id: str
    contacts: tuple[Contact, ...]
    contact_count: int = 0
    version: int = 0
    claim: Claim | None = None
    claimed_by: str = ""
    reminder: Reminder | None = None
    attempts: int = 0
    last_attempt: Tried | None = None
    first_attempt_at: int | None = None
    notes: int = 0

    @cached_property
    def head(self) -> Contact:
        """The contact its row is about: the newest that can be reached, before taps on a number, which cannot."""
        reachable = [one for one in self.contacts if one.kind is not Kind.TEL]
        return (reachable or self.contacts)[-1]

    @property
    def kind(self) -> Kind:
        return self.head.kind

    @property
    def count(self) -> int:
        """How many taps, forms and calls."""
        return max(self.contact_count, len(self.contacts))

    @cached_property
    def score(self) -> int:
        """The best of its contacts: one visitor came for all of them."""
        return max(one.score or 0 for one in self.contacts)

    @cached_property
    def is_ad(self) -> bool:
        return any(one.is_ad for one in self.contacts)

    @cached_property
    def is_human(self) -> bool:
        return any(one.is_human for one in self.contacts)

    @property
    def at(self) -> int:
        return self.head.at

    @cached_property
    def waits_since(self) -> int | None:
        """Since when somebody waits to be answered; None when nobody does (docs/work.md). From the first contact since the last attempt
        or answered call; of a missed call, from its end."""
        if self.kind not in (Kind.MISS, Kind.FORM, Kind.WA) or self.head.is_judged:
            return None
        answered = [one.at for one in self.contacts if one.kind is Kind.CALL]
        done = max((*answered, self.last_attempt.at if self.last_attempt else 0))
        waiting = [_begins(one) for one in self.contacts if one.kind in (Kind.MISS, Kind.FORM, Kind.WA) and not one.is_judged]
        return min((at for at in waiting if at > done), default=None)


def _begins(contact: Contact) -> int:
    return contact.ended_at or contact.at if contact.kind is Kind.MISS else contact.at
