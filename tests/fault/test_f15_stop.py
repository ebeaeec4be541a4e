"""F15: SIGTERM under load, once and twice: what is held is answered, committed and projected, and all of it is over within 10 s."""

import signal
import time

import pytest

from tests.fault.invariants import opened
from tests.fault.live import LiveBox, live_box, load, wait_until

STOP_SEC = 10.0


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_answers_what_it_holds_and_leaves_nothing_behind(how: signal.Signals, times: int) -> None:
    with live_box() as live:
        with load(live, seed=15):
            wait_until(lambda: live.statuses.get(200, 0) > 50, "load")
            took, code = stop(live, how, times)
        assert code == 0
        assert took < STOP_SEC
        assert set(live.statuses) <= {200, 503}
        live.check(caught_up=True, like_new=True)
        assert (live.data / "ledger.db").stat().st_size > 0
        assert not [wal for wal in live.data.rglob("*-wal") if wal.stat().st_size and wal.name != "vault.db-wal"], (
            "the WALs were emptied"
        )
        assert not (live.data / "admin.sock").exists()
        live.start()
        with load(live, seed=16):
            wait_until(lambda: live.statuses.get(200, 0) > 60, "load again")
        live.stop_and_check()


def stop(live: LiveBox, how: signal.Signals, times: int) -> tuple[float, int]:
    process = live.box.process
    assert process is not None
    started = time.monotonic()
    for _ in range(times):
        process.send_signal(how)
        time.sleep(0.05)  # between the first and the second
    code = process.wait(30)
    return time.monotonic() - started, code


def test_a_stop_leaves_no_process_behind() -> None:
    with live_box("--workers", "2") as live:
        with load(live, seed=17):
            wait_until(lambda: live.statuses.get(200, 0) > 20, "load")
            processes = live.processes()
            assert len(processes) >= 3
            assert live.box.stop() == 0
        for pid in processes:
            wait_until(lambda pid=pid: not alive(pid), f"the end of process {pid}", 5)
        with opened(live.data / "ledger.db") as ledger:
            assert ledger.execute("select count(*) from signals").get > 0


def alive(pid: int) -> bool:
    import os

    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
