"""How the Box is, in one word and why. Pure."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from opsmantik_box.domain.watch.codes import reaches

Word = Literal["OK", "DEGRADED", "DOWN"]
REASONS = {
    "full": "The disk is full.",
    "replaying": "Month files are being brought up to the ledger.",
    "starting": "It is starting.",
    "stopping": "It is stopping.",
}


class Why(Struct, frozen=True):
    """An alert's code (or NOT_ACCEPTING) and its sentence."""

    code: str
    text: str


def state_of(accepting: bool, reason: str, alerts: Iterable[tuple[str, str, str]]) -> tuple[Word, list[Why]]:
    """From whether it takes signals, and the open alerts as (code, level, text)."""
    why = [Why(code, text) for code, level, text in alerts if reaches(level, "warning")]  # type: ignore[arg-type]
    if not accepting:
        return "DOWN", [Why("NOT_ACCEPTING", f"It takes no signals: {REASONS.get(reason, reason)}"), *why]
    return ("DEGRADED" if why else "OK"), why
