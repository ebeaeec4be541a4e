"""What a tracker tells of itself, and what follows: of all it was given to deliver, how much arrived. Pure.

What it lost is told with one signal, and counted with that signal: once, because the signal's id is counted once.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from msgspec import Struct

from opsmantik_box.domain.questions import Asking, Question, Row

HOUR_MS = 3_600_000
WINDOW_HOURS = 24
"""What the arrival rate is of: this hour and those before it."""
GOOD_RATE = 0.99
"""Below it a site loses contacts, and somebody should look."""
MOST_TOLD = 1_000
"""No signal is believed to tell of more: an outbox holds a hundred."""
MAX_REASON = 32
OTHER = "other"

_NOT_IN_REASONS = re.compile(r"[^a-z0-9_]+")


class Report(Struct, frozen=True, array_like=True, gc=False):
    """What came with one signal; '' and None are not told. `lost` and `parked`: how many signals more, by reason."""

    version: str = ""
    storage: str = ""
    breaker: str = ""
    outbox: int | None = None
    lost: dict[str, int] = {}
    parked: dict[str, int] = {}


class Arrivals(Struct, frozen=True):
    """A site's last 24 hours. `arrival_rate` is 0 to 1, null when no tracker that reports itself was heard. `version` is the one most
    reports came from; the counts of `versions`, `storage` and `breaker` are reports, `outbox` is the deepest that was told."""

    arrival_rate: float | None
    version: str | None
    accepted: int
    lost: dict[str, int]
    parked: dict[str, int]
    versions: dict[str, int]
    storage: dict[str, int]
    breaker: dict[str, int]
    outbox: int | None


def read_report(meta: Mapping[str, Any]) -> Report | None:
    """The report in what is kept of `meta`, if there is one."""
    if not ("tracker" in meta or "lost" in meta or "parked" in meta):
        return None
    depth = meta.get("outbox")
    return Report(
        version=_word(meta.get("tracker")),
        storage=_mode(meta.get("storage")),
        breaker=_mode(meta.get("breaker")),
        outbox=min(int(depth), MOST_TOLD)
        if isinstance(depth, int | float) and not isinstance(depth, bool) and depth >= 0
        else None,
        lost=_by_reason(meta.get("lost")),
        parked=_by_reason(meta.get("parked")),
    )


def _word(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _mode(value: object) -> str:
    """A word, or the `mode` of an object."""
    return _word(cast("dict[str, object]", value).get("mode") if isinstance(value, dict) else value)


def _by_reason(value: object) -> dict[str, int]:
    """A bare number has no reason."""
    told = cast("dict[str, object]", value) if isinstance(value, dict) else {"": value}
    return {
        _NOT_IN_REASONS.sub("_", reason.lower())[:MAX_REASON] or OTHER: min(int(n), MOST_TOLD)
        for reason, n in told.items()
        if isinstance(n, int | float) and not isinstance(n, bool) and n >= 1
    }


def first_hour(now: int) -> int:
    """The oldest hour of the window that ends now (UTC milliseconds)."""
    return now // HOUR_MS - WINDOW_HOURS + 1


def ask_arrivals(site_ids: Iterable[int], now: int) -> Asking[list[Arrivals]]:
    """How the signals of each of these sites arrived."""
    found: list[Arrivals] = []
    for site_id in site_ids:
        rows = yield Question(None, "read_arrivals", {"site_id": site_id, "from_hour": first_hour(now)})
        found.append(add_up(rows))
    return found


def add_up(rows: Iterable[Row]) -> Arrivals:
    """Rows of read_arrivals: (kind, name, n), added up over the window's hours."""
    found: dict[str, dict[str, int]] = {}
    for kind, name, n in rows:
        found.setdefault(kind, {})[name] = n
    accepted = found.get("accepted", {}).get("", 0)
    lost, parked, versions = found.get("lost", {}), found.get("parked", {}), found.get("version", {})
    missing = sum(lost.values()) + sum(parked.values())
    return Arrivals(
        arrival_rate=accepted / (accepted + missing) if versions and accepted + missing else None,
        version=max(versions, key=versions.__getitem__, default=None),
        accepted=accepted,
        lost=lost,
        parked=parked,
        versions=versions,
        storage=found.get("storage", {}),
        breaker=found.get("breaker", {}),
        outbox=found.get("outbox", {}).get(""),
    )
