"""`opsmantik-box clicks`: what Google counted, and what the client counted himself."""

from pathlib import Path
from typing import Any

import click

from opsmantik_box.cli.engine import engine
from opsmantik_box.cli.options import data_option, json_option, parse_day
from opsmantik_box.errors import UsageError

COUNT = click.IntRange(min=0)


@click.group()
def clicks() -> None:
    """Google's own numbers, and the client's: what the report is compared with.

    Everything told is kept with the time it was told; the newest counts."""


@clicks.command(name="set")
@click.option("--site", required=True, metavar="SITE", help="Its id, public id, domain or name.")
@click.option("--day", required=True, metavar="YYYY-MM-DD")
@click.option("--clicks", "number", type=COUNT, metavar="N", help="Google's clicks of the whole day.")
@click.option("--conversions", type=click.FloatRange(min=0), metavar="N", help="Google's conversions.")
@click.option("--cost", metavar="AMOUNT", help="What they cost, in the site's currency.")
@click.option("--calls-from-ad", "calls", type=COUNT, metavar="N", help="How many of the clicks called from the ad itself.")
@click.option("--client-whatsapp", "whatsapp", type=COUNT, metavar="N", help="The WhatsApp chats the client counted.")
@click.option("--client-phone", "phone", type=COUNT, metavar="N", help="The phone calls the client counted.")
@click.option("--note", default="", help="What the client said about them.")
@data_option
def set_numbers(
    site: str,
    day: str,
    number: int | None,
    conversions: float | None,
    cost: str | None,
    calls: int | None,
    whatsapp: int | None,
    phone: int | None,
    note: str,
    data: Path,
) -> None:
    """Enter the numbers of one of the site's days: Google's, the client's own, or both."""
    from opsmantik_box.domain.amounts import read_amount

    of_day = {"site": site, "day": parse_day(day).isoformat()}
    google, client = _told(clicks=number, conversions=conversions, cost=cost, calls=calls), _told(whatsapp=whatsapp, phone=phone)
    if not google and not client:
        raise UsageError(problem="Give --clicks, --client-whatsapp or --client-phone.")
    if google and number is None:
        raise UsageError(problem="--conversions, --cost and --calls-from-ad go with --clicks.")
    with engine(data) as box:
        if cost is not None:
            google["cost"] = read_amount(cost, box.call("find_site", {"site": site})["currency"])
        if google:
            box.call("tell_ad_clicks", {"rows": [of_day | google]})
        if client:
            box.call("tell_client_counts", of_day | client | {"note": note})
    click.echo(f"Kept for {site} on {of_day['day']}. `opsmantik-box stats --site {site} --day {of_day['day']}` compares them.")


def _told(**values: object) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


@clicks.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--site", metavar="SITE", help="Whose numbers these are, when the file is about one account.")
@click.option(
    "--account", "accounts", multiple=True, metavar="NAME=SITE", help="An account, by name or customer id. May be repeated."
)
@click.option("--currency", default="", metavar="TRY", help="Of the costs, when the file does not say.")
@data_option
@json_option
def import_numbers(file: Path, site: str | None, accounts: tuple[str, ...], currency: str, data: Path, as_json: bool) -> None:
    """Read Google Ads' own export FILE (.csv, English or Turkish): all of it, or nothing and the line that is wrong.

    Campaign report with the columns Clicks, Conversions, Cost, by Day (Kampanya raporu: Tıklamalar, Dönüşümler, Maliyet, Gün).
    With the segment Click type (Tıklama türü) the calls straight from the ad are told apart."""
    from opsmantik_box.cli.output import print_json, print_table
    from opsmantik_box.ops.ad_files import read_ad_rows

    if site and accounts:
        raise UsageError(problem="Give either --site, or --account for each account.")
    rows = read_ad_rows(file, site, dict(map(_account, accounts)), currency)
    if rows:
        with engine(data) as box:
            box.call("tell_ad_clicks", {"rows": rows})
    told = _by_site(rows)
    if as_json:
        print_json(told)
    elif told:
        print_table(list(told[0]), [list(one.values()) for one in told])


def _account(told: str) -> tuple[str, str]:
    name, sign, site = told.rpartition("=")
    if not sign:
        raise UsageError(problem=f'--account {told!r}: write it like --account "Antika Ltd=antika.example".')
    return name.strip(), site.strip()


def _by_site(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was read for each site."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["site"], []).append(row)
    return [
        {
            "site": site,
            "from": min(row["day"] for row in of_site),
            "to": max(row["day"] for row in of_site),
            "campaigns": len({(row["source"], row["campaign"]) for row in of_site}),
            "clicks": sum(row["clicks"] for row in of_site),
        }
        for site, of_site in groups.items()
    ]
