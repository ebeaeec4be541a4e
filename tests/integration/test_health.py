"""How a running Box is: over HTTP in a word and in numbers, and as Prometheus reads it."""

import http.client
import json
import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.harness import ROOT, Box, fetch, wait_until

UNITS = re.compile(r"_(ms|milliseconds|minutes|hours|kb|mb|percent)\b")


def health(box: Box, token: str) -> dict[str, Any]:
    status, _, body = fetch(f"{box.url}/api/v1/health", headers={"Authorization": f"Bearer {token}"})
    assert status == 200
    return json.loads(body)


@pytest.fixture(scope="module")
def used(box: Box, site: str) -> Box:
    """Two sites, and some signals to one of them."""
    box.add_site("hali")
    for number in range(5):
        box.send(site, sid=f"5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a1{number}")
    assert fetch(f"{box.url}/api/sync", {"s": "x", "u": "https://antika.example/"})[0] == 400
    assert box.process is not None
    wait_until(lambda: 'opsmantik_sync_answers_total{status="400"} 1' in page(box)[1], "counts", box.process, box.log)
    return box


def test_who_sees_the_box_is_told_its_numbers(used: Box) -> None:
    told = health(used, used.token("antika", "hali", rights="admin"))
    box = told["box"]
    assert told["accepting"] is True
    assert box["ledger"]["bytes"] > 0
    assert box["memory"]["engine_bytes"] > 1_000_000
    assert [one["connected"] for one in box["gateways"]] == [True]
    assert {one["name"] for one in box["jobs"]} >= {"backup", "close_month"}
    assert {one["state"] for one in box["months"]} == {"open"}
    assert len(told["sites"]) == 2


def test_who_sees_a_site_is_told_that_sites_numbers_only(used: Box, site: str) -> None:
    told = health(used, used.token("antika"))
    assert [one["site_id"] for one in told["sites"]] == [site]
    assert told["box"] is None


def test_an_alert_degrades_it_for_who_sees_that(used: Box) -> None:
    add = "insert into alerts (id, kind, site_id, at, text, last_at, level) values (9000, 'CLOCK_STEP', ?, 1, 'x', 1, 'warning')"
    with closing(sqlite3.connect(used.data / "ledger.db", timeout=10)) as ledger, ledger:
        ledger.execute(add, (next(one["id"] for one in used.call("list_sites") if one["name"] == "hali"),))
    assert [one["code"] for one in health(used, used.token("hali"))["why"]] == ["CLOCK_STEP"]
    assert health(used, used.token("hali"))["state"] == "DEGRADED"
    assert health(used, used.token("antika"))["state"] == "OK"


# --- metrics ----------------------------------------------------------------------------------------------------------------------


def page(box: Box, **headers: str) -> tuple[int, str]:
    status, told, body = fetch(f"{box.url}/metrics", headers=headers)
    assert status != 200 or told["content-type"].startswith("text/plain; version=0.0.4")
    return status, body.decode()


def test_metrics_are_what_prometheus_reads(used: Box) -> None:
    families = {one.name: one for one in text_string_to_metric_families(page(used)[1])}
    assert families["opsmantik_signals_accepted"].samples[0].value == 5
    assert {sample.labels["status"] for sample in families["opsmantik_sync_answers"].samples if sample.name.endswith("_total")} == {
        "200",
        "400",
    }
    durations = families["opsmantik_sync_duration_seconds"].samples
    assert next(one.value for one in durations if one.name.endswith("_count")) == 6
    for family in families.values():
        assert family.documentation, family.name
        assert re.fullmatch(r"opsmantik_[a-z0-9_]+", family.name)
        assert not UNITS.search(family.name), "base units only"
        assert all(sample.name.endswith("_total") for sample in family.samples if family.type == "counter")
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket"))


def test_every_metric_is_in_the_manual(used: Box) -> None:
    manual = (ROOT / "docs" / "metrics.md").read_text()
    names = re.findall(r"^# TYPE (\S+)", page(used)[1], re.MULTILINE)
    told = set(re.findall(r"`(opsmantik_\w+)`", manual))
    assert set(names) <= told
    missing = {"opsmantik_backup_age_seconds"} | {name for name in told if "_lane_" in name}  # there is no backup and no lane here
    assert told - set(names) <= missing


def test_metrics_are_for_this_machine_or_a_token_that_sees_the_box(used: Box) -> None:
    """What comes through a proxy comes from somewhere else."""
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert page(used, **{name: "127.0.0.1"})[0] == 401
    through = {"X-Forwarded-For": "203.0.113.9"}
    tokens = {right: used.token("antika", rights=right) for right in ("read", "admin")}
    tokens["all"] = used.token("antika", "hali", rights="admin")
    asked = {name: page(used, Authorization=f"Bearer {token}", **through)[0] for name, token in tokens.items()}
    assert asked == {"read": 403, "admin": 403, "all": 200}
    assert fetch(f"{used.url}/metrics", b"")[0] == 405


def test_a_heads_answer_has_no_body(used: Box) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", used.port, timeout=10)
    connection.request("HEAD", "/metrics")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    connection.close()


def test_no_metric_tells_of_a_site_or_a_visitor(used: Box) -> None:
    told = page(used)[1]
    assert not [word for word in ("antika", "hali", "5a8e1d4e", "203.0.113") if word in told]
