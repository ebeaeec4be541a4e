"""F5 on a running service: strace makes the kernel's fsync fail for one file, as a dying disk would. (The disk of vfs.py cannot
show what SQLite swallows.) Needs strace and the right to trace: `apt install strace`; in a container `--cap-add SYS_PTRACE`."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fault.live import LiveBox, live_box, load, wait_until

STRACE = shutil.which("strace")
SYNC = re.compile(r"(?:fsync|fdatasync)\(\d+<(?P<path>[^>]*)>\)\s*= (?P<result>-?\d+)(?P<injected>.*INJECTED)?")


@contextmanager
def failing_sync(live: LiveBox, path: str, when: str, place: Path) -> Iterator[Path]:
    """From now on (`when`: 1 once, 1+ for ever) a sync of this file of the Box fails with EIO. Gives strace's record of them."""
    assert live.box.process is not None
    if STRACE is None:
        pytest.skip("strace is not installed")
    target, record = live.data / path, place / "strace.txt"
    command = [STRACE, "-f", "-y", "-p", str(live.box.process.pid), "-o", str(record), "-e", "trace=fsync,fdatasync",
               "-P", str(target), "-e", f"inject=fsync,fdatasync:error=EIO:when={when}"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        if "attached" not in said:
            tracer.wait(5)
            pytest.skip(f"strace may not trace here: {said.strip()}")
        try:
            yield record
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)


def syncs(record: Path) -> list[tuple[str, bool]]:
    """(file name, whether it failed) of each sync that strace saw."""
    found = SYNC.finditer(record.read_text())
    return [(Path(match["path"]).name, match["result"] != "0") for match in found]


@pytest.fixture
def live() -> Iterator[LiveBox]:
    with live_box() as made:
        yield made


def exit_code(live: LiveBox) -> int:
    process = live.box.process
    assert process is not None
    wait_until(lambda: process.poll() is not None, "the end of the service", 20)
    return process.returncode


@pytest.mark.parametrize("when", ["1", "1+"], ids=["once", "for ever"])
def test_after_a_failed_sync_of_the_ledger_nobody_gets_a_yes_and_the_service_ends(live: LiveBox, when: str, tmp_path: Path) -> None:
    with load(live, seed=51):
        wait_until(lambda: live.statuses.get(200, 0) > 20, "load")
    live.statuses.clear()
    with failing_sync(live, "ledger.db-wal", when, tmp_path) as record:
        with load(live, seed=52) as senders:
            assert exit_code(live) == 1
        assert live.statuses.get(200, 0) == 0, "a yes after a failed sync"
        assert set(live.statuses) <= {503}
    failed = [number for number, (_, bad) in enumerate(syncs(record)) if bad]
    assert failed, "the sync was made to fail"
    assert syncs(record)[failed[0] + 1 :] == [], "a failed sync is never tried again"
    live.check()
    live.start()
    with load(live, seed=53, first=[signal for sender in senders for signal in sender.unsure]):
        wait_until(lambda: live.statuses.get(200, 0) > 20, "load after the start")
    live.stop_and_check()


def test_a_failed_sync_of_the_ledgers_file_at_a_wal_checkpoint_ends_the_service(live: LiveBox, tmp_path: Path) -> None:
    """The WAL checkpoint comes when nobody has come for five seconds."""
    with load(live, seed=54):
        wait_until(lambda: live.statuses.get(200, 0) > 20, "load")
    with failing_sync(live, "ledger.db", "1+", tmp_path) as record:
        assert exit_code(live) == 1
    assert ("ledger.db", True) in syncs(record)
    live.check()
    live.start()
    live.stop_and_check()


def test_a_failed_sync_of_a_month_file_costs_the_month_file_only(live: LiveBox, tmp_path: Path) -> None:
    with load(live, seed=55):
        wait_until(lambda: live.statuses.get(200, 0) > 20, "load")
    live.box.wait_projected()
    with failing_sync(live, "months/2026-10.db", "1", tmp_path) as record:
        wait_until(lambda: bool(list((live.data / "months").glob("2026-10.db.aside-*"))), "the month being set aside", 20)
    assert ("2026-10.db", True) in syncs(record)
    wait_until(lambda: live.box.status()["accepting"], "accepting again")
    with load(live, seed=56):
        wait_until(lambda: live.statuses.get(200, 0) > 40, "load afterwards")
    assert [alert["code"] for alert in live.box.status()["alerts"] if alert["code"] != "DISK"] == ["PARTITION_FAULT"]
    live.stop_and_check()


def test_a_failed_sync_of_the_folder_of_the_months_ends_the_service(live: LiveBox, tmp_path: Path) -> None:
    """The folder is synced when a month's file is made: on the 25th, for the month that comes."""
    with failing_sync(live, "months", "1+", tmp_path) as record, load(live, seed=57) as senders:
        live.set_clock(live.now() + 26 * 86_400_000)
        assert exit_code(live) == 1
    assert ("months", True) in syncs(record)
    live.check()
    live.start()
    with load(live, seed=58, first=[signal for sender in senders for signal in sender.unsure]):
        wait_until(lambda: live.statuses.get(200, 0) > 20, "load after the start")
    live.stop_and_check()


@pytest.mark.skipif(os.name != "posix", reason="strace is Linux's")
def test_strace_sees_the_syncs_a_yes_stands_on(live: LiveBox, tmp_path: Path) -> None:
    """No fault: every accepted batch has synced the ledger's WAL before. One sender: at least as many syncs as answers."""
    with failing_sync(live, "ledger.db-wal", "60000", tmp_path) as record:
        with load(live, seed=59, senders=1):
            wait_until(lambda: live.statuses.get(200, 0) > 30, "load")
        answered = live.statuses[200]
    good = [name for name, failed in syncs(record) if name == "ledger.db-wal" and not failed]
    assert len(good) >= answered
    live.stop_and_check()
