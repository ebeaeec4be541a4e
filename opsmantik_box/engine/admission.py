"""Which requests may pass: rate limits, counted here, once for however many gateways there are. Kept in memory only."""

from collections import Counter

from opsmantik_box.domain.rates import CALL_EVENTS, RateLimits, Rates
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.link.messages import Accepted, Admit, Limited, Submit


class Admission:
    """One for the engine's life."""

    def __init__(self, limits: RateLimits) -> None:
        self._signals, self._call_events = Rates(limits), Rates(CALL_EVENTS)
        self._limited_clicks: Counter[int] = Counter()

    def admit(self, asked: Submit, now: int) -> int | Limited:
        """Requests its session still has in this minute (0 for who is exempt), or the refusal. `now` in UTC milliseconds."""
        if not asked.address:
            return 0
        size = len(asked.arrivals)
        verdict = self._signals.admit(asked.site_id, asked.address, asked.session, size, asked.conversion, now)
        if verdict.allowed:
            return verdict.remaining
        self._limited_clicks[asked.site_id] += sum(arrival.signal.click is not None for arrival in asked.arrivals)
        return Limited(asked.rid, verdict.retry_after)

    def answer(self, asked: Admit, now: int) -> Accepted | Limited:
        """The same for a request to /api/call-event."""
        verdict = self._call_events.admit(asked.site_id, asked.address, b"", 1, conversion=False, now=now)
        return Accepted(asked.rid, [], verdict.remaining) if verdict.allowed else Limited(asked.rid, verdict.retry_after)

    def tell_limited_clicks(self, ledger: Ledger, now: int) -> None:
        """A click that was paid for and turned away is worth a person's look. Raises LedgerFull, LedgerPoisoned, Unavailable."""
        limited, self._limited_clicks = +self._limited_clicks, Counter()
        if not limited:
            return
        with ledger.transaction():
            for site_id, signals in limited.items():
                text = f"{signals} signals with a click id were refused by the rate limit."
                ledger.alert(Code.RATE_LIMITED_CLICKS, text, now, site_id)
