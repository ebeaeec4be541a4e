"""`opsmantik-box privacy report`: what is really there, beside the rule."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from opsmantik_box.domain.retention import KINDS
from opsmantik_box.ops.privacy import format_report, privacy_report
from opsmantik_box.sql import load
from opsmantik_box.sql.scope import open_scoped
from tests.harness import run_cli
from tests.integration.test_query_plans import plan_of, scans
from tests.reading_data import NOON, PHONE, Folder

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    folder = Folder(tmp_path_factory.mktemp("privacy") / "data")
    folder.site("antika", settings='{"retention": {"sessions": 60, "touches": 999}}')
    folder.site("other")
    folder.session(1, NOON - 10 * DAY_MS)
    folder.session(1, NOON - 80 * DAY_MS)
    folder.session(2, NOON - 170 * DAY_MS)
    folder.call(1, NOON - 200 * DAY_MS, PHONE)
    folder.call(1, NOON - 390 * DAY_MS, PHONE, status="real")
    folder.add("users", email="ayse@agency.example", created_at=1)
    folder.add("users", email="gone@agency.example", created_at=1, deleted_at=2)
    for user, rights in ((1, "operate"), (2, "admin")):
        folder.add("site_members", site_id=1, user_id=user, rights=rights, created_at=1)
    yield folder
    folder.close()


def kept(folder: Folder, site: str = "antika") -> dict[str, Any]:
    return {one.kind: one for one in privacy_report(folder.data, site, "en", NOON).kept}


def test_every_kind_is_told_with_its_days(folder: Folder) -> None:
    told = kept(folder, "other")
    assert {name: one.days for name, one in told.items()} == {kind.name: kind.days for kind in KINDS}


def test_a_sites_own_days_are_told(folder: Folder) -> None:
    assert kept(folder)["sessions"].days == 60
    assert kept(folder)["touches"].days == 183


def test_the_oldest_row_of_this_site_stands_beside_the_rule(folder: Folder) -> None:
    told = kept(folder)
    assert (told["sessions"].oldest, told["sessions"].overdue) == ("2026-08-17", True)
    assert (told["events"].oldest, told["events"].overdue) == ("2026-08-17", False)
    assert (told["unsealed"].oldest, told["unsealed"].overdue) == ("2026-04-19", True)
    assert (told["sealed"].oldest, told["sealed"].overdue) == ("2025-10-11", False)
    assert told["touches"].oldest is None
    assert kept(folder, "other")["sessions"].oldest == "2026-05-19"


def test_who_may_see_the_site_is_named_and_who_is_gone_is_not(folder: Folder) -> None:
    receivers = [one.who for one in privacy_report(folder.data, "antika", "en", NOON).receivers]
    assert receivers[1:] == ["ayse@agency.example"]
    assert len(privacy_report(folder.data, "other", "en", NOON).receivers) == 1


def test_where_copies_lie_is_named(folder: Folder) -> None:
    folder.add(
        "backups",
        place="https://s3.example/box",
        name="x",
        is_elsewhere=1,
        made_at=NOON,
        last_seq=1,
        bytes=1,
        verified_at=NOON,
        problem="",
    )
    told = privacy_report(folder.data, "antika", "tr", NOON).receivers[-1]
    assert (told.who, "kopyaları" in told.what) == ("https://s3.example/box", True)
    folder.ledger.execute("delete from backups")


def test_who_is_told_of_alerts_and_contacts_is_named_and_nobody_else(folder: Folder) -> None:
    assert "Nothing is sent to anybody else" in format_report(privacy_report(folder.data, "antika", "en", NOON))
    folder.add("lanes", lane="email")
    folder.add("lanes", lane="telegram", last_delivered_at=NOON)
    for site_id, host in ((1, "crm.example"), (2, "other.example"), (None, "all.example")):
        folder.add("webhooks", site_id=site_id, url=f"https://{host}/a-secret", events="lead.created", created_at=NOON)
    report = privacy_report(folder.data, "antika", "en", NOON)
    assert [one.who for one in report.receivers[2:]] == ["telegram", "crm.example", "all.example"]
    assert "without numbers" in report.receivers[-1].what
    page = format_report(report)
    assert not [words for words in ("a-secret", "Nothing is sent") if words in page]
    for table in ("lanes", "webhooks"):
        folder.ledger.execute(f"delete from {table}")


@pytest.mark.parametrize(("language", "words"), [("en", "Kept for 90 days."), ("tr", "90 gün saklanır.")])
def test_the_report_is_a_page_in_both_languages(folder: Folder, language: str, words: str) -> None:
    done = run_cli("privacy", "report", "--site", "antika", "--lang", language, "--data", folder.data)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    assert "ayse@agency.example" in done.stdout
    told = run_cli("privacy", "report", "--site", "antika", "--lang", language, "--data", folder.data, "--json")
    assert all(one["what"] in done.stdout and one["why"] in done.stdout for one in json.loads(told.stdout)["kept"])


def test_a_rule_that_is_not_kept_is_said(folder: Folder) -> None:
    page = format_report(privacy_report(folder.data, "antika", "en", NOON))
    assert "The oldest is of 2026-08-17. That is longer than the rule says" in page


@pytest.mark.parametrize("name", [name for name in sorted(load("privacy")) if name.startswith("oldest_")])
def test_the_oldest_is_found_by_an_index(folder: Folder, name: str) -> None:
    connection = open_scoped(folder.data, [1], ["2026-10.db"])
    try:
        plan = plan_of(connection, load("privacy")[name])
    finally:
        connection.close()
    assert not scans(plan), plan
