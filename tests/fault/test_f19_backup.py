"""F19: a backup is made under load, killed, cut off at every step; a backup is damaged. What is restored is what was acknowledged up to
it."""

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from opsmantik_box.adapters.places import Place, PlaceFailed, places_of
from opsmantik_box.clock import system_clock
from opsmantik_box.disk import WORKSHOP, workshop_in
from opsmantik_box.domain.backups import Backup, newest_first
from opsmantik_box.ops.backups import Backups
from opsmantik_box.ops.restoring import restore
from tests.fault.invariants import check, check_equals_refold
from tests.fault.live import LiveBox, live_box, load, wait_until
from tests.fault.traffic import Client, Key, copy_of
from tests.harness import run_cli
from tests.integration.engine_kit import engine

KEY = "5e" * 32


def signals_of(folder: Path, upto: int) -> list[tuple[Any, ...]]:
    """A dead Box's, or a copy's."""
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger:
        return ledger.execute(
            "select seq, site_id, event_id, received_at, payload, decision from signals where seq <= ? order by seq", (upto,)
        ).fetchall()


# --- under load -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[tuple[LiveBox, Path]]:
    """A Box that backs up into a folder, encrypted."""
    place = tmp_path / "place"
    place.mkdir()
    with live_box(env={"OPSMANTIK_BACKUP_FOLDER": str(place), "OPSMANTIK_BACKUP_KEY": KEY}) as live:
        yield live, place


def restored(live: LiveBox, target: Path, *options: str) -> dict[str, Any]:
    done = run_cli("restore", target, "--json", *options, env=live.box.env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_is_restored_is_what_was_acknowledged_up_to_it_and_the_box_goes_on_from_there(
    loaded: tuple[LiveBox, Path], tmp_path: Path
) -> None:
    """What was in it is known; what was not is taken as new, by who sends it again; readers of the old stream start afresh."""
    live, _ = loaded
    with load(live, seed=19):
        wait_until(lambda: live.statuses.get(200, 0) > 60, "signals before the backup")
        before = set(live.client.acknowledged)
        done = live.box.cli("backup", "run")
        assert done.returncode == 0, done.stderr
        after = live.statuses[200]
        wait_until(lambda: live.statuses[200] > after + 30, "signals after the backup")
    live.kill()
    target = tmp_path / "restored"
    last = restored(live, target)["last_seq"]
    original = copy_of(live.data, tmp_path / "original")
    assert signals_of(target, 2**62) == signals_of(original, last)
    assert len(signals_of(original, 2**62)) > len(signals_of(target, 2**62))
    in_it = {(one.site, one.event_id) for one in check(target, Client(live.client.sent, {}), caught_up=True)}
    assert before <= in_it, "acknowledged before it began, and not in it"
    check_equals_refold(target)
    lost = sorted(set(live.client.acknowledged) - in_it)[:20]
    live.box.data = target
    live.start()
    assert {again(live, key)["status"] for key in sorted(before)[:20]} == {"duplicate"}
    assert {again(live, key)["status"] for key in lost} == {"synced"}
    with closing(sqlite3.connect(f"file:{target / 'ledger.db'}?mode=ro", uri=True)) as ledger:
        assert ledger.execute("select epoch from ledger_identity").fetchone() == (2,)
    live.client.acknowledged = dict.fromkeys(lost, 1)
    live.stop_and_check()


def again(live: LiveBox, key: Key) -> dict[str, Any]:
    """A signal is sent once more."""
    sent = live.client.sent[key][0]
    return live.box.send(sent.site, **sent.body)


# --- killed -----------------------------------------------------------------------------------------------------------------------


def helpers(live: LiveBox) -> list[int]:
    """The helper's process, while there is one."""
    return [pid for pid in live.processes() if b"backup_errand" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def job(live: LiveBox) -> dict[str, Any]:
    return next(one for one in live.box.call("list_jobs")["jobs"] if one["name"] == "backup")


def test_a_backup_that_is_killed_is_made_by_the_next_run(loaded: tuple[LiveBox, Path], tmp_path: Path) -> None:
    live, place = loaded
    with load(live, seed=22):
        wait_until(lambda: live.statuses.get(200, 0) > 60, "signals")
        os.kill(begun(live), signal.SIGKILL)
        wait_until(lambda: job(live)["outcome"] == "failed", "the helper's end")
        assert "ended with exit code -9" in job(live)["result"]
        helper = begun(live)
        live.kill()
    wait_until(lambda: is_gone(helper), "the end of a helper whose engine is gone")
    assert newest_first(path.relative_to(place).as_posix() for path in place.rglob("*")) == []
    live.start()  # it finds the job interrupted, and does it at once
    wait_until(lambda: job(live)["outcome"] == "done", "the backup", 60)
    assert not list((live.data / WORKSHOP).iterdir())
    live.kill()
    restored(live, tmp_path / "restored")
    check(tmp_path / "restored", Client(live.client.sent, {}), caught_up=True)


def begun(live: LiveBox) -> int:
    """The helper of a backup that was started now."""
    live.box.call("run_job", name="backup")
    found: list[int] = []
    wait_until(lambda: bool(found.extend(helpers(live)) or found), "a helper")
    return found[0]


# --- cut off at every step --------------------------------------------------------------------------------------------------------


class PowerCut(Exception):
    """Nothing happens after this."""


class Unlucky:
    """A place at which the power goes at the N-th change: before it, or with it half done."""

    def __init__(self, place: Place, step: int, random: Random) -> None:
        self._place, self._left, self._random = place, step, random
        self.label, self.is_elsewhere = place.label, place.is_elsewhere
        self.files, self.get = place.files, place.get

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise PowerCut

    def put(self, file: Path, name: str) -> None:
        try:
            self._step()
        except PowerCut:
            if self._random.random() < 0.5:
                half = file.read_bytes()[: file.stat().st_size // 2]
                target = Path(self.label) / f"{name}.partial"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(half)
            raise
        self._place.put(file, name)

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            self._step()
            self._place.delete([name])


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Box with two months, stopped."""
    data = tmp_path_factory.mktemp("stopped") / "data"
    with engine(data) as made:
        for number in range(30):
            made.send(sid=f"visitor {number % 7}", sm="2026-10-01" if number % 2 else None)
        made.catch_up()
    return data


def back_up(data: Path, told: Backup, step: int | None, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlucky(settings: Backup) -> list[Place]:
        return [one if step is None else Unlucky(one, step, Random(seed)) for one in places_of(settings)]

    monkeypatch.setattr("opsmantik_box.ops.backups.places_of", unlucky)
    with workshop_in(data) as workshop:
        backups = Backups(data, told, workshop, system_clock, lambda _: None)
        for depot in backups.make("test", told.places, [])[1]:
            assert depot.works, depot.kept.problem
            backups.prune(depot)


def test_power_that_goes_at_any_step_of_a_backup_leaves_the_one_before_and_the_next_completes(
    stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, counted = tmp_path / "place", 0
    told = Backup(folder=str(place), key=KEY, keep=1)
    for step in range(40):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        back_up(stopped, told, None, step, monkeypatch)
        with closing(sqlite3.connect(stopped / "ledger.db")) as ledger, ledger:
            ledger.execute("insert into refusals (day, site_id, reason, count) values (?, 0, 'x', 1)", (f"day {step}",))
        try:
            back_up(stopped, told, step, step, monkeypatch)
        except PowerCut:
            counted += 1
            there = places_of(told)[0]
            names = newest_first(there.files())
            assert names, "the backup before is gone"
            restore(there, tmp_path / f"restored-{step}", KEY, None, lambda _: None) if step == 3 else None
            back_up(stopped, told, None, step, monkeypatch)
            assert len(newest_first(there.files())) == 1
            assert len(there.files()) == 1 + 4, (
                "a manifest, two months, ledger and vault: nothing is left of the one that was cut off"
            )
        else:
            break
    assert counted >= 4
    restore(places_of(told)[0], tmp_path / "restored", KEY, None, lambda _: None)


# --- damaged ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["flip", "cut", "empty", "gone", "swapped"])
def test_a_damaged_backup_is_never_taken_for_a_good_one(
    stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    (tmp_path / "place").mkdir()
    told = Backup(folder=str(tmp_path / "place"), key=KEY if how != "swapped" else "")
    back_up(stopped, told, None, 0, monkeypatch)
    objects = sorted((tmp_path / "place" / "objects").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(objects[-1].read_bytes())
    match how:
        case "flip":
            content[len(content) // 2] ^= 1
            objects[-1].write_bytes(content)
        case "cut":
            objects[-1].write_bytes(content[:-100])
        case "empty":
            objects[-1].write_bytes(b"")
        case "gone":
            objects[-1].unlink()
        case _:
            objects[-1].write_bytes(objects[-2].read_bytes())
    with pytest.raises((PlaceFailed, Exception), match=r"cannot be opened|is not what|No such file") as caught:
        restore(places_of(told)[0], tmp_path / "restored", told.key, None, lambda _: None)
    assert not isinstance(caught.value, AssertionError)
    refused = run_cli("site", "list", "--data", tmp_path / "restored")
    assert (refused.returncode, "has not ended" in refused.stderr) == (4, True), "no engine starts on half a restore"


def test_nothing_is_restored_over_something(stopped: Path, tmp_path: Path) -> None:
    done = run_cli("restore", stopped, "--from", tmp_path)
    assert (done.returncode, "not an empty folder" in done.stderr) == (2, True)
