"""`opsmantik-box user` and `token`: who may see what."""

import sys
from pathlib import Path
from typing import Any

import click

from opsmantik_box.cli.engine import call, engine
from opsmantik_box.cli.options import data_option, json_option
from opsmantik_box.errors import UsageError

RIGHTS = click.Choice(["read", "operate", "admin"])


@click.group()
def user() -> None:
    """Operators and what they may see."""


@user.command()
@click.argument("email")
@click.option("--name", default="", help="How they are called.")
@click.option("--site", "sites", multiple=True, metavar="SITE", help="A site they may see. May be repeated.")
@click.option("--rights", type=RIGHTS, default="operate", show_default=True, help="What they may do there.")
@data_option
@json_option
def add(email: str, name: str, sites: tuple[str, ...], rights: str, data: Path, as_json: bool) -> None:
    """Add an operator, and let them see sites."""
    with engine(data) as client:
        row: dict[str, Any] = client.call("add_user", {"email": email, "name": name})
        for site in sites:
            client.call("grant", {"user": email, "site": site, "rights": rights})
    _tell(row, as_json, f"User {row['id']} {email} added. Next: opsmantik-box token create --user {email}")


@user.command()
@click.argument("email")
@click.argument("site")
@click.option("--rights", type=RIGHTS, default="operate", show_default=True)
@data_option
def grant(email: str, site: str, rights: str, data: Path) -> None:
    """Let a user see a SITE, or change what they may do there."""
    call(data, "grant", user=email, site=site, rights=rights)
    click.echo(f"{email} may {rights} on {site}.")


@user.command(name="list")
@data_option
@json_option
def list_users(data: Path, as_json: bool) -> None:
    """Every user."""
    print_rows(call(data, "list_users"), as_json, "No user yet. Add one: opsmantik-box user add EMAIL --site SITE")


@user.command()
@click.argument("email")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read it from standard input instead of asking.")
@data_option
def password(email: str, from_stdin: bool, data: Path) -> None:
    """Set a user's password, for `POST /api/v1/login`. It is asked for twice, and shown nowhere."""
    told = sys.stdin.readline().rstrip("\r\n") if from_stdin else _ask_twice()
    with engine(data) as client:
        row: dict[str, Any] = client.call("set_password", {"user": email, "password": told})
    revoked = f" {row['revoked']} tokens of the one before are revoked." if row["revoked"] else ""
    click.echo(f"{email} has a new password.{revoked}")


@user.command(name="rights")
@data_option
@json_option
def list_rights(data: Path, as_json: bool) -> None:
    """Who may do what, on which site."""
    print_rows(call(data, "list_rights"), as_json, "Nobody yet. Add somebody: opsmantik-box user add EMAIL --site SITE")


@user.command()
@click.argument("email")
@click.option("--site", metavar="SITE", help="Only from this site.")
@data_option
def remove(email: str, site: str | None, data: Path) -> None:
    """Remove a user with all their tokens, or only from one site. What they did stays on record."""
    call(data, "remove_user", user=email, site=site)
    click.echo(f"{email} is removed{f' from {site}' if site else ''}.")


@click.group()
def token() -> None:
    """Bearer tokens for the API and the console. Only their hashes are kept."""


@token.command()
@click.option("--user", "owner", metavar="EMAIL", help="A user's token: sees the sites that user may see.")
@click.option("--site", metavar="SITE", help="A site's token: may send signals of that site, nothing else.")
@click.option("--relay", is_flag=True, help="A relay's token: may hand on signals of every site, nothing else.")
@click.option("--rights", type=RIGHTS, help="At most what a user's token may do; default read.")
@click.option("--name", default="", help="What it is for.")
@data_option
@json_option
def create(owner: str | None, site: str | None, relay: bool, rights: str | None, name: str, data: Path, as_json: bool) -> None:
    """Make a token; it is shown this once."""
    if bool(owner) + bool(site) + relay != 1:
        raise UsageError(problem="Give one of --user EMAIL, --site SITE and --relay: a token belongs to one of them.")
    if rights and not owner:
        raise UsageError(problem="--rights is for a user's token; a site's or a relay's may send and nothing else.")
    chosen = "relay" if relay else "send" if site else rights or "read"
    row: dict[str, Any] = call(data, "create_token", user=owner, site=site, rights=chosen, name=name)
    _tell(row, as_json, row["token"])
    if not as_json:
        click.echo("Send it as `Authorization: Bearer …`. It is shown this once; only its hash is kept.", err=True)


@token.command(name="list")
@data_option
@json_option
def list_tokens(data: Path, as_json: bool) -> None:
    """Every token: whose, its rights, when it was last used."""
    print_rows(call(data, "list_tokens"), as_json, "No token yet. Make one: opsmantik-box token create --user EMAIL")


@token.command()
@click.argument("number", metavar="ID", type=int)
@data_option
def revoke(number: int, data: Path) -> None:
    """Make a token worthless at once."""
    call(data, "revoke_token", id=number)
    click.echo(f"Token {number} is revoked.")


@token.command()
@click.argument("number", metavar="ID", type=int)
@click.option("--grace", type=click.IntRange(0, 720), default=24, show_default=True, help="Hours the old token still opens.")
@data_option
@json_option
def rotate(number: int, grace: int, data: Path, as_json: bool) -> None:
    """Replace a token by a new one; both open for a while, so that nothing stops working in between."""
    row: dict[str, Any] = call(data, "rotate_token", id=number, grace_ms=grace * 3_600_000)
    _tell(row, as_json, row["token"])
    if not as_json:
        click.echo(f"It replaces token {number}, which opens for {grace} more hours. It is shown this once.", err=True)


@click.command()
@click.option("--site", metavar="SITE", help="Only what concerns this site.")
@click.option("--user", "actor", metavar="EMAIL", help="Only what this person did; or `command line`.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The newest so many.")
@data_option
@json_option
def audit(site: str | None, actor: str | None, limit: int, data: Path, as_json: bool) -> None:
    """Who did what, newest first."""
    from opsmantik_box.cli.output import human_time

    rows: list[dict[str, Any]] = call(data, "list_audit", site=site, user=actor, limit=limit)
    shown = rows if as_json else [row | {"at": human_time(row["at"])} for row in rows]
    print_rows(shown, as_json, "Nothing is on record.")


def _ask_twice() -> str:
    return click.prompt("Password", hide_input=True, confirmation_prompt=True)


def _tell(row: dict[str, Any], as_json: bool, sentence: str) -> None:
    from opsmantik_box.cli.output import print_json

    if as_json:
        print_json(row)
    else:
        click.echo(sentence)


def print_rows(rows: list[dict[str, Any]], as_json: bool, nothing: str) -> None:
    """A table whose columns are the rows' keys; times (`…_at`) for people."""
    from opsmantik_box.cli.output import human_time, print_json, print_table

    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(nothing)
    else:
        shown = [[human_time(value) if key.endswith("_at") else value for key, value in row.items()] for row in rows]
        print_table([key.removesuffix("_at").replace("_", " ") for key in rows[0]], shown)
