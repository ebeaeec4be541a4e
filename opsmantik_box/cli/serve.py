"""`opsmantik-box serve`: the settings, the first words, then the service until it is told to stop."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import which
from textwrap import indent

import click

from opsmantik_box import __version__
from opsmantik_box.cli.options import config_option, data_folder, data_option, settings_of
from opsmantik_box.errors import DataFolderUnusable

FIRST_SITE = "first-site"
FIRST_DOMAIN = "localhost"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"


@click.command()
@data_option
@config_option
@click.option("--host", help="The address to listen on; default 127.0.0.1. Not used when systemd passed a socket.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; default 8787.")
@click.option("--workers", type=click.IntRange(1, 64), help="How many gateway processes; default 1.")
@click.option("--first-site", is_flag=True, help="In a new folder, add a site for localhost to try things with.")
def serve(data: Path, config: Path | None, host: str | None, port: int | None, workers: int | None, first_site: bool) -> int:
    """Run the service until SIGTERM or Ctrl-C. The first start makes the data folder."""
    settings = settings_of(data, config)
    host, port = host or settings.host, settings.port if port is None else port
    if is_new(data):
        make_folder(data)
        greet(data, f"http://{host}:{port}", first_site)
    from opsmantik_box.serve import serve as run_service

    return run_service(settings, data, host, port, workers or settings.workers)


def is_new(data: Path) -> bool:
    """Whether no Box lives in the folder yet."""
    return not (data / "ledger.db").exists()


def make_folder(data: Path) -> None:
    """The folder, so that a command can use it. Raises DataFolderUnusable."""
    try:
        data.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        problem = f"it cannot be made ({error.strerror}). Choose another with --data, or have its parent given to this user."
        raise DataFolderUnusable(data=data, problem=problem) from None


def greet(data: Path, url: str, first_site: bool) -> None:
    """What to do next, in a new folder; with a first site when one is wanted."""
    click.echo(f"OpsMantik Box {__version__}: a new data folder in {data}\n")
    click.echo(first_words(data, url) if first_site else next_words(data))
    sys.stdout.flush()


def first_words(data: Path, url: str) -> str:
    """Add the first site; its snippet and the steps to see it work."""
    from opsmantik_box.cli.engine import call
    from opsmantik_box.cli.site import make_form, snippet_of
    from opsmantik_box.snippet import SYNC

    row = call(data, "add_site", name=FIRST_SITE, domains=[FIRST_DOMAIN, "127.0.0.1"], consent="granted")
    lines = make_form("plain", snippet_of(row, url, "")).text
    command, public_id = as_typed(data), row["public_id"]
    signal = f'{{"s":"{public_id}","u":"http://localhost/?gclid=first-click","ea":"phone_call","ec":"conversion","el":"tel:+902125550142"}}'
    return f"""A first site, {FIRST_SITE!r}, was added for pages on http://localhost. Its snippet:

{indent(lines, "  ")}

Next, in another terminal:

  1. send a first tap
     curl -A '{BROWSER}' -H 'Origin: http://localhost' {url}{SYNC} -d '{signal}'
  2. see it counted
     {command("stats", "--site", FIRST_SITE)}
  3. add a real site
     {command("site", "add", "'My client'", "--domain", "www.example.com", "--url", "https://box.example.com")}
  4. if something is odd
     {command("doctor")}

Serving on {url}; Ctrl-C stops it.
"""


def next_words(data: Path) -> str:
    """What to do in a folder without a site."""
    command = as_typed(data)
    added = command("site", "add", "'My client'", "--domain", "www.example.com", "--url", "https://box.example.com")
    backup = f"Then a place for backups that outlives this machine: [backup] in {data / 'box.toml'} (docs/backups.md)."
    return (
        f"Next: add a site, then paste the snippet it prints.\n\n  {added}\n\n{backup}\nIf something is odd: {command('doctor')}\n"
    )


def as_typed(data: Path) -> Callable[..., str]:
    """Commands as the reader can type them here: the program as it was called, --data only where it is needed."""
    called = Path(sys.argv[0])
    program = f"{Path(sys.executable).name} -m opsmantik_box" if called.name == "__main__.py" else os.path.relpath(called)
    folder = [] if data == data_folder(None) else ["--data", str(data)]
    return lambda *words: " ".join(["opsmantik-box" if which(called.name) else program, *words, *folder])
