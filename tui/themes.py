"""The console's colours: its own two, Textual's, and those an operator wrote (themes/NAME.toml in his configuration folder).

Promises: a file that cannot be read is no reason not to start: its mistake is said, and the others hold.
"""

import tomllib
from pathlib import Path

import msgspec
from msgspec import Struct
from textual.color import Color, ColorParseError
from textual.theme import Theme

FOLDER = "themes"


class Palette(Struct, frozen=True, forbid_unknown_fields=True):
    """A theme file: colours as #rrggbb or by their CSS names. What is left out follows from `primary`."""

    primary: str
    secondary: str | None = None
    accent: str | None = None
    foreground: str | None = None
    background: str | None = None
    surface: str | None = None
    panel: str | None = None
    success: str | None = None
    warning: str | None = None
    error: str | None = None
    dark: bool = True


DARK = Theme(
    "opsmantik", primary="#6cb2eb", secondary="#8fbcbb", accent="#e5c07b", foreground="#d8dee9", background="#11151c", surface="#161b24",
    panel="#1d2430", success="#8fce8f", warning="#e8b04b", error="#ff6b6b", dark=True,
)  # fmt: skip
LIGHT = Theme(
    "opsmantik-light", primary="#1f6feb", secondary="#0b7285", accent="#9a6700", foreground="#1f2328", background="#fafafa",
    surface="#f1f3f5", panel="#e5e9ee", success="#1a7f37", warning="#9a6700", error="#cf222e", dark=False,
)  # fmt: skip


def read_themes(config: Path) -> tuple[list[Theme], str]:
    """The operator's own, named as their files are, and what is wrong with the last one that is ('' when none is)."""
    found: list[Theme] = []
    wrong = ""
    for path in sorted((config / FOLDER).glob("*.toml")):
        try:
            found.append(read_theme(path))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError, ColorParseError) as problem:
            wrong = f"{path}: {problem}"
    return found, wrong


def read_theme(path: Path) -> Theme:
    """Raises what is wrong with it."""
    palette = msgspec.convert(tomllib.loads(path.read_text()), Palette)
    colours = msgspec.structs.asdict(palette)
    for value in colours.values():
        if isinstance(value, str):
            Color.parse(value)
    return Theme(path.stem, **colours)
