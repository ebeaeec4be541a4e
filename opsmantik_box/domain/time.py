"""When a signal happened. Pure: now is an argument. UTC milliseconds.

Rule of architecture.md: received − (sent − happened), both by the browser's clock, so that its being wrong does not matter.
"""

MAX_DELAY_MS = 30 * 86_400_000
"""A tracker keeps a signal for a day or a week at most; a longer delay is a broken clock."""


def corrected_time(received_at: int, sent_at: float | None, ts: float | None) -> int:
    """When it happened. The time of receipt when either is absent, or absurd (NaN, infinite, later than its sending, over 30 days
    before it)."""
    if sent_at is None or ts is None:
        return received_at
    delay = sent_at - ts
    return received_at - int(delay) if 0 <= delay <= MAX_DELAY_MS else received_at


def whole_ms(value: float | None) -> int | None:
    """A raw client time as kept: whole milliseconds, None when it is not a number a clock could show."""
    return int(value) if value is not None and -(2**53) <= value <= 2**53 else None
