"""What a benchmark found, held against its target, as a table for people or as plain data."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

MIB = 1024 * 1024


class Target(Struct, frozen=True):
    """What a measured number must keep to: `at_least`, else at most, `limit`."""

    limit: float
    unit: str
    at_least: bool = False

    def held_by(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


TARGETS = {
    "single": Target(0.20, "of the yardstick", at_least=True),
    "batch": Target(0.25, "of the yardstick", at_least=True),
    "open p99": Target(25, "ms"),
    "open lag": Target(2, "s"),
    "stream p99": Target(100, "ms"),
    "memory": Target(150, "MiB"),
    "bytes": Target(450, "bytes"),
    "replay": Target(60, "s"),
    "ready behind": Target(5, "s"),
    "ready clean": Target(5, "s"),
    "long": Target(15, "% slower"),
    "read stats": Target(15, "ms"),
    "read all stats": Target(40, "ms"),
    "read year": Target(50, "ms"),
    "refresh": Target(2, "s"),
    "audit": Target(60, "s"),
    "ingest beside audit": Target(2, "× without"),
    "read intents": Target(15, "ms"),
    "read timeline": Target(10, "ms"),
}


class Result(Struct, frozen=True, kw_only=True):
    """One row. `value` is what `target` (a key of TARGETS, '' for none) judges; latencies in milliseconds."""

    name: str
    value: float | None = None
    target: str = ""
    requests: float | None = None
    signals: float | None = None
    p50: float | None = None
    p99: float | None = None
    ratio: float | None = None
    note: str = ""

    @property
    def held(self) -> bool | None:
        """None where there is no target."""
        return TARGETS[self.target].held_by(self.value) if self.target and self.value is not None else None


HEADINGS = ("", "req/s", "signals/s", "p50 ms", "p99 ms", "ratio", "measured", "target", "")


def table(results: Sequence[Result]) -> str:
    """The rows under each other, notes below."""
    rows = [HEADINGS, *map(_cells, results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [_line(row, widths) for row in rows]
    notes = [f"  {result.name}: {result.note}" for result in results if result.note]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], "", *notes])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
    return "  ".join([row[0].ljust(widths[0]), *cells[1:-1], row[-1]]).rstrip()


def _cells(result: Result) -> tuple[str, ...]:
    target = TARGETS.get(result.target)
    return (
        result.name,
        _number(result.requests),
        _number(result.signals),
        _number(result.p50, 1),
        _number(result.p99, 1),
        _number(result.ratio, 3),
        _measured(result, target),
        f"{'≥' if target.at_least else '≤'} {target.limit:g} {target.unit}" if target else "",
        "" if result.held is None else "held" if result.held else "MISSED",
    )


def _number(value: float | None, decimals: int = 0) -> str:
    return "" if value is None else f"{value:,.{decimals}f}"


def _measured(result: Result, target: Target | None) -> str:
    if target is None or result.value is None:
        return ""
    if target.unit == "of the yardstick":
        return f"{result.value:.3f}"
    return f"{result.value:,.{2 if target.unit == 's' else 1}f} {target.unit}"


def as_data(results: Sequence[Result]) -> list[dict[str, Any]]:
    """The same for a program; empty cells left out."""
    return [
        {name: value for name in Result.__struct_fields__ if (value := getattr(result, name)) not in (None, "")}
        | ({} if result.held is None else {"held": result.held, "limit": TARGETS[result.target].limit})
        for result in results
    ]
