"""`opsmantik-box relay`: the failover of another Box."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from opsmantik_box.cli.options import data_option, json_option
from opsmantik_box.errors import ConfigError, UsageError

Told = TypeVar("Told")

LOOPBACK = ("127.0.0.0/8", "::1/128")
CREDENTIAL = "relay_token"


@click.group(invoke_without_command=True)
@click.option("--main", "main_url", metavar="URL", help="The Box that is relayed to, like https://box.example.com.")
@click.option("--token-file", type=click.Path(path_type=Path), help="A file with its relay's token; default: systemd's credential.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8788, show_default=True)
@click.option(
    "--trusted-proxy", "proxies", multiple=True, metavar="CIDR", help="Whose X-Forwarded-For is believed; default loopback."
)
@click.option("--max-mb", type=click.IntRange(1, 1_000_000), default=1024, show_default=True, help="How much it may keep.")
@data_option
@click.pass_context
def relay(
    context: click.Context, main_url: str | None, token_file: Path | None, host: str, port: int, proxies: tuple[str, ...], max_mb: int,
    data: Path,
) -> int | None:  # fmt: skip
    """Take signals at /api/sync while main is away, keep them in DIR, and hand them on when it is back. Runs until SIGTERM or Ctrl-C.

    Its token is made on main: opsmantik-box token create --relay"""
    if context.invoked_subcommand is not None:
        return None
    from opsmantik_box.config import networks
    from opsmantik_box.logs import configure_logs
    from opsmantik_box.relay.service import RelayOptions, run_relay
    from opsmantik_box.serve import listen

    configure_logs()
    options = RelayOptions(
        data,
        main_address(main_url),
        read_token(token_file),
        listen(host, port),
        checked(networks, proxies or LOOPBACK),
        max_mb << 20,
    )
    return run_relay(options)


@relay.command()
@data_option
@json_option
def status(data: Path, as_json: bool) -> int:
    """What a relay keeps in DIR, whether it runs or not. Exit code 1 when main did not answer the last time, or refused something."""
    from opsmantik_box.cli.output import clean, human_ago, print_json
    from opsmantik_box.clock import choose_clock
    from opsmantik_box.relay.service import relay_status

    told, now = relay_status(data), choose_clock()()
    if as_json:
        print_json(told)
    else:
        oldest = f", the oldest from {human_ago(told['oldest_at'], now)}" if told["waiting"] else ""
        click.echo(
            f"{told['waiting']} requests wait{oldest}; {told['handed_on']} were handed on, last {human_ago(told['told_at'], now)}."
        )
        if told["failure"]:
            click.echo(clean(f"{told['failure']} ({human_ago(told['failed_at'], now)})"))
        for one in told["refused"]:
            click.echo(clean(f"{one['envelopes']} refused for good and parked ({one['status']}): {one['answer']}"))
        if told["parked"]:
            click.echo("A restart of the relay tries them once more.")
    return int(bool(told["failure"] or told["parked"]))


def main_address(told: str | None) -> str:
    """Raises UsageError."""
    from opsmantik_box.config import public_address

    if not told:
        raise UsageError(problem="Say which Box this relays to: --main https://box.example.com")
    return checked(public_address, told)


def checked(check: Callable[[Told], Told], told: Told) -> Told:
    """What a rule of the settings makes of an option. Raises UsageError."""
    try:
        return check(told)
    except ValueError as error:
        raise UsageError(problem=str(error)) from None


def read_token(file: Path | None) -> str:
    """From the file, else from systemd's credential. A password is never an argument: other users could see it. Raises UsageError,
    ConfigError."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    chosen = file or (Path(folder) / CREDENTIAL if folder else None)
    if chosen is None:
        raise UsageError(
            problem="The relay needs its token: --token-file FILE. `opsmantik-box token create --relay` on main makes one."
        )
    try:
        token = chosen.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise ConfigError(file=chosen, key="(the token)", problem=f"it cannot be read ({error}).") from None
    if not token:
        raise ConfigError(file=chosen, key="(the token)", problem="it is empty.")
    return token
