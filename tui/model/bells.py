"""When to ring: once for a lead, and not while somebody has asked for quiet. Pure."""

from tui.model.lead import Lead
from tui.model.sites import Site
from tui.model.urgency import LAST, Band, Place, waiting

MUTE_MS = 15 * 60_000
MOST_RUNG = 20_000
FRESH_MS = 60_000
"""What is older when it is first seen was seen by somebody before, or rang somewhere else."""


class Bells:
    """Each question answers whether to ring now; what rang once is silent for good. `mark`: the score from which a new lead rings."""

    def __init__(self, mark: int) -> None:
        self.mark, self.muted_until = mark, 0
        self._rung: dict[int, None] = {}

    def mute(self, now: int) -> bool:
        """For a while, or no longer. Whether it is quiet now."""
        self.muted_until = 0 if now < self.muted_until else now + MUTE_MS
        return self.muted_until > 0

    def is_muted(self, now: int) -> bool:
        return now < self.muted_until

    def hot(self, lead: Lead, now: int) -> bool:
        """A new one of this score or more; what was quiet while muted stays so."""
        return lead.score >= self.mark and now - lead.at < FRESH_MS and self._first(lead.id, now)

    def late_soon(self, lead: Lead, site: Site, spot: Place, now: int) -> bool:
        """Nobody has it, and most of the target is over."""
        if spot.band is not Band.RUNNING:
            return False
        wait = waiting(lead, site, now)
        return wait is not None and wait.opens_at is None and wait.share >= LAST and self._first(lead.id, now)

    def _first(self, lead_id: int, now: int) -> bool:
        if lead_id in self._rung:
            return False
        self._rung[lead_id] = None
        if len(self._rung) > MOST_RUNG:
            self._rung = dict.fromkeys(list(self._rung)[MOST_RUNG // 2 :])
        return not self.is_muted(now)
