"""Jobs and upkeep as commands: looked at and started by hand. They are the Box's own, so no single site's right is enough."""

from typing import TYPE_CHECKING, Any

import msgspec

from opsmantik_box.domain import months
from opsmantik_box.engine.asking import CRON, Arguments, Asker, command_for
from opsmantik_box.engine.chores import keep_partitions
from opsmantik_box.engine.jobs import JobState

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service


@command_for("admin")
def list_jobs(service: "Service", asker: Asker, arguments: Arguments) -> dict[str, Any]:  # noqa: ARG001 - as every command
    asker.check(None, "admin")
    return {"jobs": [described(one) for one in service.jobs.list()], "next_month": next_month(service)}


def described(job: JobState) -> dict[str, Any]:
    return msgspec.to_builtins(job) | {"details": msgspec.json.decode(job.details)}


def next_month(service: "Service") -> str:
    """`Next month ready: …`, or that it is not."""
    coming = months.next_month(months.month_of(service.clock()))
    found = (months.ready_sentence(coming, one.made_at) for one in service.core.ledger.partitions() if one.month == coming)
    return next(found, f"Next month is not ready: {', '.join(months.partition_names(coming))}")


@command_for("admin")
def run_job(service: "Service", asker: Asker, arguments: Arguments) -> dict[str, Any]:
    """Starts it; it goes on when nobody waits for it."""
    asker.check(None, "admin")
    name, now = arguments["name"], service.clock()
    service.jobs.start(name, now, arguments.get("arguments") or {})
    return next(described(one) for one in service.jobs.list() if one.name == name)


@command_for(CRON)
def maintain_db(service: "Service", asker: Asker, arguments: Arguments) -> dict[str, Any]:  # noqa: ARG001 - as every command
    """Partition upkeep, now: what was made, and all there is, by partition name."""
    made = keep_partitions(service)
    known = {
        name: {"month": one.month, "state": one.state, "made_at": one.made_at, "sealed": one.is_sealed}
        for one in service.core.ledger.partitions()
        for name in months.partition_names(one.month)
    }
    return {"made": made, "partitions": known, "next_month": next_month(service)}
