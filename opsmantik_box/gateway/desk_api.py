"""The desk's routes: verdicts, picks and work on an intent or call. Each hands one command to the engine and shows what came of it.

Promises: whose row it is, and what this token may do with it, is decided by the engine; another tenant's row and one that does not exist
give the same 404. Stores nothing, decides nothing.
"""

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, SkipValidation
from litestar.types import ControllerRouterHandler
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from opsmantik_box.domain.desk import LeadState, Number
from opsmantik_box.domain.feed import CallBody
from opsmantik_box.domain.verdicts import MOST_AT_ONCE, Row
from opsmantik_box.domain.work import Outcome
from opsmantik_box.errors import UsageError
from opsmantik_box.gateway.auth import AuthedRequest
from opsmantik_box.gateway.given import MOST_NUMBER, RowId
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.problems import documented

OPERATE = {"scope": "operate"}
Ask = NamedDependency[SkipValidation[EngineLink]]
Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Any word of yours, new for each thing that is to be done: asking again with it does nothing twice. Kept 7 days.",
    ),
]
Version = Annotated[int, Meta(ge=0, le=MOST_NUMBER)]
When = Annotated[int, Meta(ge=1, le=MOST_NUMBER)] | Annotated[str, Meta(max_length=40)]
"""UTC milliseconds, or a time as an operator says it: 15m, 1h, 16:00, tomorrow 10:00 (the site's clocks)."""


class VerdictAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`version` is that of the row it is based on. An amount or note that is absent stays as it is, null or '' removes it."""

    status: Literal["confirmed", "qualified", "real", "junk", "intent"]
    version: Version
    sale_amount: Annotated[int, Meta(ge=0, le=MOST_NUMBER)] | UnsetType | None = UNSET
    currency: Annotated[str, Meta(max_length=20)] | None = None
    note: Annotated[str, Meta(max_length=5_000)] | UnsetType = UNSET


class VerdictOf(VerdictAsked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: Version


class VerdictsAsked(Struct, frozen=True, forbid_unknown_fields=True):
    verdicts: Annotated[list[VerdictOf], Meta(min_length=1, max_length=MOST_AT_ONCE)]


class VerdictDone(Struct, frozen=True):
    """What became of one of many. `row` is as it is now; null when it is none of yours, or when what was asked cannot be said."""

    status: int
    detail: str
    row: Row | None


class VerdictsDone(Struct, frozen=True):
    results: list[VerdictDone]


class UndoAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """`version` is that of the row it is based on."""

    version: Version


class PickAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """`session` of one of the call's candidates; null: it came from none of them."""

    session: Annotated[str, Meta(max_length=40)] | None
    version: Version


class LeadAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`version` of the lead, when the work is based on one."""

    version: Version | None = None


class ClaimAsked(LeadAsked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`take_over`: also from somebody else."""

    take_over: bool = False


class AttemptAsked(LeadAsked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`when` to try again, if not at the usual time; `call_later` needs it."""

    outcome: Outcome
    when: When | None = None


class ReminderAsked(LeadAsked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    when: When


class NoteAsked(LeadAsked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    note: Annotated[str, Meta(min_length=1, max_length=5_000)]


class PresenceTold(Struct, frozen=True, forbid_unknown_fields=True):
    """The id of the lead, or of any of its rows; null: at none."""

    lead: Annotated[int, Meta(ge=1, le=MOST_NUMBER)] | None


class Nothing(Struct, frozen=True):
    """It is done, and there is nothing to tell."""


def refusals() -> dict[int, ResponseSpec]:
    """What every route of the desk may refuse with."""
    return documented(400, 404, 409, 413, 422)


async def _command(link: EngineLink, request: AuthedRequest, name: str, asked: dict[str, Any], key: str | None) -> Any:
    """The engine's answer. Raises the BoxError it refused with."""
    if key is not None and not (key.isascii() and key.isprintable()):
        raise UsageError(problem="Idempotency-Key: expected printable ASCII characters")
    told = asked if key is None else asked | {"key": key}
    return await link.command(name, told, request.auth.token_id)


async def _row(link: EngineLink, request: AuthedRequest, name: str, asked: dict[str, Any], key: str | None) -> Row:
    return msgspec.convert(await _command(link, request, name, asked, key), Row)


async def _call(link: EngineLink, request: AuthedRequest, name: str, asked: dict[str, Any], key: str | None) -> CallBody:
    return msgspec.convert(await _command(link, request, name, asked, key), CallBody)


async def _lead(link: EngineLink, request: AuthedRequest, name: str, asked: dict[str, Any], key: str | None) -> LeadState:
    return msgspec.convert(await _command(link, request, name, asked, key), LeadState)


@post("/intents/{number:int}/verdict", opt=OPERATE, status_code=200, responses=refusals())
async def give_verdict(request: AuthedRequest, link: Ask, number: RowId, data: VerdictAsked, key: Key = None) -> Row:
    """Say what it was; `intent` takes a judgement back. Answers the row as it is then."""
    return await _row(link, request, "give_verdict", {"id": number} | _plain(data), key)


@post("/verdicts", opt=OPERATE, status_code=200, responses=refusals())
async def give_verdicts(request: AuthedRequest, link: Ask, data: VerdictsAsked, key: Key = None) -> VerdictsDone:
    """Many at once, each decided by itself: one that is refused stops no other."""
    asked = {"verdicts": [_plain(one) for one in data.verdicts]}
    return VerdictsDone(msgspec.convert(await _command(link, request, "give_verdicts", asked, key), list[VerdictDone]))


@post("/intents/{number:int}/undo", opt=OPERATE, status_code=200, responses=refusals())
async def undo_verdict(request: AuthedRequest, link: Ask, number: RowId, data: UndoAsked, key: Key = None) -> Row:
    """Back to what it was before its newest verdict, if that is one's own. Undoing twice does it again."""
    return await _row(link, request, "undo_verdict", {"id": number, "version": data.version}, key)


@post("/intents/{number:int}/pick", opt=OPERATE, status_code=200, responses=refusals())
async def pick_visit(request: AuthedRequest, link: Ask, number: RowId, data: PickAsked, key: Key = None) -> CallBody:
    """Say which of its candidates a call came from; it stays so, whatever comes later. Answers the call."""
    return await _call(link, request, "pick_visit", {"id": number} | asdict(data), key)


@post("/intents/{number:int}/unpick", opt=OPERATE, status_code=200, responses=refusals())
async def unpick_visit(request: AuthedRequest, link: Ask, number: RowId, data: UndoAsked, key: Key = None) -> CallBody:
    """Take a pick back: the Box finds the call's visit again, from what is known by now."""
    return await _call(link, request, "unpick_visit", {"id": number, "version": data.version}, key)


@post("/intents/{number:int}/claim", opt=OPERATE, status_code=200, responses=refusals())
async def claim_lead(request: AuthedRequest, link: Ask, number: RowId, data: ClaimAsked, key: Key = None) -> LeadState:
    """Work on its lead for 10 minutes, or 10 more. Of two who claim at once one wins."""
    return await _lead(link, request, "claim", {"id": number} | asdict(data), key)


@post("/intents/{number:int}/release", opt=OPERATE, status_code=200, responses=refusals())
async def release_lead(request: AuthedRequest, link: Ask, number: RowId, data: LeadAsked, key: Key = None) -> LeadState:
    """Give one's claim back."""
    return await _lead(link, request, "release", {"id": number} | asdict(data), key)


@post("/intents/{number:int}/attempt", opt=OPERATE, status_code=200, responses=refusals())
async def add_attempt(request: AuthedRequest, link: Ask, number: RowId, data: AttemptAsked, key: Key = None) -> LeadState:
    """What came of trying to reach somebody. It may suggest a verdict, and never gives one."""
    return await _lead(link, request, "add_attempt", {"id": number} | asdict(data), key)


@post("/intents/{number:int}/reminder", opt=OPERATE, status_code=200, responses=refusals())
async def set_reminder(request: AuthedRequest, link: Ask, number: RowId, data: ReminderAsked, key: Key = None) -> LeadState:
    """When to look at its lead again; the reminder before is closed."""
    return await _lead(link, request, "set_reminder", {"id": number} | asdict(data), key)


@post("/intents/{number:int}/note", opt=OPERATE, status_code=200, responses=refusals())
async def add_note(request: AuthedRequest, link: Ask, number: RowId, data: NoteAsked, key: Key = None) -> LeadState:
    """Something to remember about its lead."""
    return await _lead(link, request, "add_note", {"id": number} | asdict(data), key)


@post("/presence", opt=OPERATE, status_code=200, responses=documented(400, 404, 413))
async def tell_presence(request: AuthedRequest, link: Ask, data: PresenceTold) -> Nothing:
    """Say at which lead I am: those who see its site see it too, for 60 seconds or until I say otherwise. Nothing is stored."""
    await _command(link, request, "tell_presence", {"id": data.lead}, None)
    return Nothing()


@get("/intents/{number:int}/number", opt=OPERATE, responses=documented(400, 404, 409))
async def reveal_number(request: AuthedRequest, link: Ask, number: RowId) -> Number:
    """The other party's number in full, for who has claimed its lead. Each look is on record."""
    return msgspec.convert(await _command(link, request, "reveal_number", {"id": number}, None), Number)


def _plain(asked: Struct) -> dict[str, Any]:
    """What was told, and nothing of what was not: an absent amount is another thing than none."""
    return msgspec.to_builtins(asked)


DESK_ROUTES: list[ControllerRouterHandler] = [
    give_verdict, give_verdicts, undo_verdict, pick_visit, unpick_visit, claim_lead, release_lead, add_attempt, set_reminder,
    add_note, reveal_number, tell_presence,
]  # fmt: skip
