"""A day of traffic, played as trackers send it, and what an honest Box reports of it."""

import json
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.harness import ROOT, Box

TRAFFIC = ROOT / "tests" / "data" / "traffic"
BUCKETS = ("ads", "all", "other_paid", "bots", "internal")


class Day:
    """A made day in a folder of its own, as files that the player reads."""

    def __init__(self, folder: Path, name: str, *options: str) -> None:
        self.folder, self.name = folder, name
        folder.mkdir(exist_ok=True)
        for script in ("make_day.py", "play_day.py"):
            shutil.copy(TRAFFIC / script, folder)
        if name == "milestone":
            for part in ("milestone.jsonl", "milestone.expected.json"):
                shutil.copy(TRAFFIC / part, folder)
        else:
            subprocess.run([sys.executable, folder / "make_day.py", name, *options], check=True, capture_output=True)
        self.expected: dict[str, Any] = json.loads((folder / f"{name}.expected.json").read_text())

    def play(self, box: Box, site: str, *options: str) -> None:
        """To its end; an answer that is not the expected one fails the test."""
        done = self.start(box, site, *options)
        output = done.communicate(timeout=120)[0]
        assert done.returncode == 0, output

    def start(self, box: Box, site: str, *options: str) -> "subprocess.Popen[str]":
        words = [sys.executable, str(self.folder / "play_day.py"), self.name, "--url", box.url, "--site", site, *options]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def assert_reported(box: Box, site: str, expected: dict[str, Any], day: str) -> None:
    """The report of the day, and every session that was looked at."""
    box.wait_projected()
    token = box.token(site)
    stats = box.get(f"/api/v1/sites/{site}/stats?from={day}&to={day}", token)
    for bucket in BUCKETS:
        assert {key: stats[bucket][key] for key in expected[bucket]} == expected[bucket], bucket
    assert len(stats["by_hour"]) == expected["hours"]
    for wanted in expected["sessions"]:
        session = box.get(f"/api/v1/sites/{site}/sessions/{wanted['sid']}", token)["session"]
        got = {key: session[key] for key in wanted if key not in ("sid", "fired")} | {
            "sid": session["id"],
            "fired": sorted(session["fired"]),
        }
        assert got == wanted
    printed = json.loads(box.cli("stats", "--site", "antika", "--day", day, "--json").stdout)
    assert printed == {key: value for key, value in stats.items() if key != "feed"}


def yesterday(zone: str = "Europe/Istanbul") -> str:
    return (datetime.now(ZoneInfo(zone)) - timedelta(days=1)).date().isoformat()


@pytest.fixture(scope="module")
def milestone(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return Day(tmp_path_factory.mktemp("day"), "milestone")


@pytest.mark.parametrize("options", [(), ("--batch", "20")], ids=["singly", "in batches"])
def test_the_milestone_day_is_reported_as_it_happened_also_when_played_twice(
    killable_box: Box, milestone: Day, options: tuple[str, ...]
) -> None:
    box = killable_box
    site = box.add_site()["public_id"]
    milestone.play(box, site, *options)
    assert_reported(box, site, milestone.expected, yesterday())
    milestone.play(box, site, "--again", *options)
    assert_reported(box, site, milestone.expected, yesterday())


def test_a_kill_in_the_middle_of_the_day_changes_nothing(killable_box: Box, milestone: Day) -> None:
    box = killable_box
    site = box.add_site()["public_id"]
    playing = milestone.start(box, site)
    deadline = time.monotonic() + 30
    while box.status()["last_seq"] < 400:
        assert time.monotonic() < deadline
    box.kill()
    box.start()
    output = playing.communicate(timeout=120)[0]
    assert playing.returncode == 0, output
    assert_reported(box, site, milestone.expected, yesterday())


OTHER = ("--other-paid", "6", "--social", "5", "--internal", "4", "--forms", "7")
SMALL = ("--ads-sessions", "40", "--other-sessions", "50", "--bot-sessions", "12")


@pytest.mark.parametrize(
    ("seed", "zone", "date", "hours"),
    [
        (7, "Europe/Istanbul", "2026-11-18", 24),
        (8, "America/New_York", "2026-11-17", 24),
        (9, "Asia/Kathmandu", "2026-11-16", 24),
        (10, "Europe/Berlin", "2026-03-29", 23),
        (11, "Europe/Berlin", "2026-10-25", 25),
        (12, "America/Sao_Paulo", "2026-12-31", 24),
        (13, "Pacific/Auckland", "2027-03-01", 24),
    ],
)
def test_any_day_in_any_zone_is_reported_as_it_happened(tmp_path: Path, seed: int, zone: str, date: str, hours: int) -> None:
    day = Day(tmp_path / "day", f"seed{seed}", "--seed", str(seed), "--hours", str(hours), *OTHER, *SMALL)
    midnight = datetime.fromisoformat(date).replace(tzinfo=ZoneInfo(zone))
    evening = int(midnight.timestamp() * 1000) + (hours + 20) * 3_600_000
    with Box(tmp_path / "data", shift_ms=evening - int(time.time() * 1000)) as box:
        site = box.add_site(timezone=zone)["public_id"]
        day.play(box, site, "--date", date, "--tz", zone, "--now", str(evening), "--batch", str(seed))
        assert_reported(box, site, day.expected, date)
