"""The rules: a function for each code, facts in, an outcome out. Pure. What each alert means to a person: docs/alerts.md.

The two zeros count for a site in hours in which its own pattern expects at least three; before it has one, from 09:00 to 21:00 by its
clocks. Nothing that happened while the Box did not listen counts: a gap begins when it began to.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from opsmantik_box.domain.watch.codes import Code, Level
from opsmantik_box.domain.watch.facts import HOUR_MS, Answers, BoxFacts, Finding, Gap, Outcome, SiteFacts, Standing

MINUTE_MS = 60_000
SILENT_MS = 15 * MINUTE_MS
DAY_HOURS = (9.0, 21.0)
FEWEST_ANSWERS = 50
FEWEST_IDS = 200
BOX_ERROR_RATE = 0.05
LAG_MS: tuple[int, int] = (10_000, 60_000)
DISK_USED = (0.80, 0.90)
DISK_MARGIN = 0.02
WAL_BYTES = (128 * 1024**2, 512 * 1024**2)
BACKUP_MS = 26 * HOUR_MS
LANE_MS = 10 * MINUTE_MS
QUIET_MS = {
    Code.PARTITION_FAULT: 10 * MINUTE_MS, Code.RATE_LIMITED_CLICKS: HOUR_MS, Code.CLOCK_STEP: HOUR_MS,
    Code.ERASURES_NOT_REPEATED: 30 * 24 * HOUR_MS,
}  # fmt: skip
"""What is told where it happens is over when it has not happened for so long."""
UNLIKELY = 4.5
"""Standard deviations."""
SPREAD = 1.5
"""Visitors tap more than once: the variance of intents is so many times that of chance (Poisson)."""
FEWEST_INTENTS = 12

FINE, LASTS, UNCLEAR = Standing.FINE, Standing.LASTS, Standing.UNCLEAR


# --- traffic ----------------------------------------------------------------------------------------------------------------------


def total_traffic_loss(facts: BoxFacts) -> Outcome:
    """No session at all in an hour."""
    if any(site.sessions_last_hour for site in facts.sites) or not any(site.had_sessions for site in facts.sites):
        return FINE
    sites = [site for site in facts.sites if site.had_sessions]
    return _box_zero(facts, sites, "sessions", HOUR_MS, "No session on any site for {span}.")


def ads_tracking_failure(facts: BoxFacts) -> Outcome:
    """No click id at all in three hours, though people came."""
    if any(site.clicks_last_3_hours for site in facts.sites) or not any(site.had_clicks for site in facts.sites):
        return FINE
    if not any(site.sessions_last_3_hours for site in facts.sites):
        return UNCLEAR
    sites = [site for site in facts.sites if site.had_clicks]
    return _box_zero(facts, sites, "clicks", 3 * HOUR_MS, "People came, but none with a click id on any site for {span}.")


def _box_zero(facts: BoxFacts, sites: list[SiteFacts], name: str, window: int, text: str) -> Outcome:
    """Of all sites together: what their patterns expect is added up. Sites without one count by the clock."""
    gaps: list[Gap] = [getattr(site, name) for site in sites]
    usual = sum(gap.usual or 0 for gap in gaps)
    by_clock = any(gap.usual is None and _by_day(site, window) for gap, site in zip(gaps, sites, strict=True))
    if not _listened(facts, window) or not (usual >= 3 or by_clock):
        return UNCLEAR
    since = max(gap.since for gap in gaps)
    sure = sum(gap.sure or 0 for gap in gaps)
    level: Level = "alarm" if by_clock or sure >= 12 else "warning"
    return Finding(level, text.format(span=_span(facts.now - since)), since, {"expected": round(usual, 1)})


def site_traffic_loss(facts: BoxFacts, site: SiteFacts) -> Outcome:
    """No session of this site in an hour."""
    if site.sessions_last_hour or not site.had_sessions:
        return FINE
    text = "No session for {span}; {usual} are usual in an hour."
    found = _site_zero(facts, site, site.sessions, HOUR_MS, text)
    if isinstance(found, Finding) and isinstance(site_silent(facts, site), Finding):
        return _covered(found, Code.SITE_SILENT)
    return _covered_by_box(facts, found, total_traffic_loss, Code.TOTAL_TRAFFIC_LOSS)


def site_ads_failure(facts: BoxFacts, site: SiteFacts) -> Outcome:
    """No click id on this site in three hours, though people came."""
    if site.clicks_last_3_hours or not site.had_clicks:
        return FINE
    if not site.sessions_last_3_hours:
        return UNCLEAR
    text = "People came, but none with a click id for {span}; {usual} are usual in three hours."
    found = _site_zero(facts, site, site.clicks, 3 * HOUR_MS, text)
    return _covered_by_box(facts, found, ads_tracking_failure, Code.ADS_TRACKING_FAILURE)


def _site_zero(facts: BoxFacts, site: SiteFacts, gap: Gap, window: int, text: str) -> Outcome:
    armed = _by_day(site, window) if gap.usual is None else gap.usual >= site.limits.zero_expects
    if not armed or not _listened(facts, window):
        return UNCLEAR
    usual = "some" if gap.usual is None else f"{gap.usual:.0f}"
    level: Level = "alarm" if gap.sure is not None and gap.sure >= site.limits.sure else "warning"
    told = text.format(span=_span(facts.now - gap.since), usual=usual)
    return Finding(level, told, gap.since, {} if gap.usual is None else {"expected": round(gap.usual, 1)})


def site_silent(facts: BoxFacts, site: SiteFacts) -> Outcome:
    """Nobody came for so long that it is more than chance, on a day like this one has been: see pattern.py."""
    gap = site.sessions
    if not site.had_sessions or facts.now - gap.since < SILENT_MS:
        return FINE
    if gap.sure is None or facts.listening_since is None or gap.sure < site.limits.sure:
        return UNCLEAR
    text = f"Nobody for {_span(facts.now - gap.since)}; {gap.sure:.1f} sessions are expected at the least in that time."
    found = Finding("alarm", text, gap.since, {"expected": round(gap.sure, 1)})
    return _covered_by_box(facts, found, total_traffic_loss, Code.TOTAL_TRAFFIC_LOSS)


def _by_day(site: SiteFacts, window: int) -> bool:
    """The whole window lies between 09:00 and 21:00 by the site's clocks."""
    return DAY_HOURS[0] + window / HOUR_MS <= site.hour <= DAY_HOURS[1]


def _listened(facts: BoxFacts, window: int) -> bool:
    return facts.listening_since is not None and facts.now - facts.listening_since >= window


def _covered(found: Outcome, by: Code) -> Outcome:
    return Finding(found.level, found.text, found.since, found.details, by) if isinstance(found, Finding) else found


def _covered_by_box(facts: BoxFacts, found: Outcome, rule: Callable[[BoxFacts], Outcome], code: Code) -> Outcome:
    """Who looks after the whole Box is told once when all of it is quiet."""
    box = rule(facts) if isinstance(found, Finding) else FINE
    return _covered(found, code) if isinstance(box, Finding) and box.level == "alarm" else found


# --- quality ----------------------------------------------------------------------------------------------------------------------


def intent_ratio(facts: BoxFacts, site: SiteFacts) -> Outcome:
    """Far fewer or far more taps than so many sessions usually lead to, over 24 hours: a button that is not seen, or a robot."""
    expected, had = site.intents_expected, site.intents_of_day
    if expected is None:
        return UNCLEAR
    apart = 2 * (math.sqrt(had + 0.375) - math.sqrt(expected + 0.375)) / math.sqrt(SPREAD)  # Anscombe: about standard deviations
    few = apart < -UNLIKELY and expected >= FEWEST_INTENTS
    many = apart > UNLIKELY and had >= max(FEWEST_INTENTS, 3 * expected)
    if not few and not many:
        return FINE
    text = f"{had} intents of {site.sessions_of_day} sessions in 24 h, where {expected:.0f} are usual."
    return Finding("warning", text, facts.now - 24 * HOUR_MS, {"expected": round(expected, 1), "intents": had})


def arrival_rate(facts: BoxFacts, site: SiteFacts) -> Outcome:
    """What the site's trackers could not bring here, by their own report over 24 hours."""
    if site.arrival is None or sum(site.arrival) < FEWEST_IDS:
        return UNCLEAR
    rate = site.arrival[0] / sum(site.arrival)
    if rate >= site.limits.arrival_rate:
        return FINE
    text = f"{rate:.1%} of what its trackers sent in 24 h arrived; {site.arrival[1]} signals are lost or parked."
    return Finding("warning", text, facts.now - 24 * HOUR_MS, {"rate": round(rate, 4)})


def error_rate(facts: BoxFacts) -> Outcome:
    return _error_rate(facts.now, facts.answers, BOX_ERROR_RATE)


def site_error_rate(facts: BoxFacts, site: SiteFacts) -> Outcome:
    found = _error_rate(facts.now, site.answers, site.limits.error_rate)
    return _covered_by_box(facts, found, error_rate, Code.ERROR_RATE)


def rate_of(answers: Answers) -> float | None:
    """product.md: answers with 5xx or quarantine ÷ all sync answers, 15 min, at least 50 of them."""
    return answers.failed / answers.total if answers.total >= FEWEST_ANSWERS else None


def _error_rate(now: int, answers: Answers, limit: float) -> Outcome:
    rate = rate_of(answers)
    if rate is None:
        return UNCLEAR if answers.failed else FINE
    if rate <= limit:
        return FINE
    text = f"{rate:.1%} of {answers.total} answers in 15 min were errors of ours ({answers.failed})."
    return Finding("alarm", text, now - 15 * MINUTE_MS, {"rate": round(rate, 4)})


# --- the Box ----------------------------------------------------------------------------------------------------------------------


def projection_lag(facts: BoxFacts) -> Outcome:
    text = f"{facts.lag_signals} signals wait for their month file, the oldest for {_span(facts.lag_ms)}."
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


def backup_old(facts: BoxFacts) -> Outcome:
    age = facts.now - facts.backup_due_since
    if age <= BACKUP_MS:
        return FINE
    return Finding("alarm", f"The last verified backup is {_span(age)} old.", facts.backup_due_since)


def job_failed(facts: BoxFacts) -> Outcome:
    if not facts.failed_jobs:
        return FINE
    return Finding("warning", f"The last run failed: {'; '.join(facts.failed_jobs)}.", facts.now)


def lane_stopped(facts: BoxFacts) -> Outcome:
    """Deliveries to a receiver do not get through, or were given up."""
    stopped = [lane for lane in facts.lanes if lane.failing_since is not None and facts.now - lane.failing_since >= LANE_MS]
    told = [f"{lane.lane} fails since {_clock(lane.failing_since or 0)} ({lane.last_error})" for lane in stopped]
    told += [f"{lane.lane}: {lane.dead} given up" for lane in facts.lanes if lane.dead]
    if not told:
        return FINE
    since = min((lane.failing_since or facts.now for lane in stopped), default=facts.now)
    return Finding("alarm" if stopped else "warning", "; ".join(told) + ".", since)


def credential_expires(facts: BoxFacts) -> Outcome:
    if not facts.expiring:
        return FINE
    told = "; ".join(f"{one.what} in {_span(one.at - facts.now)}" for one in facts.expiring)
    return Finding("warning", f"Expires: {told}.", facts.now)


# --- what is told where it happens ------------------------------------------------------------------------------------------------


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


# --- all of them ------------------------------------------------------------------------------------------------------------------

BOX_RULES: Mapping[Code, Callable[[BoxFacts], Outcome]] = {
    Code.TOTAL_TRAFFIC_LOSS: total_traffic_loss,
    Code.ADS_TRACKING_FAILURE: ads_tracking_failure,
    Code.ERROR_RATE: error_rate,
    Code.PARTITION_FAULT: partition_fault,
    Code.PROJECTION_LAG: projection_lag,
    Code.DISK: disk,
    Code.WAL_SIZE: wal_size,
    Code.BACKUP_OLD: backup_old,
    Code.JOB_FAILED: job_failed,
    Code.LANE_STOPPED: lane_stopped,
    Code.CREDENTIAL_EXPIRES: credential_expires,
    Code.CLOCK_STEP: clock_step,
    Code.ERASURES_NOT_REPEATED: erasures_not_repeated,
}
SITE_RULES: Mapping[Code, Callable[[BoxFacts, SiteFacts], Outcome]] = {
    Code.TOTAL_TRAFFIC_LOSS: site_traffic_loss,
    Code.ADS_TRACKING_FAILURE: site_ads_failure,
    Code.SITE_SILENT: site_silent,
    Code.INTENT_RATIO: intent_ratio,
    Code.ARRIVAL_RATE: arrival_rate,
    Code.ERROR_RATE: site_error_rate,
    Code.RATE_LIMITED_CLICKS: rate_limited_clicks,
    Code.QUARANTINE: quarantine,
}


def judge(facts: BoxFacts) -> Iterator[tuple[Code, int | None, Outcome]]:
    """(code, site or None, outcome) of every rule."""
    for code, rule in BOX_RULES.items():
        yield code, None, rule(facts)
    for site in facts.sites:
        for code, site_rule in SITE_RULES.items():
            yield code, site.site_id, site_rule(facts, site)


def _span(milliseconds: int) -> str:
    """A length of time as 12 s, 26 min, 3 h 10 min, 4 d."""
    minutes = milliseconds // MINUTE_MS
    if minutes < 1:
        return f"{milliseconds / 1000:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours} h {rest} min" if rest and hours < 12 else f"{hours} h"


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M UTC")
