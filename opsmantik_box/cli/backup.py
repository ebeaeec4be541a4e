"""`opsmantik-box backup` and `restore`."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opsmantik_box.cli.options import config_option, data_option, json_option, settings_of
from opsmantik_box.errors import UsageError

if TYPE_CHECKING:
    from opsmantik_box.adapters.places import Place
    from opsmantik_box.domain.backups import Backup


@click.group()
def backup() -> None:
    """Copies of everything, elsewhere: made every night, and verified by restoring them."""


@backup.command()
@data_option
@config_option
@json_option
@click.option("--start-over", is_flag=True, help="Also where earlier backups are gone.")
def run(data: Path, config: Path | None, as_json: bool, start_over: bool) -> int:
    """Make a backup now, at every place, and verify it. Ctrl-C ends the waiting, not the backup of a running service."""
    return _follow(data, "backup", settings_of(data, config).backup, as_json, start_over)


@backup.command()
@data_option
@config_option
@json_option
def verify(data: Path, config: Path | None, as_json: bool) -> int:
    """Fetch the newest backup of every place and restore it whole, into a folder that is thrown away."""
    return _follow(data, "verify_backups", settings_of(data, config).backup, as_json, start_over=False)


def _follow(data: Path, job: str, told: "Backup", as_json: bool, start_over: bool) -> int:
    import msgspec

    from opsmantik_box.cli.engine import engine
    from opsmantik_box.cli.jobs import follow
    from opsmantik_box.cli.output import print_json

    if not told.places:
        raise UsageError(problem="No place for backups is set. Name one under [backup] in box.toml (docs/backups.md).")
    with engine(data) as asked:
        done = follow(asked, job, {"backup": msgspec.to_builtins(told), "start_over": start_over})
    if as_json:
        print_json(done)
    else:
        click.echo(done["result"] or done["outcome"], err=done["outcome"] != "done")
    return int(done["outcome"] != "done")


@backup.command("list")
@data_option
@config_option
@json_option
def list_backups(data: Path, config: Path | None, as_json: bool) -> int:
    """What lies at every place, newest first, and whether it was read back."""
    from opsmantik_box.adapters.places import PlaceFailed, places_of
    from opsmantik_box.cli.output import human_size, human_time, print_json, print_table
    from opsmantik_box.ops.backup_list import list_place

    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    for place in places_of(settings_of(data, config).backup):
        try:
            rows += list_place(place, data)
        except PlaceFailed as error:
            problems.append(str(error))
    if as_json:
        print_json({"backups": rows, "problems": problems})
    else:
        cells = [
            (one["place"], human_time(one["made_at"]), one["last_seq"], human_size(one["bytes"]) if one["bytes"] else None,
             human_time(one["verified_at"]) if one["verified_at"] else "no", (one["encrypted"] and "yes") or "no")
            for one in rows
        ]  # fmt: skip
        print_table(("place", "made", "signals up to", "size", "verified", "encrypted"), cells)
        for problem in problems:
            click.echo(problem, err=True)
    return int(bool(problems))


@click.command()
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@click.option("--from", "source", metavar="PLACE", help="`ssh`, `s3`, or a folder; default: the first place that is set.")
@click.option("--until", metavar="TIME", help="The newest backup made by this time, like 2026-11-20T12:00 (UTC).")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Settings with [backup].")
@click.option(
    "--key-file", type=click.Path(path_type=Path, dir_okay=False), help="A file with the key, if it is not in the settings."
)
@json_option
def restore(target: Path, source: str | None, until: str | None, config: Path | None, key_file: Path | None, as_json: bool) -> None:
    """Make a data folder of a backup: TARGET must be new or empty. Everything is checked, then an engine starts on it once."""
    from opsmantik_box.cli.output import print_json
    from opsmantik_box.domain.backups import moment
    from opsmantik_box.ops.restoring import restore as restore_to

    os.umask(0o027)
    told = settings_of(target, config).backup
    key = key_file.read_text().strip() if key_file else told.key
    place = chosen_place(told, source)

    def say(text: str) -> None:
        click.echo(text, err=True)

    manifest = restore_to(place, target.absolute(), key, None if until is None else read_time(until), say)
    if as_json:
        print_json(manifest)
        return
    click.echo(f"Restored the Box as it was at {moment(manifest.made_at)}: every signal up to number {manifest.last_seq}.")
    click.echo(f"Settings are not in a backup; box.toml is yours. Next: opsmantik-box serve --data {target}")


def chosen_place(told: "Backup", source: str | None) -> "Place":
    """Where to restore from. Raises UsageError."""
    from msgspec.structs import replace

    from opsmantik_box.adapters.places import places_of
    from opsmantik_box.domain.backups import Backup

    only = {
        "ssh": replace(told, folder="", s3_bucket=""),
        "s3": replace(told, folder="", ssh=""),
        None: told,
    }.get(source, Backup(folder=str(source)))
    places = places_of(only)
    if not places:
        raise UsageError(problem="Say where the backup is: --from FOLDER, or --config with a box.toml that has [backup].")
    return places[0]


def read_time(text: str) -> int:
    """UTC milliseconds of a time as people write it. Raises UsageError."""
    from datetime import UTC

    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(problem=f"{text!r} is no time; write it like 2026-11-20T12:00 (UTC)") from None
    return int((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp() * 1000)
