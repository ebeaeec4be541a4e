"""The feed's two ends, as gateways are told them: the newest row, once a turn, and the first one that is kept.

Rows are written by `Ledger.add_feed` and read by the gateways themselves. Never deletes a row that a reader may still count on: what
is trimmed was announced the time before.
"""

from opsmantik_box.domain.feed import KEPT_MS
from opsmantik_box.engine.ledger import SQL, Ledger
from opsmantik_box.link.messages import Fed

BATCH = 1_000
"""Rows that are trimmed at once, a few milliseconds' work."""


class Feed:
    """`oldest`: the first row a reader may resume at."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.oldest: int = ledger.db.execute(SQL["read_feed_start"], {"next": ledger.feed_seq + 1}).get
        self._trimmed = self.oldest
        self._told = self.ends()

    def ends(self) -> Fed:
        """For a gateway that comes."""
        return Fed(self._ledger.epoch, self.oldest, self._ledger.feed_seq)

    def news(self) -> Fed | None:
        """For every gateway, when it is not what they were told."""
        before, self._told = self._told, self.ends()
        return self._told if self._told != before else None

    def trim(self, now: int) -> None:
        """Once in a while: deletes what was announced as gone, and announces what is next. Raises LedgerFull, LedgerPoisoned,
        Unavailable; it is then done the next time."""
        if self._trimmed < self.oldest:
            with self._ledger.transaction():
                self._ledger.db.execute(SQL["trim_feed"], (self.oldest,))
            self._trimmed = self.oldest
        asked = {"at": now - KEPT_MS, "oldest": self.oldest, "most": BATCH}
        self.oldest = self._ledger.db.execute(SQL["find_feed_start"], asked).get or self.oldest
