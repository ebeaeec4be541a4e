"""Once a day: what is older than the table, or the site's own setting, says is gone; what is younger stays; the day's numbers say why."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from opsmantik_box.domain.retention import BY_NAME, DAY_MS
from opsmantik_box.engine.retention import MOST, MOST_CONTACTS, OF_SITES, OF_THE_BOX, SQL, Retention
from opsmantik_box.sql import load
from tests.integration.engine_kit import rows
from tests.integration.erase_kit import Scene, new_sid, scene, visitor
from tests.integration.test_query_plans import scans

AGED: dict[str, tuple[str, str]] = {
    "touches": (
        "insert into touches (site_id, fingerprint, kind, click_id, at, session_id, time_unknown) values (1, 'fp', 'gclid', ?, ?, 's', ?)",
        "touches",
    ),
    "deliveries": (
        "insert into outbox (lane, kind, dedupe_key, payload, created_at, state) values ('l', 'k', ?, x'', ?, ?)",
        "outbox",
    ),
    "alerts": ("insert into alerts (kind, at, text, last_at, resolved_at) values (?1, 1, 'x', ?2, ?2)", "alerts"),
    "audit": ("insert into audit_log (at, actor, action, ref) values (?2, 'op', 'verdict', ?1)", "audit_log"),
}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path / "data") as made:
        yield made


def run(box: Scene) -> int:
    """How many slices it took."""
    return sum(1 for _ in Retention(box.core, lambda: box.now).work())


def age(box: Scene, kind: str, days: float, number: int, extra: Any = None) -> None:
    statement, _ = AGED[kind]
    told = (f"{kind}-{number}", box.now - int(days * DAY_MS), *([] if extra is None else [extra]))
    box.core.ledger.db.execute(statement, told)


@pytest.mark.parametrize(
    ("kind", "extra"), [("touches", 0), ("touches", 1), ("deliveries", "delivered"), ("alerts", None), ("audit", None)]
)
def test_what_is_older_goes_and_what_is_younger_stays(box: Scene, kind: str, extra: Any) -> None:
    days, table = BY_NAME[kind].days, AGED[kind][1]
    assert days is not None
    before = len(rows(box.core.ledger.db, f"select 1 as one from {table}"))
    for number in range(MOST + 5):
        age(box, kind, days + 0.01, number, extra)
    age(box, kind, days - 0.01, MOST + 5, extra)
    run(box)
    assert len(rows(box.core.ledger.db, f"select 1 as one from {table}")) == before + 1


def test_what_still_waits_to_be_sent_is_kept(box: Scene) -> None:
    age(box, "deliveries", 400, 1, "waiting")
    run(box)
    assert len(rows(box.core.ledger.db, "select id from outbox")) == 1


def test_what_is_still_wrong_is_kept(box: Scene) -> None:
    age(box, "alerts", 400, 1)
    box.core.ledger.db.execute("update alerts set resolved_at = null")
    run(box)
    assert len(rows(box.core.ledger.db, "select id from alerts")) == 1


def test_refusals_go_by_their_day(box: Scene) -> None:
    db = box.core.ledger.db
    db.execute("insert into refusals values ('2025-10-04', 0, 'x', 1), ('2025-10-05', 0, 'x', 1), ('2026-11-05', 1, 'x', 1)")
    run(box)
    assert [row["day"] for row in rows(db, "select day from refusals order by day")] == ["2025-10-05", "2026-11-05"]


def test_a_sites_own_days_count_and_only_there(box: Scene) -> None:
    db = box.core.ledger.db
    db.execute("update sites set settings = ? where id = 1", (json.dumps({"retention": {"touches": 30, "unsealed": 30}}),))
    for site in (0, 1):
        box.visit(new_sid(), visitor(1), site, click=f"click-{site}")
        box.tap(new_sid(), visitor(1), site)
    box.now += 31 * DAY_MS
    run(box)
    assert [row["site_id"] for row in rows(db, "select site_id from touches")] == [2]
    assert [row["site_id"] for row in box.calls()] == [2]


@pytest.mark.parametrize(("status", "days"), [("intent", 183), ("junk", 183), (None, 183), ("real", 396), ("confirmed", 396)])
def test_a_contact_goes_with_its_trail_when_its_days_are_over(box: Scene, status: str | None, days: int) -> None:
    number = box.call("+905321234567").call_id if status is None else box.tap(new_sid(), visitor(1))
    box.work("claim", number)
    box.work("add_attempt", number, outcome="no_answer")
    box.work("add_note", number, note="?")
    if status not in (None, "intent"):
        box.judge(number, status)
    box.now += days * DAY_MS
    run(box)
    assert len(box.calls()) == 1
    box.now += 1
    run(box)
    assert box.calls() == []
    for table in ("verdicts", "attempts", "notes", "reminders", "leads", "erasing"):
        assert rows(box.core.ledger.db, f"select * from {table}") == []
    told = rows(box.core.ledger.db, "select what, cause, count from erased_counts order by what")
    sealed = [{"what": "sealed", "cause": "retention", "count": 1}] if days == 396 else []
    assert told == [{"what": "calls" if status is None else "intents", "cause": "retention", "count": 1}, *sealed]


def test_a_sealed_contact_outlives_the_tap_its_lead_began_with(box: Scene) -> None:
    sid = new_sid()
    first, second = box.tap(sid, visitor(1)), None
    box.now += 60_000
    second = box.tap(sid, visitor(1))
    box.judge(second)
    box.now += 200 * DAY_MS
    run(box)
    assert [(row["id"], row["lead_id"]) for row in box.calls()] == [(second, second)]
    assert first != second


def test_events_sessions_and_signals_wait_for_backups(box: Scene) -> None:
    box.visit(new_sid(), visitor(1))
    box.catch_up()
    box.now += 1_000 * DAY_MS
    run(box)
    assert len(rows(box.core.ledger.db, "select seq from signals")) == len(box.sessions()) == len(box.events()) == 1


def test_many_contacts_go_in_slices_and_it_may_begin_anew_at_any_time(box: Scene) -> None:
    for _ in range(MOST_CONTACTS + 3):
        box.tap(new_sid(), "")
    box.now += 184 * DAY_MS
    work = Retention(box.core, lambda: box.now).work()
    while len(box.calls()) == MOST_CONTACTS + 3:
        next(work)
    assert len(box.calls()) == 3
    run(box)
    assert box.calls() == []
    (told,) = rows(box.core.ledger.db, "select sum(count) as count from erased_counts")
    assert told["count"] == MOST_CONTACTS + 3


@pytest.mark.parametrize(
    "name", sorted({*(one for names in (OF_SITES | {"alerts": ()}).values() for one in names), "list_old_contacts"})
)
def test_what_is_old_is_found_by_an_index(box: Scene, name: str) -> None:
    db: apsw.Connection = box.core.ledger.db
    bindings: Any = (1, None, 1, 1) if name == "list_old_contacts" else {"site_id": 1, "before": 1, "most": 1}
    plan = [row[3] for row in db.execute(f"explain query plan {SQL[name]}", bindings)]
    assert not scans(plan), plan
    assert not [line for line in plan if line.startswith("SCAN touches")], plan


def test_every_kind_that_is_deleted_here_has_its_statements() -> None:
    assert {name for names in (*OF_SITES.values(), *OF_THE_BOX.values()) for name in names} | {"list_old_contacts"} == set(SQL)


@pytest.mark.parametrize("statement", ["move_leads", "read_erasing", "read_erasing_messages"])
def test_what_goes_is_found_from_the_list_of_it_not_by_looking_at_all_there_is(box: Scene, statement: str) -> None:
    plan = [row[3] for row in box.core.ledger.db.execute(f"explain query plan {load('erase')[statement]}")]
    assert [line for line in plan if line.startswith("SCAN")] == ["SCAN e"], plan
