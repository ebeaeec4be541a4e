"""Counts of the last minutes, by site and name: what "in the last hour" is answered from. Pure; kept in memory only."""

from collections import Counter

MINUTE_MS = 60_000
KEPT = 180
"""Minutes."""

Key = tuple[int, str]


class Minutes:
    """Whole minutes of UTC; the one that runs counts as the last."""

    def __init__(self) -> None:
        self._counts: dict[int, Counter[Key]] = {}

    def add(self, at: int, site_id: int, name: str, count: int = 1) -> None:
        """`at` in UTC milliseconds."""
        minute = at // MINUTE_MS
        counts = self._counts.get(minute)
        if counts is None:
            counts = self._counts[minute] = Counter()
            for old in [known for known in self._counts if known <= minute - KEPT]:
                del self._counts[old]
        counts[site_id, name] += count

    def totals(self, now: int, minutes: int) -> Counter[Key]:
        """What was counted in the last so many minutes. What lies ahead of `now` (the clock was set back) is left out."""
        last = now // MINUTE_MS
        total: Counter[Key] = Counter()
        for minute, counts in self._counts.items():
            if last - minutes < minute <= last:
                total.update(counts)
        return total
