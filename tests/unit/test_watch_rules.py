"""What each rule says of facts, and an alert's life."""

import msgspec
import pytest

from opsmantik_box.domain.watch import rules
from opsmantik_box.domain.watch.alerts import CALM_MS, REPEATS_MS, Alert, acknowledge, body_of, follow, open_alert, silence
from opsmantik_box.domain.watch.codes import ABOUT, Code, Level, graver
from opsmantik_box.domain.watch.facts import (
    Answers,
    BoxFacts,
    Expiry,
    Finding,
    Gap,
    LaneFacts,
    Limits,
    OpenAlert,
    Outcome,
    SiteFacts,
    Standing,
    limits_of,
)
from opsmantik_box.domain.watch.health import state_of
from opsmantik_box.domain.watch.latency import BOUNDS_MS, bucket_of, empty, quantile
from opsmantik_box.domain.watch.minutes import KEPT, MINUTE_MS, Minutes
from opsmantik_box.domain.watch.rules import BOX_RULES, SITE_RULES

NOW = 1_793_869_200_000
HOUR = 60 * MINUTE_MS
FINE, UNCLEAR, LASTS = Standing.FINE, Standing.UNCLEAR, Standing.LASTS


def site(**more: object) -> SiteFacts:
    """A site at noon that has its usual traffic."""
    usual: dict[str, object] = {
        "site_id": 1, "name": "antika", "hour": 12.0, "limits": Limits(), "sessions_last_hour": 20, "sessions_last_3_hours": 60,
        "clicks_last_3_hours": 12, "sessions": Gap(NOW - MINUTE_MS, 0.3, 20.0), "clicks": Gap(NOW - 5 * MINUTE_MS, 0.3, 12.0),
        "had_sessions": True, "had_clicks": True, "last_at": NOW - MINUTE_MS,
    }  # fmt: skip
    return SiteFacts(**(usual | more))  # type: ignore[arg-type]


def box(*sites: SiteFacts, **more: object) -> BoxFacts:
    """A Box that has listened for a day."""
    usual: dict[str, object] = {
        "now": NOW,
        "listening_since": NOW - 24 * HOUR,
        "sites": sites,
        "backed_up_at": NOW - HOUR,
        "is_backed_up_elsewhere": True,
    }
    return BoxFacts(**(usual | more))  # type: ignore[arg-type]


def silent(minutes: int, sure: float | None, usual: float | None = 20.0, **more: object) -> SiteFacts:
    """Nobody for so long."""
    hour, hours = (0 if minutes >= 60 else 3), (0 if minutes >= 180 else 5)
    told: dict[str, object] = {"sessions_last_hour": hour, "sessions_last_3_hours": hours}
    return site(**(told | {"sessions": Gap(NOW - minutes * MINUTE_MS, sure, usual)} | more))


def level(outcome: Outcome) -> Level | Standing:
    return outcome.level if isinstance(outcome, Finding) else outcome


def test_every_code_has_a_rule_and_advice() -> None:
    assert {*BOX_RULES, *SITE_RULES} == set(Code) == set(ABOUT)
    assert all(about.advice for about in ABOUT.values())


def test_a_usual_box_is_fine() -> None:
    assert {code: outcome for code, _, outcome in rules.judge(box(site())) if isinstance(outcome, Finding)} == {}


# --- traffic ----------------------------------------------------------------------------------------------------------------------


def test_an_hour_without_a_session_is_a_loss_where_three_are_usual() -> None:
    quiet = silent(60, sure=4.0, usual=3.0)
    assert level(rules.site_traffic_loss(box(quiet), quiet)) == "warning"
    assert rules.site_traffic_loss(box(), silent(60, sure=4.0, usual=2.9)) is UNCLEAR
    assert rules.site_traffic_loss(box(), site()) is FINE


def test_it_is_an_alarm_when_it_is_more_than_chance() -> None:
    quiet = silent(90, sure=25.0)
    assert level(rules.site_traffic_loss(box(quiet, site(site_id=2)), quiet)) == "alarm"
    assert level(rules.total_traffic_loss(box(quiet))) == "alarm"
    assert level(rules.total_traffic_loss(box(silent(60, sure=4.0, usual=4.0)))) == "warning"


def test_small_sites_add_up_to_a_box() -> None:
    sites = [silent(60, sure=2.0, usual=2.0, site_id=number) for number in range(1, 8)]
    assert level(rules.total_traffic_loss(box(*sites))) == "alarm"
    assert all(rules.site_traffic_loss(box(*sites), one) is UNCLEAR for one in sites)


@pytest.mark.parametrize(("hour", "told"), [(9.5, False), (10.0, True), (12.0, True), (21.0, True), (21.1, False), (3.0, False)])
def test_without_a_pattern_the_zeros_count_from_nine_to_twenty_one(hour: float, told: bool) -> None:
    """The whole hour lies inside."""
    new = silent(60, sure=None, usual=None, hour=hour)
    assert level(rules.total_traffic_loss(box(new))) == ("alarm" if told else UNCLEAR)
    assert level(rules.site_traffic_loss(box(new), new)) == ("warning" if told else UNCLEAR)


def test_three_hours_without_a_click_id_are_a_failure_when_people_came() -> None:
    lost = site(clicks_last_3_hours=0, clicks=Gap(NOW - 3 * HOUR, 14.0, 14.0))
    assert level(rules.site_ads_failure(box(lost), lost)) == "alarm"
    assert level(rules.ads_tracking_failure(box(lost))) == "alarm"
    nobody = silent(200, 30.0, clicks_last_3_hours=0, clicks=Gap(NOW - 4 * HOUR, 14.0, 14.0))
    assert rules.site_ads_failure(box(nobody), nobody) is UNCLEAR, "that is a loss of traffic"
    organic = site(clicks_last_3_hours=0, had_clicks=False)
    assert rules.site_ads_failure(box(organic), organic) is FINE


def test_three_hours_by_the_clock_begin_at_nine() -> None:
    new = site(clicks_last_3_hours=0, clicks=Gap(NOW - 3 * HOUR, None, None), hour=11.9)
    assert rules.ads_tracking_failure(box(new)) is UNCLEAR
    assert level(rules.ads_tracking_failure(box(msgspec.structs.replace(new, hour=12.0)))) == "alarm"


def test_a_site_is_silent_after_a_quarter_of_an_hour_and_twelve_expected() -> None:
    assert rules.site_silent(box(), silent(14, sure=40.0)) is FINE
    assert rules.site_silent(box(), silent(15, sure=11.9)) is UNCLEAR
    assert level(rules.site_silent(box(), silent(15, sure=12.0))) == "alarm"
    assert rules.site_silent(box(), silent(900, sure=None)) is UNCLEAR


def test_who_looks_after_the_box_is_told_once_when_all_of_it_is_quiet() -> None:
    quiet = silent(90, sure=30.0)
    loss, hush = rules.site_traffic_loss(box(quiet), quiet), rules.site_silent(box(quiet), quiet)
    assert isinstance(loss, Finding)
    assert isinstance(hush, Finding)
    assert (loss.covered_by, hush.covered_by) == (Code.SITE_SILENT, Code.TOTAL_TRAFFIC_LOSS)
    one_of_two = rules.site_silent(box(quiet, site(site_id=2)), quiet)
    assert isinstance(one_of_two, Finding)
    assert one_of_two.covered_by is None


def test_what_did_not_come_while_the_box_did_not_listen_does_not_count() -> None:
    quiet = silent(90, sure=30.0)
    deaf = box(quiet, listening_since=NOW - 30 * MINUTE_MS)
    assert rules.site_traffic_loss(deaf, quiet) is UNCLEAR
    assert rules.total_traffic_loss(deaf) is UNCLEAR
    assert rules.site_silent(box(quiet, listening_since=None), quiet) is UNCLEAR


def test_thresholds_are_the_sites_own() -> None:
    assert limits_of({"watch": {"sure": 30, "zero_expects": 10}}) == Limits(sure=30, zero_expects=10)
    assert limits_of({"watch": {"sure": "many"}}) == limits_of({}) == Limits()
    patient = silent(60, sure=20.0, usual=8.0, limits=Limits(sure=30, zero_expects=10))
    assert rules.site_silent(box(), patient) is UNCLEAR
    assert rules.site_traffic_loss(box(), patient) is UNCLEAR


# --- quality ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "failed", "said"),
    [(49, 49, UNCLEAR), (49, 0, FINE), (50, 2, FINE), (100, 5, FINE), (100, 6, "alarm"), (50, 50, "alarm"), (0, 0, FINE)],
)
def test_more_than_five_in_a_hundred_answers_are_an_error_rate(total: int, failed: int, said: object) -> None:
    assert level(rules.error_rate(box(answers=Answers(total, failed)))) == said
    assert level(rules.site_error_rate(box(), site(answers=Answers(total, failed)))) == said


@pytest.mark.parametrize(
    ("expected", "had", "told"), [(30, 0, True), (30, 28, False), (10, 0, False), (5, 40, True), (30, 45, False)]
)
def test_far_fewer_or_more_intents_than_usual_are_told(expected: float, had: int, told: bool) -> None:
    outcome = rules.intent_ratio(box(), site(intents_expected=expected, intents_of_day=had, sessions_of_day=400))
    assert level(outcome) == ("warning" if told else FINE)


def test_an_arrival_rate_is_measured_by_the_trackers_own_word() -> None:
    assert rules.arrival_rate(box(), site()) is UNCLEAR
    assert rules.arrival_rate(box(), site(arrival=(100, 5))) is UNCLEAR, "too few to say"
    assert rules.arrival_rate(box(), site(arrival=(9_900, 100))) is FINE
    assert level(rules.arrival_rate(box(), site(arrival=(9_890, 110)))) == "warning"


# --- the Box ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "facts", "said"),
    [
        (Code.PROJECTION_LAG, {"lag_ms": 9_999}, FINE),
        (Code.PROJECTION_LAG, {"lag_ms": 10_000}, "warning"),
        (Code.PROJECTION_LAG, {"lag_ms": 60_000}, "alarm"),
        (Code.DISK, {"disk_used": 0.79}, FINE),
        (Code.DISK, {"disk_used": 0.80}, "warning"),
        (Code.DISK, {"disk_used": 0.90}, "alarm"),
        (Code.WAL_SIZE, {"wal_bytes": 64 * 1024**2}, FINE),
        (Code.WAL_SIZE, {"wal_bytes": 128 * 1024**2}, "warning"),
        (Code.BACKUP_OLD, {"backed_up_at": NOW - 26 * HOUR}, FINE),
        (Code.BACKUP_OLD, {"backed_up_at": NOW - 26 * HOUR - 1}, "alarm"),
        (Code.BACKUP_OLD, {"backed_up_at": None}, FINE),
        (Code.NO_BACKUP_ELSEWHERE, {"is_backed_up_elsewhere": False, "made_at": NOW - 24 * HOUR}, FINE),
        (Code.NO_BACKUP_ELSEWHERE, {"is_backed_up_elsewhere": False, "made_at": NOW - 24 * HOUR - 1}, "warning"),
        (Code.JOB_FAILED, {"failed_jobs": ["The job audit failed 3 times in a row: no room."]}, "warning"),
        (Code.LANE_STOPPED, {"lanes": [LaneFacts("telegram", NOW - 9 * MINUTE_MS, 0, "503")]}, FINE),
        (Code.LANE_STOPPED, {"lanes": [LaneFacts("telegram", NOW - 10 * MINUTE_MS, 0, "503")]}, "alarm"),
        (Code.LANE_STOPPED, {"lanes": [LaneFacts("webhook:1", None, 2, "")]}, "warning"),
        (Code.CREDENTIAL_EXPIRES, {"expiring": [Expiry("token 3", NOW + HOUR)]}, "warning"),
    ],
)
def test_the_box_is_measured(code: Code, facts: dict[str, object], said: object) -> None:
    assert level(BOX_RULES[code](box(**facts))) == said


def test_a_disk_at_the_edge_does_not_flicker() -> None:
    again = box(disk_used=0.79, open=[OpenAlert(Code.DISK, None, NOW)])
    assert level(rules.disk(again)) == "warning"
    assert rules.disk(msgspec.structs.replace(again, disk_used=0.77)) is FINE


def test_what_is_told_where_it_happens_is_over_once_it_has_not_happened_for_a_while() -> None:
    step = OpenAlert(Code.CLOCK_STEP, None, NOW - 59 * MINUTE_MS)
    assert rules.clock_step(box(open=[step])) is LASTS
    assert rules.clock_step(box(open=[msgspec.structs.replace(step, last_at=NOW - HOUR)])) is FINE
    assert rules.quarantine(box(quarantined={1: 2}), site()) is LASTS
    assert rules.quarantine(box(), site()) is FINE
    assert rules.partition_fault(box(rebuilding=True)) is LASTS


# --- an alert's life --------------------------------------------------------------------------------------------------------------

FOUND = Finding("alarm", "Nobody for 26 min.", NOW - 26 * MINUTE_MS)


def opened(level: Level = "alarm") -> Alert:
    return open_alert(Code.SITE_SILENT, 1, msgspec.structs.replace(FOUND, level=level), NOW)


def test_an_alert_is_told_when_it_opens_and_not_again_while_it_lasts() -> None:
    alert, change = follow(opened(), FOUND, NOW + MINUTE_MS)
    assert change is None
    assert (alert.times, alert.version) == (2, 1)


@pytest.mark.parametrize("level", ["warning", "alarm"])
def test_it_is_repeated_on_its_schedule(level: Level) -> None:
    alert, told, found = opened(level), list[int](), msgspec.structs.replace(FOUND, level=level)
    for minute in range(1, 3 * 24 * 60):
        alert, change = follow(alert, found, NOW + minute * MINUTE_MS)
        if change is not None:
            assert change == "repeated"
            told.append(minute * MINUTE_MS)
    pauses = [later - before for before, later in zip([0, *told], told, strict=False)]
    schedule = REPEATS_MS[level]
    assert pauses == [schedule[min(number, len(schedule) - 1)] for number in range(len(pauses))]
    assert len(pauses) >= 2


def test_who_says_that_he_knows_is_not_told_again_until_it_gets_worse() -> None:
    alert = acknowledge(opened("warning"), "op-1", NOW + MINUTE_MS)
    assert alert.state == "acknowledged"
    later, change = follow(alert, msgspec.structs.replace(FOUND, level="warning"), NOW + 48 * HOUR)
    assert change is None
    worse, change = follow(later, FOUND, NOW + 49 * HOUR)
    assert change == "raised"
    assert (worse.state, worse.level) == ("open", "alarm")


def test_what_is_silenced_is_not_repeated_until_then() -> None:
    alert = silence(opened(), NOW + 8 * HOUR)
    quiet, change = follow(alert, FOUND, NOW + 8 * HOUR - 1)
    assert change is None
    assert follow(quiet, FOUND, NOW + 8 * HOUR)[1] == "repeated"


def test_it_is_over_when_it_has_been_fine_for_two_minutes() -> None:
    alert, change = follow(opened(), FINE, NOW + MINUTE_MS)
    assert change is None
    back, _ = follow(alert, FOUND, NOW + 2 * MINUTE_MS)
    assert back.calm_since is None
    calm, _ = follow(back, FINE, NOW + 3 * MINUTE_MS)
    over, change = follow(calm, FINE, NOW + 3 * MINUTE_MS + CALM_MS)
    assert change == "resolved"
    assert over.state == "resolved"


def test_what_cannot_be_told_now_changes_nothing() -> None:
    alert = opened()
    assert follow(alert, UNCLEAR, NOW + 5 * HOUR) == (alert, None)


def test_it_stays_as_grave_as_it_was_until_it_is_over() -> None:
    eased, change = follow(opened(), msgspec.structs.replace(FOUND, level="warning"), NOW + MINUTE_MS)
    assert change is None
    assert eased.level == graver("alarm", "warning") == "alarm"


def test_an_alert_says_what_to_do() -> None:
    body = body_of(opened(), "opened")
    assert body.advice == ABOUT[Code.SITE_SILENT].advice
    assert (body.change, body.state, body.code) == ("opened", "open", "SITE_SILENT")


# --- the word, minutes, latency ---------------------------------------------------------------------------------------------------


def test_the_box_is_in_one_word_how_its_open_alerts_are() -> None:
    assert state_of(True, "", []) == ("OK", [])
    assert state_of(True, "", [("CLOCK_STEP", "info", "x")])[0] == "OK"
    word, why = state_of(True, "", [("DISK", "warning", "The disk is 81% full.")])
    assert (word, [one.code for one in why]) == ("DEGRADED", ["DISK"])
    word, why = state_of(False, "full", [("DISK", "alarm", "x")])
    assert (word, [one.code for one in why]) == ("DOWN", ["NOT_ACCEPTING", "DISK"])


def test_minutes_count_what_happened_lately() -> None:
    counted = Minutes()
    for minute in range(KEPT + 60):
        counted.add(NOW + minute * MINUTE_MS, 1, "sessions", 2)
    now = NOW + (KEPT + 59) * MINUTE_MS
    assert counted.totals(now, 60)[1, "sessions"] == 120
    assert counted.totals(now, KEPT)[1, "sessions"] == 2 * KEPT
    assert counted.totals(now - 30 * MINUTE_MS, 60)[1, "sessions"] == 120, "what lies ahead is left out"
    assert len(counted._counts) == KEPT


def test_a_quantile_lies_in_its_bucket() -> None:
    counts = empty()
    for took in (0.5, 4, 4, 4, 4, 4, 4, 4, 4, 9_000):
        counts[bucket_of(took)] += 1
    assert 3 <= (quantile(counts, 0.5) or 0) <= 5
    assert quantile(counts, 1.0) == BOUNDS_MS[-1]
    assert quantile(empty(), 0.5) is None
