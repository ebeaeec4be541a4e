"""`opsmantik-box stats`: the report of /stats, read from the files, with the service running or not."""

import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from opsmantik_box.domain.days import Days, day_of
from opsmantik_box.domain.questions import Question, Row, answered
from opsmantik_box.domain.report import MOST_DAYS, ask_stats
from opsmantik_box.errors import UsageError
from opsmantik_box.ops.box_files import find_site, list_months, list_sites
from opsmantik_box.sql import load
from opsmantik_box.sql.scope import ReadRefused, ScopedConnection, open_scoped

SQL = load("report")
SECONDS = 60.0
"""Whoever waits at a terminal may stop it himself."""


def stats(
    data: Path, site: str, from_day: str | None, to_day: str | None, scope: str, now: int, *, details: bool = False
) -> dict[str, Any]:
    """The report as /stats answers it; both days default to the site's today. `scope`: one of SCOPES. Raises UsageError, NotFound,
    DataFolderUnusable, ReadRefused."""
    chosen = find_site(list_sites(data), site)
    days = _days(from_day, to_day, day_of(now, chosen.timezone), chosen.timezone)
    months = list_months(data)
    with connections(data, [chosen.id], months) as connection:

        def ask(question: Question) -> Sequence[Row]:
            return connection(question.month).execute(SQL[question.name], question.parameters).fetchall()

        try:
            return msgspec.to_builtins(answered(ask_stats(days, scope, months, now, details=details), ask))
        except sqlite3.Error as error:
            raise ReadRefused(problem=str(error)) from error


def _days(from_day: str | None, to_day: str | None, today: str, timezone: str) -> Days:
    last = to_day or from_day or today
    days = Days(from_day or last, last, timezone)
    try:
        days.span()
        number = len(days.each())
    except (ValueError, OverflowError) as error:
        raise UsageError(problem=f"{days.first} to {last}: {error}") from None
    if not 1 <= number <= MOST_DAYS:
        raise UsageError(
            problem=f"{days.first} to {last}: the first day comes first, and at most {MOST_DAYS} days fit in a report."
        )
    return days


@contextmanager
def connections(
    data: Path, site_ids: Sequence[int], months: Mapping[str, str]
) -> Generator[Callable[[str | None], ScopedConnection]]:
    """A function that gives the connection of a month (or of none), opening each once. It sees these sites."""
    with ExitStack() as stack:
        opened: dict[str | None, ScopedConnection] = {}

        def connection(month: str | None) -> ScopedConnection:
            if month not in opened:
                files = [months[month]] if month else []
                opened[month] = stack.enter_context(closing(open_scoped(data, site_ids, files, SECONDS)))
            return opened[month]

        yield connection
