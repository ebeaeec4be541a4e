"""Which requests may pass: rate limits, counted here, once for however many gateways there are. Kept in memory only."""

from collections import Counter
from collections.abc import Callable

from opsmantik_box.domain.addresses import bucket_key
from opsmantik_box.domain.rates import CALL_EVENTS, HOOK_CALLS, HOOK_GUESSES, RateLimits, Rates
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.link.messages import Accepted, Admit, Limited, Prove, Proven, Submit


class Admission:
    """One for the engine's life."""

    def __init__(self, limits: RateLimits) -> None:
        self._signals, self._call_events = Rates(limits), Rates(CALL_EVENTS)
        self._hooks, self._guesses = Rates(HOOK_CALLS), Rates(HOOK_GUESSES)
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

    def prove(self, asked: Prove, prove: Callable[[Prove, int], Proven], now: int) -> Proven:
        """What `prove` finds, unless somebody guesses at this address, or the hook tells more than it may. A hook is only charged with
        what is proven: nobody else can use up its minute."""
        address = bucket_key(asked.address)
        wait = self._guesses.wait(0, address, now) if asked.hook_id else 0
        if wait:
            return Proven(asked.rid, "rate_limited", retry_after=wait)
        proven = prove(asked, now)
        if not asked.hook_id:
            return proven
        if proven.reason == "secret_wrong":
            self._guesses.admit(0, address, b"", 1, conversion=False, now=now)
        elif not proven.reason:
            wait = self._hooks.admit(asked.hook_id, "", b"", 1, conversion=False, now=now).retry_after
        return Proven(asked.rid, "rate_limited", proven.site_id, retry_after=wait) if wait else proven

    def tell_limited_clicks(self, ledger: Ledger, now: int) -> None:
        """A click that was paid for and turned away is worth a person's look. Raises LedgerFull, LedgerPoisoned, Unavailable."""
        limited, self._limited_clicks = +self._limited_clicks, Counter()
        if not limited:
            return
        with ledger.transaction():
            for site_id, signals in limited.items():
                text = f"{signals} signals with a click id were refused by the rate limit."
                ledger.alert(Code.RATE_LIMITED_CLICKS, text, now, site_id)
