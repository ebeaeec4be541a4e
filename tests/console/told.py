"""What a Box tells of itself in the console's tests: alerts, health, jobs, deliveries, trackers; and the names and times they all share."""

from typing import Any

from tui.net.client import Refused

NOW = 1_795_260_727_000
"""Tuesday, 21 November 2026 … whatever the day: the time at which the screens are drawn."""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SITES = ("antika", "nakliyat", "hali", "dis-klinik", "cilingir")


def site_id(name: str) -> str:
    return f"3f2b0000-0000-4000-8000-{SITES.index(name):012d}"


def alert(number: int, site: str | None, code: str, since: int, text: str, **more: Any) -> dict[str, Any]:
    """As /api/v1/alerts lists it."""
    return {
        "id": number,
        "site_id": None if site is None else site_id(site),
        "code": code,
        "level": "alarm",
        "state": "open",
        "text": text,
        "advice": "Is the site up, and is the snippet still on it? `opsmantik-box site check URL` looks.",
        "since": since,
        "opened_at": since,
        "last_at": NOW,
        "times": 26,
        "version": 1,
        **more,
    }


def standing_alerts(text: str = "") -> list[dict[str, Any]]:
    """What is wrong with a site and with the Box itself."""
    silent = f"No signal for 26 min; its pattern expects 12.4 sessions in that time.{text}"
    return [
        alert(31, "antika", "SITE_SILENT", NOW - 26 * MINUTE, silent),
        alert(32, None, "DISK", NOW - 3 * HOUR, "The disk is 83 % full: 3.4 GB free.", level="warning", advice="Make room."),
    ]


def past_alerts(text: str = "") -> list[dict[str, Any]]:
    """What somebody knows of, what is silent, what is over."""
    known = {"state": "acknowledged", "acknowledged_by": text or "op-2", "acknowledged_at": NOW - HOUR, "level": "info"}
    over = {"state": "resolved", "resolved_at": NOW - 4 * HOUR}
    return [
        alert(28, "hali", "INTENT_RATIO", NOW - 5 * HOUR, "Far fewer intents than usual: 1 of 60 sessions.", **known),
        alert(29, "cilingir", "ARRIVAL_RATE", NOW - 6 * HOUR, "97.1 % arrived.", level="info", silenced_until=NOW + DAY),
        alert(27, None, "BACKUP_OLD", NOW - DAY, "The last verified backup is 27 hours old.", **over),
    ]


def health(state: str, text: str = "") -> dict[str, Any]:
    """As /api/v1/health answers: `empty`: a token that does not see the Box; `degraded`: the Box on a bad day."""
    is_bad = state == "degraded"
    told = {
        "state": "OK",
        "why": [],
        "version": "0.1.0",
        "accepting": True,
        "reason": "",
        "lag_signals": 4_200 if is_bad else 3,
        "lag_ms": 12,
        "sites": [
            {
                "site_id": site_id(name),
                "sessions_last_hour": 31 - n,
                "gclid_last_3_hours": 40,
                "error_rate": 0.07 if is_bad else 0.0,
                "expected_last_hour": 28.4,
                "last_signal_at": NOW - n * 26 * MINUTE,
            }
            for n, name in enumerate(SITES)
        ],
        "box": machine(is_bad, text),
    }
    return told | ({"sites": [], "box": None} if state == "empty" else {})


def machine(is_bad: bool, text: str) -> dict[str, Any]:
    """The Box's own numbers."""
    error = text or ("HTTP 502 Bad Gateway" if is_bad else "")
    return {
        "started_at": NOW - 3 * DAY,
        "error_rate": 0.07 if is_bad else 0.0,
        "accepted_per_sec": 12.5,
        "latency_ms": {"p50": 3.1, "p99": 14.0, "answers": 7500},
        "queue_signals": 2,
        "queue_bytes": 1_840,
        "ledger": {"bytes": 1_240_000_000, "wal_bytes": 4_100_000},
        "vault": {"bytes": 41_000},
        "months": [
            {
                "month": f"2026-{n:02d}-01",
                "state": "open" if n > 10 else "closed",
                "bytes": 80_000_000 * n,
                "behind": 3,
                "sealed": n < 9,
            }
            for n in range(7, 13)
        ],
        "disk": {"free_bytes": 3_400_000_000 if is_bad else 12_300_000_000, "total_bytes": 20_000_000_000},
        "memory": {
            "engine_bytes": 74_000_000,
            "courier_bytes": 31_000_000,
            "available_bytes": 1_200_000_000,
            "total_bytes": 4_000_000_000,
        },
        "gateways": [{"number": 1, "pid": 9, "walls": "landlock", "connected": True}],
        "backup": {"verified_at": NOW - 11 * HOUR, "is_elsewhere": not is_bad},
        "lanes": lanes(is_bad, error),
        "refusals_today": {"rate_limited": 3, text or "bad_origin": 1},
        "quarantined": 2 if is_bad else 0,
    }


def lanes(is_bad: bool, error: str) -> list[dict[str, Any]]:
    told = {"waiting": 0, "dead": 0, "delivered_24h": 14, "last_delivered_at": NOW - HOUR, "paused_until": None, "last_error": ""}
    stopped = {"state": "stopped", "waiting": 2, "dead": 1, "last_error": error} if is_bad or error else {"state": "ok"}
    return [told | {"lane": "telegram", "state": "ok"}, told | {"lane": "webhook:3"} | stopped]


def deliveries(is_bad: bool, text: str) -> dict[str, Any]:
    """As /api/v1/deliveries answers."""
    error = text or ("HTTP 502 Bad Gateway" if is_bad else "")
    told = {"kind": "alert", "attempts": 1, "not_before": NOW, "last_error": "", "state": "delivered"}
    rows = [told | {"id": 90 - n, "lane": "telegram", "created_at": NOW - n * 3 * HOUR} for n in range(5)]
    if error:
        failing = {"lane": "webhook:3", "last_error": error, "created_at": NOW - MINUTE}
        rows = [
            told | {"id": 92, "state": "waiting", "attempts": 3} | failing,
            told | {"id": 91, "state": "dead", "attempts": 20} | failing,
            *rows,
        ]
    return {"lanes": lanes(is_bad, error), "deliveries": rows, "next": None}


def jobs(is_bad: bool, text: str) -> dict[str, Any]:
    """As /api/v1/jobs answers."""
    done = {"outcome": "done", "last_started_at": NOW - HOUR, "last_ended_at": NOW - HOUR, "next_at": NOW + 23 * HOUR}
    failed = done | {"outcome": "failed", "result": text or "No space left on device", "failures": 3}
    return {
        "jobs": [
            done | {"name": "create_next_month_partitions", "result": "2026-12 is ready"},
            (failed if is_bad or text else done) | {"name": "backup"},
            {"name": "verify_backups", "running": True, "progress": "fetched 40 of 120 MB", "next_at": None},
            {"name": "audit", "next_at": NOW + HOUR},
        ],
        "next_month": "The files of 2026-12 are ready.",
    }


def of_the_box(state: str, text: str = "") -> dict[str, Any]:
    """What a Box in this state answers of itself; `empty` refuses what is not this token's."""
    is_bad = state == "degraded"
    told = {"busy": past_alerts(), "degraded": [*standing_alerts(), *past_alerts()]}
    alerts = told.get(state, [] if state == "empty" else [*standing_alerts(text), *past_alerts(text)])
    trackers = [
        {"site_id": site_id(name), "arrival_rate": 0.998 - 0.02 * n, "version": text or "2.1", "accepted": 900}
        for n, name in enumerate(SITES[:4])
    ]
    answers = {
        "/api/v1/health": health(state, text),
        "/api/v1/alerts": {"alerts": alerts},
        "/api/v1/trackers": {"trackers": [] if state == "empty" else trackers},
    }
    for path, told in (("/api/v1/jobs", jobs(is_bad, text)), ("/api/v1/deliveries", deliveries(is_bad, text))):
        answers[path] = Refused(403, "right admin is needed") if state == "empty" else told
    return answers
