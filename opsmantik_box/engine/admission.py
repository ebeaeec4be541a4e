"""Which requests to `/api/call-event` may pass: counted here, once for however many gateways there are. Kept in memory only."""

from opsmantik_box.domain.rates import CALL_EVENTS, Rates
from opsmantik_box.link.messages import Accepted, Admit, Limited


class Admission:
    """One for the engine's life."""

    def __init__(self) -> None:
        self._rates = Rates(CALL_EVENTS)

    def answer(self, asked: Admit, now: int) -> Accepted | Limited:
        """`now` in UTC milliseconds."""
        verdict = self._rates.admit(asked.site_id, asked.address, b"", 1, conversion=False, now=now)
        return Accepted(asked.rid, [], verdict.remaining) if verdict.allowed else Limited(asked.rid, verdict.retry_after)
