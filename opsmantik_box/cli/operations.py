"""`opsmantik-box config`, `doctor` and `quarantine`."""

import os
from pathlib import Path
from typing import Any

import click

from opsmantik_box.cli.options import config_option, data_option, json_option, settings_of

MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


@click.group()
def config() -> None:
    """Show or check the settings."""


@config.command()
@data_option
@config_option
@json_option
def show(data: Path, config: Path | None, as_json: bool) -> None:
    """Every setting, its value and where it came from. Secrets are only said to be set."""
    from opsmantik_box.cli.output import print_json, print_table
    from opsmantik_box.config import read_sources

    settings = read_sources(data, config, os.environ)
    if as_json:
        print_json([{"key": one.key, "value": one.shown(), "source": one.source} for one in settings])
    else:
        print_table(("setting", "value", "from"), [(one.key, str_of(one.shown()), one.source) for one in settings])


def str_of(value: object) -> str:
    """A value as text, so that a column of mixed ones is aligned left."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


@config.command()
@data_option
@config_option
def validate(data: Path, config: Path | None) -> None:
    """Check the settings. Exit code 0 when the service would start with them, 2 when not, with the file, the key and what to do."""
    from opsmantik_box.config import config_file

    settings_of(data, config)
    file = config_file(data, config, os.environ)
    click.echo(f"{file} is right." if file.exists() else f"There is no {file}; the defaults and the environment are right.")


@click.command()
@data_option
@config_option
@json_option
def doctor(data: Path, config: Path | None, as_json: bool) -> int:
    """Look for what is wrong and say what to do. Exit code 1 when something failed."""
    from opsmantik_box.cli.output import clean, print_json
    from opsmantik_box.clock import choose_clock
    from opsmantik_box.ops.doctor import examine

    settings = settings_of(data, config)
    findings = examine(data, settings.public_url, settings.host, lambda: _status(data), choose_clock()())
    if as_json:
        print_json(findings)
    else:
        width = max(len(one.name) for one in findings)
        for one in findings:
            click.echo(clean(f"{MARKS[one.state]}  {one.name:{width}}  {one.sentence}"))
            if one.advice:
                click.echo(clean(f"      {'':{width}}  -> {one.advice}"))
    return int(any(one.state == "fail" for one in findings))


def _status(data: Path) -> dict[str, Any]:
    """What the running engine says of itself. Raises NotRunning."""
    from contextlib import closing

    from opsmantik_box.link.client import EngineClient

    with closing(EngineClient(data)) as client:
        return client.call("status", {})


@click.group()
def quarantine() -> None:
    """Signals that could not be stored as they were; nothing of them is lost."""


@quarantine.command()
@data_option
@json_option
def retry(data: Path, as_json: bool) -> int:
    """Try to store the quarantined signals again. Exit code 1 when some are left."""
    from opsmantik_box.cli.engine import call
    from opsmantik_box.cli.output import print_json

    told: dict[str, int] = call(data, "retry_quarantined")
    if as_json:
        print_json(told)
    else:
        click.echo(f"{told['retried']} tried, {told['stored']} stored, {told['still']} still quarantined.")
    return int(told["still"] > 0)
