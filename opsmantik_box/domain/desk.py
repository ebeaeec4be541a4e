"""What the desk answers and what its messages say: shapes that the engine fills and the API shows. Pure."""

from typing import Any, Literal

from msgspec import Struct

from opsmantik_box.domain.verdicts import Status
from opsmantik_box.domain.work import Claim, Reminder

KEPT_MS = 7 * 86_400_000
"""How long the answer to an Idempotency-Key is kept."""

WorkKind = Literal["claimed", "taken_over", "released", "attempt", "reminder", "rang", "note"]


class LeadState(Struct, frozen=True):
    """A lead as it is now. `version` counts the pieces of work on it; `claim` is null when nobody has it, `claimed_by` says how its
    holder is called; `suggests` is the verdict the outcome just told suggests, which nobody has given yet."""

    lead: int
    version: int
    claim: Claim | None = None
    claimed_by: str = ""
    reminder: Reminder | None = None
    suggests: Status | None = None


class WorkBody(Struct, frozen=True):
    """A message of the feed (topic `work`, ref: the lead's id, version: the lead's). `call` is the row it was done on, `who` how that
    person is called (both empty for the Box itself); `old` and `new` are a claim, a reminder, an attempt or a note, or null."""

    kind: WorkKind
    at: int
    lead: int
    call: int | None
    by: int | None
    who: str
    old: Any
    new: Any


class Number(Struct, frozen=True):
    """Whom to call back: number, and a form's name and e-mail address, each null when not told. A tap tells none: it carries the
    client's number, never the visitor's."""

    id: int
    number: str | None = None
    name: str | None = None
    email: str | None = None
