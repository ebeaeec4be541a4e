"""`opsmantik-box demo`: see it work, without a site, a server or a visitor."""

import sys

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8790, show_default=True, help="Where the demo's Box answers.")
@click.option("--page-port", type=click.IntRange(1, 65535), default=8791, show_default=True, help="Where the page to try with is.")
@click.option("--no-console", is_flag=True, help="Only the Box, its page and its visitors.")
def demo(host: str, port: int, page_port: int, no_console: bool) -> int:
    """A Box in a temporary folder, with hours of invented visitors behind it and more coming. Ctrl-C ends it and removes its folder.

    In a terminal it opens the console."""
    from opsmantik_box.cli import COMMANDS
    from opsmantik_box.demo.service import run_demo

    console = "console" in COMMANDS and not no_console and sys.stdin.isatty() and sys.stdout.isatty()

    def say(text: str) -> None:
        click.echo(text)
        sys.stdout.flush()

    return run_demo(host, port, page_port, say, console)
