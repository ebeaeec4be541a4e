"""Options that several commands share, and what they mean: the data folder, the settings, a day."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opsmantik_box.errors import DataFolderUnusable, UsageError

if TYPE_CHECKING:
    from opsmantik_box.config import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def data_folder(chosen: Path | None) -> Path:
    """Absolute: --data, else the first of $STATE_DIRECTORY, else $OPSMANTIK_DATA, else ./data."""
    state = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    told = state or os.environ.get("OPSMANTIK_DATA") or "data"
    return (chosen or Path(told)).absolute()


def existing_folder(chosen: Path | None) -> Path:
    """The data folder of a Box that was started before. Raises DataFolderUnusable."""
    data = data_folder(chosen)
    if not data.is_dir():
        problem = (
            f"there is no such folder. Name the right one with --data, or make a Box with `opsmantik-box serve --data {data}`."
        )
        raise DataFolderUnusable(data=data, problem=problem)
    return data


def _as_folder(_context: click.Context, _parameter: click.Parameter, chosen: Path | None) -> Path:
    return data_folder(chosen)


def data_option(command: Command) -> Command:
    """`--data DIR`, given to the command as an absolute path."""
    return click.option(
        "--data", type=click.Path(path_type=Path, file_okay=False), callback=_as_folder, metavar="DIR", help="The data folder."
    )(command)


def config_option(command: Command) -> Command:
    """`--config FILE`."""
    kind = click.Path(path_type=Path, dir_okay=False)
    return click.option("--config", type=kind, metavar="FILE", help="The settings; default DIR/box.toml.")(command)


def json_option(command: Command) -> Command:
    """`--json`: one JSON document instead of a table."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")(command)


def settings_of(data: Path, config: Path | None = None) -> "Settings":
    """The settings in force. Raises ConfigError."""
    from opsmantik_box.config import load

    return load(data, config)


def parse_day(text: str) -> date:
    """A day written YYYY-MM-DD. Raises UsageError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(problem=f"{text!r} is no day; write it YYYY-MM-DD, like 2026-01-29.") from None
