"""What an operator has chosen for his console (console.toml) and the tokens it knows (tokens.json, 0600), in his configuration folder.

Promises: a file that cannot be read is no reason not to start: its mistake is said, and the defaults hold. Writes only what was chosen.
"""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tui.net.places import write_private

FILE, TOKENS = "console.toml", "tokens.json"
THEMES = ("opsmantik", "opsmantik-light", "nord", "gruvbox", "tokyo-night", "textual-ansi")


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`bell`: for leads of `bell_score` and more, and when a target is nearly over. `refresh_sec`: how often the numbers are read.
    `hide`: columns that are not shown."""

    theme: str = THEMES[0]
    language: Literal["", "en", "tr"] = ""
    bell: bool = True
    announce: bool = True
    bell_score: Annotated[int, Meta(ge=0, le=100)] = 80
    refresh_sec: Annotated[int, Meta(ge=5, le=3600)] = 60
    hide: tuple[str, ...] = ()
    ascii: bool = False


def read_settings(folder: Path) -> tuple[Settings, str]:
    """What was chosen, and what is wrong with the file ('' when nothing is)."""
    try:
        return msgspec.convert(tomllib.loads((folder / FILE).read_text()), Settings, strict=False), ""
    except FileNotFoundError:
        return Settings(), ""
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as problem:
        return Settings(), f"{folder / FILE}: {problem}"


def write_settings(folder: Path, settings: Settings) -> None:
    """As TOML, whose words for texts, numbers and lists are JSON's. Raises OSError."""
    chosen = msgspec.to_builtins(settings)
    write_private(folder / FILE, "".join(f"{name} = {json.dumps(value)}\n" for name, value in chosen.items()))


class Known(Struct):
    """Tokens by the address of their Box, and the Box that was used last."""

    tokens: dict[str, str] = {}
    last: str = ""


def read_tokens(folder: Path) -> Known:
    try:
        return msgspec.json.decode((folder / TOKENS).read_bytes(), type=Known)
    except (OSError, msgspec.MsgspecError):
        return Known()


def keep_token(folder: Path, url: str, token: str) -> None:
    """For the next time. Raises OSError."""
    known = read_tokens(folder)
    write_private(folder / TOKENS, msgspec.json.encode(Known(known.tokens | {url: token}, url)).decode())
