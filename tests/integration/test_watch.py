"""The watch on a real folder: alerts that open on injected data within their time, once, live through a restart, and resolve."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from opsmantik_box.domain.audits import Audited
from opsmantik_box.domain.days import HOUR_MS
from opsmantik_box.domain.site_entry import SiteEntry
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.domain.watch.machine import DISK_USED, WAL_BYTES
from opsmantik_box.engine.auditing import write_audit
from opsmantik_box.engine.checkpoints import PAGE_BYTES
from opsmantik_box.link.messages import Count
from tests.integration.watch_kit import CLICK, DAY_MS, MINUTE_MS, NOON, Tower, tower


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Tower]:
    with tower(tmp_path / "data") as made:
        yield made


def listen(watched: Tower) -> None:
    """The Box was there before: it listened, and somebody came a moment ago."""
    watched.engine.now -= 4 * HOUR_MS
    watched.visit(u=CLICK)
    watched.look()
    watched.engine.now += 4 * HOUR_MS
    watched.visit(u=CLICK)
    watched.look()


def answers(watched: Tower, status: int, count: int) -> None:
    watched.service.meters.note(Count([], [(watched.engine.site.id, status, count)], [0] * 18, 0.0), watched.now)


class Case(NamedTuple):
    """`broken` makes it wrong, `mended` makes it right again; `within` minutes it is told, `after` so many it is over."""

    code: Code
    on_site: bool
    within: int
    broken: Callable[[Tower, pytest.MonkeyPatch], object]
    mended: Callable[[Tower, pytest.MonkeyPatch], object]
    after: int = 3


def stop(watched: Tower, _: pytest.MonkeyPatch) -> None:
    """Nobody comes any more."""


def come_back(watched: Tower, _: pytest.MonkeyPatch) -> None:
    watched.visit(u=CLICK)


def disk_of(share: float) -> Callable[[Tower, pytest.MonkeyPatch], None]:
    """The file system says so."""

    def fill(watched: Tower, patch: pytest.MonkeyPatch) -> None:
        real = os.statvfs(watched.data)
        free = int(real.f_blocks * (1 - share))
        told = os.statvfs_result((real.f_bsize, real.f_frsize, real.f_blocks, free, free, real.f_files, 1, 1, real.f_flag, 255))
        patch.setattr("opsmantik_box.engine.gathering.os.statvfs", lambda _: told)

    return fill


def wal_of(size: int) -> Callable[[Tower, pytest.MonkeyPatch], None]:
    def grow(watched: Tower, _: pytest.MonkeyPatch) -> None:
        watched.engine.core.months.files()[0].wal.pages = size // PAGE_BYTES

    return grow


def job_failed(times: int) -> Callable[[Tower, pytest.MonkeyPatch], None]:
    def end(watched: Tower, _: pytest.MonkeyPatch) -> None:
        insert = "insert or replace into jobs (name, last_started_at, last_ended_at, outcome, failures) values ('trim', 1, 2, ?, ?)"
        watched.engine.core.ledger.db.execute(insert, ("failed" if times else "done", times))

    return end


def backup_made(hours_ago: int) -> Callable[[Tower, pytest.MonkeyPatch], None]:
    """So long ago, elsewhere."""

    def make(watched: Tower, _: pytest.MonkeyPatch) -> None:
        columns = "place, name, is_elsewhere, made_at, last_seq, bytes, verified_at"
        insert = f"insert or replace into backups ({columns}) values ('x', 'y', 1, ?, 1, 1, 1)"
        watched.engine.core.ledger.db.execute(insert, (watched.now - hours_ago * HOUR_MS,))

    return make


def box_made_yesterday(watched: Tower, _: pytest.MonkeyPatch) -> None:
    watched.engine.core.ledger.db.execute("update ledger_identity set created_at = ?", (watched.now - 24 * HOUR_MS,))


def lag_behind(watched: Tower, _: pytest.MonkeyPatch) -> None:
    watched.engine.send()
    watched.service.turns.pace.note_slice(watched.engine.core.lag, watched.now)


def catch_up(watched: Tower, _: pytest.MonkeyPatch) -> None:
    watched.engine.catch_up()
    watched.service.turns.pace.note_slice(0, watched.now)


def fail_answers(watched: Tower, _: pytest.MonkeyPatch) -> None:
    answers(watched, 200, 94)
    answers(watched, 503, 6)


def answer_well(watched: Tower, _: pytest.MonkeyPatch) -> None:
    answers(watched, 200, 500)


def expire_token(watched: Tower, _: pytest.MonkeyPatch) -> None:
    directory = watched.service.directory
    directory.add_user("op@antika.example", "", watched.now)
    token = directory.create_token(watched.now, "op@antika.example", None, "read", "console")
    directory.find_principal(token["token"], watched.now)
    directory.rotate_token(token["id"], 3 * DAY_MS, watched.now)


def token_gone(watched: Tower, _: pytest.MonkeyPatch) -> None:
    watched.service.directory.revoke_token(1, watched.now)


def quarantine(watched: Tower, _: pytest.MonkeyPatch) -> None:
    insert = "insert into signals (seq, site_id, event_id, received_at, payload, decision) values (9000, ?, x'00', 1, x'00', null)"
    with watched.engine.core.ledger.transaction():
        watched.engine.core.ledger.db.execute(insert, (watched.engine.site.id,))
        watched.engine.core.ledger.alert(Code.QUARANTINE, "A signal could not be decided.", watched.now, watched.engine.site.id)


def release(watched: Tower, _: pytest.MonkeyPatch) -> None:
    watched.engine.core.ledger.db.execute("delete from signals where seq = 9000")


def trackers_lost(count: int) -> Callable[[Tower, pytest.MonkeyPatch], None]:
    """What the site's trackers reported in this hour."""

    def report(watched: Tower, _: pytest.MonkeyPatch) -> None:
        told = [("accepted", "", 980), ("version", "2.0", 40), ("lost", "quota", count)]
        rows = [(watched.engine.site.id, watched.now // HOUR_MS, *one) for one in told]
        insert = "insert or replace into tracker_hours (site_id, hour, kind, name, n) values (?, ?, ?, ?, ?)"
        watched.engine.core.ledger.db.executemany(insert, rows)

    return report


def happened(code: Code, *, on_site: bool) -> Callable[[Tower, pytest.MonkeyPatch], None]:
    def tell(watched: Tower, _: pytest.MonkeyPatch) -> None:
        with watched.engine.core.ledger.transaction():
            watched.engine.core.ledger.alert(code, "It happened.", watched.now, watched.engine.site.id if on_site else None)

    return tell


def intents_of(each: int) -> Callable[[Tower, pytest.MonkeyPatch], None]:
    """So many in each hour of the last day."""

    def had(watched: Tower, _: pytest.MonkeyPatch) -> None:
        update = "update site_hours set intents = ? where hour >= ?"
        watched.engine.core.ledger.db.execute(update, (each, NOON // HOUR_MS - 24))

    return had


def audit_found(wrong: int) -> Callable[[Tower, pytest.MonkeyPatch], None]:
    def find(watched: Tower, _: pytest.MonkeyPatch) -> None:
        ledger, site = watched.engine.core.ledger, watched.engine.site.id
        with ledger.transaction():
            write_audit(ledger, [Audited("score_mismatch", site, wrong, 100, ["a"])], watched.now)

    return find


def pings_fail(watched: Tower, _: pytest.MonkeyPatch) -> None:
    lanes = watched.service.lanes
    lanes._outward = replace(lanes._outward, deadman_url="https://ping.example/box")
    lanes.ping_failed_since = NOON - 10 * MINUTE_MS


def pings_go_through(watched: Tower, _: pytest.MonkeyPatch) -> None:
    watched.service.lanes.ping_failed_since = None


def a_month_goes_by(watched: Tower, _: pytest.MonkeyPatch) -> None:
    watched.engine.now += 30 * DAY_MS


OWN = {Code.ADS_TRACKING_FAILURE}
"""Has a test of its own below: people must come while it is broken."""

CASES = [
    Case(Code.INTENT_RATIO, True, 1, intents_of(0), intents_of(2)),
    Case(Code.DATA_INTEGRITY, True, 1, audit_found(2), audit_found(1)),
    Case(Code.LANE_STOPPED, False, 1, pings_fail, pings_go_through),
    Case(Code.ERASURES_NOT_REPEATED, False, 1, happened(Code.ERASURES_NOT_REPEATED, on_site=False), a_month_goes_by),
    Case(Code.TOTAL_TRAFFIC_LOSS, False, 61, stop, come_back),
    Case(Code.TOTAL_TRAFFIC_LOSS, True, 61, stop, come_back),
    Case(Code.SITE_SILENT, True, 60, stop, come_back),
    Case(Code.ERROR_RATE, False, 1, fail_answers, answer_well),
    Case(Code.ERROR_RATE, True, 1, fail_answers, answer_well),
    Case(Code.PROJECTION_LAG, False, 1, lag_behind, catch_up),
    Case(Code.DISK, False, 1, disk_of(DISK_USED[0] + 0.005), disk_of(0.5)),
    Case(Code.WAL_SIZE, False, 1, wal_of(WAL_BYTES[0]), wal_of(0)),
    Case(Code.JOB_FAILED, False, 1, job_failed(3), job_failed(0)),
    Case(Code.BACKUP_OLD, False, 1, backup_made(26), backup_made(1)),
    Case(Code.NO_BACKUP_ELSEWHERE, False, 1, box_made_yesterday, backup_made(1)),
    Case(Code.CREDENTIAL_EXPIRES, False, 1, expire_token, token_gone),
    Case(Code.ARRIVAL_RATE, True, 1, trackers_lost(20), trackers_lost(2)),
    Case(Code.QUARANTINE, True, 1, quarantine, release),
    Case(Code.RATE_LIMITED_CLICKS, True, 1, happened(Code.RATE_LIMITED_CLICKS, on_site=True), stop, after=63),
    Case(Code.CLOCK_STEP, False, 1, happened(Code.CLOCK_STEP, on_site=False), stop, after=63),
    Case(Code.PARTITION_FAULT, False, 1, happened(Code.PARTITION_FAULT, on_site=False), stop, after=13),
]


def test_every_code_has_a_case() -> None:
    assert {case.code for case in CASES} | OWN == set(Code)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}{'-site' if case.on_site else ''}")
def test_an_alert_opens_once_lives_through_a_restart_and_resolves(
    watched: Tower, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    watched.had(20, clicks=6, intents=2)
    listen(watched)
    key = case.code, watched.engine.site.id if case.on_site else None
    assert key not in watched.open()
    case.broken(watched, monkeypatch)
    assert watched.watch_until(*key, most=case.within) <= case.within
    assert mine(watched, key) == ["opened"]
    if case.within == 1:
        case.broken(watched, monkeypatch) if case.code == Code.ERROR_RATE else None
    watched.look(1)
    watched.restart()
    if case.code in (Code.WAL_SIZE, Code.PROJECTION_LAG, Code.ERROR_RATE, Code.LANE_STOPPED):
        case.broken(watched, monkeypatch)  # this process's own state
    watched.look(1)
    assert mine(watched, key) == ["opened"], "not again"
    case.mended(watched, monkeypatch)
    watched.watch(case.after)
    assert mine(watched, key) == ["opened", "resolved"]
    assert key not in watched.open()


def mine(watched: Tower, key: tuple[Code, int | None]) -> list[str]:
    """What was told of one alert."""
    numbers = {str(one["id"]) for one in watched.alerts() if (one["kind"], one["site_id"]) == key}
    db = watched.engine.core.ledger.db
    rows = db.execute("select ref, json_extract(body, '$.change') from feed where topic = 'alert' order by seq").fetchall()
    return [change for ref, change in rows if ref in numbers]


def test_clicks_that_are_gone_while_people_come_are_told_within_three_hours(watched: Tower) -> None:
    watched.had(20, clicks=6)
    listen(watched)
    opened: list[int] = []

    def each() -> None:
        watched.visit()
        if not opened and (Code.ADS_TRACKING_FAILURE, watched.engine.site.id) in watched.open():
            opened.append((watched.now - NOON) // MINUTE_MS)

    watched.watch(3 * 60 + 6, each, step=3)
    assert 170 <= opened[0] <= 183
    assert watched.open() == {(Code.ADS_TRACKING_FAILURE, None), (Code.ADS_TRACKING_FAILURE, watched.engine.site.id)}
    key = Code.ADS_TRACKING_FAILURE, watched.engine.site.id
    watched.restart()
    watched.visit()
    watched.look(1)
    assert mine(watched, key) == ["opened"]
    watched.visit(u=CLICK)
    watched.watch(3)
    assert watched.open() == set()
    assert mine(watched, key) == ["opened", "resolved"]


def test_buttons_that_are_seen_no_more_are_told(watched: Tower) -> None:
    watched.had(20, intents=2, clicks=6)
    listen(watched)
    db = watched.engine.core.ledger.db
    db.execute("update site_hours set intents = 0 where hour >= ?", (watched.now // HOUR_MS - 24,))
    watched.look(1)
    assert (Code.INTENT_RATIO, watched.engine.site.id) in watched.open()


def test_one_quiet_site_of_two_is_told_and_the_box_is_not(watched: Tower) -> None:
    watched.service.directory.add_sites([SiteEntry(name="hali", domains=["hali.example"])], watched.now)
    hali = watched.service.directory.find_site("hali")
    watched.had(20, clicks=6)
    listen(watched)
    watched.watch(90, lambda: watched.visit(site=hali, u="https://hali.example/"), step=3)
    codes = {(code, number) for code, number in watched.open() if code in (Code.SITE_SILENT, Code.TOTAL_TRAFFIC_LOSS)}
    assert codes == {(Code.SITE_SILENT, watched.engine.site.id), (Code.TOTAL_TRAFFIC_LOSS, watched.engine.site.id)}


def test_a_night_without_anybody_is_no_alarm(watched: Tower) -> None:
    watched.had(20, clicks=6)
    listen(watched)
    watched.engine.now += 8 * HOUR_MS + 45 * MINUTE_MS  # 20:45, the last visitor of the day
    watched.visit(u=CLICK)
    watched.watch(10 * 60, step=5)
    assert watched.told() == []


def test_bots_do_not_keep_a_site_alive(watched: Tower) -> None:
    watched.had(20)
    listen(watched)
    watched.watch(60, lambda: watched.visit(user_agent="Googlebot/2.1 (+http://www.google.com/bot.html)"), step=3)
    assert (Code.SITE_SILENT, watched.engine.site.id) in watched.open()


def test_what_the_box_itself_slept_through_is_nobodys_fault(watched: Tower) -> None:
    watched.had(20)
    listen(watched)
    watched.engine.now += 2 * HOUR_MS
    watched.restart()
    watched.look()
    watched.watch(12)
    assert watched.told() == []
    assert watched.watch_until(Code.SITE_SILENT, watched.engine.site.id, most=90) > 15


def test_a_short_restart_does_not_begin_a_gap_anew(watched: Tower) -> None:
    watched.had(20)
    listen(watched)
    watched.watch(20)
    watched.engine.now += MINUTE_MS
    watched.restart()
    assert watched.watch_until(Code.SITE_SILENT, watched.engine.site.id, most=60) + 21 < 62


def test_a_box_that_nobody_uses_yet_is_quiet(watched: Tower) -> None:
    watched.look()
    watched.watch(24 * 60, step=20)
    assert watched.told() == []


def test_a_new_box_is_watched_by_the_clock(watched: Tower) -> None:
    """No pattern yet: an hour without anybody counts by day."""
    listen(watched)
    assert watched.watch_until(Code.TOTAL_TRAFFIC_LOSS, None, most=61) >= 60
    levels = {one["site_id"]: one["level"] for one in watched.alerts()}
    assert levels == {None: "alarm", watched.engine.site.id: "warning"}


def test_hours_are_counted_once_and_survive_a_restart(watched: Tower) -> None:
    listen(watched)
    for _ in range(5):
        watched.visit(u=CLICK, ea="phone_call", el="tel:+902125550142")
    watched.look(1)
    before = watched.engine.core.counts.since(watched.engine.site.id, NOON // HOUR_MS)
    assert before == (6, 6, 5)
    watched.restart()
    watched.look(1)
    assert watched.engine.core.counts.since(watched.engine.site.id, NOON // HOUR_MS) == before
    assert watched.look().sites[0].sessions_last_hour == 6


def test_a_silence_goes_over_to_the_next_alert_of_its_kind(watched: Tower) -> None:
    from opsmantik_box.domain.watch.alerts import silence

    tell = happened(Code.CLOCK_STEP, on_site=False)
    patch = pytest.MonkeyPatch()
    listen(watched)
    tell(watched, patch)
    alerts = watched.engine.core.ledger.alerts
    with watched.engine.core.ledger.transaction():
        alerts.change(silence(alerts.open_ones()[0], watched.now + DAY_MS), "silenced", watched.now)
    watched.visit(u=CLICK)
    watched.watch(65, lambda: watched.visit(u=CLICK), step=5)
    assert watched.told() == ["opened", "silenced", "resolved"]
    tell(watched, patch)
    assert alerts.open_ones()[0].silenced_until == NOON + DAY_MS
