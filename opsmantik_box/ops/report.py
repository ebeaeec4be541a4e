"""`opsmantik-box stats`: the report of /stats, read from the files, with the service running or not."""

import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from opsmantik_box.domain.days import day_bounds, day_of, days_of_range, zone
from opsmantik_box.domain.report import BUCKETS, MOST_DAYS, Question, Row, answered, ask_stats
from opsmantik_box.errors import UsageError
from opsmantik_box.ops.box_files import find_site, list_months, list_sites
from opsmantik_box.sql import load
from opsmantik_box.sql.scope import ReadRefused, ScopedConnection, open_scoped

SQL = load("report")
SECONDS = 60.0
"""Whoever waits at a terminal may stop it himself."""
COLUMNS = ("sessions", "with_click", "assisted", "visitors", "intents", "phone", "whatsapp", "form", "calls", "sealed")


def stats(data: Path, site: str, from_day: str | None, to_day: str | None, scope: str, now: int) -> dict[str, Any]:
    """The report as /stats answers it; both days default to the site's today. `scope`: 'ads' or 'all'. Raises UsageError, NotFound,
    DataFolderUnusable, ReadRefused."""
    chosen = find_site(list_sites(data), site)
    first, last = _days(from_day, to_day, day_of(now, chosen.timezone), chosen.timezone)
    months = list_months(data)
    with _connections(data, chosen.id, months) as connection:

        def ask(question: Question) -> Sequence[Row]:
            return connection(question.month).execute(SQL[question.name], question.parameters).fetchall()

        try:
            return msgspec.to_builtins(answered(ask_stats(chosen.id, first, last, scope, months), ask))
        except sqlite3.Error as error:
            raise ReadRefused(problem=str(error)) from error


def _days(from_day: str | None, to_day: str | None, today: str, timezone: str) -> tuple[str, str]:
    last = to_day or from_day or today
    first = from_day or last
    try:
        for day in (first, last):
            day_bounds(day, timezone)
        days = len(days_of_range(first, last))
    except (ValueError, OverflowError) as error:
        raise UsageError(problem=f"{first} to {last}: {error}") from None
    if not 1 <= days <= MOST_DAYS:
        raise UsageError(problem=f"{first} to {last}: the first day comes first, and at most {MOST_DAYS} days fit in a report.")
    return first, last


@contextmanager
def _connections(data: Path, site_id: int, months: Mapping[str, str]) -> Generator[Callable[[str | None], ScopedConnection]]:
    """A function that gives the connection of a month (or of none), opening each once."""
    with ExitStack() as stack:
        opened: dict[str | None, ScopedConnection] = {}

        def connection(month: str | None) -> ScopedConnection:
            if month not in opened:
                files = [months[month]] if month else []
                opened[month] = stack.enter_context(closing(open_scoped(data, [site_id], files, SECONDS)))
            return opened[month]

        yield connection


def format_stats(stats: Mapping[str, Any]) -> str:
    """The report for a person: the funnel in one line, then a table of the five kinds of traffic."""
    span = stats["from"] if stats["from"] == stats["to"] else f"{stats['from']} to {stats['to']}"
    lines = [f"{span} ({stats['timezone']})", funnel(stats), "", *_table(stats)]
    if stats["client"]["whatsapp"] is not None or stats["client"]["phone"] is not None:
        lines += ["", f"The client counted {_told(stats['client']['whatsapp'])} WhatsApp, {_told(stats['client']['phone'])} phone."]
    return "\n".join(lines)


def funnel(stats: Mapping[str, Any]) -> str:
    """The one line of product.md: from Google's clicks to what was sealed, then what lies beside."""
    ads, everything, bots, internal = stats["ads"], stats["all"], stats["bots"], stats["internal"]
    return (
        f"{_google(stats)} → {_many(ads['with_click'], 'session')} with a click + {ads['assisted']} assisted = "
        f"{_many(ads['sessions'], 'ads session')} → {_intents(ads)} → {ads['sealed']} sealed so far. "
        f"All traffic: {_many(everything['sessions'], 'session')}, {_intents(everything)}. "
        f"Not counted: {_many(bots['sessions'], 'bot session')} ({_many(bots['intents'], 'tap')}), {internal['sessions']} internal."
    )


def _google(stats: Mapping[str, Any]) -> str:
    google = stats["google"]
    if google["clicks"] is None:
        return "No ad clicks entered"
    as_of = datetime.fromtimestamp(google["as_of"] / 1000, UTC).astimezone(zone(google["timezone"]))
    same_day = as_of.date().isoformat() == stats["to"]
    when = as_of.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")
    return f"{_many(google['clicks'], 'ad click')} (Google, {google['timezone']}, as of {when})"


def _intents(bucket: Mapping[str, Any]) -> str:
    return f"{_many(bucket['intents'], 'intent')} ({bucket['phone']} phone, {bucket['whatsapp']} WhatsApp)"


def _many(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _told(number: int | None) -> str:
    return "no" if number is None else str(number)


def _table(stats: Mapping[str, Any]) -> list[str]:
    heads = ["", *(column.replace("_", " ") for column in COLUMNS)]
    rows = [[name.replace("_", " "), *(str(stats[name][column]) for column in COLUMNS)] for name in BUCKETS]
    widths = [max(len(row[number]) for row in (heads, *rows)) for number in range(len(heads))]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in (heads, *rows)]
