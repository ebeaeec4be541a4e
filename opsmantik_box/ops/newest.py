"""`opsmantik-box events`: what came in last, read from the files, with the service running or not."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opsmantik_box.domain.pages import END_OF_TIME, Position, Span, ask_newest
from opsmantik_box.domain.questions import Question, Row, answered
from opsmantik_box.ops.box_files import find_site, list_months, list_sites
from opsmantik_box.ops.report import connections
from opsmantik_box.sql import load
from opsmantik_box.sql.scope import ReadRefused

STATEMENT = "list_events"
SQL = load("reads")
COLUMNS = {"at": 0, "site": 3, "category": 7, "action": 8, "label": 9, "url": 6, "session": 4}
"""What is shown, and where it stands in a row of list_events."""


def newest_events(data: Path, site: str | None, since: int, limit: int) -> list[dict[str, Any]]:
    """Newest first: of one site or of all, that happened since then (UTC ms). Raises NotFound, UsageError, DataFolderUnusable,
    ReadRefused."""
    known = list_sites(data)
    sites = {one.id: one.name for one in ([find_site(known, site)] if site else known)}
    months = list_months(data)
    with connections(data, list(sites), months) as connection:

        def ask(question: Question) -> Sequence[Row]:
            return connection(question.month).execute(SQL[question.name], question.parameters).fetchall()

        try:
            rows = answered(ask_newest(STATEMENT, list(sites), Span(since, Position(END_OF_TIME, 0), limit), months), ask)
        except sqlite3.Error as error:
            raise ReadRefused(problem=str(error)) from error
    shown = [{name: row[place] for name, place in COLUMNS.items()} for row in rows[:limit]]
    return [one | {"site": sites[one["site"]]} for one in shown]
