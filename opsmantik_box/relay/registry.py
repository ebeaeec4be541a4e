"""Which sites the relay may keep signals for: those main told of last, kept on disk. Stands where a gateway has its link to the engine.

A site that is not among them is asked for once more; while main cannot be asked, whatever is well-formed is kept, and main judges.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from opsmantik_box.clock import monotonic
from opsmantik_box.domain.relaying import Known, read_sites
from opsmantik_box.domain.sites import Site
from opsmantik_box.link.messages import TokenFound
from opsmantik_box.relay.line import LineDown

MISSING_SEC = 10.0
"""So long main's word is taken that there is no such site, and its silence for silence."""
AGAIN_SEC = 1.0
"""Between two questions: whoever comes in between is kept, and main judges."""
MOST_MISSING = 1_000
STRANGER = 0
"""The number of a site nobody could be asked about."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Registry:
    """`ask` asks main for its sites and keeps them. Raises LineDown."""

    def __init__(self, ask: Callable[[], Awaitable[Known]]) -> None:
        self._ask = ask
        self.sites: dict[str, Site] = {}
        self.allowed_origins: tuple[str, ...] = ()
        self.counts: Counter[str] = Counter()
        self.changed: Callable[[], None] = lambda: None
        self._lock = asyncio.Lock()
        self._ask_again_at = float("-inf")
        self._missing: dict[str, float] = {}

    def learn(self, known: Known) -> None:
        """What main told. A list this version cannot read is left alone."""
        try:
            sites = {site.public_id: site for site in read_sites(known)}
        except (TypeError, msgspec.MsgspecError) as error:
            log.warning("main's list of sites cannot be read", problem=str(error))
            return
        kept = {public_id: self.sites[public_id] for public_id, site in sites.items() if self.sites.get(public_id) == site}
        if sites != self.sites or tuple(known.allowed_origins) != self.allowed_origins:
            self.sites, self.allowed_origins = sites | kept, tuple(known.allowed_origins)
            self.changed()

    async def ask_site(self, public_id: str) -> Site | None:
        """The site, None when main says that there is none, a stranger when nobody could be asked."""
        if self._missing.get(public_id, 0.0) > monotonic():
            return None
        async with self._lock:
            if public_id in self.sites:
                return self.sites[public_id]
            if monotonic() < self._ask_again_at:
                return stranger(public_id)
            try:
                self.learn(await self._ask())
                self._ask_again_at = monotonic() + AGAIN_SEC
            except LineDown:
                self._ask_again_at = monotonic() + MISSING_SEC
                return stranger(public_id)
        if public_id not in self.sites:
            self._note_missing(public_id)
        return self.sites.get(public_id)

    def _note_missing(self, public_id: str) -> None:
        if len(self._missing) >= MOST_MISSING:
            self._missing.clear()
        self._missing[public_id] = monotonic() + MISSING_SEC

    async def ask_token(self, token: str) -> TokenFound:  # noqa: ARG002 - in the place of EngineLink.ask_token
        """The relay knows no tokens: who sends with one has a server of his own that can wait for main."""
        return TokenFound(0, 0, "", [])

    def count(self, site_id: int, reason: str, times: int = 1) -> None:  # noqa: ARG002 - in the place of EngineLink.count
        """Refusals by reason, since the start."""
        self.counts[reason] += times


def stranger(public_id: str) -> Site:
    """A site of which nothing is known but what its tracker calls it."""
    return Site(STRANGER, public_id, "", [], [], "UTC", "TR", "TRY", "pending", [], [], {})
