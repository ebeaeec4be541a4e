"""Times as they are told. Pure."""

from datetime import UTC, datetime

from opsmantik_box.domain.watch.minutes import MINUTE_MS


def span_of(milliseconds: int) -> str:
    """A length of time as 12 s, 26 min, 3 h 10 min, 4 d."""
    minutes = milliseconds // MINUTE_MS
    if minutes < 1:
        return f"{milliseconds / 1000:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours} h {rest} min" if rest and hours < 12 else f"{hours} h"


def clock_of(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M UTC")
