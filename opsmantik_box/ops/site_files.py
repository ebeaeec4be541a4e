"""A file of sites, CSV or JSON, as checked entries. All or none: the first wrong thing is told with its line, and nothing is used.

CSV: a heading line (name, domain, timezone, region, currency, consent, staging_domains, internal_addresses in any order; only name
and domain are needed), several domains separated by spaces. JSON: a list of objects with the same names.
"""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsmantik_box.domain.site_entry import SiteEntry, read_entry
from opsmantik_box.errors import UsageError

if TYPE_CHECKING:
    from _csv import Reader

Placed = tuple[str, dict[str, object]]
"""Where a row stands ('line 3'), and its fields."""


def read_sites(file: Path) -> list[SiteEntry]:
    """The file's sites in order. Raises UsageError naming file, line and field."""
    text = _read(file)
    rows = _json_rows(file, text) if text.lstrip().startswith(("[", "{")) else _csv_rows(file, text)
    entries: list[SiteEntry] = []
    first: dict[str, str] = {}
    for place, fields in rows:
        try:
            entry = read_entry(fields)
        except UsageError as error:
            raise UsageError(problem=f"{file}: {place}: {error}. Nothing was imported.") from None
        if entry.name in first:
            raise UsageError(problem=f"{file}: {place}: name {entry.name!r} was used on {first[entry.name]}. Nothing was imported.")
        first[entry.name] = place
        entries.append(entry)
    if not entries:
        raise UsageError(problem=f"{file}: it holds no site. Nothing was imported.")
    return entries


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(problem=f"{file}: it cannot be read as UTF-8 text ({error}).") from None


def _csv_rows(file: Path, text: str) -> Iterator[Placed]:
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        headings = next(reader, list[str]())
        for first_line, row in _placed(reader):
            if len(row) > len(headings):
                raise UsageError(problem=f"{file}: line {first_line}: more fields than the heading line has. Nothing was imported.")
            yield f"line {first_line}", dict(zip(headings, row, strict=False))
    except csv.Error as error:
        raise UsageError(problem=f"{file}: line {reader.line_num}: {error}. Nothing was imported.") from None


def _placed(reader: "Reader") -> Iterator[tuple[int, list[str]]]:
    """Rows with the line they begin on (one may go over several); empty lines are left out."""
    before = reader.line_num
    for row in reader:
        if row:
            yield before + 1, row
        before = reader.line_num


def _json_rows(file: Path, text: str) -> Iterator[Placed]:
    try:
        rows: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(problem=f"{file}: line {error.lineno}: this is not JSON ({error.msg}). Nothing was imported.") from None
    rows = rows.get("sites", [rows]) if isinstance(rows, dict) else rows  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    lines = _lines_of_items(text)
    for number, row in enumerate(rows):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        place = f"item {number + 1}" + (f" (line {lines[number]})" if number < len(lines) else "")
        if not isinstance(row, dict):
            raise UsageError(problem=f"{file}: {place}: expected an object. Nothing was imported.")
        yield place, row  # pyright: ignore[reportUnknownVariableType]


def _lines_of_items(text: str) -> list[int]:
    """The line on which each object of the outermost list begins."""
    decoder, found, at = json.JSONDecoder(), list[int](), text.index("[") + 1 if "[" in text else len(text)
    while (start := text.find("{", at)) >= 0:
        found.append(text.count("\n", 0, start) + 1)
        try:
            at = decoder.raw_decode(text, start)[1]
        except json.JSONDecodeError:
            break
    return found
