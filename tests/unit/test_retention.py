"""The retention table says what the Box does: every table has a kind, every number in code is the table's, every kept name a purpose."""

import re

import pytest

from opsmantik_box.domain import attribution, desk, feed, metadata
from opsmantik_box.domain.retention import BY_NAME, DAY_MS, KINDS, META_PURPOSES, NEVER, SENDS, days_of, kept_since
from opsmantik_box.engine import calls, ledger, retention, site_counts
from opsmantik_box.texts import CATALOGUES, LANGUAGES
from tests.harness import ROOT

MANUAL = (ROOT / "docs" / "privacy.md").read_text()
NOW = 1_793_880_000_000
RETAINED = {*retention.OF_SITES, *retention.STATUSES, *retention.OF_THE_BOX}


def tables() -> set[str]:
    """Every table the migrations make and do not drop or rename, and those the engine makes by itself."""
    sql = "\n".join(file.read_text() for file in sorted((ROOT / "migrations").rglob("*.sql")))
    renamed = dict(re.findall(r"alter table (\w+) rename to (\w+)", sql))
    made: set[str] = set()
    for drop, name in re.findall(r"^\s*(create|drop) table (?:if not exists )?(\w+)", sql, re.MULTILINE):
        (made.discard if drop == "drop" else made.add)(name)
    made = {renamed.get(name, name) for name in made} | {*renamed.values()}
    engines_own = (ROOT / "opsmantik_box" / "sql" / "ledger.sql").read_text()
    return made | {name.removesuffix("_") for name in re.findall(r"create table (?:if not exists )?(\w+?)_?\{month\}", engines_own)}


def test_every_table_of_every_file_has_a_kind():
    assert {"calls", "events", "box_keys", "processed_signals"} <= tables()
    assert {table for kind in KINDS for table in kind.tables} == tables()


@pytest.mark.parametrize(
    ("kind", "kept_ms"),
    [
        ("feed", feed.KEPT_MS), ("ids", ledger.KEPT_MS), ("messages", calls.KEPT_MS), ("answers", desk.KEPT_MS),
        ("touches", attribution.LOOKBACK_MS), ("hours", site_counts.KEPT_MS),
    ],
)  # fmt: skip
def test_what_is_deleted_is_deleted_after_the_days_of_the_table(kind: str, kept_ms: int):
    days = BY_NAME[kind].days
    assert days is not None
    assert days * DAY_MS == kept_ms


def test_what_deletes_a_kind_is_there():
    for kind in KINDS:
        if kind.deleted_by:
            code = (ROOT / "opsmantik_box" / kind.deleted_by).read_text()
            assert "KEPT_MS" in code or "is_month_over" in code or kind.name in RETAINED, kind.name


def test_once_a_day_goes_what_the_table_says_and_nothing_that_waits_for_backups():
    assert {kind.name for kind in KINDS if kind.deleted_by == "engine/retention.py"} == RETAINED
    assert {kind.name for kind in KINDS if kind.days is not None and not kind.deleted_by} == {"sessions"}


def test_every_kept_name_of_meta_has_one_purpose():
    names = [name for purpose in META_PURPOSES.values() for name in purpose]
    assert len(names) == len(set(names))
    assert set(names) == metadata.ALLOWED


def test_the_manual_of_meta_names_what_is_kept():
    manual = (ROOT / "docs" / "metadata.md").read_text()
    kept = manual[manual.index("| name | kept as |") : manual.index("Written by the Box itself")]
    told = {name for line in kept.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert told == metadata.ALLOWED


def test_every_adapter_says_what_it_sends():
    adapters = ROOT / "opsmantik_box" / "adapters"
    there = {entry.stem for entry in adapters.iterdir() if not entry.name.startswith("__")}
    assert set(SENDS) == there
    assert {kind for kinds in SENDS.values() for kind in kinds} <= set(BY_NAME)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_is_said_in_every_language(language: str):
    wanted = {f"{word}.{kind.name}" for kind in KINDS for word in ("kept", "why")}
    wanted |= {f"meta.{purpose}" for purpose in META_PURPOSES} | {f"never.{name}" for name in NEVER}
    prefixes = ("kept.", "why.", "meta.", "never.")
    assert {key for key in CATALOGUES[language] if key.startswith(prefixes)} == wanted


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_manual_has_the_table(kind):
    days = "–" if kind.days is None else str(kind.days)
    assert re.search(rf"^\| `{kind.name}` \| {days} \|", MANUAL, re.MULTILINE)


@pytest.mark.parametrize(
    ("told", "days"),
    [
        ({}, 90), ({"retention": {"events": 30}}, 30), ({"retention": {"events": 91}}, 90), ({"retention": {"events": 0}}, 90),
        ({"retention": {"events": True}}, 90), ({"retention": {"events": "30"}}, 90), ({"retention": [30]}, 90),
        ({"retention": {"sessions": 30}}, 90),
    ],
)  # fmt: skip
def test_a_site_may_keep_less_and_never_more(told: dict[str, object], days: int):
    assert days_of(told, BY_NAME["events"]) == days
    assert kept_since(told, BY_NAME["events"], NOW) == NOW - days * DAY_MS


@pytest.mark.parametrize("kind", ["feed", "ids", "audit"])
def test_what_is_the_boxs_cannot_be_shortened_by_a_site(kind: str):
    assert days_of({"retention": {kind: 1}}, BY_NAME[kind]) == BY_NAME[kind].days


def test_what_has_no_days_is_kept():
    assert kept_since({}, BY_NAME["summaries"], NOW) is None
