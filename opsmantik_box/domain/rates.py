"""Rate limits of wire.md, counted in fixed minutes. Pure: the time is given. One instance counts for all gateways."""

from msgspec import Struct

MINUTE_MS = 60_000
LARGEST = 200_000
"""Buckets a minute may hold; past it the oldest are forgotten, so that invented addresses cannot eat the memory."""


class RateLimits(Struct, frozen=True):
    """Per minute: requests of one (site, address, session), requests and signals of one (site, address)."""

    session: int = 100
    address: int = 1_000
    signals: int = 600


CALL_EVENTS = RateLimits(session=50, address=50, signals=50)
"""The limit of /api/call-event: 50 requests a minute for each (site, address)."""


HOOK_CALLS = RateLimits(session=600, address=600, signals=600)
"""Of one hook: a busy exchange tells four events of each of a hundred calls a minute."""
HOOK_GUESSES = RateLimits(session=60, address=60, signals=60)
"""Of one address: hooks that do not exist, or are asked for with another secret."""


class Verdict(Struct, frozen=True, gc=False):
    """`remaining` requests of this session in this minute; `retry_after` seconds when refused, else 0."""

    allowed: bool
    remaining: int
    retry_after: int


class Rates:
    """How often everybody came in the current minute."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self._minute = -1
        self._count: dict[object, int] = {}

    def admit(self, site_id: int, address: str, session: bytes, signals: int, conversion: bool, now: int) -> Verdict:
        """May this request pass? A refused one costs nothing. A conversion passes until the outer bucket is empty."""
        self._turn_to(now // MINUTE_MS)
        limits, count = self._limits, self._count
        inner, outer, volume = (site_id, address, session), (site_id, address), (site_id, address, 0)
        used, came, sent = count.get(inner, 0), count.get(outer, 0), count.get(volume, 0)
        crowded = used >= limits.session or sent + signals > limits.signals
        if came >= limits.address or (crowded and not conversion):
            return Verdict(False, 0, _left(now))
        count[inner], count[outer], count[volume] = used + 1, came + 1, sent + signals
        return Verdict(True, max(0, limits.session - used - 1), 0)

    def wait(self, site_id: int, address: str, now: int) -> int:
        """Seconds until requests of this address may pass again; 0 when they may now."""
        self._turn_to(now // MINUTE_MS)
        return 0 if self._count.get((site_id, address), 0) < self._limits.address else _left(now)

    def _turn_to(self, minute: int) -> None:
        if minute != self._minute:
            self._minute, self._count = minute, {}
        while len(self._count) > LARGEST:
            del self._count[next(iter(self._count))]


def _left(now: int) -> int:
    """Seconds of the minute."""
    return 60 - now % MINUTE_MS // 1000
