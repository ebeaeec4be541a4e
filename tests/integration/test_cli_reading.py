"""`stats` and `sql` on the day of the milestone, played over HTTP by the player that comes with it."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from tests.harness import ROOT, Box

TRAFFIC = ROOT / "tests" / "data" / "traffic"
EXPECTED = json.loads((TRAFFIC / "milestone.expected.json").read_text())
DAY = "2026-02-10"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """A Box that has taken the milestone's day; its clock stands at noon of the day after."""
    folder = tmp_path_factory.mktemp("box")
    noon = int(datetime(2026, 2, 11, 9, tzinfo=UTC).timestamp() * 1000)
    (folder / "shift").write_text(str(noon - int(time.time() * 1000)))
    with Box(folder / "data", env={"OPSMANTIK_TEST_CLOCK": str(folder / "shift")}) as running:
        site = running.cli_json("site", "add", "Antika", "--domain", "antika.example")
        running.cli("site", "add", "Other", "--domain", "other.example")
        player = [sys.executable, str(TRAFFIC / "play_day.py"), "milestone", "--url", running.url, "--site", site["public_id"]]
        played = subprocess.run([*player, "--date", DAY, "--now", str(noon)], capture_output=True, text=True, check=False)
        assert played.returncode == 0, played.stdout + played.stderr
        yield running


def test_stats_of_the_day_are_the_expected_ones(box):
    told = box.cli_json("stats", "--site", "antika.example", "--day", DAY)
    for bucket in ("ads", "all", "other_paid", "bots", "internal"):
        assert {key: told[bucket][key] for key in EXPECTED[bucket]} == EXPECTED[bucket], bucket


def test_stats_say_the_funnel_in_one_line(box):
    said = box.cli("stats", "--site", "Antika", "--day", DAY).stdout
    assert "98 sessions with a click + 15 assisted = 113 ads sessions → 18 intents (5 phone, 13 WhatsApp) → 0 sealed" in said
    assert "All traffic: 297 sessions, 31 intents (13 phone, 18 WhatsApp)" in said
    assert "37 bot sessions (2 taps)" in said


def test_stats_of_days_are_their_sum(box):
    told = box.cli_json("stats", "--site", "Antika", "--from", "2026-02-09", "--to", "2026-02-11")
    assert told["all"]["sessions"] == EXPECTED["all"]["sessions"] + 5


@pytest.mark.parametrize(
    "words",
    [("--day", "yesterday"), ("--day", DAY, "--from", DAY), ("--from", "2026-02-11", "--to", "2026-02-10"), ("--scope", "none")],
)
def test_a_wrong_day_is_a_usage_error(box, words):
    done = box.cli("stats", "--site", "Antika", *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_site_that_is_not_there_is_said(box):
    done = box.cli("stats", "--site", "nowhere.example")
    assert done.returncode == 1
    assert "site list" in done.stderr


def test_a_query_from_standard_input_sees_the_chosen_site_only(box):
    count = "select count(*) as n from sessions"
    rows = [
        json.loads(box.cli("sql", "-", "--json", "--site", site, "--month", "2026-02", stdin=count).stdout)
        for site in ("Antika", "Other")
    ]
    assert rows[0][0]["n"] > 300
    assert rows[1] == [{"n": 0}]


def test_a_query_from_a_file_is_a_table(box, tmp_path):
    (tmp_path / "q.sql").write_text("select device_type, count(*) as sessions from sessions group by 1 order by 2 desc")
    said = box.cli("sql", tmp_path / "q.sql", "--site", "Antika", "--month", "2026-02").stdout.splitlines()
    assert said[0].split() == ["device_type", "sessions"]
    assert len(said) == 5


@pytest.mark.parametrize(
    "text", ["delete from sessions", "select * from main.sites", "attach 'x' as y", "pragma writable_schema=1", "nonsense", ""]
)
def test_a_query_that_is_none_or_wants_more_is_refused_in_a_sentence(box, text):
    done = box.cli("sql", "-", "--site", "Antika", stdin=text)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_said_with_what_is(box):
    done = box.cli("sql", "none.sql")
    assert done.returncode == 2
    assert "bugun_dashboard_eslestirme.sql" in done.stderr


def test_the_list_tells_when_a_site_was_last_heard_of(box):
    said = box.cli("site", "list").stdout
    antika, other = (next(line for line in said.splitlines() if name in line) for name in ("Antika", "Other"))
    assert " ago " in antika
    assert " never " in other


def test_events_are_the_newest_first_with_their_site(box):
    rows = box.cli_json("events", "--limit", "10")
    assert len(rows) == 10
    assert {row["site"] for row in rows} == {"Antika"}
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    assert rows == box.cli_json("events", "--site", "Antika", "--limit", "10")
    assert box.cli_json("events", "--last", "2d", "--limit", "10") == rows
    table = box.cli("events", "--limit", "3").stdout.splitlines()
    assert len(table) == 4
    assert " Antika " in table[1]


def test_events_of_a_site_or_time_without_any_are_none(box):
    assert box.cli_json("events", "--last", "1s") == []
    assert box.cli_json("events", "--site", "Other") == []
    assert "Nothing in the last 5m" in box.cli("events", "--last", "5m").stdout
    assert "5m" in box.cli("events", "--last", "soon").stderr
