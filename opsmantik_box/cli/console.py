"""`opsmantik-box console`: starts the console on a Box, this machine's unless another is named.

Finds the address and a token, and hands them over: the console is a client like any other, and this is all the Box knows of it.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from opsmantik_box.cli.options import config_option, data_option, settings_of
from opsmantik_box.errors import BoxError, NotRunning, UsageError

SERVICE_FOLDER = Path("/var/lib/opsmantik-box")
"""Where `make service` keeps a Box's data."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}
"""What to call an address that means all of them."""


@click.command()
@click.option("--url", help="The Box's address; default this machine's, else the one used last.")
@click.option(
    "--token", envvar="OPSMANTIK_TOKEN", help="A user's token. Others on this machine can see it here: better --token-file."
)
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help="A file that holds the token.")
@click.option("--user", metavar="EMAIL", help="On the Box's own machine: make a token for this user.")
@data_option
@config_option
def console(url: str | None, token: str | None, token_file: Path | None, user: str | None, data: Path, config: Path | None) -> int:
    """The terminal console: whom to reach now, and what happened.

    Without a token it asks who you are, and remembers it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(problem="The console needs a terminal. Over ssh: `ssh -t HOST opsmantik-box console`.")
    start = import_module("tui.start")
    folder = _local_folder(data)
    address = (url or _local_address(folder, config) or start.last_url() or "http://127.0.0.1:8787").rstrip("/")
    given = token or _read_token(token_file) or ("" if user else start.known_token(address))
    if not given and folder is not None and not url:
        given = _local_token(folder, user)
        start.remember(address, given)
    return start.run(address, given)


def _local_folder(data: Path) -> Path | None:
    """The data folder of a Box on this machine."""
    return next((folder for folder in (data, SERVICE_FOLDER) if (folder / "ledger.db").exists()), None)


def _local_address(folder: Path | None, config: Path | None) -> str:
    """Where that Box listens, by its settings."""
    if folder is None:
        return ""
    settings = settings_of(folder, config)
    return f"http://{EVERYWHERE.get(settings.host, settings.host)}:{settings.port}"


def _read_token(file: Path | None) -> str:
    try:
        return file.read_text().strip() if file else ""
    except OSError as problem:
        raise UsageError(problem=f"--token-file: {problem}") from problem


def _local_token(folder: Path, user: str | None) -> str:
    """Whoever may use the Box's socket may make a token: for the user who was named, or for the only one there is. '' when that is not
    clear: then the console asks."""
    from opsmantik_box.link.client import EngineClient

    try:
        client = EngineClient(folder)
    except (NotRunning, OSError):
        return ""
    try:
        people: list[dict[str, Any]] = client.call("list_users")
        chosen = user or (people[0]["email"] if len(people) == 1 else "")
        return client.call("create_token", {"user": chosen, "rights": "admin", "name": "console"})["token"] if chosen else ""
    except BoxError:
        if user:
            raise
        return ""
    finally:
        client.close()
