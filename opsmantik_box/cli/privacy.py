"""`opsmantik-box export`, `privacy report` and `privacy erasures`: what the Box holds of a site's visitors, and no longer holds."""

import os
from pathlib import Path
from typing import Any

import click

from opsmantik_box.cli.options import data_option, existing_folder, json_option, parse_day
from opsmantik_box.texts import LANGUAGES, language_of

FORMATS = ("jsonl", "csv")
"""As in ops/export_files.py, which is imported when the command runs."""
TELL_EVERY_SECONDS = 2.0


@click.command()
@click.option("--site", required=True, metavar="SITE", help="Its id, public id, domain or name.")
@click.option("--from", "from_day", metavar="YYYY-MM-DD", help="The first of the site's days; default the very first.")
@click.option("--to", "to_day", metavar="YYYY-MM-DD", help="The last day, included; default the very last.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="jsonl", show_default=True)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A folder that does not exist yet, or is empty."
)
@data_option
@json_option
def export(site: str, from_day: str | None, to_day: str | None, format_: str, out: Path, data: Path, as_json: bool) -> None:
    """Write a site's sessions, events, intents and calls, and verdicts into files, with a manifest of their sums.

    The folder appears when all is written. Callers' phone numbers are not in it."""
    from opsmantik_box.cli.output import clean, human_size, print_json, print_table
    from opsmantik_box.clock import choose_clock
    from opsmantik_box.ops.export import export_site

    first, last = (parse_day(one).isoformat() if one else None for one in (from_day, to_day))
    told = export_site(existing_folder(data), site, first, last, format_, out, choose_clock()(), Progress())
    if as_json:
        print_json(told)
        return
    print_table(("file", "rows", "size", "sha256"), [(one.name, one.rows, human_size(one.bytes), one.sha256) for one in told.files])
    click.echo(clean(f"In {out}, with manifest.json. Callers' phone numbers are not in it."))


class Progress:
    """Says on stderr how far a long work is, at most every two seconds: nothing for a short one."""

    def __init__(self) -> None:
        from opsmantik_box.clock import monotonic

        self._monotonic, self._next = monotonic, monotonic() + TELL_EVERY_SECONDS

    def __call__(self, text: str) -> None:
        if self._monotonic() >= self._next:
            self._next = self._monotonic() + TELL_EVERY_SECONDS
            click.echo(text, err=True)


@click.group()
def privacy() -> None:
    """What is kept of a site's visitors, and who receives it."""


@privacy.command()
@click.option("--site", required=True, metavar="SITE", help="Its id, public id, domain or name.")
@click.option("--lang", "language", type=click.Choice(LANGUAGES), help="Default: what LANG says, else English.")
@data_option
@json_option
def report(site: str, language: str | None, data: Path, as_json: bool) -> None:
    """What is kept of a site's visitors, why, how long, and who receives it: to be handed on."""
    from opsmantik_box.cli.output import clean, print_json
    from opsmantik_box.clock import choose_clock
    from opsmantik_box.ops.privacy import format_report, privacy_report

    words = language or language_of(os.environ)
    told = privacy_report(existing_folder(data), site, words, choose_clock()())
    if as_json:
        print_json(told)
    else:
        click.echo("\n".join(clean(line) for line in format_report(told).splitlines()))


@privacy.command()
@data_option
@json_option
def erasures(data: Path, as_json: bool) -> None:
    """Who was erased, as far as a receipt says: when, where, by whom, how many rows."""
    from opsmantik_box.cli.engine import call
    from opsmantik_box.cli.output import human_time, print_json, print_table

    receipts = call(data, "list_erasures")
    if as_json:
        print_json(receipts)
        return
    rows = [
        (one["id"], human_time(one["at"]), one["by"], one["site"], one["kind"], _rows_of(one), human_time(one["done_at"]))
        for one in receipts
    ]
    if rows:
        print_table(("receipt", "asked", "by", "site", "found by", "rows", "done"), rows)
    else:
        click.echo("Nobody was erased.")


def _rows_of(receipt: dict[str, Any]) -> int:
    return sum(count for tables in receipt["tables"].values() for count in tables.values())
