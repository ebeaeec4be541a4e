"""How long answers take, as counts by bucket: small enough to be told twice a second, and to be added up over gateways. Pure."""

from bisect import bisect_left
from collections.abc import Sequence

BOUNDS_MS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500, 1_000, 2_000, 5_000)
"""Upper ends of the buckets; one more is for what took longer."""


def empty() -> list[int]:
    return [0] * (len(BOUNDS_MS) + 1)


def bucket_of(milliseconds: float) -> int:
    return bisect_left(BOUNDS_MS, milliseconds)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Milliseconds within which this share was answered, as if they were spread evenly over their bucket; None for no answer at all."""
    wanted, below = share * sum(counts), 0
    if not wanted:
        return None
    for bucket, count in enumerate(counts):
        if count and below + count >= wanted:
            low = BOUNDS_MS[bucket - 1] if bucket else 0
            high = BOUNDS_MS[bucket] if bucket < len(BOUNDS_MS) else low
            return low + (high - low) * (wanted - below) / count
        below += count
    raise AssertionError("some bucket holds it")
