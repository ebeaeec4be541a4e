"""Whether the Box itself is well: what it stands on, what it does by itself, and what was told where it happened. Pure."""

from collections.abc import Sequence

from opsmantik_box.domain.audits import Audited, is_too_much
from opsmantik_box.domain.backups import LATE_MS
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.domain.watch.facts import HOUR_MS, BoxFacts, Finding, Outcome, SiteFacts, Standing
from opsmantik_box.domain.watch.minutes import MINUTE_MS
from opsmantik_box.domain.watch.spans import clock_of, span_of

LAG_MS: tuple[int, int] = (10_000, 60_000)
DISK_USED = (0.80, 0.90)
DISK_MARGIN = 0.02
WAL_BYTES = (128 * 1024**2, 512 * 1024**2)
LANE_MS = 10 * MINUTE_MS
NEW_MS = 24 * HOUR_MS
"""So long a new Box may be without a backup elsewhere before it is told of."""
QUIET_MS = {
    Code.PARTITION_FAULT: 10 * MINUTE_MS, Code.RATE_LIMITED_CLICKS: HOUR_MS, Code.CLOCK_STEP: HOUR_MS,
    Code.ERASURES_NOT_REPEATED: 30 * 24 * HOUR_MS,
}  # fmt: skip
"""What is told where it happens is over when it has not happened for so long."""
FINE, LASTS = Standing.FINE, Standing.LASTS


def projection_lag(facts: BoxFacts) -> Outcome:
    text = f"{facts.lag_signals} signals wait for their month file, the oldest for {span_of(facts.lag_ms)}."
    return _graded(facts.lag_ms, LAG_MS, text, facts.now - facts.lag_ms)


def disk(facts: BoxFacts) -> Outcome:
    margin = DISK_MARGIN if facts.is_open(Code.DISK) else 0.0
    text = f"The disk is {facts.disk_used:.0%} full, {facts.disk_free / 1024**3:.1f} GB are free."
    return _graded(facts.disk_used + margin, DISK_USED, text, facts.now)


def wal_size(facts: BoxFacts) -> Outcome:
    text = f"The write-ahead log of {facts.wal_file} is {facts.wal_bytes / 1024**2:.0f} MB long."
    return _graded(facts.wal_bytes, WAL_BYTES, text, facts.now)


def _graded(value: float, limits: tuple[float, float], text: str, since: int) -> Outcome:
    if value < limits[0]:
        return FINE
    return Finding("alarm" if value >= limits[1] else "warning", text, since)


def data_integrity(facts: BoxFacts) -> Outcome:
    return _too_much([one for one in facts.audits if one.site_id is None], 0.0, facts.now)


def site_data_integrity(facts: BoxFacts, site: SiteFacts) -> Outcome:
    return _too_much([one for one in facts.audits if one.site_id == site.site_id], site.limits.audit_share, facts.now)


def _too_much(found: Sequence[Audited], most: float, now: int) -> Outcome:
    told = "; ".join(str(one) for one in found if is_too_much(one, most))
    return Finding("alarm", f"The last audit found {told}.", now) if told else FINE


def backup_old(facts: BoxFacts) -> Outcome:
    """Of a Box that never made one, no_backup_elsewhere tells."""
    if facts.backed_up_at is None or facts.now - facts.backed_up_at <= LATE_MS:
        return FINE
    return Finding("alarm", f"The last verified backup is {span_of(facts.now - facts.backed_up_at)} old.", facts.backed_up_at)


def no_backup_elsewhere(facts: BoxFacts) -> Outcome:
    """When this machine is lost, everything is."""
    if facts.is_backed_up_elsewhere or facts.now - facts.made_at <= NEW_MS:
        return FINE
    return Finding("warning", "There is no verified backup outside of this machine.", facts.made_at)


def job_failed(facts: BoxFacts) -> Outcome:
    if not facts.failed_jobs:
        return FINE
    return Finding("warning", "; ".join(facts.failed_jobs), facts.now)


def lane_stopped(facts: BoxFacts) -> Outcome:
    """Deliveries to a receiver do not get through, or were given up."""
    stopped = [lane for lane in facts.lanes if lane.failing_since is not None and facts.now - lane.failing_since >= LANE_MS]
    told = [f"{lane.lane} fails since {clock_of(lane.failing_since or 0)} ({lane.last_error})" for lane in stopped]
    told += [f"{lane.lane}: {lane.dead} given up" for lane in facts.lanes if lane.dead]
    if not told:
        return FINE
    since = min((lane.failing_since or facts.now for lane in stopped), default=facts.now)
    return Finding("alarm" if stopped else "warning", "; ".join(told) + ".", since)


def credential_expires(facts: BoxFacts) -> Outcome:
    if not facts.expiring:
        return FINE
    told = "; ".join(f"{one.what} in {span_of(one.at - facts.now)}" for one in facts.expiring)
    return Finding("warning", f"Expires: {told}.", facts.now)


def quarantine(facts: BoxFacts, site: SiteFacts) -> Outcome:
    return LASTS if facts.quarantined.get(site.site_id) else FINE


def partition_fault(facts: BoxFacts) -> Outcome:
    return LASTS if facts.rebuilding or facts.lag_signals else _once_quiet(facts, Code.PARTITION_FAULT)


def clock_step(facts: BoxFacts) -> Outcome:
    return _once_quiet(facts, Code.CLOCK_STEP)


def erasures_not_repeated(facts: BoxFacts) -> Outcome:
    return _once_quiet(facts, Code.ERASURES_NOT_REPEATED)


def rate_limited_clicks(facts: BoxFacts, site: SiteFacts) -> Outcome:
    return _once_quiet(facts, Code.RATE_LIMITED_CLICKS, site.site_id)


def _once_quiet(facts: BoxFacts, code: Code, site_id: int | None = None) -> Outcome:
    found = facts.find_open(code, site_id)
    return LASTS if found is not None and facts.now - found.last_at < QUIET_MS[code] else FINE
