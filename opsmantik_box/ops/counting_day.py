"""Counts every site's day, as the report does: the helper of the daily message. `python -m opsmantik_box.ops.counting_day`."""

import sqlite3
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from opsmantik_box.domain.daily import Asked, Order, SiteDay
from opsmantik_box.domain.days import Days
from opsmantik_box.domain.questions import Question, Row, answered
from opsmantik_box.domain.report import Line, ask_lines
from opsmantik_box.link.errands import Say, serve_errand
from opsmantik_box.ops.box_files import list_months
from opsmantik_box.ops.report import SQL, connections
from opsmantik_box.sql.scope import ReadRefused


def run(order: Order, say: Say) -> list[SiteDay]:
    """Raises DataFolderUnusable, ReadRefused."""
    found: list[SiteDay] = []
    for timezone, sites in groupby(sorted(order.sites, key=lambda one: one.timezone), key=lambda one: one.timezone):
        say(f"counting the day of {timezone}")
        found += _count(Path(order.data), Days(order.day, order.day, timezone), list(sites))
    return found


def _count(data: Path, days: Days, sites: Sequence[Asked]) -> list[SiteDay]:
    months = list_months(data)
    with connections(data, [site.site_id for site in sites], months) as connection:

        def ask(question: Question) -> Sequence[Row]:
            return connection(question.month).execute(SQL[question.name], question.parameters).fetchall()

        try:
            lines = answered(ask_lines(days, months, days.first), ask)
        except sqlite3.Error as error:
            raise ReadRefused(problem=str(error)) from error
    return [_day_of(site.name, lines[site.site_id]) for site in sites if site.site_id in lines]


def _day_of(name: str, line: Line) -> SiteDay:
    ads = line.ads
    return SiteDay(name, line.google.clicks, ads.sessions, ads.phone, ads.whatsapp, ads.form, ads.sealed, line.all.sessions)


if __name__ == "__main__":
    sys.exit(serve_errand(Order, run))
