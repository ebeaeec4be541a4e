"""The gateway as a process: its walls, its end, and what happens to those who wait for it."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from opsmantik_box.walls import landlock_abi
from tests.harness import Box
from tests.tracker import ORIGIN, Tracker, encoded, head, signal_of, wait_until


def gateway_of(box: Box) -> int:
    return box.status()["gateways"][0]["pid"]


def is_running(pid: int) -> bool:
    """Not even as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_alive_and_ready_are_told_in_json(box: Box, tracker: Tracker) -> None:
    alive, ready = tracker.get("/healthz"), tracker.get("/readyz")
    assert (alive.status, alive.body["alive"]) == (200, True)
    assert (ready.status, ready.body["ready"], ready.body["reason"]) == (200, True, "")
    assert {"lag_signals", "lag_ms", "version"} <= ready.body.keys()
    assert tracker.request("HEAD", "/healthz", None, {}).content == b""


def test_the_engine_is_told_which_walls_hold(box: Box) -> None:
    told = box.status()["gateways"][0]["walls"]
    assert told == ("landlock" if landlock_abi() else "uid" if os.geteuid() == 0 else "none")


def test_an_interrupt_from_the_terminal_does_not_end_a_gateway_by_itself(box: Box, tracker: Tracker, site: str) -> None:
    pid = gateway_of(box)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    assert tracker.post(signal_of(site)).status == 200
    assert gateway_of(box) == pid


def test_a_killed_gateway_is_replaced_and_refuses_nobody(box: Box, site: str) -> None:
    before = gateway_of(box)
    os.kill(before, signal.SIGKILL)
    body = encoded(signal_of(site))
    answer = Tracker(box).talk(head(len(body), "Connection: close") + body)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert gateway_of(box) != before


def test_when_the_engine_is_killed_its_gateway_is_gone_within_a_second(killable_box: Box) -> None:
    site = killable_box.add_site()["public_id"]
    tracker = Tracker(killable_box)
    assert tracker.post(signal_of(site)).status == 200
    pid = gateway_of(killable_box)
    killable_box.stop(signal.SIGKILL)
    ended = time.monotonic()
    wait_until(lambda: not is_running(pid), "the gateway is gone")
    assert time.monotonic() - ended < 1.3
    tracker.hang_up()


def test_a_client_in_the_middle_of_its_body_when_the_engine_dies_reads_503(killable_box: Box) -> None:
    site = killable_box.add_site()["public_id"]
    body = encoded(signal_of(site))
    with Tracker(killable_box).connect() as connection:
        connection.sendall(head(len(body), "Expect: 100-continue"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        killable_box.stop(signal.SIGKILL)
        connection.sendall(body)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Database write failed" in answer
    assert b"retry-after: " in answer
    assert b"access-control-allow-origin: " + ORIGIN.encode() in answer


def test_stopping_under_load_answers_every_request_it_took(killable_box: Box) -> None:
    site = killable_box.add_site()["public_id"]
    token = killable_box.site_token(site)
    answers: Counter[int] = Counter()
    halves: list[str] = []
    stopped = threading.Event()

    def send() -> None:
        while not stopped.is_set():
            body = encoded(signal_of(site))
            try:
                with Tracker(killable_box).connect() as connection:
                    connection.sendall(head(len(body), "Connection: close", f"Authorization: Bearer {token}") + body)
                    answer = connection.recv(65536)
            except OSError:
                continue
            if answer:
                answers[int(answer[9:12])] += 1
                if b"\r\n\r\n{" not in answer:
                    halves.append(repr(answer))

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    wait_until(lambda: answers[200] > 200, "traffic flows")
    pid = gateway_of(killable_box)
    began = time.monotonic()
    assert killable_box.stop(signal.SIGTERM) == 0
    took = time.monotonic() - began
    stopped.set()
    for sender in senders:
        sender.join()
    assert took < 10
    assert not is_running(pid)
    assert answers.keys() <= {200, 503}
    assert halves == []


def test_two_gateways_share_the_port_and_count_once(tmp_path: Path) -> None:
    with Box(tmp_path / "data", "--workers", "2") as box:
        site = box.add_site()["public_id"]
        assert len({gateway["pid"] for gateway in box.status()["gateways"]}) == 2
        session = str(uuid.uuid4())
        answers: Counter[int] = Counter()
        for _ in range(205):
            body = encoded(signal_of(site, sid=session))
            answers[int(Tracker(box).talk(head(len(body), "Connection: close") + body)[9:12])] += 1
        # At most two minutes are touched, and each holds a hundred.
        assert answers[200] <= 200
        assert answers[429] == 205 - answers[200]


# --- walls ------------------------------------------------------------------------------------------------------------------------

ATTACKS = """
import os, sqlite3, sys
from pathlib import Path
from opsmantik_box.walls import drop_write_access
data = Path(sys.argv[1])
held = drop_write_access(data, sys.argv[2])
file = data / "kept"
def change_mode_and_write():
    os.chmod(file, 0o777)
    open(file, "ab").write(b"x")
attacks = {
    "create": lambda: open(data / "new", "x"),
    "write": lambda: open(file, "r+b"),
    "append": lambda: open(file, "ab"),
    "truncate by opening": lambda: os.open(file, os.O_WRONLY | os.O_TRUNC),
    "truncate": lambda: os.truncate(file, 0),
    "remove": lambda: file.unlink(),
    "rename": lambda: file.rename(data / "moved"),
    "rename into": lambda: os.rename(data / "inner" / "deep", data / "deep"),
    "link": lambda: os.link(file, data / "linked"),
    "symlink": lambda: os.symlink(file, data / "pointer"),
    "folder": lambda: (data / "folder").mkdir(),
    "remove folder": lambda: (data / "empty").rmdir(),
    "fifo": lambda: os.mkfifo(data / "fifo"),
    "sqlite": lambda: sqlite3.connect(data / "live.db").execute("insert into t values (9)"),
    "by a child": lambda: os.waitstatus_to_exitcode(os.system(f"echo x >> {file}")) and 1 / 0,
    "change its mode and write": change_mode_and_write,
}
for name, attack in attacks.items():
    try:
        attack()
    except (OSError, sqlite3.OperationalError, ZeroDivisionError):
        continue
    print("succeeded:", name)
live = sqlite3.connect(f"file:{data / 'live.db'}?mode=ro", uri=True)
for line in sys.stdin:
    print(live.execute("select count(*) from t").fetchone()[0], flush=True)
print(held)
"""


@pytest.mark.parametrize("wall", ["landlock", "uid"])
def test_behind_a_wall_nothing_can_be_changed_and_a_live_database_is_still_read(tmp_path: Path, wall: str) -> None:
    if wall == "landlock" and not landlock_abi():
        pytest.skip("this kernel has no Landlock")
    if wall == "uid" and os.geteuid() != 0:
        pytest.skip("only root can change to another user")
    if wall == "uid":
        for folder in (tmp_path, *tmp_path.parents):
            if not folder.stat().st_mode & 0o001 and folder.stat().st_uid == os.getuid() and "pytest" in str(folder):
                folder.chmod(0o755)
    data = tmp_path / "data"
    (data / "inner").mkdir(parents=True)
    (data / "empty").mkdir()
    data.chmod(0o750)
    (data / "kept").write_text("kept")
    (data / "inner" / "deep").write_text("deep")
    writer = sqlite3.connect(data / "live.db", isolation_level=None)
    writer.execute("pragma journal_mode=wal")
    writer.execute("create table t (x)")
    before = sorted((path, path.stat().st_size) for path in data.rglob("*") if "live" not in path.name)
    command = [sys.executable, "-c", ATTACKS, str(data), wall]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as attacker:
        assert attacker.stdin is not None
        assert attacker.stdout is not None
        for count in range(1, 51):
            writer.execute("insert into t values (1)")
            attacker.stdin.write("count\n")
            attacker.stdin.flush()
            assert attacker.stdout.readline().strip() == str(count)
        attacker.stdin.close()
        assert attacker.stdout.read().strip() == wall
        assert attacker.wait(10) == 0
    writer.close()
    assert sorted((path, path.stat().st_size) for path in data.rglob("*") if "live" not in path.name) == before


def test_the_gateway_of_a_running_box_cannot_change_a_file_of_its_data_folder(box: Box) -> None:
    """Asked of the kernel: what the walls say of themselves is tested above."""
    status = Path(f"/proc/{gateway_of(box)}/status").read_text()
    if landlock_abi():
        assert "NoNewPrivs:\t1" in status
    for link in Path(f"/proc/{gateway_of(box)}/fd").iterdir():
        target = link.resolve()
        if box.data in target.parents:
            flags = int(Path(f"/proc/{gateway_of(box)}/fdinfo/{link.name}").read_text().split("flags:")[1].split()[0], 8)
            assert flags & os.O_ACCMODE == os.O_RDONLY, target
