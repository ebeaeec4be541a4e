"""How the Box is, in a word and in numbers. Looks at what was counted and at sizes of files (a look at a size opens no file); decides
nothing. Numbers of traffic are those of the watch's last look, at most a minute old."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from opsmantik_box import __version__
from opsmantik_box.disk import room
from opsmantik_box.domain.watch.facts import BoxFacts, SiteFacts
from opsmantik_box.domain.watch.health import state_of
from opsmantik_box.domain.watch.latency import quantile
from opsmantik_box.domain.watch.quality import rate_of
from opsmantik_box.engine.asking import Arguments, Asker, command_for

if TYPE_CHECKING:
    from opsmantik_box.engine.ledger import Partition
    from opsmantik_box.engine.service import Service

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@command_for("read")
def read_health(service: "Service", asker: Asker, arguments: Arguments) -> dict[str, Any]:  # noqa: ARG001 - as every command
    """Of the sites the asker sees; the numbers of the Box for who sees that."""
    state, facts = service.state(), service.watchtower.facts(service.clock())
    alerts = [(one.code, one.level, one.text) for one in service.core.ledger.alerts.open_ones() if asker.sees(one.site_id)]
    word, why = state_of(state.accepting, state.reason, alerts)
    return {
        "state": word, "why": msgspec.to_builtins(why), "at": facts.now, "version": __version__, "accepting": state.accepting,
        "reason": state.reason, "lag_signals": state.lag_signals, "lag_ms": state.lag_ms,
        "sites": [_site_numbers(one) for one in facts.sites if asker.sees(one.site_id)],
        "box": box_numbers(service, facts) if asker.sees(None) else None,
    }  # fmt: skip


def _site_numbers(site: SiteFacts) -> dict[str, Any]:
    arrival = site.arrival and site.arrival[0] / max(1, sum(site.arrival))
    return {
        "site_id": site.site_id, "sessions_last_hour": site.sessions_last_hour, "gclid_last_3_hours": site.clicks_last_3_hours,
        "error_rate": rate_of(site.answers), "arrival_rate": arrival, "expected_last_hour": site.sessions.usual,
        "last_signal_at": site.last_at,
    }  # fmt: skip


def box_numbers(service: "Service", facts: BoxFacts) -> dict[str, Any]:
    """Sizes in bytes, times in UTC milliseconds."""
    meters, folder, now = service.meters, service.core.folder, service.clock()
    latency, (free, whole) = meters.recent_latency(now), room(os.statvfs(folder.root))
    waiting, told = service.turns.waiting, service.status()
    return {
        "started_at": told["started_at"],
        "sessions_last_hour": sum(site.sessions_last_hour for site in facts.sites),
        "gclid_last_3_hours": sum(site.clicks_last_3_hours for site in facts.sites),
        "error_rate": rate_of(facts.answers),
        "accepted_per_sec": meters.accepted_per_sec(now),
        "latency_ms": {"p50": quantile(latency, 0.5), "p99": quantile(latency, 0.99), "answers": sum(latency)},
        "queue_signals": waiting.signals, "queue_bytes": waiting.bytes,
        "ledger": {"bytes": size_of(folder.ledger), "wal_bytes": size_of(wal_of(folder.ledger))},
        "vault": {"bytes": size_of(folder.vault)},
        "months": [_month_numbers(service, one) for one in service.core.ledger.partitions()],
        "disk": {"free_bytes": free, "total_bytes": whole},
        "memory": _memory(service),
        "gateways": told["gateways"],
        "backup": {"verified_at": facts.backed_up_at, "is_elsewhere": facts.is_backed_up_elsewhere},
        "jobs": [
            {name: getattr(one, name) for name in ("name", "last_started_at", "last_ended_at", "outcome", "failures")}
            for one in service.jobs.list()
        ],
        "lanes": service.lanes.describe(now),
        "refusals_today": told["refusals_today"],
        "quarantined": sum(facts.quarantined.values()),
    }  # fmt: skip


def _month_numbers(service: "Service", partition: "Partition") -> dict[str, Any]:
    path = service.core.folder.months / partition.file
    file = service.core.months.held(partition.month)
    return {
        "month": partition.month, "state": partition.state, "bytes": size_of(path), "wal_bytes": size_of(wal_of(path)),
        "last_seq": partition.last_seq, "behind": max(0, partition.last_seq - file.checkpoint) if file else 0,
        "made_at": partition.made_at, "sealed": partition.is_sealed,
    }  # fmt: skip


def _memory(service: "Service") -> dict[str, int | None]:
    return {
        "engine_bytes": resident("self"),
        "courier_bytes": resident(str(service.lanes.courier_pid)) if service.lanes.courier_pid else None,
        "available_bytes": os.sysconf("SC_AVPHYS_PAGES") * PAGE_BYTES,
        "total_bytes": os.sysconf("SC_PHYS_PAGES") * PAGE_BYTES,
    }


def resident(process: str) -> int | None:
    """How much memory a process has; None for one that is gone."""
    with suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES
    return None


def size_of(path: Path) -> int:
    """0 for a file that is not there."""
    with suppress(OSError):
        return path.stat().st_size
    return 0


def wal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
