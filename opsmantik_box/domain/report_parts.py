"""Which of a report's days are read from the daily summary, and which live. Pure.

Promise: a day is read from the summary only when nothing of it changed since it was summed up (engine/due_days.py marks what did).
"""

from itertools import groupby

from msgspec import Struct

from opsmantik_box.domain.days import Days
from opsmantik_box.domain.questions import Asking, Question
from opsmantik_box.domain.summary import EVERY_DAY, days_of_quarter


class Part(Struct, frozen=True):
    """Some of a report's days, one after the other. `is_summed`: they come from the summary."""

    days: Days
    is_summed: bool


def ask_parts(days: Days, today: str) -> Asking[list[Part]]:
    """The report's days, all of them, in their order. A day that is due of one of several sites is read live of all of them."""
    if days.first >= today:
        return [Part(days, is_summed=False)]
    due = {quarter for (quarter,) in (yield Question(None, "list_due", days.span()))}
    if EVERY_DAY in due:
        return [Part(days, is_summed=False)]
    changed = {day for quarter in due for day in days_of_quarter(quarter, days.timezone)}
    return _parts(days, today, changed)


def _parts(days: Days, today: str, changed: set[str]) -> list[Part]:
    parts: list[Part] = []
    for is_summed, some in groupby(days.each(), key=lambda day: day < today and day not in changed):
        run = list(some)
        parts.append(Part(Days(run[0], run[-1], days.timezone), is_summed))
    return parts


def source_of(parts: list[Part]) -> str:
    """As the report says it."""
    kinds = {part.is_summed for part in parts}
    return "mixed" if len(kinds) > 1 else "summary" if True in kinds else "live"
