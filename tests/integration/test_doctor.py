import json
import sqlite3
import time

import pytest

from opsmantik_box.domain.watch.codes import ABOUT, Code
from opsmantik_box.errors import NotRunning, Unavailable
from opsmantik_box.ops.doctor import EARLIEST_NOW, examine, file_limit
from tests.harness import Box, run_cli

NOW = EARLIEST_NOW + 400 * 86_400_000
STATUS = {
    "version": "0.1.0",
    "pid": 1,
    "accepting": True,
    "reason": "",
    "lag_signals": 0,
    "lag_ms": 0,
    "gateways": [{"number": 1, "pid": 2, "walls": "landlock"}],
}


@pytest.fixture
def data(tmp_path):
    """A Box that was used and stopped."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    assert run_cli("site", "add", "Antika", "--domain", "antika.example", "--data", folder).returncode == 0
    return folder


def make_next_month(data, month="2027-03", made_at=0):
    with sqlite3.connect(data / "ledger.db") as ledger:
        ledger.execute(
            "insert into partitions (month, sessions_name, events_name, file, made_at) values (?, 's', 'e', ?, ?)",
            (month, f"{month}.db", made_at),
        )
    ledger.close()
    (data / "months").mkdir(exist_ok=True)
    with sqlite3.connect(data / "months" / f"{month}.db") as file:
        file.execute("create table checkpoint (seq integer)")
    file.close()


def add_backup(data, place, made_at, *, is_elsewhere=True):
    with sqlite3.connect(data / "ledger.db") as ledger:
        ledger.execute(
            "insert into backups (place, name, is_elsewhere, made_at, last_seq, bytes, verified_at) values (?, 'x', ?, ?, 1, 1, ?)",
            (place, is_elsewhere, made_at, made_at),
        )
    ledger.close()


def findings(data, *, status=STATUS, url="https://box.example", host="127.0.0.1", now=NOW):
    def ask():
        if isinstance(status, Exception):
            raise status
        return status

    return {one.name: one for one in examine(data, url, host, ask, now)}


def test_a_healthy_box_has_no_complaint(data):
    make_next_month(data)
    add_backup(data, "box@backup.example:box", NOW - 3_600_000)
    with sqlite3.connect(data / "ledger.db") as ledger:
        ledger.execute("insert into lanes (lane, last_delivered_at) values ('telegram', 1)")
    ledger.close()
    found = findings(data)
    assert {one.state for name, one in found.items() if name not in ("disk", "open files")} == {"ok"}
    assert {
        "python",
        "sqlite",
        "clock",
        "data folder",
        "disk",
        "open files",
        "service",
        "lag",
        "walls of gateway 1",
        "ledger",
        "alerts",
        "public address",
    } <= set(found)


def test_whatever_is_not_ok_says_what_to_do(data, tmp_path):
    broken = [
        findings(data, status=NotRunning(data=data), url="", host="0.0.0.0", now=0),
        findings(tmp_path / "nothing", status=Unavailable(reason="x")),
        findings(data, status=STATUS | {"accepting": False, "reason": "full", "gateways": []}, url="http://box.example"),
        findings(
            data, status=STATUS | {"lag_ms": 60_000, "lag_signals": 5, "gateways": [{"number": 1, "pid": 2, "walls": "none"}]}
        ),
    ]
    complaints = [one for found in broken for one in found.values() if one.state != "ok"]
    assert len(complaints) >= 10
    assert not [one for one in complaints if not one.advice]


def test_a_service_that_is_away_fails_and_the_rest_is_still_looked_at(data):
    found = findings(data, status=NotRunning(data=data))
    assert found["service"].state == "fail"
    assert found["ledger"].state == "ok"


def test_a_service_that_takes_nothing_says_why(data):
    found = findings(data, status=STATUS | {"accepting": False, "reason": "disk full"})
    assert found["service"].state == "fail"
    assert "disk full" in found["service"].sentence


@pytest.mark.parametrize(("walls", "state"), [("landlock", "ok"), ("uid", "ok"), ("none", "warn"), ("", "fail")])
def test_the_walls_that_hold_are_told(data, walls, state):
    found = findings(data, status=STATUS | {"gateways": [{"number": 1, "pid": 2, "walls": walls}]})
    assert found["walls of gateway 1"].state == state
    assert walls in found["walls of gateway 1"].sentence or walls == "none"


def test_a_folder_open_to_everybody_is_warned_of(data):
    data.chmod(0o755)
    assert findings(data)["data folder"].state == "warn"


def test_a_folder_that_is_not_there_fails(tmp_path):
    assert findings(tmp_path / "nothing")["data folder"].state == "fail"


def test_a_ledger_that_is_no_database_fails(data):
    (data / "ledger.db").write_bytes(b"no database at all" * 100)
    found = findings(data)
    assert found["ledger"].state == "fail"
    assert found["clock"].state == "ok"


def test_a_clock_behind_what_was_received_fails(data):
    with sqlite3.connect(data / "ledger.db") as ledger:
        ledger.execute(
            "insert into signals (site_id, event_id, received_at, payload) values (1, x'00', ?, x'00')", (NOW + 3_600_000 * 2,)
        )
    ledger.close()
    assert findings(data)["clock"].state == "fail"
    assert "2.0 h" in findings(data)["clock"].sentence


def partition(data, last_seq):
    with sqlite3.connect(data / "ledger.db") as ledger:
        ledger.execute(
            "insert into partitions (month, sessions_name, events_name, file, last_seq, made_at)"
            " values ('2026-11', 's', 'e', '2026-11.db', ?, 0)",
            (last_seq,),
        )
    ledger.close()


def test_a_backup_that_is_late_or_lies_here_only_is_warned_of(data):
    assert findings(data)["backup elsewhere"].state == "warn"
    add_backup(data, "/mnt/disk", NOW - 3_600_000, is_elsewhere=False)
    found = findings(data)
    assert (found["backup"].state, found["backup elsewhere"].state) == ("ok", "warn")
    add_backup(data, "s3://box", NOW - 27 * 3_600_000)
    found = findings(data)
    assert (found["backup"].state, "backup elsewhere" in found) == ("warn", False)
    assert "jobs list" in found["backup"].advice


def test_whether_next_month_is_ready_is_told(data):
    assert findings(data)["next month"].state == "warn"
    make_next_month(data, made_at=1_803_524_400_000)
    found = findings(data)["next month"]
    ready = "Next month ready: sessions_2027_03, events_2027_03, made 25 Feb 03:00 UTC."
    assert (found.state, found.sentence) == ("ok", ready)


def test_a_month_that_is_missing_or_behind_is_told(data):
    partition(data, 7)
    assert findings(data)["month 2026-11"].state == "fail"
    (data / "months").mkdir(exist_ok=True)
    with sqlite3.connect(data / "months" / "2026-11.db") as month:
        month.execute("create table checkpoint (seq integer)")
        month.execute("insert into checkpoint values (4)")
    month.close()
    assert findings(data, status=NotRunning(data=data))["month 2026-11"].state == "warn"
    assert "3 steps" in findings(data)["month 2026-11"].sentence


def test_a_job_that_failed_and_what_an_audit_found_is_told(data):
    assert findings(data)["jobs"].state == "ok"
    assert "audit" not in findings(data)
    with sqlite3.connect(data / "ledger.db") as ledger:
        ledger.execute("insert or replace into jobs (name, outcome, result, failures) values ('backup', 'failed', 'No room.', 2)")
        told = (("run", 1, "done"), ("orphaned_events", 1, "wrong"), ("run", NOW, "done"), ("score_mismatch", NOW, "wrong"))
        for kind, at, outcome in told:
            ledger.execute("insert into audits (kind, at, site_id, outcome) values (?, ?, 1, ?)", (kind, at, outcome))
    ledger.close()
    found = findings(data)
    assert (found["job backup"].state, found["job backup"].sentence) == ("warn", "It failed 2 times in a row: No room.")
    assert found["audit"].state == "warn"
    assert found["audit"].sentence.endswith("found score_mismatch.")


def test_whether_anybody_is_told_of_alarms_is_told(data):
    assert findings(data)["messages"].state == "warn"
    with sqlite3.connect(data / "ledger.db") as ledger:
        ledger.execute("insert into lanes (lane, last_delivered_at) values ('telegram', 1)")
        ledger.execute("insert into lanes (lane, failing_since, last_error) values ('email', 1, '451 Later')")
    ledger.close()
    found = findings(data)
    assert (found["messages"].state, found["messages"].sentence) == ("ok", "Messages arrive by telegram.")
    assert "451 Later" in found["lane email"].sentence


def test_open_alerts_are_repeated(data):
    with sqlite3.connect(data / "ledger.db") as ledger:
        ledger.execute(
            "insert into alerts (kind, at, text, last_at, times) values ('PARTITION_FAULT', 1, 'A month was damaged.', 1, 3)"
        )
    ledger.close()
    found = findings(data)["alert PARTITION_FAULT"]
    assert (found.state, found.sentence) == ("warn", "A month was damaged. (3 times)")
    assert found.advice == ABOUT[Code.PARTITION_FAULT].advice


@pytest.mark.parametrize(
    ("url", "state"), [("", "warn"), ("http://box.example", "fail"), ("http://localhost:8787", "ok"), ("https://box.example", "ok")]
)
def test_the_public_address_is_judged(data, url, state):
    assert findings(data, url=url)["public address"].state == state


def test_the_file_limit_of_another_process_is_read():
    assert file_limit(1) > 0
    assert file_limit(2**22 + 1) == file_limit(None)


def test_looking_changes_nothing(data):
    before = {file.name: (file.stat().st_mtime_ns, file.stat().st_size) for file in data.rglob("*") if file.is_file()}
    findings(data)
    after = {
        file.name: (file.stat().st_mtime_ns, file.stat().st_size)
        for file in data.rglob("*")
        if file.is_file() and file.suffix == ".db"
    }
    assert all(before[name] == told for name, told in after.items())


def test_the_command_ends_with_1_when_something_failed_and_prints_json(data):
    done = run_cli("doctor", "--data", data)
    assert done.returncode == 1
    assert "FAIL  service" in done.stdout
    assert {one["state"] for one in json.loads(run_cli("doctor", "--json", "--data", data).stdout)} >= {"ok", "fail"}


def test_the_doctor_of_a_running_box_says_which_wall_holds(tmp_path):
    with Box(tmp_path / "data") as box:
        deadline = time.monotonic() + 10
        while (done := box.cli("doctor")).returncode and time.monotonic() < deadline:
            pass
        assert done.returncode == 0, done.stdout
        assert "walls of gateway 1" in done.stdout
        assert "holds" in done.stdout
