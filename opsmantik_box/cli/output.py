"""How the command line prints: aligned tables, sizes and times in human units, JSON for programs. No colour, no cursor movement.

Text that came from outside is printed without control characters: a site's name cannot move the operator's cursor.
"""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

import click
import msgspec

UNITS = ("B", "KB", "MB", "GB", "TB")
SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def print_json(value: object) -> None:
    """One document, indented, for a program or a reader."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their widest cell; numbers to the right."""
    cells = [[shown(cell) for cell in row] for row in rows]
    widths = [max(width_of(text) for text in column) for column in zip(headings, *cells, strict=True)]
    numeric = [bool(rows) and all(isinstance(row[n], int | float) for row in rows) for n in range(len(headings))]
    for line in ([*headings], *cells):
        click.echo("  ".join(padded(*one) for one in zip(line, widths, numeric, strict=True)).rstrip())


def shown(cell: object) -> str:
    """A cell as text: nothing is `-`, a list is joined, control characters are gone."""
    if cell is None or cell == "":
        return "-"
    text = ", ".join(map(str, cell)) if isinstance(cell, list | tuple) else str(cell)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return clean(text)


def clean(text: str) -> str:
    """Without control, format and bidi characters."""
    return "".join(char if unicodedata.category(char)[0] != "C" else "�" for char in text)


def width_of(text: str) -> int:
    """Columns a text takes on a terminal."""
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def padded(text: str, width: int, right: bool) -> str:
    """`text` filled with spaces to `width` columns."""
    space = " " * (width - width_of(text))
    return space + text if right else text + space


def human_size(size: float) -> str:
    """Bytes as 512 B, 16.0 MB, 1.2 GB."""
    for unit in UNITS:
        if size < 1024 or unit == UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("the last unit takes everything")


def human_span(milliseconds: float) -> str:
    """A length of time as 40 ms, 12 s, 5 min, 3 h, 2 d."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    length, unit = next(span for span in SPANS if seconds >= span[0])
    return f"{seconds / length:.0f} {unit}"


def human_ago(then: int | None, now: int) -> str:
    """How long ago, or `never`."""
    return "never" if not then else f"{human_span(max(0, now - then))} ago"


def human_time(at: int | None) -> str:
    """UTC milliseconds as `2026-01-29 18:05 UTC`, or `-`."""
    return "-" if not at else datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
