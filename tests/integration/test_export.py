"""`opsmantik-box export`: whole, exact, of one site, harmless to a spreadsheet, and nothing left behind when it is stopped."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.errors import NotFound, UsageError
from opsmantik_box.ops import export
from opsmantik_box.ops.export import export_site
from opsmantik_box.ops.export_files import harmless
from opsmantik_box.sql import load
from opsmantik_box.sql.scope import open_scoped
from tests.harness import COMMAND, environment, run_cli
from tests.integration.test_query_plans import plan_of, scans
from tests.reading_data import NOON, PHONE, WHATSAPP, Folder, fill_month

DAY_MS = 86_400_000
FORMULA = '=HYPERLINK("http://evil.example","x")'
NUMBER = b"\x01sealed-number-of-the-caller"


def quiet(_text: str) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    folder = Folder(tmp_path_factory.mktemp("export") / "data")
    folder.site("antika")
    folder.site("other")
    for site, word in ((1, "mine"), (2, "theirs")):
        for months_ago in range(3):
            at = NOON - months_ago * 31 * DAY_MS
            sid = folder.session(site, at, events=3, utm_campaign=f"{word}-{FORMULA}", fired=6, loc_physical_ms="1012782")
            call = folder.call(
                site, at, PHONE if months_ago else WHATSAPP, matched_session_id=sid, note=f"{word};=1+1",
                score_breakdown='{"scroll_50":10}',
                phone_number=NUMBER, sale_amount=-5,
            )  # fmt: skip
            folder.add(
                "verdicts", site_id=site, call_id=call, at=at + 200 * DAY_MS, from_status="intent", to_status="real", note=word
            )
    yield folder
    folder.close()


def read_lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_everything_of_a_site_and_nothing_of_another_is_written(folder: Folder, tmp_path: Path) -> None:
    told = export_site(folder.data, "antika", None, None, "jsonl", tmp_path / "out", NOON, quiet)
    assert {file.name: file.rows for file in told.files} == {
        "sessions.jsonl": 3, "events.jsonl": 9, "intents.jsonl": 3, "verdicts.jsonl": 3,
    }  # fmt: skip
    written = "".join(file.read_text() for file in (tmp_path / "out").iterdir())
    assert "mine" in written
    assert "theirs" not in written
    session = read_lines(tmp_path / "out" / "sessions.jsonl")[0]
    assert session["fired"] == ["interaction", "scroll_50"]
    assert (session["utm_campaign"], session["loc_physical_ms"]) == (f"mine-{FORMULA}", "1012782")
    assert (session["is_bot"], session["site_id"]) == (False, told.site)


def test_the_manifest_sums_are_those_of_the_files(folder: Folder, tmp_path: Path) -> None:
    done = run_cli("export", "--site", "antika", "--format", "csv", "--out", tmp_path / "out", "--data", folder.data, "--json")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest == json.loads(done.stdout)
    assert sorted(file["name"] for file in manifest["files"]) == ["events.csv", "intents.csv", "sessions.csv", "verdicts.csv"]
    for file in manifest["files"]:
        data = (tmp_path / "out" / file["name"]).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (file["sha256"], file["bytes"])
        assert (tmp_path / "out" / file["name"]).stat().st_mode & 0o077 == 0
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0
    assert "encrypted" in " ".join(manifest["notes"])


def test_a_callers_number_is_in_no_file(folder: Folder, tmp_path: Path) -> None:
    told = export_site(folder.data, "antika", None, None, "jsonl", tmp_path / "out", NOON, quiet)
    assert not {"phone_number", "phone_hash", "contact"} & {column for file in told.files for column in file.columns}
    assert all(NUMBER not in file.read_bytes() for file in (tmp_path / "out").iterdir())


def test_a_csv_cell_that_would_run_does_not(folder: Folder, tmp_path: Path) -> None:
    folder.session(1, NOON + 5, utm_campaign=FORMULA, utm_term="@SUM(1)", month="2026-11")
    export_site(folder.data, "antika", None, None, "csv", tmp_path / "out", NOON, quiet)
    text = (tmp_path / "out" / "sessions.csv").read_text(encoding="utf-8-sig")
    (row,) = [
        row for row in csv.DictReader(text.splitlines()) if "evil" in row["utm_campaign"] and "mine" not in row["utm_campaign"]
    ]
    assert (row["utm_campaign"], row["utm_term"]) == ("'" + FORMULA, "'@SUM(1)")
    with (tmp_path / "out" / "intents.csv").open(encoding="utf-8-sig", newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["note"], first["sale_amount"], first["score_breakdown"]) == ("mine;'=1+1", "-5", '{"scroll_50":10}')


@pytest.mark.parametrize("text", ["=1", "+90", "-1", "@x", "\tx", "\rx", "＝1", "a;=1", "a\n=1", "a\r\n@x"])
def test_what_a_spreadsheet_would_run_is_made_harmless(text: str) -> None:
    cells = [cell for line in harmless(text).splitlines() for cell in line.split(";")]
    assert not any(cell.startswith(tuple("=+-@＝＋－＠\t")) for cell in cells)
    assert harmless(text).replace("'", "") == text


@pytest.mark.parametrize("text", ["", "a=b", "https://a.example/?x=1&y=-2", "1-2", "a@b.example"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def test_days_are_the_sites_and_verdicts_follow_their_intents(folder: Folder, tmp_path: Path) -> None:
    told = export_site(folder.data, "antika", "2026-10-01", "2026-10-31", "jsonl", tmp_path / "out", NOON, quiet)
    assert [file.rows for file in told.files] == [1, 3, 1, 1]
    assert (told.from_day, told.to_day) == ("2026-10-01", "2026-10-31")


def test_pages_add_up_also_where_many_rows_share_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 7)
    folder = Folder(tmp_path / "data")
    folder.site("antika")
    ids = {folder.session(1, NOON + number // 10, events=2) for number in range(40)}
    calls = [folder.call(1, NOON, PHONE) for _ in range(15)]
    for call in calls:
        folder.add("verdicts", site_id=1, call_id=call, at=NOON, from_status="intent", to_status="junk")
    told = export_site(folder.data, "1", None, None, "jsonl", tmp_path / "out", NOON, quiet)
    folder.close()
    assert [file.rows for file in told.files] == [40, 80, 15, 15]
    assert {row["id"] for row in read_lines(tmp_path / "out" / "sessions.jsonl")} == ids
    assert [row["call_id"] for row in read_lines(tmp_path / "out" / "verdicts.jsonl")] == calls


def test_a_folder_that_holds_something_is_left_alone(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="not an empty folder"):
        export_site(folder.data, "antika", None, None, "csv", tmp_path, NOON, quiet)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("site", "days", "error"), [("nobody", (None, None), NotFound), ("1", ("2026-11-02", "2026-11-01"), UsageError)]
)
def test_nothing_is_made_for_what_cannot_be_exported(
    folder: Folder, tmp_path: Path, site: str, days: tuple[str | None, str | None], error: type[Exception]
) -> None:
    with pytest.raises(error):
        export_site(folder.data, site, *days, "csv", tmp_path / "out", NOON, quiet)
    assert list(tmp_path.iterdir()) == []


def test_a_site_without_anything_is_exported_too(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    folder.site("new")
    told = export_site(folder.data, "new", None, None, "csv", tmp_path / "out", NOON, quiet)
    folder.close()
    assert [file.rows for file in told.files] == [0, 0, 0, 0]


def test_memory_stays_the_same_whatever_there_is(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    site, _ = folder.site("large")
    fill_month(folder, site, "2026-10", sessions=2_000, events=15)
    tracemalloc.start()
    told = export_site(folder.data, "large", None, None, "jsonl", tmp_path / "out", NOON, quiet)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    folder.close()
    events = next(file for file in told.files if file.name == "events.jsonl")
    assert events.rows == 30_000
    assert peak < 8_000_000 < events.bytes


def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    site, _ = folder.site("large")
    fill_month(folder, site, "2026-10", sessions=10_000, events=20)
    out = tmp_path / "place" / "out"
    command = [*COMMAND, "export", "--site", "large", "--out", str(out), "--data", str(folder.data)]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # who runs tests in the background has it ignored
    running = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heard)  # noqa: PLW1509
    while running.poll() is None and not any(tmp_path.glob("place/.out.partial-*/events.jsonl")):
        os.sched_yield()
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=30)[1]
    folder.close()
    assert running.returncode == 1, said
    assert b"Traceback" not in said
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("name", sorted(load("export")))
def test_an_export_searches_by_an_index(folder: Folder, name: str) -> None:
    connection = open_scoped(folder.data, [1], ["2026-11.db"])
    try:
        plan = plan_of(connection, load("export")[name])
    finally:
        connection.close()
    assert not scans(plan), plan
    assert any("_by_time" in line for line in plan if line.startswith("SEARCH")), plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan
