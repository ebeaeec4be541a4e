"""What the Box does by itself, and when: the table of jobs. Each is a coroutine that takes its turn and answers with a sentence."""

from typing import TYPE_CHECKING, Any

from opsmantik_box.domain import months
from opsmantik_box.domain.schedules import DAY_MS, HOUR_MS, MINUTE_MS, every, make_ahead
from opsmantik_box.engine.arrivals import forget_arrivals
from opsmantik_box.engine.auditing import audit_data_integrity
from opsmantik_box.engine.backing_up import back_up, verify_backups
from opsmantik_box.engine.daily import tell_day
from opsmantik_box.engine.jobs import Job, Outcome, Turn
from opsmantik_box.engine.optimizing import optimize
from opsmantik_box.engine.retention import Retention
from opsmantik_box.engine.sealing import Sealed
from opsmantik_box.engine.summaries import refresh_daily_summary
from opsmantik_box.engine.trimming import Trimming
from opsmantik_box.link.messages import Months, TokensChanged

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service


async def make_next_month(turn: Turn, _arguments: dict[str, Any]) -> Outcome:
    """The file of next month, before anybody needs it."""
    made = keep_partitions(turn.service)
    coming = months.next_month(months.month_of(turn.now()))
    made_at = next(one.made_at for one in turn.core.ledger.partitions() if one.month == coming)
    return Outcome(f"{months.ready_sentence(coming, made_at)}.", {"made": made})


def keep_partitions(service: "Service") -> list[str]:
    """Makes this month and the next, where they are missing; the names of what was made. Raises LedgerFull, LedgerPoisoned."""
    core, now = service.core, service.clock()
    known, this = {one.month for one in core.ledger.partitions()}, months.month_of(now)
    missing = [month for month in (this, months.next_month(this)) if month not in known]
    for month in missing:
        core.make_month(month, now)
    if missing:
        service.audience.tell(Months(core.months.names()))
    return [name for month in missing for name in months.partition_names(month)]


async def close_month(turn: Turn, _arguments: dict[str, Any]) -> Outcome:
    """The oldest month whose time is over: no more signals, and one compact file that does not change any more."""
    core, over = turn.core, turn.core.months_over(turn.now())
    if over and not core.close_month(over[0], turn.now()):
        return Outcome(f"{over[0]} is read, or not complete yet; it is closed in a minute.", again_at=turn.now() + MINUTE_MS)
    for month in core.unsealed_months()[:1]:
        if turn.service.erasures.waits:
            return Outcome(f"A visitor is being erased; {month} is sealed afterwards.", again_at=turn.now() + MINUTE_MS)
        return await _seal(turn, month)
    turn.service.erasures.note_seals()
    return Outcome("No month is over.")


async def _seal(turn: Turn, month: str) -> Outcome:
    core, before = turn.core, turn.core.months.changes(month)
    told = await turn.errand("opsmantik_box.engine.sealing", core.months.seal_order(month))
    sealed, again = Sealed(**told), turn.now() + MINUTE_MS
    if turn.service.erasures.waits or core.months.changes(month) != before:
        return Outcome(f"{month} was changed while it was copied; it is copied again.", again_at=again)
    if not core.adopt_seal(month, sealed, turn.now()):
        return Outcome(f"Somebody reads {month}; it is sealed in a minute.", again_at=again)
    turn.service.erasures.note_seals()
    turn.service.audience.tell(Months(core.months.names()))
    more = core.months_over(turn.now()) or core.unsealed_months()
    return Outcome(f"{month} is closed: {sealed.rows} rows.", {"month": month, "rows": sealed.rows}, again if more else None)


async def expire_tokens(turn: Turn, _arguments: dict[str, Any]) -> Outcome:
    """Tokens that were replaced open nothing any more when their grace is over."""
    expired = turn.service.directory.revoke_expired(turn.now())
    if expired:
        turn.service.audience.tell(TokensChanged())
    return Outcome("Some expired." if expired else "None expired.")


async def trim(turn: Turn, _arguments: dict[str, Any]) -> Outcome:
    """Rows of the feed that nobody resumes from any more, and hours of trackers' reports that are over."""
    turn.service.feed.trim(turn.now())
    forget_arrivals(turn.core.ledger, turn.now())
    return Outcome(f"The feed begins with row {turn.service.feed.oldest}.")


async def forget(turn: Turn, _arguments: dict[str, Any]) -> Outcome:
    """What is older than it is kept (domain/retention.py) is deleted."""
    retention = Retention(turn.core, turn.service.clock)
    for _ in retention.work():
        await turn.pause()
    trimming = Trimming(turn.core, turn.service.clock)
    for _ in trimming.work() if not turn.service.erasures.waits else ():
        await turn.pause()
    rows = retention.deleted + trimming.deleted
    waiting = f" Events of {', '.join(trimming.waits)} wait for a verified backup." if trimming.waits else ""
    return Outcome(f"{sum(rows.values())} rows were older than they are kept.{waiting}", dict(rows))


NIGHT_MS = HOUR_MS
"""01:00 UTC: when the night's work begins."""

JOBS = (
    Job("create_next_month_partitions", "the file of next month", make_ahead, make_next_month, at_start=True),
    Job(
        "close_month", "a month that is over becomes one sealed file", every(HOUR_MS, 4 * MINUTE_MS), close_month, True, heavy=True
    ),
    Job(
        "backup",
        "a copy to every place, verified by restoring it",
        every(DAY_MS, NIGHT_MS),
        back_up,
        heavy=True,
        lease_ms=6 * HOUR_MS,
    ),
    Job("verify_backups", "the newest backups, fetched and restored whole", None, verify_backups, heavy=True, lease_ms=6 * HOUR_MS),
    Job(
        "audit-data-integrity",
        "whether what is stored is what it must be",
        every(DAY_MS, NIGHT_MS + HOUR_MS),
        audit_data_integrity,
        heavy=True,
    ),
    Job(
        "refresh_daily_summary",
        "daily_summary, of days that changed",
        every(HOUR_MS, 10 * MINUTE_MS),
        refresh_daily_summary,
        at_start=True,
        heavy=True,
    ),
    Job("tell_day", "yesterday, summed up for who is told of things", every(HOUR_MS, MINUTE_MS), tell_day, at_start=True),
    Job("retention", "what is older than it is kept is deleted", every(DAY_MS), forget, at_start=True, heavy=True),
    Job("optimize", "statistics for the planner of queries, and short WALs", every(DAY_MS, NIGHT_MS + 2 * HOUR_MS), optimize),
    Job("expire_tokens", "tokens that were replaced", every(MINUTE_MS), expire_tokens),
    Job(
        "trim",
        "the stream's rows, and what trackers told of themselves, when they are over",
        every(MINUTE_MS, MINUTE_MS // 2),
        trim,
    ),
)
