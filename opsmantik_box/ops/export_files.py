"""The files of an export: JSON Lines or CSV, their sums, and the manifest. Knows columns, not what they mean to anybody.

In CSV a text that a spreadsheet would run is made harmless (OWASP, "CSV Injection"): an apostrophe goes before = + - @, a tab or a
carriage return at the beginning of a cell, and also behind a semicolon or a line's end inside of one, because a spreadsheet that
separates by semicolons (as the Turkish one does) begins a cell there.
"""

import csv
import hashlib
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from opsmantik_box.domain.ids import uuid_text
from opsmantik_box.domain.scoring import NAMES as RULES

FORMATS = ("jsonl", "csv")
Row = tuple[Any, ...]

_RUNS = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=[=+\-@\t\r＝＋－＠])")
_JSON = frozenset({"metadata", "score_breakdown", "candidates"})
"""Columns that hold JSON texts."""
_TRUTH = frozenset({"is_bot", "is_internal"})
BOM = "\ufeff"
"""Without it Excel takes UTF-8 for the machine's old code page."""


class WrittenFile(Struct, frozen=True):
    """A finished file; `sha256` is hexadecimal."""

    name: str
    rows: int
    bytes: int
    sha256: str
    columns: list[str]


class RowFile:
    """One file being written, summed as it goes. `site` stands in each row, as its public id."""

    def __init__(self, folder: Path, name: str, format_: str, site: str) -> None:
        path = folder / f"{name}.{format_}"
        self._out = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._name, self._site = path.name, site
        self._encode = _json_lines if format_ == "jsonl" else _csv_lines
        self._csv = format_ == "csv"
        self._sum, self._bytes = hashlib.sha256(), 0
        self._columns: list[str] = []
        self.rows = 0

    def append(self, columns: list[str], page: Sequence[Row]) -> None:
        """More rows, of the same columns each time."""
        if not self._columns:
            self._columns = ["site_id", *columns]
            if self._csv:
                self._put(BOM + _csv_lines(self._columns, [self._columns]))
        self._put(self._encode(self._columns, [[self._site, *map(read_value, columns, row)] for row in page]))
        self.rows += len(page)

    def finish(self) -> WrittenFile:
        """What was written, once it is on disk."""
        self._out.flush()
        os.fsync(self._out.fileno())
        return WrittenFile(self._name, self.rows, self._bytes, self._sum.hexdigest(), self._columns)

    def close(self) -> None:
        self._out.close()

    def _put(self, text: str) -> None:
        data = text.encode()
        self._out.write(data)
        self._sum.update(data)
        self._bytes += len(data)


def write_manifest(folder: Path, manifest: Struct) -> None:
    """manifest.json, beside the files it tells of."""
    path = folder / "manifest.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        out.flush()
        os.fsync(out.fileno())


def read_value(column: str, value: Any) -> Any:
    """A column's value as others know it: truth instead of 0 and 1, rules by name, JSON as what it stands for."""
    if value is None:
        return None
    if column in _JSON:
        return msgspec.json.decode(value)
    if column in _TRUTH:
        return bool(value)
    if column == "event_id":
        return uuid_text(bytes.fromhex(value))
    if column == "fired":
        return [name for rule, name in RULES.items() if value & rule]
    return value


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula, wherever it separates cells."""
    return _RUNS.sub("'", text)


def _json_lines(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return "".join(msgspec.json.encode(dict(zip(columns, row, strict=True))).decode() + "\n" for row in rows)


def _csv_lines(_columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Numbers stay numbers: a negative one is no formula."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dict | list):
        value = msgspec.json.encode(value).decode()
    return harmless(value) if isinstance(value, str) else value
