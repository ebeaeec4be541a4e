"""`opsmantik-box export`: everything the Box knows of one site, as files that others can read.

Promises: constant memory, whatever there is (pages of rows, month by month); read through the site's own scope, so another site's row
cannot come along; the folder appears whole or not at all. Pages are short reads of their own: neither the service's checkpoints nor
its writing of a closed month wait for an export. No phone number, name or e-mail address of a caller is written: the ledger has them
encrypted, and the scope does not show them. Never writes into the data folder.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from opsmantik_box.domain.days import day_bounds
from opsmantik_box.errors import UsageError
from opsmantik_box.ops.box_files import KnownSite, find_site, list_months, list_sites
from opsmantik_box.ops.export_files import FORMATS, Row, RowFile, WrittenFile, write_manifest
from opsmantik_box.sql import load
from opsmantik_box.sql.scope import ReadRefused, open_scoped

SQL = load("export")
PAGE = 2_000
"""Rows in memory at a time."""
PATIENCE_SECONDS = 12 * 3_600.0
"""Whoever waits at a terminal may stop it himself."""
ALL_TIME = (0, 2**62)

NOTES = (
    "Times are UTC milliseconds. Amounts are in the smallest unit of their currency. Codes (status, source, fired) are those of the API.",
    "Phone numbers, names and e-mail addresses of callers are not in this export: the Box keeps them encrypted.",
    "intent_target and called_number are the site's own numbers. Notes are as they were typed.",
    "ip_address is the truncated address (IPv4 /24, IPv6 /48): the Box never keeps more.",
    "Sessions that began in these days; events and intents that happened in them; the verdicts of these intents, whenever given.",
    "In CSV, a text that a spreadsheet would run as a formula begins with an apostrophe; JSON Lines is exactly what is stored.",
)

Tell = Callable[[str], None]
"""Is told how far it is, once a page."""


class Table(Struct, frozen=True):
    """One file: its statement of sql/export.sql, the columns that order it, and whether month files hold it."""

    name: str
    at: str
    key: str
    in_months: bool

    @property
    def statement(self) -> str:
        return SQL[f"export_{self.name}"]


TABLES = (
    Table("sessions", "created_at", "id", in_months=True),
    Table("events", "created_at", "seq", in_months=True),
    Table("intents", "at", "id", in_months=False),
    Table("verdicts", "call_at", "id", in_months=False),
)
FIRST_KEY: dict[str, object] = {"sessions": "", "events": -1, "intents": -1, "verdicts": -1}


class Manifest(Struct, frozen=True):
    """What was exported. `from_day` and `to_day` are the site's days, None where the span is open; `made_at` is UTC milliseconds."""

    site: str
    name: str
    timezone: str
    from_day: str | None
    to_day: str | None
    format: str
    made_at: int
    files: list[WrittenFile]
    notes: tuple[str, ...] = NOTES


def export_site(
    data: Path, site: str, from_day: str | None, to_day: str | None, format_: str, out: Path, now: int, tell: Tell
) -> Manifest:
    """Writes the folder `out`, which must not exist, or be empty. Raises UsageError, NotFound, DataFolderUnusable, ReadRefused."""
    assert format_ in FORMATS
    chosen = find_site(list_sites(data), site)
    span = read_span(from_day, to_day, chosen.timezone)
    with new_folder(out) as folder:
        files = [_write_table(data, chosen, table, span, folder, format_, tell) for table in TABLES]
        told = Manifest(chosen.public_id, chosen.name, chosen.timezone, from_day, to_day, format_, now, files)
        write_manifest(folder, told)
    return told


def read_span(from_day: str | None, to_day: str | None, timezone: str) -> tuple[int, int]:
    """The milliseconds of the site's days, both included; open where none is given. Raises UsageError."""
    try:
        first = day_bounds(from_day, timezone)[0] if from_day else ALL_TIME[0]
        last = day_bounds(to_day, timezone)[1] if to_day else ALL_TIME[1]
    except (ValueError, OverflowError) as error:
        raise UsageError(problem=f"{from_day or ''} to {to_day or ''}: {error}") from None
    if last <= first:
        raise UsageError(problem=f"{from_day} to {to_day}: the first day comes first.")
    return first, last


@contextmanager
def new_folder(out: Path) -> Generator[Path]:
    """A folder with another name beside `out`, which takes its place when all went well and is gone when not, also on Ctrl-C.
    Personal data: for its owner only. Raises UsageError."""
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(problem=f"{out} is there already and not an empty folder; choose another with --out.")
    made = out.with_name(f".{out.name}.partial-{os.getpid()}")
    try:
        made.mkdir(mode=0o700, parents=True)
        yield made
        made.rename(out)
    except OSError as error:
        raise UsageError(problem=f"{out}: it cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _write_table(
    data: Path, site: KnownSite, table: Table, span: tuple[int, int], folder: Path, format_: str, tell: Tell
) -> WrittenFile:
    """Month by month; all of them: a session lives where it began, and a month that has nothing costs one index search."""
    months = list_months(data) if table.in_months else {"": ""}
    with closing(RowFile(folder, table.name, format_, site.public_id)) as file:
        for month, name in months.items():
            for columns, page in _pages(data, site.id, table, [name] if name else [], span):
                file.append(columns, page)
                tell(f"{file.rows:,} {table.name} written{f', in {month}' if month else ''}")
        return file.finish()


def _pages(
    data: Path, site_id: int, table: Table, files: Sequence[str], span: tuple[int, int]
) -> Iterator[tuple[list[str], Sequence[Row]]]:
    """(columns, rows), page by page; at least one of a month, which may be empty: so an empty file has its headings too."""
    asked: dict[str, Any] = {
        "site_id": site_id,
        "limit": PAGE,
        "to_ms": span[1],
        "after_at": span[0],
        "after_key": FIRST_KEY[table.name],
    }
    try:
        with closing(open_scoped(data, [site_id], files, PATIENCE_SECONDS)) as connection:
            while True:
                cursor = connection.execute(table.statement, asked)
                columns = [str(one[0]) for one in cursor.description]
                page = cursor.fetchall()
                yield columns, page
                if len(page) < PAGE:
                    return
                last = dict(zip(columns, page[-1], strict=True))
                asked |= {"after_at": last[table.at], "after_key": last[table.key]}
    except sqlite3.Error as error:
        raise ReadRefused(problem=str(error)) from error
