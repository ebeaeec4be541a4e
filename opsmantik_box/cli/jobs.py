"""`opsmantik-box jobs`: what the Box does by itself, seen and started by hand."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from opsmantik_box.cli.engine import Engine, engine
from opsmantik_box.cli.options import data_option, json_option

LOOK_SEC = 0.3


@click.group()
def jobs() -> None:
    """What the Box does by itself: when it did, what came of it, when it does it next."""


@jobs.command("list")
@data_option
@json_option
def list_jobs(data: Path, as_json: bool) -> None:
    """Every job, and whether next month is ready."""
    from opsmantik_box.cli.output import human_ago, human_time, print_json, print_table
    from opsmantik_box.clock import choose_clock

    with engine(data) as asked:
        told = asked.call("list_jobs", {})
    if as_json:
        print_json(told)
        return
    now = choose_clock()()
    rows = [(one["name"], human_ago(one["last_ended_at"], now), human_time(one["next_at"]), state_of(one)) for one in told["jobs"]]
    print_table(("job", "ran", "runs next", "result"), rows)
    click.echo(f"\n{told['next_month']}")


def state_of(job: dict[str, Any]) -> str:
    """How a job is, in a line."""
    if job["running"]:
        return f"runs: {job['progress']}" if job["progress"] else "runs"
    if job["waits_for"]:
        return f"waits for {job['waits_for']}"
    return job["result"] if job["outcome"] in ("", "done") else f"{job['outcome'].upper()}: {job['result']}"


@jobs.command("run")
@click.argument("name")
@data_option
@json_option
def run_job(name: str, data: Path, as_json: bool) -> int:
    """Start a job now and wait for its end. Ctrl-C ends the waiting, not a job of the running service."""
    from opsmantik_box.cli.output import print_json

    with engine(data) as asked:
        job = follow(asked, name, {})
    if as_json:
        print_json(job)
    else:
        click.echo(job["result"] or job["outcome"])
    return int(job["outcome"] != "done")


def follow(asked: Engine, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Starts a job and shows on the terminal how far it is; how it is when it has ended. Raises BoxError."""
    asked.call("run_job", {"name": name, "arguments": arguments})
    return watch(asked, name)


def watch(asked: Engine, name: str) -> dict[str, Any]:
    """How a job is when nothing of it runs or waits any more. Raises BoxError."""
    said = ""
    while (job := next(one for one in asked.call("list_jobs", {})["jobs"] if one["name"] == name))["running"] or job["queued"]:
        if state_of(job) != said and sys.stderr.isatty():
            said = state_of(job)
            click.echo(said, err=True)
        time.sleep(LOOK_SEC)
    return job
