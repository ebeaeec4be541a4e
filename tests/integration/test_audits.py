"""Audits on real files: each finds what it is for and nothing else; what is too much is an alarm; `verify` mends what is derived."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.domain.audits import Audited, Kind, Scope, is_too_much
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.engine.auditing import newest_findings, write_audit, yesterday
from opsmantik_box.ops.auditing import EVER, Auditor, audit_summary
from opsmantik_box.ops.verifying import verify
from tests.harness import Box, run_cli, wait_until
from tests.integration.engine_kit import DAY, NOON, engine
from tests.integration.test_summary import refresh
from tests.integration.watch_kit import tower

AD = "https://antika.example/?utm_source=google&utm_medium=cpc&gclid=EAIaIQobChMI8pXr"
TAP = {"ea": "phone_call", "ec": "conversion", "el": "tel:+902125550142"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a Box that is not running: forty visits of a day, ten of them with a tap."""
    folder = tmp_path / "data"
    with engine(folder) as made:
        for number in range(40):
            made.now = NOON + number * 60_000
            made.send(sid=f"visitor {number}", u=AD)
            if number % 4 == 0:
                made.send(sid=f"visitor {number}", u=AD, meta={"intent_stamp": f"stamp-{number}"}, **TAP)
        made.catch_up()
    refresh(folder, NOON + DAY)
    return folder


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def audit(data: Path, scope: Scope | None = None) -> dict[str, Audited]:
    with Auditor(data) as auditor:
        found = [*auditor.audit(scope or Scope(1, *EVER)), *auditor.checkpoints()]
    summed = audit_summary(str(data), NOON + DAY, scope.start if scope else 0)
    return {one.kind: one for one in [*found, *summed]}


def wrong(data: Path, scope: Scope | None = None) -> dict[str, int]:
    return {kind: one.wrong for kind, one in audit(data, scope).items() if one.wrong}


MONTH = "months/2026-11.db"
AGAIN = """insert into calls (site_id, at, received_at, source, intent_action, intent_target, matched_session_id, created_at)
    select site_id, at + 900, received_at, source, intent_action, intent_target, matched_session_id, created_at from calls where id = 4"""
BROKEN: dict[Kind, tuple[str, int, list[str]]] = {
    "orphaned_events": (MONTH, 2, ["update events set session_no = 999 where session_no = 1"]),
    "events_before_session": (MONTH, 1, ["update sessions set created_at = created_at + 1 where no = 2"]),
    "google_without_click": (MONTH, 3, ["update sessions set gclid = null where no in (3, 4, 6)"]),
    "score_mismatch": (MONTH, 1, ["update sessions set lead_score = lead_score + 1 where no = 7"]),
    "calls_without_session": ("ledger.db", 1, ["update calls set matched_session_id = 'nobody' where id = 3"]),
    "duplicate_intents": (
        "ledger.db",
        1,
        [AGAIN],
    ),
    "checkpoint_ahead": (MONTH, 1, ["update checkpoint set seq = 100000"]),
    "summary_differs": ("ledger.db", 1, ["update daily_counts set sessions = sessions + 1"]),
}


def test_a_sound_box_passes_every_audit(data: Path) -> None:
    found = audit(data)
    assert set(found) == set(BROKEN)
    assert wrong(data) == {}
    assert (found["orphaned_events"].total, found["score_mismatch"].total, found["duplicate_intents"].total) == (50, 40, 10)


@pytest.mark.parametrize("kind", BROKEN)
def test_each_audit_finds_what_it_is_for(data: Path, kind: Kind) -> None:
    file, count, statements = BROKEN[kind]
    change(data / file, "pragma foreign_keys = off", *statements)
    assert wrong(data) == {kind: count}
    assert audit(data)[kind].examples


def test_a_day_is_looked_at_and_no_other(data: Path) -> None:
    change(data / MONTH, "update sessions set lead_score = 1 where no = 7")
    assert wrong(data, Scope(1, NOON, NOON + DAY)) == {"score_mismatch": 1}
    assert wrong(data, Scope(1, NOON + DAY, NOON + 2 * DAY)) == {}
    assert wrong(data, Scope(2, NOON, NOON + DAY)) == {}
    assert yesterday(1, "Europe/Istanbul", NOON + DAY) == Scope(1, NOON - 15 * 3_600_000, NOON + 9 * 3_600_000)


def test_more_than_one_in_a_hundred_is_too_much() -> None:
    assert not is_too_much(Audited("score_mismatch", 1, 1, 100), 0.01)
    assert is_too_much(Audited("score_mismatch", 1, 2, 100), 0.01)
    assert not is_too_much(Audited("score_mismatch", 1, 0, 0), 0.0)
    assert is_too_much(Audited("checkpoint_ahead", None, 1, 400), 0.01)


def test_what_the_last_run_found_is_an_alarm_until_a_run_finds_less(tmp_path: Path) -> None:
    with tower(tmp_path / "data") as watched:
        ledger, site = watched.engine.core.ledger, watched.engine.site.id
        key = (Code.DATA_INTEGRITY, site)
        for count in (1, 2, 1):
            with ledger.transaction():
                write_audit(
                    ledger,
                    [Audited("score_mismatch", site, count, 100, ["a"]), Audited("orphaned_events", site, 0, 9)],
                    watched.now,
                )
            assert [one.wrong for one in newest_findings(ledger)] == [count]
            watched.watch(4)
            assert (key in watched.open()) == (count == 2), count
        text = next(one["text"] for one in watched.alerts() if one["kind"] == Code.DATA_INTEGRITY)
        assert text == "The last audit found 2 of 100 sessions whose score is not that of their rules (like a)."


def test_files_are_looked_at_too(data: Path) -> None:
    assert verify(data, NOON + DAY).problems == []
    month = data / MONTH
    whole = month.read_bytes()
    month.write_bytes(whole[: 3 * 4096] + b"\x55" * 4096 + whole[4 * 4096 :])
    found = verify(data, NOON + DAY)
    assert found.to_mend == ["2026-11"]
    assert found.problems[0].startswith("2026-11.db: ")


# --- at the command line ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Box]:
    with Box(tmp_path / "data") as box:
        yield box


def until(box: Box, is_so: Callable[[], bool], what: str) -> None:
    assert box.process is not None
    wait_until(is_so, what, box.process, box.log)


def test_what_is_derived_is_mended_and_then_all_is_well(serving: Box) -> None:
    site = serving.add_site()["public_id"]
    for number in range(5):
        serving.send(site, sid=f"5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a1{number}")
    serving.wait_projected()
    assert serving.cli("verify").stdout == "8 audits, nothing is wrong.\n"
    serving.stop()
    (month,) = [file for file in (serving.data / "months").glob("*.db") if sessions_in(file)]
    change(month, "update sessions set lead_score = 99 where no = 1")
    serving.start()
    looked = serving.cli("verify")
    assert looked.returncode == 1
    assert "1 of 5 sessions whose score" in looked.stdout
    assert serving.cli("verify", "--site", "antika", "--repair").returncode == 1, "it was not well"
    until(serving, lambda: serving.cli("verify").returncode == 0, "being mended")
    assert list((serving.data / "months").glob(f"{month.name}.aside-*"))


def sessions_in(file: Path) -> int:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        return db.execute("select count(*) from sessions").fetchone()[0]


def test_the_nightly_audit_is_a_job_and_says_what_it_looked_at(serving: Box) -> None:
    serving.add_site()
    told: dict[str, Any] = serving.run_job("audit-data-integrity")
    assert (told["outcome"], told["result"]) == ("done", "8 audits: nothing is wrong.")
    serving.stop()
    with closing(sqlite3.connect(serving.data / "ledger.db")) as ledger:
        assert ledger.execute("select kind, outcome from audits").fetchall() == [("run", "done")]


def test_a_folder_without_a_box_is_said_in_a_sentence(tmp_path: Path) -> None:
    done = run_cli("verify", "--data", tmp_path)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
