"""`opsmantik-box stats` and `sql`: read what the Box holds, with the service running or not."""

import os
import sys
from pathlib import Path

import click

from opsmantik_box.cli.options import data_option, existing_folder, json_option, parse_day
from opsmantik_box.errors import UsageError
from opsmantik_box.texts import LANGUAGES, language_of

SCOPES = ("ads", "all", "other_paid")
SPLITS = ("hour", "device", "source", "campaign", "keyword", "landing_page", "button")
"""As in domain/report.py and ops/report_text.py, which are imported when the command runs."""


@click.command()
@click.option("--site", required=True, metavar="SITE", help="Its id, public id, domain or name.")
@click.option("--day", metavar="YYYY-MM-DD", help="One of the site's days; default today.")
@click.option("--from", "from_day", metavar="YYYY-MM-DD", help="The first day.")
@click.option("--to", "to_day", metavar="YYYY-MM-DD", help="The last day, included.")
@click.option("--scope", type=click.Choice(SCOPES), default="ads", show_default=True, help="Whose averages and breakdowns.")
@click.option("--by", "split", type=click.Choice(SPLITS), help="Only the breakdown by this, as a table.")
@click.option("--details", is_flag=True, help="Of more than 31 days: also visitors and what is counted session by session.")
@click.option("--line", is_flag=True, help="Only the line from Google's clicks to what was sealed.")
@click.option(
    "--lang", "language", type=click.Choice(LANGUAGES), help="Default: what LANG says, else English. JSON is always English."
)
@data_option
@json_option
def stats(
    site: str,
    day: str | None,
    from_day: str | None,
    to_day: str | None,
    scope: str,
    split: str | None,
    details: bool,
    line: bool,
    language: str | None,
    data: Path,
    as_json: bool,
) -> None:
    """The report of a site's day or days: ad clicks, sessions, intents, sealed, and why these numbers differ."""
    from opsmantik_box.cli.output import clean, print_json
    from opsmantik_box.clock import choose_clock
    from opsmantik_box.ops.report import stats as ask
    from opsmantik_box.ops.report_text import format_split, format_stats, funnel

    if day and (from_day or to_day):
        raise UsageError(problem="Give either --day, or --from and --to.")
    if line + as_json + bool(split) > 1:
        raise UsageError(problem="Give one of --line, --by and --json.")
    first, last = (parse_day(one).isoformat() if one else None for one in (day or from_day, day or to_day))
    told = ask(existing_folder(data), site, first, last, scope, choose_clock()(), details=details or split in SPLITS[3:])
    if as_json:
        print_json(told)
        return
    words = language or language_of(os.environ)
    text = funnel(told, words) if line else format_split(told, split, words) if split else format_stats(told, words)
    click.echo("\n".join(clean(one) for one in text.splitlines()))


@click.command()
@click.argument("query", metavar="FILE")
@click.option("--site", metavar="SITE", help="See this site only; also bound as :site, :site_id. Default: every site.")
@click.option("--month", "months", multiple=True, metavar="YYYY-MM", help="At most two; default: those the site's today touches.")
@data_option
@json_option
def sql(query: str, site: str | None, months: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Run one read-only statement from FILE (- is standard input).

    It sees `sessions` and `events` of at most two months and the ledger's tables, each only with the chosen sites' rows.
    Bound: :site, :site_id, :day, :from_ms, :to_ms (the site's today), :now.
    Ships bugun_dashboard_eslestirme.sql: today, ads and all in one table."""
    from opsmantik_box.cli.output import print_json, print_table
    from opsmantik_box.clock import choose_clock
    from opsmantik_box.ops.query import read_query, run_query

    text = sys.stdin.read() if query == "-" else read_query(query)
    if not text.strip():
        raise UsageError(problem=f"{query} holds no statement.")
    columns, rows = run_query(existing_folder(data), text, None, site, months, choose_clock()())
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


SPANS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@click.command()
@click.option("--site", metavar="SITE", help="Only of this site.")
@click.option("--last", metavar="5m", help="Only what happened in this time: 30s, 5m, 2h, 1d.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@data_option
@json_option
def events(site: str | None, last: str | None, limit: int, data: Path, as_json: bool) -> None:
    """What came in last, newest first, with its site."""
    from opsmantik_box.cli.output import human_ago, print_json, print_table
    from opsmantik_box.clock import choose_clock
    from opsmantik_box.ops.newest import COLUMNS, newest_events

    now = choose_clock()()
    rows = newest_events(existing_folder(data), site, now - parse_span(last) if last else 0, limit)
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(
            f"Nothing{f' in the last {last}' if last else ''}. `opsmantik-box site check URL` says whether a page has the tracker."
        )
    else:
        print_table([*COLUMNS], [[human_ago(row["at"], now), *list(row.values())[1:]] for row in rows])


def parse_span(text: str) -> int:
    """Milliseconds of a length of time. Raises UsageError."""
    number, unit = text[:-1], text[-1:].lower()
    if not (number.isascii() and number.isdecimal()) or unit not in SPANS or len(number) > 6:
        raise UsageError(problem=f"{text!r} is no length of time; write it like 30s, 5m, 2h or 1d.")
    return int(number) * SPANS[unit]
