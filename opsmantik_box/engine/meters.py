"""What the service does, counted: answers and how long they took, as gateways tell it; signals taken; refusals by reason. In memory: totals
since the start, the last quarter of an hour by minute, the last minute by second."""

from collections import Counter, deque

from opsmantik_box.domain.watch import latency
from opsmantik_box.domain.watch.minutes import MINUTE_MS, Minutes
from opsmantik_box.link.messages import Count

RECENT_MINUTES = 15
SECONDS = 60


class Meters:
    """Names in `minutes`: `answers`, and of those `failed` (5xx). Site 0: no known site."""

    def __init__(self) -> None:
        self.minutes = Minutes()
        self.answers: Counter[int] = Counter()
        self.refusals: Counter[str] = Counter()
        self.accepted = self.duplicates = 0
        self.latency, self.latency_ms = latency.empty(), 0.0
        self._recent: deque[tuple[int, list[int]]] = deque(maxlen=RECENT_MINUTES)
        self._seconds: deque[tuple[int, int]] = deque(maxlen=SECONDS)

    def note(self, told: Count, now: int) -> None:
        """What a gateway tells. `now` in UTC milliseconds."""
        for _, reason, count in told.refusals:
            self.refusals[reason] += count
        if told.answers:
            self._note_answers(told, now)

    def _note_answers(self, told: Count, now: int) -> None:
        for site_id, status, count in told.answers:
            self.answers[status] += count
            self.minutes.add(now, site_id, "answers", count)
            if status >= 500:
                self.minutes.add(now, site_id, "failed", count)
        self.latency = add_up(self.latency, told.latency)
        self.latency_ms += told.total_ms
        minute = now // MINUTE_MS
        if not self._recent or self._recent[-1][0] != minute:
            self._recent.append((minute, latency.empty()))
        self._recent[-1] = minute, add_up(self._recent[-1][1], told.latency)

    def note_accepted(self, signals: int, duplicates: int, now: int) -> None:
        """A batch that is on disk."""
        self.accepted += signals - duplicates
        self.duplicates += duplicates
        second = now // 1000
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = second, self._seconds[-1][1] + signals - duplicates
        else:
            self._seconds.append((second, signals - duplicates))

    def accepted_per_sec(self, now: int) -> float:
        """Over the last minute; the second that runs is left out."""
        last = now // 1000
        return sum(count for second, count in self._seconds if last - SECONDS <= second < last) / SECONDS

    def recent_latency(self, now: int) -> list[int]:
        """Of the last quarter of an hour."""
        first, total = now // MINUTE_MS - RECENT_MINUTES, latency.empty()
        for minute, counts in self._recent:
            if minute > first:
                total = add_up(total, counts)
        return total


def add_up(one: list[int], other: list[int]) -> list[int]:
    return [mine + theirs for mine, theirs in zip(one, other, strict=True)]
