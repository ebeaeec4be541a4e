"""`opsmantik-box sql`: one read-only statement over the ledger and at most two month files, seeing the chosen sites only.

Each statement has a connection of its own (sql/scope.py says why). Never writes.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

from opsmantik_box.domain.days import day_bounds, day_of
from opsmantik_box.domain.months import EDGE_MS, months_of_range
from opsmantik_box.errors import UsageError
from opsmantik_box.ops.box_files import KnownSite, find_site, list_months, list_sites
from opsmantik_box.sql.scope import MOST_MONTHS, ReadRefused, ReadTooSlow, is_forbidden, is_interrupted, open_scoped

SECONDS = 30.0
MOST_ROWS = 100_000
SHIPPED = ("bugun_dashboard_eslestirme.sql",)
"""Queries that come with the Box, by file name."""

Table = tuple[list[str], list[tuple[Any, ...]]]
"""The columns' names, and the rows."""


def read_query(told: str) -> str:
    """The text of a file, or of a shipped query when there is no such file. Raises UsageError."""
    path = Path(told)
    if path.exists() or path.name not in SHIPPED or path.name != told:
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(problem=f"{told}: it cannot be read ({error}). Shipped queries: {', '.join(SHIPPED)}.") from None
    return (files("opsmantik_box.sql") / told).read_text()


def run_query(
    data: Path,
    sql: str,
    site_ids: Sequence[int] | None,
    site: str | None,
    months: Sequence[str] | None,
    now: int,
    parameters: Mapping[str, object] | None = None,
) -> Table:
    """Runs one statement. It sees `site_ids`, else `site`, else every site of the Box; `sessions` and `events` are those of
    `months` (at most two), else of those the site's today touches. Bound beside `parameters`: :site as told, :site_id, :day,
    :from_ms and :to_ms (its today), :now. Raises UsageError, NotFound, DataFolderUnusable, ReadTooSlow, ReadRefused."""
    sites = list_sites(data)
    chosen = find_site(sites, site) if site else None
    timezone = chosen.timezone if chosen else sites[0].timezone if sites else "UTC"
    scope = list(site_ids) if site_ids is not None else [chosen.id] if chosen else [one.id for one in sites]
    bound = _today(chosen, site, timezone, now) | dict(parameters or {})
    day = bound["day"]
    files_ = _month_files(list_months(data), months, *day_bounds(str(day), timezone))
    return _execute(data, sql, scope, files_, bound)


def _today(chosen: KnownSite | None, told: str | None, timezone: str, now: int) -> dict[str, object]:
    day = day_of(now, timezone)
    from_ms, to_ms = day_bounds(day, timezone)
    return {"site": told, "site_id": chosen.id if chosen else None, "day": day, "from_ms": from_ms, "to_ms": to_ms, "now": now}


def _month_files(known: Mapping[str, str], told: Sequence[str] | None, from_ms: int, to_ms: int) -> list[str]:
    """The files of the months that were told, else of today's: with 48 hours at a month's edge, where sessions live in either."""
    if told:
        missing = [month for month in told if month not in known]
        if missing or len(set(told)) > MOST_MONTHS:
            problem = f"there is no month {missing[0]}" if missing else f"at most {MOST_MONTHS} months at a time"
            raise UsageError(problem=f"--month: {problem}; there are {', '.join(known) or 'none yet'}.")
        return [known[month] for month in sorted(set(told))]
    todays = [known[month] for month in months_of_range(from_ms - EDGE_MS, to_ms + EDGE_MS) if month in known]
    return todays[:MOST_MONTHS] or list(known.values())[-1:]


def _execute(data: Path, sql: str, site_ids: Sequence[int], months: Sequence[str], bound: Mapping[str, object]) -> Table:
    try:
        with closing(open_scoped(data, site_ids, months, SECONDS)) as connection:
            cursor = connection.execute(sql, bound)
            rows = cursor.fetchmany(MOST_ROWS + 1)
            columns = [str(one[0]) for one in cursor.description or ()]
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        raise _explained(error, months) from error
    if len(rows) > MOST_ROWS:
        raise UsageError(problem=f"The query gives more than {MOST_ROWS} rows; add a LIMIT or a WHERE.")
    return columns, rows


def _explained(error: Exception, months: Sequence[str]) -> Exception:
    if isinstance(error, sqlite3.Error) and is_interrupted(error):
        return ReadTooSlow(seconds=SECONDS)
    if isinstance(error, sqlite3.Error) and is_forbidden(error):
        return UsageError(problem="The query asks for more than reading one's own sites: only SELECT over the views of the scope.")
    if isinstance(error, sqlite3.OperationalError) and "unable to open" in str(error):
        return ReadRefused(problem="a file is being replaced, or this user may not read it")
    hint = "" if months else " There is no month file yet: `sessions` and `events` come with the first signal."
    return UsageError(problem=f"The query is not understood: {str(error).rstrip('.')}.{hint}")
