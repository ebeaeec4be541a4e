"""The rules: a function for each code, facts in, an outcome out. Pure. What each alert means to a person: docs/alerts.md."""

from collections.abc import Callable, Iterator, Mapping

from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.domain.watch.facts import BoxFacts, Outcome, SiteFacts
from opsmantik_box.domain.watch.machine import (
    backup_old,
    clock_step,
    credential_expires,
    data_integrity,
    disk,
    erasures_not_repeated,
    job_failed,
    lane_stopped,
    no_backup_elsewhere,
    partition_fault,
    projection_lag,
    quarantine,
    rate_limited_clicks,
    site_data_integrity,
    wal_size,
)
from opsmantik_box.domain.watch.quality import arrival_rate, error_rate, intent_ratio, site_error_rate
from opsmantik_box.domain.watch.traffic import (
    ads_tracking_failure,
    site_ads_failure,
    site_silent,
    site_traffic_loss,
    total_traffic_loss,
)

BOX_RULES: Mapping[Code, Callable[[BoxFacts], Outcome]] = {
    Code.TOTAL_TRAFFIC_LOSS: total_traffic_loss,
    Code.ADS_TRACKING_FAILURE: ads_tracking_failure,
    Code.ERROR_RATE: error_rate,
    Code.PARTITION_FAULT: partition_fault,
    Code.PROJECTION_LAG: projection_lag,
    Code.DISK: disk,
    Code.WAL_SIZE: wal_size,
    Code.DATA_INTEGRITY: data_integrity,
    Code.BACKUP_OLD: backup_old,
    Code.NO_BACKUP_ELSEWHERE: no_backup_elsewhere,
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
    Code.DATA_INTEGRITY: site_data_integrity,
}


def judge(facts: BoxFacts) -> Iterator[tuple[Code, int | None, Outcome]]:
    """(code, site or None, outcome) of every rule."""
    for code, rule in BOX_RULES.items():
        yield code, None, rule(facts)
    for site in facts.sites:
        for code, site_rule in SITE_RULES.items():
            yield code, site.site_id, site_rule(facts, site)
