"""The one way a command changes something: the running engine, or one that is started for the length of the command."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from opsmantik_box.cli.options import existing_folder

SiteRow = dict[str, Any]


class Engine(Protocol):
    """What a command needs of the engine's client."""

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """The result of a command of engine/commands.py. Raises BoxError."""
        ...


@contextmanager
def engine(data: Path) -> Generator[Engine]:
    """The engine of an existing data folder. Raises DataFolderUnusable, DataFolderInUse."""
    from opsmantik_box.link.client import engine_for

    with engine_for(existing_folder(data)) as client:
        yield client


def call(data: Path, command: str, /, **arguments: object) -> Any:
    """One command with the arguments that were given (those that are None or empty are left out)."""
    with engine(data) as client:
        return client.call(command, {key: value for key, value in arguments.items() if value not in (None, "", (), [])})


def find_site(data: Path, told: str) -> SiteRow:
    """The site with this id, public id, domain or name. Raises NotFound, UsageError when several are meant."""
    return call(data, "find_site", site=told)
