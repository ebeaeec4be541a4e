"""`opsmantik-box deliveries` and `opsmantik-box webhook`: what is told outside, and where."""

from pathlib import Path
from typing import Any

import click

from opsmantik_box.cli.engine import call
from opsmantik_box.cli.options import data_option, json_option
from opsmantik_box.cli.people import print_rows

STATES = click.Choice(["waiting", "delivered", "dead", "expired"])
NO_WEBHOOK = "No webhook yet. Make one: opsmantik-box webhook add https://crm.example.com/hooks/1"


@click.group()
def deliveries() -> None:
    """What is or was to be told outside: by Telegram, e-mail, webhooks."""


@deliveries.command(name="list")
@click.option("--lane", metavar="LANE", help="telegram, email, webhook:1 …")
@click.option("--state", type=STATES, help="Those in this state only.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="The newest so many.")
@data_option
@json_option
def list_deliveries(lane: str | None, state: str | None, limit: int, data: Path, as_json: bool) -> None:
    """How each lane is, and the newest deliveries."""
    from opsmantik_box.cli.output import clean, print_json

    told: dict[str, Any] = call(data, "list_deliveries", lane=lane, state=state, limit=limit)
    if as_json:
        print_json(told)
        return
    for one in told["lanes"]:
        error = f"  ({one['last_error']})" if one["last_error"] else ""
        click.echo(clean(f"{one['lane']}: {one['state']}, {one['waiting']} waiting, {one['dead']} given up{error}"))
    _print_deliveries(told["deliveries"])


def _print_deliveries(rows: list[dict[str, Any]]) -> None:
    from opsmantik_box.cli.output import human_time, print_table

    shown = [
        (one["id"], human_time(one["created_at"]), one["lane"], one["kind"], one["state"], one["attempts"], one["last_error"])
        for one in rows
    ]
    print_table(("id", "made", "lane", "kind", "state", "attempts", "last error"), shown)


@deliveries.command()
@click.argument("number", metavar="[ID]", type=int, required=False)
@click.option("--lane", metavar="LANE", help="All of this lane that were given up; without it and without an ID, of every lane.")
@data_option
def retry(number: int | None, lane: str | None, data: Path) -> None:
    """Send again what was given up."""
    if number is not None:
        call(data, "retry_delivery", id=number)
        click.echo(f"Delivery {number} is sent again.")
        return
    click.echo(f"{call(data, 'retry_deliveries', lane=lane)['retried']} deliveries are sent again.")


@click.group()
def webhook() -> None:
    """Where leads and alerts are told to other programs, signed (Standard Webhooks)."""


@webhook.command()
@click.argument("url")
@click.option("--site", metavar="SITE", help="Of this site only; without it of all sites, and of the Box itself.")
@click.option("--event", "events", multiple=True, metavar="EVENT", help="May be repeated: lead.sealed … Without it, all.")
@click.option("--personal", is_flag=True, help="Pages, notes and operators' names may go along. Numbers never do.")
@data_option
@json_option
def add(url: str, site: str | None, events: tuple[str, ...], personal: bool, data: Path, as_json: bool) -> None:
    """Tell this address from now on. The key its requests are signed with is shown this once."""
    from opsmantik_box.cli.output import print_json

    asked: dict[str, Any] = {"url": url, "site": site, "personal": personal}
    made = call(data, "add_webhook", **asked | ({"events": list(events)} if events else {}))
    if as_json:
        print_json(made)
        return
    click.echo(f"Webhook {made['id']} is told: {', '.join(made['events'])}.")
    click.echo(f"Its key, shown this once: {made['key']}")


@webhook.command(name="list")
@data_option
@json_option
def list_webhooks(data: Path, as_json: bool) -> None:
    """Every webhook; of its address only the host."""
    print_rows(call(data, "list_webhooks"), as_json, NO_WEBHOOK)


@webhook.command()
@click.argument("number", metavar="ID", type=int)
@data_option
def remove(number: int, data: Path) -> None:
    """Tell it nothing any more; what still waited for it is dropped."""
    call(data, "remove_webhook", id=number)
    click.echo(f"Webhook {number} is told nothing any more.")
