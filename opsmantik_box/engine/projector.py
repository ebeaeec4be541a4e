"""Brings the month files up to the ledger, in slices, behind the answers. Evaluates no rule: it folds what was decided."""

from collections.abc import Callable
from functools import partial

import apsw
import structlog

from opsmantik_box.domain.decisions import Decision, decode_decision
from opsmantik_box.engine.due_days import DueDays
from opsmantik_box.engine.faults import point
from opsmantik_box.engine.ledger import Ledger, SignalRow
from opsmantik_box.engine.month_file import BROKEN, MonthFile
from opsmantik_box.engine.months import Months
from opsmantik_box.errors import LedgerFull

Decided = tuple[SignalRow, Decision]

SLICE, LONGEST_SLICE = 250, 1_000
"""Signals a slice: the ledger waits no longer than this takes (about 5 to 20 ms)."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def slice_for(lag: int) -> int:
    """Signals to take now: the further behind, the more, so that under steady load the lag settles instead of growing."""
    return min(LONGEST_SLICE, max(SLICE, lag // 8))


class Projector:
    """`cursor`: everything up to this signal is in its month file. `rebuilding`: a month is being folded again from its start, and
    sessions that live in it cannot be found until that is done."""

    def __init__(self, ledger: Ledger, months: Months, due: DueDays) -> None:
        self._ledger, self._months, self._due = ledger, months, due
        self.cursor = 0
        self.rebuilding = self._folds_again = False
        self.find_cursor()

    def find_cursor(self) -> None:
        """Where to go on: after the smallest checkpoint of the months that are behind."""
        behind = self._behind()
        self.cursor = min((file.checkpoint for file in behind), default=self._ledger.next_seq - 1)
        self._folds_again = bool(behind)

    def _behind(self) -> list[MonthFile]:
        reach = {partition.month: partition.last_seq for partition in self._ledger.partitions()}
        return [file for file in self._months.files() if file.checkpoint < reach.get(file.month, 0)]

    def start_over(self) -> None:
        """A month has to be folded again."""
        self.find_cursor()
        self.rebuilding = self.lag > 0

    @property
    def lag(self) -> int:
        """Signals accepted and perhaps not yet in their month file."""
        return self._ledger.next_seq - 1 - self.cursor

    def run(self, now: int, limit: int = SLICE) -> int:
        """One slice; how many signals it took. A broken month is set aside and folded again from its start.

        Raises LedgerFull (the disk has no room; nothing is lost, try again later)."""
        rows = self._ledger.signals_after(self.cursor, limit)
        if not rows:
            self.cursor = self._ledger.next_seq - 1
            self._settle(now)
            return 0
        point("before_projection")
        by_month: dict[str, list[Decided]] = {}
        for row in rows:
            decision = decode_decision(row.decision)
            by_month.setdefault(decision.month, []).append((row, decision))
        for month, decided in by_month.items():
            if not self._apply(month, decided, now):
                return len(rows)
        self.cursor = rows[-1].seq
        if not self.lag:
            self._settle(now)
        point("after_projection")
        return len(rows)

    def _settle(self, now: int) -> None:
        """Everything there is was folded. A month that is behind all the same has lost its last signals: they were erased."""
        self.rebuilding = False
        if self._folds_again:
            behind = self._behind()
            self._folds_again = not all(self._write(file.month, partial(file.pass_to, self.cursor, now), now) for file in behind)

    def _apply(self, month: str, decided: list[Decided], now: int) -> bool:
        """Fold one month's part of a slice. False when the month had to be started again: the cursor went back."""
        if month in self._months.closed:
            log.debug("signals of a closed month are passed over", month=month, signals=len(decided))
            return True

        def fold() -> None:
            file = self._months.open(month, now)
            news = [(row, decision) for row, decision in decided if row.seq > file.checkpoint]
            if news:
                file.apply(news, now, self._due.mark)

        return self._write(month, fold, now)

    def _write(self, month: str, write: Callable[[], None], now: int) -> bool:
        """Whether it went well; a month that is broken is started again."""
        try:
            write()
        except apsw.FullError as error:
            raise LedgerFull from error
        except BROKEN as error:
            self._months.replace(month, now, str(error))
            self.start_over()
            return False
        return True
