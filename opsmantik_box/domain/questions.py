"""Questions to the ledger and the month files, and who asks them. Pure: a reading is a generator of questions that is sent the rows, so
that the service (aiosqlite, many at a time) and the command line (sqlite3) give the same answer."""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from opsmantik_box.domain.months import months_of_range, next_month, previous_month

Row = Sequence[Any]
Parameters = dict[str, Any]
Result = TypeVar("Result")


class Question(Struct, frozen=True):
    """A named statement of sql/report.sql or sql/reads.sql, to be asked of the ledger (`month` None) or of a month's file."""

    month: str | None
    name: str
    parameters: Parameters


Asking = Generator[Question, Sequence[Row], Result]


def answered(asking: Asking[Result], ask: Callable[[Question], Sequence[Row]]) -> Result:
    """Runs the questions of a reading through `ask`."""
    try:
        question = next(asking)
        while True:
            question = asking.send(ask(question))
    except StopIteration as done:
        return done.value


def ask_one(question: Question) -> Asking[Sequence[Row]]:
    """A reading of a single question."""
    return (yield question)


def by_site(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """Rows by the site they begin with, without it, in their order."""
    parts: dict[int, list[Row]] = {}
    for number, *row in rows:
        parts.setdefault(number, []).append(row)
    return parts


def months_to_ask(from_ms: int, to_ms: int, known: Iterable[str]) -> list[str]:
    """The month files that may hold sessions of a span of time, oldest first: those it touches, and one on either side, because a
    session lives in the month of its first accepted signal (a hint may name the month before, a late signal the one after)."""
    touched = months_of_range(from_ms, to_ms)
    wanted = {*touched, previous_month(touched[0]), next_month(touched[-1])} if touched else set[str]()
    return sorted(wanted & set(known))
