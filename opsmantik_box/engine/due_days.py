"""Which days are to be summed up again. Promise: what changes in a month file is marked in the ledger, durably, before it can be read; so a
day without a mark is what the summary says of it. (What changes in the ledger, its triggers mark.)
"""

from collections.abc import Iterable

from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.sql import load

SQL = load("summaries")
Quarter = tuple[int, int]
"""(site, quarter of an hour)."""


class DueDays:
    """`mark` is cheap: what was marked since the last refresh began is known."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._marked: set[Quarter] = set()

    def mark(self, quarters: Iterable[Quarter]) -> None:
        """Before the change they are of is committed. Raises LedgerFull, LedgerPoisoned, Unavailable."""
        news = set(quarters) - self._marked
        if news:
            with self._ledger.transaction():
                self._ledger.db.executemany(SQL["mark_due"], sorted(news))
            self._marked |= news

    def begin_round(self, *, everything: bool) -> int:
        """What is marked from now on is of the round that is told, in a transaction of its own. `everything`: all days there are become
        due before it. Raises as `mark`."""
        with self._ledger.transaction():
            if everything:
                self._ledger.db.execute(SQL["mark_all_due"])
            number: int = self._ledger.db.execute(SQL["begin_round"]).get
        self._marked.clear()
        return number
