"""F6 on a running service: its data folder is a small file system that fills up. Needs root (a tmpfs is mounted)."""

import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault.live import LiveBox, load, wait_until
from tests.fault.traffic import Visitors
from tests.harness import fetch

SIZE_MB = 40


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs may be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path) -> Path:
    """Somebody else's file takes every byte there is."""
    ballast = place / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for step in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(step))
            except OSError:
                continue
    return ballast


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_answers_503_with_retry_after_and_the_box_recovers_by_itself(small: Path) -> None:
    live = LiveBox(small)
    try:
        live.start()
        live.add_sites()
        with load(live, seed=61):
            wait_until(lambda: live.statuses.get(200, 0) > 20, "load")
        ballast = fill(small)
        with load(live, seed=62):
            wait_until(lambda: live.statuses.get(503, 0) > 5, "the disk being full")
        status, retry_after, body = send_one(live)
        assert status == 503
        assert int(retry_after) >= 1
        assert body == {"ok": False, "score": None, "message": "Database write failed"} or body["ok"] is False
        assert fetch(f"{live.box.url}/healthz")[0] == 200, "the rest goes on"
        wait_until(lambda: fetch(f"{live.box.url}/readyz")[0] == 503, "/readyz saying so")
        live.check()
        assert live.box.log.read_text().count("the disk has room again") == 0, "no hope without room"
        ballast.unlink()
        before = live.statuses[200]
        wait_until(lambda: fetch(f"{live.box.url}/readyz")[0] == 200, "recovering by itself", 20)
        with load(live, seed=63):
            wait_until(lambda: live.statuses[200] > before + 20, "a yes after the disk had room")
        assert live.box.process is not None
        assert live.box.process.poll() is None, "it was the same process all along"
        assert "PARTITION_FAULT" not in {alert["code"] for alert in live.box.status()["alerts"]}, "no month was thrown away"
        live.stop_and_check()
    finally:
        if live.box.process is not None and live.box.process.poll() is None:
            live.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_box_that_is_killed_on_a_full_disk_says_so_at_the_start_and_loses_nothing(small: Path) -> None:
    live = LiveBox(small)
    try:
        live.start()
        live.add_sites()
        with load(live, seed=64):
            wait_until(lambda: live.statuses.get(200, 0) > 20, "load")
        ballast = fill(small)
        with load(live, seed=65):
            wait_until(lambda: live.statuses.get(503, 0) > 5, "the disk being full")
        live.kill()
        fill(small)
        live.start(wait=False)
        assert live.box.process is not None
        wait_until(lambda: serves(live) or live.box.process.poll() is not None, "a start, or a reason against it", 20)
        assert live.box.process.poll() in {None, 4}, live.box.log.read_text()
        assert "Traceback" not in live.box.log.read_text()
        ballast.unlink()
        if live.box.process.poll() is not None:
            live.start()
        live.box.wait_ready()
        with load(live, seed=66):
            wait_until(lambda: live.statuses[200] > 60, "a yes")
        live.stop_and_check()
    finally:
        if live.box.process is not None and live.box.process.poll() is None:
            live.kill()


def serves(live: LiveBox) -> bool:
    try:
        return fetch(f"{live.box.url}/healthz")[0] == 200
    except OSError:
        return False


def send_one(live: LiveBox) -> tuple[int, str, dict[str, object]]:
    """One signal; status, Retry-After and body."""
    signal = Visitors(live.sites, seed=99).signal(live.now())
    live.client.note_sent([signal])
    connection = http.client.HTTPConnection("127.0.0.1", live.box.port, timeout=20)
    headers = {"Content-Type": "text/plain", "Origin": "https://antika.example", "User-Agent": signal.user_agent}
    connection.request("POST", "/api/sync", json.dumps(signal.wire(live.now())), headers)
    answer = connection.getresponse()
    try:
        return answer.status, answer.headers["Retry-After"], json.loads(answer.read())
    finally:
        connection.close()
