"""`opsmantik-box hook`: the addresses at which telephone exchanges tell of calls."""

from pathlib import Path
from typing import IO, Any

import click

from opsmantik_box.cli.engine import call
from opsmantik_box.cli.options import config_option, data_option, json_option, settings_of
from opsmantik_box.cli.people import print_rows

PROVIDERS = click.Choice(["verimor", "netgsm", "bulutfon", "twilio", "telnyx", "generic"])
MODES = click.Choice(["secret_url", "standard", "twilio", "telnyx", "hmac"])
KEY_HELP = (
    "A file (- for standard input) with what the exchange signs with. A password is never an argument: other users could see it."
)


@click.group()
def hook() -> None:
    """Where telephone exchanges tell of calls. An address is a password; only its hash is kept."""


@hook.command()
@click.option("--site", required=True, metavar="SITE", help="Whose calls these are.")
@click.option("--provider", required=True, type=PROVIDERS, help="The exchange.")
@click.option("--mode", type=MODES, help="How it proves who it is; default: what this exchange can do.")
@click.option("--key-file", type=click.File(), help=KEY_HELP)
@click.option("--basic-file", type=click.File(), help="A file with user:password of HTTP Basic, if the exchange sends it.")
@click.option("--header", metavar="NAME", help="Where the mode hmac finds the signature; default X-Signature.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="Where its requests come from. May be repeated.")
@data_option
@config_option
@json_option
def add(
    site: str,
    provider: str,
    mode: str | None,
    key_file: IO[str] | None,
    basic_file: IO[str] | None,
    header: str | None,
    networks: tuple[str, ...],
    data: Path,
    config: Path | None,
    as_json: bool,
) -> None:
    """Make a hook; its address is shown this once."""
    row = call(
        data, "add_hook", site=site, provider=provider, mode=mode, key=_read(key_file), basic=_read(basic_file), header=header,
        networks=list(networks),
    )  # fmt: skip
    _tell(row, settings_of(data, config).public_url, as_json)


@hook.command(name="list")
@data_option
@json_option
def list_hooks(data: Path, as_json: bool) -> None:
    """Every hook, and when it last told of a call."""
    print_rows(call(data, "list_hooks"), as_json, "No hook yet. Make one: opsmantik-box hook add --site SITE --provider PROVIDER")


@hook.command()
@click.argument("number", metavar="ID", type=int)
@click.option("--finish", is_flag=True, help="The exchange has the new one: take the old one away.")
@click.option("--key-file", type=click.File(), help=KEY_HELP)
@click.option("--basic-file", type=click.File(), help="A file with a new user:password.")
@data_option
@config_option
@json_option
def rotate(
    number: int,
    finish: bool,
    key_file: IO[str] | None,
    basic_file: IO[str] | None,
    data: Path,
    config: Path | None,
    as_json: bool,
) -> None:
    """A second address (and key) beside the first: both are good until `--finish`."""
    if finish:
        call(data, "finish_hook_rotation", id=number)
        click.echo(f"Hook {number}: only the newest address and keys are good now.")
        return
    row = call(data, "rotate_hook", id=number, key=_read(key_file), basic=_read(basic_file))
    _tell(row, settings_of(data, config).public_url, as_json)
    if not as_json:
        click.echo(f"The old ones are good until `opsmantik-box hook rotate {number} --finish`.", err=True)


@hook.command()
@click.argument("number", metavar="ID", type=int)
@data_option
def remove(number: int, data: Path) -> None:
    """Make an address worthless at once. The calls it told of stay."""
    call(data, "remove_hook", id=number)
    click.echo(f"Hook {number} is removed.")


def _read(file: IO[str] | None) -> str:
    return file.read().strip() if file else ""


def _tell(row: dict[str, Any], public_url: str, as_json: bool) -> None:
    from opsmantik_box.cli.output import print_json

    url = f"{public_url.rstrip('/') or 'https://YOUR-BOX'}/hooks/call/{row['id']}/{row['secret']}"
    if as_json:
        print_json({name: value for name, value in row.items() if name != "secret"} | {"url": url})
        return
    click.echo(url)
    if row["key"]:
        click.echo(f"Key to sign with: {row['key']}")
    click.echo("Put this into the exchange as it is. It is shown this once; only its hash is kept.", err=True)
