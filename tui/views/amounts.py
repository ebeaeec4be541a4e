"""Sizes, shares, lengths and times as the screens of the Box itself write them. Pure."""

from collections.abc import Sequence
from datetime import datetime

from opsmantik_box.domain.days import day_of, zone
from tui.speech import Speech
from tui.views.frame import short_length

UNITS = ("B", "KB", "MB", "GB", "TB")
LEVELS = "▁▂▃▄▅▆▇█"


def size_text(size: int | None, say: Speech) -> str:
    """41 MB, 1.2 GB; '-' for what is not known."""
    if size is None:
        return "-"
    value, unit = float(size), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{say.number(round(value, 1) if unit and value < 10 else round(value))} {UNITS[unit]}"


def share_text(share: float | None, say: Speech) -> str:
    """99.8%; '-' where there is too little to say."""
    return "-" if share is None else say.percent(share, 1)


def ms_text(ms: float | None, say: Speech) -> str:
    return "-" if ms is None else f"{say.number(round(ms, 1) if ms < 10 else round(ms))} ms"


def age_text(ms: int, say: Speech) -> str:
    """8s · 3m · 2h · 12 days."""
    hours = max(0, ms) // 3_600_000
    return short_length(ms) if hours < 48 else say("amount.days", n=hours // 24)


def when_text(at: int | None, now: int, timezone: str) -> str:
    """14:31; of another day 25.11 03:10; '-' for never."""
    if at is None:
        return "-"
    local = datetime.fromtimestamp(at / 1000, zone(timezone))
    return f"{local:%H:%M}" if day_of(at, timezone) == day_of(now, timezone) else f"{local:%d.%m %H:%M}"


def curve_text(values: Sequence[float], width: int) -> str:
    """The newest values as a row of bars, the highest of them full; '' for fewer than two."""
    shown = values[-width:] if width > 0 else ()
    most = max(shown, default=0.0)
    if len(shown) < 2 or not most:
        return ""
    return "".join(LEVELS[min(len(LEVELS) - 1, int(one / most * len(LEVELS)))] for one in shown)
