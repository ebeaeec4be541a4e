"""`opsmantik-box alerts`: what is wrong now, and saying that one knows."""

from pathlib import Path
from typing import Any

import click

from opsmantik_box.cli.options import data_option, json_option


@click.group()
def alerts() -> None:
    """What is wrong now. Every code has its section in docs/alerts.md."""


@alerts.command(name="list")
@data_option
@json_option
def list_alerts(data: Path, as_json: bool) -> int:
    """What is wrong, since when, and what to do. Exit code 1 when an alarm is among it that nobody acknowledged."""
    from opsmantik_box.cli.engine import call
    from opsmantik_box.cli.output import clean, human_ago, print_json
    from opsmantik_box.clock import choose_clock

    rows: list[dict[str, Any]] = call(data, "list_alerts")
    now = choose_clock()()
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("Nothing is wrong.")
    for one in () if as_json else rows:
        state = "" if one["state"] == "open" else f", {one['state']} by {one['acknowledged_by']}"
        quiet = ", silenced" if (one["silenced_until"] or 0) > now else ""
        about = f"#{one['id']}, began {human_ago(one['since'], now)}{state}{quiet}"
        click.echo(clean(f"{one['level'].upper():8} {one['code']}  {one['site'] or 'the Box'}  {about}"))
        click.echo(clean(f"         {one['text']}"))
        click.echo(clean(f"         -> {one['advice']}"))
    return int(any(one["level"] == "alarm" and one["state"] == "open" for one in rows))


@alerts.command()
@click.argument("number", metavar="ID", type=int)
@data_option
def acknowledge(number: int, data: Path) -> None:
    """Say that you know: it is not told again, unless it gets worse."""
    from opsmantik_box.cli.engine import call

    call(data, "acknowledge_alert", id=number)
    click.echo(f"Alert {number} is acknowledged.")


@alerts.command()
@click.argument("number", metavar="ID", type=int)
@click.option("--until", metavar="WHEN", help="2h, 16:00, tomorrow 10:00. Without it, a silence ends.")
@data_option
def silence(number: int, until: str | None, data: Path) -> None:
    """It, and what opens of its kind on its site, is told to nobody until then."""
    from opsmantik_box.cli.engine import call
    from opsmantik_box.cli.output import human_time

    told = call(data, "silence_alert", id=number, until=until)
    ends = human_time(told["silenced_until"])
    click.echo(f"Alert {number} is silent until {ends}." if until else f"Alert {number} is not silenced any more.")
