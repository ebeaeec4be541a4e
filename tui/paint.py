"""Text on its way to the terminal. Pure.

Promises: what `safe_text` lets through moves no cursor, sets no mode, turns no direction and is as wide as it says, whoever wrote it. It is
applied in one place, where lines become strips of the terminal (widgets/canvas.py): a raw string elsewhere in the console is harmless.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

Span = tuple[str, str]
"""Text, and the word for how it looks (widgets/canvas.py has the list); '' is plain."""
Line = tuple[Span, ...]

REPLACEMENT = "?"
_TWINS = str.maketrans({
    "●": "*", "◌": "o", "✕": "x", "⚠": "!", "→": ">", "←": "<", "↑": "^", "↓": "v", "·": ".", "…": "~", "─": "-", "│": "|", "–": "-",
    "—": "-", "’": "'", "“": '"', "”": '"', "×": "x", "▁": "_", "▂": "_", "▃": "-", "▄": "-", "▅": "=", "▆": "=", "▇": "#", "█": "#",
    "ı": "i", "ø": "o", "ß": "s", "æ": "a",
})  # fmt: skip
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


@lru_cache(maxsize=8192)
def safe_text(text: str) -> str:
    """A text that can do nothing to a terminal. Controls (C0, C1), marks that turn the direction, invisible and unassigned characters
    and pictures become '?'; line ends and tabs a space; of marks that stand on a letter the first is kept."""
    if text.isascii() and text.isprintable():
        return text
    composed = unicodedata.normalize("NFC", text)
    kept: list[str] = []
    marks = 0
    for char in composed:
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if marks <= 1:
            kept.append(_shown(char, kind))
    return "".join(kept)


def _shown(char: str, kind: str) -> str:
    if char in "\t\n\r\v\f\x85\u2028\u2029" or kind == "Zs":
        return " "
    picture = ord(char) >= 0x1F000 and kind in ("So", "Sk")  # terminals disagree about how wide these are
    return REPLACEMENT if kind in _INVISIBLE or picture or _is_variation(char) else char


def _is_variation(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or char >= "\U000e0000"


def typed_text(text: str) -> str:
    """What of a typed or pasted text is kept: everything but controls and invisible characters; line ends are spaces."""
    one_line = " ".join(text.splitlines()).replace("\t", " ")
    return "".join(char for char in one_line if unicodedata.category(char) not in _INVISIBLE)


@lru_cache(maxsize=8192)
def as_ascii(text: str) -> str:
    """A safe text by letters that every terminal has, as wide as before."""
    return text if text.isascii() else "".join(char if char.isascii() else _twin(char) for char in text)


def _twin(char: str) -> str:
    plain = unicodedata.normalize("NFKD", char.translate(_TWINS))[0]
    return (plain if plain.isascii() else REPLACEMENT) * cell_len(char)


def width_of(text: str) -> int:
    """Cells it takes."""
    return cell_len(safe_text(text))


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly so many cells: cut with '…', or filled up."""
    safe = safe_text(text)
    if safe.isascii() and len(safe) <= width:
        return safe.rjust(width) if right else safe.ljust(width)
    length = cell_len(safe)
    if length > width:
        return set_cell_size(safe, max(0, width - 1)) + "…" if width > 0 else ""
    return " " * (width - length) + safe if right else safe + " " * (width - length)


def line_width(line: Line) -> int:
    return sum(width_of(text) for text, _ in line)


def fit_line(line: Iterable[Span], width: int, look: str = "") -> Line:
    """A line of exactly so many cells; what is filled up looks like `look`."""
    spans: list[Span] = []
    left = width
    for text, style in line:
        wide = width_of(text)
        if wide > left:
            spans.append((fit(text, left), style))
            return tuple(spans)
        spans.append((text, style))
        left -= wide
    return (*spans, (" " * left, look)) if left else tuple(spans)


def spread(left: Iterable[Span], right: Iterable[Span], width: int) -> Line:
    """One part at each end. When they do not fit, the left one gives way: the right one holds what changes."""
    ends = tuple(right)
    return (*fit_line(left, max(0, width - line_width(ends))), *fit_line(ends, min(width, line_width(ends))))


def rule(title: str, width: int, look: str = "frame") -> Line:
    """── title ─────"""
    head = f"─ {title} " if title else ""
    return fit_line([(head, look), ("─" * max(0, width - width_of(head)), look)], width, look)


def wrap(text: str, width: int) -> list[str]:
    """A text in lines of at most so many cells, broken at spaces where there are any."""
    lines: list[str] = []
    current = ""
    for word in safe_text(text).split(" "):
        longer = f"{current} {word}" if current else word
        if cell_len(longer) <= width:
            current = longer
            continue
        lines += [current] if current else []
        while cell_len(word) > width > 0:
            head = set_cell_size(word, width).rstrip() or word[:1]
            lines.append(head)
            word = word[len(head) :]  # noqa: PLW2901  # what is left of it
        current = word
    return [*lines, current] if current or not lines else lines


def columns(cells: Sequence[tuple[str, int, str]], gap: int = 1) -> Line:
    """Cells of (text, width, look) beside each other; a negative width is aligned to the right."""
    spans: list[Span] = []
    for number, (text, width, look) in enumerate(cells):
        spans.append((fit(text, abs(width), right=width < 0), look))
        if number < len(cells) - 1:
            spans.append((" " * gap, ""))
    return tuple(spans)


def beside(left: Sequence[Line], right: Sequence[Line], width: int, gap: int) -> list[Line]:
    """Two blocks of lines beside each other; the left one is so many cells wide."""
    rows = max(len(left), len(right))
    return [
        (
            *fit_line(left[number] if number < len(left) else (), width),
            (" " * gap, ""),
            *(right[number] if number < len(right) else ()),
        )
        for number in range(rows)
    ]
