"""The Box's metrics, as Prometheus reads them (docs/metrics.md). Counters count from the start of the engine. Names no visitor, no site and
no address."""

from typing import TYPE_CHECKING, Any

from opsmantik_box import __version__
from opsmantik_box.domain.exposition import Family, Sample, by_label, exposition, histogram
from opsmantik_box.domain.watch.codes import LEVELS
from opsmantik_box.domain.watch.latency import BOUNDS_MS
from opsmantik_box.engine.asking import ANYONE, Arguments, Asker, command_for
from opsmantik_box.engine.health import box_numbers

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

PREFIX = "opsmantik_"


@command_for(ANYONE)
def read_metrics(service: "Service", asker: Asker, arguments: Arguments) -> str:  # noqa: ARG001 - as every command
    """The page. Whom it is shown to, the gateway decides: it tells of nobody."""
    now = service.clock()
    box = box_numbers(service, service.watchtower.facts(now))
    return exposition([*_traffic(service), *_state(service, box, now), *_files(box), *_work(box), *_alerts(service)])


def _counter(name: str, about: str, samples: list[Sample]) -> Family:
    return Family(f"{PREFIX}{name}_total", "counter", about, samples)


def _gauge(name: str, about: str, *values: float, samples: list[Sample] | None = None) -> Family:
    return Family(f"{PREFIX}{name}", "gauge", about, samples if samples is not None else [Sample(value) for value in values])


def _traffic(service: "Service") -> list[Family]:
    meters = service.meters
    seconds = [bound / 1000 for bound in BOUNDS_MS]
    answers = {str(status): float(count) for status, count in sorted(meters.answers.items())}
    return [
        _counter("signals_accepted", "Signals that are on disk.", [Sample(meters.accepted)]),
        _counter("signals_duplicate", "Signals that were known already.", [Sample(meters.duplicates)]),
        _counter("refusals", "What was turned away, and what was odd, by reason.", by_label("reason", dict(meters.refusals))),
        _counter("sync_answers", "Answers of /api/sync, by status.", by_label("status", answers)),
        histogram(
            f"{PREFIX}sync_duration_seconds",
            "How long answers of /api/sync took.",
            seconds,
            meters.latency,
            meters.latency_ms / 1000,
        ),
    ]


def _state(service: "Service", box: dict[str, Any], now: int) -> list[Family]:
    state, memory, at = service.state(), box["memory"], box["backup"]["verified_at"]
    resident = {name: memory[f"{name}_bytes"] for name in ("engine", "courier") if memory[f"{name}_bytes"] is not None}
    return [
        _gauge("build_info", "The version that runs.", samples=[Sample(1, {"version": __version__})]),
        _gauge("start_time_seconds", "When the engine started (Unix time).", box["started_at"] / 1000),
        _gauge("accepting", "1 while signals are taken.", int(state.accepting)),
        _gauge("lag_signals", "Signals that are not in their month file yet.", state.lag_signals),
        _gauge("lag_seconds", "How long the oldest of them waits.", state.lag_ms / 1000),
        _gauge("queue_signals", "Signals that wait for the next commit.", box["queue_signals"]),
        _gauge("queue_bytes", "Their size.", box["queue_bytes"]),
        _gauge("quarantined_signals", "Signals that could not be decided.", box["quarantined"]),
        _gauge("gateways", "Gateways that are connected.", sum(one["connected"] for one in box["gateways"])),
        _gauge("resident_memory_bytes", "Memory of the engine and the courier.", samples=by_label("process", resident)),
        _gauge("backup_age_seconds", "Age of the newest verified backup.", *([] if at is None else [(now - at) / 1000])),
    ]


def _files(box: dict[str, Any]) -> list[Family]:
    sizes = {"ledger.db": box["ledger"]["bytes"], "vault.db": box["vault"]["bytes"]}
    wals = {"ledger.db": box["ledger"]["wal_bytes"]}
    for one in box["months"]:
        sizes[f"{one['month']}.db"], wals[f"{one['month']}.db"] = one["bytes"], one["wal_bytes"]
    return [
        _gauge("file_bytes", "Size of each database.", samples=by_label("file", sizes)),
        _gauge("wal_bytes", "Size of each write-ahead log.", samples=by_label("file", wals)),
        _gauge("disk_free_bytes", "Room on the data folder's disk.", box["disk"]["free_bytes"]),
        _gauge("disk_size_bytes", "Size of that disk.", box["disk"]["total_bytes"]),
    ]


def _work(box: dict[str, Any]) -> list[Family]:
    jobs, lanes = box["jobs"], box["lanes"]
    ended = {one["name"]: one["last_ended_at"] / 1000 for one in jobs if one["last_ended_at"]}
    failures = {one["name"]: one["failures"] for one in jobs}
    waiting, dead = ({one["lane"]: one[name] for one in lanes} for name in ("waiting", "dead"))
    stopped = {one["lane"]: float(one["state"] == "stopped") for one in lanes}
    return [
        _gauge("job_last_end_time_seconds", "When each job last ended (Unix time).", samples=by_label("job", ended)),
        _gauge("job_failures", "Failures of each job in a row.", samples=by_label("job", failures)),
        _gauge("lane_waiting", "Deliveries that wait, by lane.", samples=by_label("lane", waiting)),
        _gauge("lane_dead", "Deliveries that were given up, by lane.", samples=by_label("lane", dead)),
        _gauge("lane_stopped", "1 while deliveries of a lane fail.", samples=by_label("lane", stopped)),
    ]


def _alerts(service: "Service") -> list[Family]:
    levels = [one.level for one in service.core.ledger.alerts.open_ones()]
    samples = by_label("level", {level: levels.count(level) for level in LEVELS})
    return [_gauge("alerts_open", "Open alerts, by level.", samples=samples)]
