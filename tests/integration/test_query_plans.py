"""Every statement that reads for somebody is an index search, through the views of a scope, on the SQLite that runs it."""

import re
import sqlite3
from collections.abc import Iterator

import pytest

from opsmantik_box.ops.query import SHIPPED, read_query
from opsmantik_box.sql import load
from opsmantik_box.sql.scope import ScopedConnection, open_scoped
from tests.reading_data import PHONE, Folder

NAMED = {**load("report"), **load("reads")}
PARAMETERS = dict.fromkeys(
    re.findall(r":(\w+)", " ".join([*NAMED.values(), *map(read_query, SHIPPED)])), 1
)  # planning looks at no value
LARGE = ("sessions", "events", "calls")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    folder = Folder(tmp_path_factory.mktemp("plans") / "data")
    site, _ = folder.site("meins")
    folder.session(site, 1_793_880_000_000, month="2026-11")
    folder.call(site, 1_793_880_000_000, PHONE)
    yield folder
    folder.close()


@pytest.fixture(scope="module")
def scoped(folder: Folder) -> Iterator[ScopedConnection]:
    connection = open_scoped(folder.data, [1], ["2026-11.db"])
    yield connection
    connection.close()


def plan_of(connection: sqlite3.Connection, sql: str) -> list[str]:
    """The lines of the plan, each file's name left out."""
    rows = connection.execute(f"explain query plan {sql}", PARAMETERS).fetchall()
    return [re.sub(r"_[0-9a-f]{16}_\w+\.", "", row[3]) for row in rows]


def scans(plan: list[str]) -> list[str]:
    """Lines that walk a large table from end to end. `e` and `s` are events and sessions inside the view of events."""
    return [line for line in plan if re.match(rf"SCAN ({'|'.join(LARGE)}|e|s)\b", line) and "CO-ROUTINE" not in line]


@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_reading_searches_by_an_index(scoped: ScopedConnection, name: str) -> None:
    plan = plan_of(scoped, NAMED[name])
    assert not scans(plan), plan
    assert any(line.startswith("SEARCH") for line in plan), plan


@pytest.mark.parametrize("query", SHIPPED)
def test_a_shipped_query_searches_by_an_index(scoped: ScopedConnection, query: str) -> None:
    assert not scans(plan_of(scoped, read_query(query)))


@pytest.mark.parametrize("sql", ["select * from sessions where city = 'x'", "select * from events as e where url = 'x'"])
def test_a_scan_would_be_noticed(scoped: ScopedConnection, folder: Folder, sql: str) -> None:
    assert scans(plan_of(folder.months["2026-11"], sql))


@pytest.mark.parametrize("name", ["list_events", "list_sessions", "list_intents", "list_timeline", "find_session"])
def test_a_page_does_not_sort_what_it_does_not_show(scoped: ScopedConnection, name: str) -> None:
    """Only ties of one millisecond are sorted ("RIGHT PART"); the rest comes in the index's order."""
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan_of(scoped, NAMED[name])


def test_the_indexes_are_the_ones_that_were_meant(scoped: ScopedConnection) -> None:
    meant = {
        "count_sessions": "sessions_by_time", "describe_sessions": "sessions_by_time", "list_clicks": "sessions_by_time",
        "list_sessions": "sessions_by_time", "list_events": "events_by_time", "list_timeline": "PRIMARY KEY",
        "count_contacts": "calls_by_time", "list_intents": "calls_by_time", "list_session_intents": "calls_by_session",
        "list_contacts": "calls_by_lead", "find_work": "attempts_by_lead", "list_earlier": "sessions_by_visitor",
        "find_recent_intent": "calls_by_visitor", "list_ad_clicks": "ad_clicks_by_day", "list_client_counts": "client_counts_by_day",
    }  # fmt: skip
    for name, index in meant.items():
        assert any(index in line for line in plan_of(scoped, NAMED[name])), (name, plan_of(scoped, NAMED[name]))


def test_a_line_is_counted_in_the_index_alone(scoped: ScopedConnection) -> None:
    assert any("USING COVERING INDEX sessions_by_time" in line for line in plan_of(scoped, NAMED["count_sessions"]))


@pytest.mark.parametrize(
    "index", ["calls_by_time", "reminders_by_site", "leads_claimed", "calls_missed", "calls_by_source", "calls_by_lead"]
)
def test_the_queue_reads_what_it_shows_and_no_more(scoped: ScopedConnection, index: str) -> None:
    assert any(index in line for line in plan_of(scoped, NAMED["list_queue"])), plan_of(scoped, NAMED["list_queue"])
