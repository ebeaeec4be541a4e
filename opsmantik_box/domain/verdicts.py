"""What an operator says of an intent or call: verdicts. Pure; the engine stores what comes out, in one transaction with the feed.

Promises: no verdict changes another one; every change of a row's status, amount or note by a verdict is a `Verdict`, undoing included, and
one `Verdict` is one line of the trail, one new state of the row, and one message of the feed, which carries old and new.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from opsmantik_box.domain.amounts import MOST, read_currency
from opsmantik_box.errors import BoxError, Conflict, UsageError

Status = Literal["intent", "confirmed", "qualified", "real", "junk", "suspicious"]
"""`intent`: a tap or form nobody judged; None beside these: a call nobody judged. `suspicious`: said by matching only."""

SEALED = ("confirmed", "qualified", "real")
JUDGEMENTS: tuple[Status, ...] = ("confirmed", "qualified", "real", "junk", "intent")
"""What may be asked for, from any status: `intent` takes the judgement back."""

MOST_NOTE = 2_000
MOST_AT_ONCE = 200
"""Rows of one bulk verdict."""


class Row(Struct, frozen=True):
    """What of a row of `calls` a verdict looks at and changes. `sale_amount` in the minor unit of `currency`; both are None together.
    `confirmed_*`: when it became sealed, and by whom."""

    id: int
    source: Literal["click", "call", "form"]
    status: Status | None
    version: int
    sale_amount: int | None = None
    currency: str | None = None
    note: str = ""
    confirmed_at: int | None = None
    confirmed_by: int | None = None


class Asked(Struct, frozen=True):
    """A verdict as it is asked for. `version` is that of the row it was based on. An amount or note that is absent stays as it is
    (the amount only while the row stays sealed), null or '' removes it. A new amount names its currency."""

    id: int
    status: Status
    version: int
    sale_amount: int | UnsetType | None = UNSET
    currency: str | None = None
    note: str | UnsetType = UNSET


class Verdict(Struct, frozen=True):
    """A verdict that was given: `new` replaces `old`. As JSON it is the feed's message (topic `verdict`, ref: the row's id, version: the
    new one); the trail's line is `old.status` → `new.status` with `new`'s amount, currency and note."""

    at: int
    by: int | None
    old: Row
    new: Row
    undone: bool = False


class Said(Struct, frozen=True):
    """A line of the trail (`verdicts`)."""

    by: int | None
    from_status: Status | None
    to_status: Status | None
    amount: int | None = None
    currency: str | None = None
    note: str = ""


def is_sealed(status: str | None) -> bool:
    """Does the funnel count it? Sealed is confirmed, qualified or real."""
    return status in SEALED


def unjudged(source: str) -> Status | None:
    """The status of a row that nobody judged: a call is no intent."""
    return None if source == "call" else "intent"


def judge(row: Row, asked: Asked, by: int | None, at: int) -> Verdict | None:
    """The verdict, or None when it would change nothing. Raises Conflict with the row as it is (`details["current"]`) when it was
    based on another version, and UsageError for what cannot be said."""
    check_version(row, asked.version)
    if asked.status not in JUDGEMENTS:
        raise UsageError(problem=f"status: {asked.status!r} is none of {', '.join(JUDGEMENTS)}")
    status = unjudged(row.source) if asked.status == "intent" else asked.status
    amount, currency = _price(row, asked)
    return _change(row, status, amount, currency, _note(row, asked), by, at)


def judge_all(rows: Mapping[int, Row], asked: Iterable[Asked], by: int | None, at: int) -> list[Verdict | BoxError | None]:
    """Bulk: what became of each, in order; one refusal stops no other. `rows` holds every row that is asked about. A row named twice
    has another version at the second time, which is a conflict like any other."""
    standing, outcomes = dict(rows), list[Verdict | BoxError | None]()
    for one in asked:
        try:
            verdict = judge(standing[one.id], one, by, at)
        except BoxError as refused:
            outcomes.append(refused)
            continue
        outcomes.append(verdict)
        standing[one.id] = verdict.new if verdict else standing[one.id]
    return outcomes


def undo(row: Row, trail: Sequence[Said], version: int, by: int | None, at: int) -> Verdict | None:
    """Back to what the row was before its newest verdict: a verdict too, so undoing twice does it again. `trail` is the row's, oldest
    first (its last two lines are enough). Raises UsageError when there is none, Conflict when the newest is another person's."""
    check_version(row, version)
    if not trail:
        raise UsageError(problem="There is no verdict to undo.")
    if trail[-1].by != by:
        raise Conflict(problem="The newest verdict is somebody else's; only one's own can be undone.", current=row)
    before = trail[-2] if len(trail) > 1 else Said(None, None, trail[-1].from_status)
    verdict = _change(row, before.to_status, before.amount, before.currency, before.note, by, at)
    return replace(verdict, undone=True) if verdict else None


def check_version(row: Row, version: int) -> None:
    """Raises Conflict when the row is not the one this was based on."""
    if version != row.version:
        raise Conflict(
            problem=f"It was changed meanwhile: this was based on version {version}, now it is {row.version}.", current=row
        )


def _price(row: Row, asked: Asked) -> tuple[int | None, str | None]:
    amount = asked.sale_amount
    if not isinstance(amount, int):
        if asked.currency is not None:
            raise UsageError(problem="currency: it was told without sale_amount")
        keeps = amount is UNSET and is_sealed(asked.status)
        return (row.sale_amount, row.currency) if keeps else (None, None)
    if not is_sealed(asked.status):
        raise UsageError(problem=f"sale_amount: what is {asked.status} has none; {', '.join(SEALED)} may")
    if not 0 <= amount <= MOST or asked.currency is None:
        raise UsageError(problem="sale_amount: expected a whole number of the minor unit, 0 or more, and its currency")
    return amount, read_currency(asked.currency)


def _note(row: Row, asked: Asked) -> str:
    if asked.note is UNSET:
        return row.note
    note = asked.note.strip()
    if len(note) > MOST_NOTE:
        raise UsageError(problem=f"note: longer than {MOST_NOTE} characters")
    return note


def _change(
    row: Row, status: Status | None, amount: int | None, currency: str | None, note: str, by: int | None, at: int
) -> Verdict | None:
    if (status, amount, currency, note) == (row.status, row.sale_amount, row.currency, row.note):
        return None
    when, who = _sealing(row, status, by, at)
    return Verdict(at, by, row, Row(row.id, row.source, status, row.version + 1, amount, currency, note, when, who))


def _sealing(row: Row, status: Status | None, by: int | None, at: int) -> tuple[int | None, int | None]:
    """Correcting what is sealed does not seal it anew."""
    if not is_sealed(status):
        return None, None
    return (row.confirmed_at, row.confirmed_by) if is_sealed(row.status) else (at, by)
