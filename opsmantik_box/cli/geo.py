"""`opsmantik-box geo`: the file that tells the city of a visit."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from opsmantik_box.cli.options import data_option, existing_folder, json_option

if TYPE_CHECKING:
    from opsmantik_box.ops.geo_files import Database


@click.group()
def geo() -> None:
    """The city of a visit, from a City database (.mmdb) of yours. None comes with the Box, and none is fetched."""


@geo.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@data_option
@json_option
def install(file: Path, data: Path, as_json: bool) -> None:
    """Take up FILE, like GeoLite2-City.mmdb or dbip-city-lite.mmdb. The gateways use it within a minute; the old one is gone."""
    from opsmantik_box.clock import choose_clock
    from opsmantik_box.ops.geo_files import install_database

    _print(install_database(existing_folder(data), file, choose_clock()()), as_json)


@geo.command()
@data_option
@json_option
def show(data: Path, as_json: bool) -> None:
    """Which file is in use, how old it is, and what its licence wants said."""
    from opsmantik_box.clock import choose_clock
    from opsmantik_box.ops.geo_files import show_database

    _print(show_database(existing_folder(data), choose_clock()()), as_json)


def _print(told: "Database", as_json: bool) -> None:
    from opsmantik_box.cli.output import clean, human_size, human_time, print_json

    if as_json:
        print_json(told)
        return
    click.echo(
        clean(f"{told.type}, {told.networks}, {human_size(told.bytes)}, of {human_time(told.built_at)} ({told.age_days} days old)")
    )
    click.echo(clean(f"In {told.file}"))
    if told.attribution:
        click.echo(f"Wherever a city from it is shown to others, say:\n  {told.attribution}")
    else:
        click.echo("Its licence is not known to the Box: see what it wants said where a city from it is shown.")
    if told.is_old:
        click.echo("It is older than 60 days: places move. Download a new one and install it again.", err=True)
