"""What was turned away, and what was odd: counted by site and reason, written to the ledger once a second."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.ledger import SQL, Ledger

MOST_REASONS = 2_000
"""Some reasons are names that a client invented: past so many, the rest share one."""


class Refusals:
    """Counts since they were last written."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._counts: Counter[tuple[int, str]] = Counter()
        self._reasons: set[tuple[int, str]] = set()

    def note(self, refusals: Iterable[tuple[int, str, int]]) -> None:
        """(site id or 0, reason, how many)."""
        for site_id, reason, count in refusals:
            known = (site_id, reason) in self._reasons or len(self._reasons) < MOST_REASONS
            key = (site_id, reason if known else "other")
            self._reasons.add(key)
            self._counts[key] += count

    def write(self, now: int) -> None:
        """Raises LedgerFull, LedgerPoisoned, Unavailable; the counts are then kept for the next time."""
        if not self._counts:
            return
        with self._ledger.transaction():
            rows = [(_day(now), site_id, reason, count) for (site_id, reason), count in self._counts.items()]
            self._ledger.db.executemany(SQL["count_refusal"], rows)
        self._counts.clear()

    def of_today(self, now: int) -> dict[str, int]:
        """By reason, since midnight UTC, as far as they are written."""
        return dict(all_rows(self._ledger.db, SQL["list_refusals"], (_day(now),)))


def _day(now: int) -> str:
    return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%d")
