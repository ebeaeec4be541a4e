"""What the jobs of months do (engine/chores.py), done at once: next month's file ahead of time, months that are over closed and sealed."""

from contextlib import suppress

from opsmantik_box.domain.months import make_ahead_at, month_of, next_month
from opsmantik_box.engine.core import Core
from opsmantik_box.errors import CopyFailed, LedgerFull


def turn_months(core: Core, now: int) -> None:
    """What a full disk does not allow is put off, as the jobs do."""
    with suppress(LedgerFull, CopyFailed):
        ahead = next_month(month_of(now))
        if now >= make_ahead_at(month_of(now)) and ahead not in dict(core.months.names()):
            core.make_month(ahead, now)
        for month in core.months_over(now):
            while core.catch_up(now):
                pass
            core.close_month(month, now)
        for month in core.unsealed_months():
            core.adopt_seal(month, core.months.make_seal(month), now)
