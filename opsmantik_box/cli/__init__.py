"""The command line. Starts in under 150 ms for `--version`: a command's module, and what it needs, is imported when it runs.

Commands parse and print; they hold no rule and open no database. Errors end in one sentence on stderr and a documented exit code.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from opsmantik_box import __version__
from opsmantik_box.errors import BoxError

COMMANDS = {
    "serve": ("serve", "Run the service."),
    "demo": ("demo", "See it work, with invented visitors."),
    "relay": ("relay", "Take signals while another Box is away, and hand them on."),
    "site": ("site", "Add, list and check the tracked websites."),
    "user": ("people", "Operators and what they may see."),
    "token": ("people", "Bearer tokens for the API and the console."),
    "audit": ("people", "Who did what."),
    "hook": ("hook", "Where telephone exchanges tell of calls."),
    "console": ("console", "The terminal console: whom to reach now."),
    "stats": ("report", "The report of a site's day or days."),
    "events": ("report", "What came in last."),
    "clicks": ("clicks", "Google's own numbers, and the client's."),
    "sql": ("report", "Ask a read-only question in SQL."),
    "export": ("privacy", "Write a site's rows into files."),
    "erase": ("erase", "Erase a visitor everywhere, with a receipt."),
    "privacy": ("privacy", "What is kept of visitors, and who receives it."),
    "geo": ("geo", "The city of a visit, from a file of yours."),
    "jobs": ("jobs", "What the Box does by itself."),
    "backup": ("backup", "Copies of everything, elsewhere."),
    "restore": ("backup", "Make a data folder of a backup."),
    "upgrade": ("upgrade", "Run a newer version, or stay with this one."),
    "config": ("operations", "Show or check the settings."),
    "doctor": ("operations", "Look for what is wrong and say what to do."),
    "deliveries": ("deliveries", "What is told by Telegram, e-mail and webhooks."),
    "webhook": ("deliveries", "Other programs that are told of leads and alerts."),
    "alerts": ("alerts", "What is wrong now."),
    "verify": ("verify", "Whether everything that is stored is what it must be."),
    "quarantine": ("operations", "Signals that could not be stored."),
}
"""Command → the module of this package that holds it, and its line in the menu."""

EXIT_CODES = """\b
Exit codes:
  0  done
  1  failed
  2  usage: an argument, a setting or a file is wrong
  3  the service is not running
  4  the data folder is in use or unusable"""


class Menu(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        return getattr(import_module(f"opsmantik_box.cli.{COMMANDS[cmd_name][0]}"), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=Menu, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="opsmantik-box", message="%(prog)s %(version)s")
def box() -> None:
    """OpsMantik Box: which ad clicks became contacts, row by row.

    The data folder is --data, else $STATE_DIRECTORY, else $OPSMANTIK_DATA, else ./data."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. A BoxError becomes a sentence on stderr."""
    try:
        done = box.main(args=None if arguments is None else list(arguments), prog_name="opsmantik-box", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Aborted.", err=True)
        return 1
    except BoxError as error:
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        return 1
    return done if isinstance(done, int) else 0


def main() -> None:
    """The console script."""
    sys.exit(run())
