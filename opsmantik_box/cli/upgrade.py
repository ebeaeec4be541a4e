"""`opsmantik-box upgrade`: another version takes over, or everything stays as it was."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opsmantik_box.cli.options import config_option, data_option, existing_folder, json_option, settings_of
from opsmantik_box.errors import BoxError, UsageError

if TYPE_CHECKING:
    from opsmantik_box.ops.upgrading import Plan


class NoBackup(BoxError):
    """Nothing was upgraded, because no backup could be made: {problem}"""


@click.command()
@click.argument("version", required=False, metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False))
@click.option("--back", is_flag=True, help="Only take back an upgrade that was cut off.")
@click.option("--unit", default="opsmantik-box", metavar="NAME", help="The service of systemd that runs the Box, where one does.")
@click.option(
    "--ready-within", type=click.FloatRange(1), default=120.0, metavar="SECONDS", help="How long it may take to start; 120."
)
@data_option
@config_option
@json_option
def upgrade(
    version: Path | None, back: bool, unit: str, ready_within: float, data: Path, config: Path | None, as_json: bool
) -> None:
    """Back up, migrate a copy, verify it, exchange, restart; whatever fails, the old Box runs on.

    FOLDER is the new version: a clone in which `make .venv/.run` was run, or a virtual environment it is installed in. Without FOLDER
    it is this program, on a folder whose Box does not run (as in a new container)."""
    from opsmantik_box.cli.output import print_json
    from opsmantik_box.clock import monotonic
    from opsmantik_box.ops.upgrading import take_back
    from opsmantik_box.ops.upgrading import upgrade as do

    started, link = monotonic(), link_of_this(Path(sys.argv[0]))
    if take_back(existing_folder(data), link):
        say("an upgrade that was cut off was taken back")
    if back:
        return
    plan = plan_of(data, version, unit, link, ready_within)
    before, after = plan.old.version(), plan.new.version()
    say(f"from {before} to {after}")
    kept = back_up(data, config)
    do(plan, say)
    if as_json:
        print_json(
            {"from": before, "to": after, "backup": kept, "runs": plan.running is not None, "took_sec": monotonic() - started}
        )
    else:
        click.echo(f"{after} {'runs' if plan.running else 'has taken over the folder; start it'}. {kept}")


def say(text: str) -> None:
    click.echo(text, err=True)


def link_of_this(program: Path) -> Path | None:
    """The link by which this program was called: LINK/bin/opsmantik-box."""
    link = program.absolute().parent.parent
    return link if link.is_symlink() else None


def plan_of(data: Path, version: Path | None, unit: str, link: Path | None, ready_sec: float) -> "Plan":
    """Raises UsageError."""
    from opsmantik_box.ops.program import Service, find_running, program_in, this_program
    from opsmantik_box.ops.upgrading import Plan

    running = find_running(data, unit)
    if version is None and running is not None:
        raise UsageError(
            problem="The Box runs. Say where the new version is, or stop the Box to have this one take over its folder."
        )
    if isinstance(running, Service) and link is None:
        raise UsageError(
            problem="The service runs through no link that could be switched: run `make service` once (systemd/README.md)."
        )
    return Plan(data, this_program(), program_in(version) if version else this_program(), running, link, ready_sec)


def back_up(data: Path, config: Path | None) -> str:
    """To every place, and verified. Raises NoBackup."""
    import msgspec

    from opsmantik_box.cli.engine import engine
    from opsmantik_box.cli.jobs import follow

    told = settings_of(data, config).backup
    if not told.places:
        return "There is no backup of before: no place for backups is set (docs/backups.md)."
    say("backing up")
    with engine(data) as asked:
        done: dict[str, Any] = follow(asked, "backup", {"backup": msgspec.to_builtins(told)})
    if done["outcome"] != "done":
        raise NoBackup(problem=done["result"])
    return str(done["result"])
