"""`opsmantik-box upgrade`: another version takes over and nothing is lost, or the old one runs on its own files as if nothing had been.
The other versions are real ones: this tree's code, in an environment of its own, with what is new or broken about them."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.disk import UNFINISHED
from opsmantik_box.ops.program import engine_pid
from opsmantik_box.ops.upgrading import ALL_OLD, CUT_OFF, FILES, NEW, OLD, exchange, put_back
from tests.harness import ROOT, Box, environment, fetch, run_cli
from tests.integration.engine_kit import engine

NEXT = "9.9.9"
SESSIONS = 12
ADDED = {"migrations/ledger/9998_add_shelf.sql": "create table shelf (id integer primary key) strict;\n"}
Change = Callable[[Path], None]


def other_version(folder: Path, **files: str) -> Path:
    """A virtual environment with this code as version 9.9.9, with some files more or longer."""
    source = folder / "source"
    for package in ("opsmantik_box", "tui", "migrations"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    (source / "tracker").symlink_to(ROOT / "tracker")
    own = source / "opsmantik_box" / "__init__.py"
    own.write_text(f'{own.read_text()}\n__version__ = "{NEXT}"\n')
    for name, text in files.items():
        with (source / name).open("a") as file:
            file.write(text)
    venv.create(folder / "env", symlinks=True)
    (site,) = (folder / "env").glob("lib/python3*/site-packages")
    (site / "version.pth").write_text(f"{source}\n{next(path for path in sys.path if path.endswith('site-packages'))}\n")
    return folder / "env"


class Owner:
    """Whose Box it is: by hand, with some visitors."""

    def __init__(self, folder: Path) -> None:
        self.box = Box(folder / "data")
        self.folder = folder
        with self.box:
            self.site = self.box.add_site()["public_id"]
            for number in range(SESSIONS):
                self.box.send(self.site, sid=f"5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a{number:02}")
            self.box.wait_projected()

    def upgrade(self, version: Path | None, *options: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return run_cli("upgrade", *([version] if version else []), "--data", self.box.data, *options, env=more)

    def signals(self) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.box.data / 'ledger.db'}?mode=ro", uri=True)) as ledger:
            return ledger.execute("select seq, event_id, payload, decision from signals order by seq").fetchall()

    def schema(self) -> int:
        with closing(sqlite3.connect(f"file:{self.box.data / 'ledger.db'}?mode=ro", uri=True)) as ledger:
            return ledger.execute("pragma user_version").fetchone()[0]

    def version(self) -> str:
        return self.box.status()["version"]

    def is_well(self) -> None:
        """It takes signals, has every one, and nothing of the upgrade is left."""
        assert fetch(f"{self.box.url}/readyz")[0] == 200
        assert self.box.send(self.site, sid="5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6b00")["status"] == "synced"
        assert len(self.signals()) == SESSIONS + 1
        workshop = self.box.data / "backup"
        assert not workshop.exists() or not list(workshop.iterdir())
        assert not (self.box.data / UNFINISHED).exists()


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    made = Owner(tmp_path)
    yield made
    while (pid := engine_pid(made.box.data)) is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if made.box.process is not None:
        made.box.process.wait(20)


def test_the_new_version_takes_over_with_everything_and_is_started_as_the_old_one_was(owner: Owner, tmp_path: Path) -> None:
    before, schema = owner.signals(), owner.schema()
    owner.box.start()
    done = owner.upgrade(other_version(tmp_path, **ADDED), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["to"], told["runs"]) == (NEXT, True)
    assert (owner.version(), owner.schema(), owner.signals()) == (NEXT, 9998, before)
    assert schema < 9998
    steps = [line.partition(" the ")[0] for line in done.stderr.splitlines()]
    assert steps == [
        "from " + told["from"] + " to " + NEXT,
        "stopping",
        "copying its files",
        "migrating",
        "verifying",
        "exchanging",
        "starting",
    ]
    owner.is_well()
    assert owner.box.process is not None
    assert owner.box.process.wait(20) == 0


MONTH, LEDGER = "migrations/month/9999_break.sql", "migrations/ledger/9999_break.sql"
BROKEN = {
    "a migration that cannot run": ({LEDGER: "create table sites (id integer) strict;\n"}, "migrating", "sites"),
    "one that stops in the middle": (ADDED | {MONTH: "create table x (id); select nonsense();\n"}, "migrating", "nonsense"),
    "one that spoils rows": ({MONTH: "update sessions set lead_score = 99 where no = 3;\n"}, "verifying", "whose score"),
    "gateways that do not start": (ADDED | {"opsmantik_box/gateway/asgi.py": "\nraise SystemExit(3)\n"}, "starting", "not ready"),
    "an engine that does not start": (ADDED | {"opsmantik_box/serve.py": "\nraise SystemExit(7)\n"}, "starting", "exit code 7"),
}  # fmt: skip


@pytest.mark.parametrize("how", BROKEN)
def test_whatever_fails_the_old_box_runs_on_its_own_files(owner: Owner, tmp_path: Path, how: str) -> None:
    files, step, problem = BROKEN[how]
    before, schema = owner.signals(), owner.schema()
    owner.box.start()
    version = owner.version()
    done = owner.upgrade(other_version(tmp_path, **files), "--ready-within", "6")
    assert done.returncode == 1
    assert f"failed while {step}" in done.stderr, done.stderr
    assert problem in done.stderr
    assert "The old Box runs again, on its own files." in done.stderr
    assert "Traceback" not in done.stderr
    assert (owner.version(), owner.schema(), owner.signals()) == (version, schema, before)
    owner.is_well()


def test_a_backup_that_fails_stops_it_before_anything_is_done(owner: Owner, tmp_path: Path) -> None:
    owner.box.start()
    done = owner.upgrade(other_version(tmp_path), OPSMANTIK_BACKUP_FOLDER=str(tmp_path / "is not there"))
    assert (done.returncode, "no backup could be made" in done.stderr) == (1, True)
    assert "stopping" not in done.stderr
    owner.is_well()


def test_a_place_for_backups_has_one_of_before(owner: Owner, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    done = owner.upgrade(other_version(tmp_path, **ADDED), OPSMANTIK_BACKUP_FOLDER=str(tmp_path / "place"))
    assert done.returncode == 0, done.stderr
    assert f"signals up to {SESSIONS}" in done.stdout
    back = run_cli("restore", tmp_path / "back", "--from", tmp_path / "place", "--json")
    assert (back.returncode, json.loads(back.stdout)["last_seq"]) == (0, SESSIONS)


def test_a_box_that_does_not_run_is_migrated_and_not_started(owner: Owner, tmp_path: Path) -> None:
    done = owner.upgrade(other_version(tmp_path, **ADDED))
    assert (done.returncode, "start it" in done.stdout) == (0, True), done.stderr
    assert (owner.schema(), engine_pid(owner.box.data)) == (9998, None)
    refused = owner.box.cli("site", "list")
    assert (refused.returncode, "written by a newer OpsMantik Box" in refused.stderr) == (4, True), (
        "the old one refuses it in a sentence"
    )


def test_what_is_no_version_is_said_in_a_sentence(owner: Owner, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no environment" in owner.upgrade(tmp_path / "empty").stderr
    owner.box.start()
    assert "Say where the new version is" in owner.upgrade(None).stderr
    owner.is_well()


# --- cut off ----------------------------------------------------------------------------------------------------------------------


def files_of(data: Path) -> dict[str, bytes]:
    there = [path for name in FILES for path in ((data / name), *(data / name).glob("*")) if path.is_file()]
    return {str(path.relative_to(data)): path.read_bytes() for path in there}


class PowerCut(Exception):
    """Nothing happens after this."""


def cut_off_after(moves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power goes at a rename."""
    rename, left = Path.rename, [moves]

    def unlucky(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise PowerCut
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", unlucky)


def test_an_exchange_that_is_cut_off_anywhere_is_taken_back_and_so_is_the_taking_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine(tmp_path / "data") as made:
        made.send()
    (tmp_path / "data" / "vault.db-wal").touch()
    before = files_of(tmp_path / "data")
    counted = 0
    for step in range(40):
        for again in range(40):
            data = tmp_path / f"{step}-{again}"
            shutil.copytree(tmp_path / "data", data)
            workshop = data / "backup"
            shutil.copytree(tmp_path / "data", workshop / NEW)
            (workshop / NEW / "ledger.db-wal").write_bytes(b"of the new one")
            (workshop / NEW / "vault.db-wal").unlink()
            done = [cut(monkeypatch, step, exchange, data, workshop), cut(monkeypatch, again, put_back, data, workshop)]
            counted += 1
            put_back(data, workshop)
            assert files_of(data) == before, (step, again)
            if done[1]:
                break
        if done[0]:
            break
    assert counted > 30
    assert not (workshop / OLD / ALL_OLD).exists()


def cut(monkeypatch: pytest.MonkeyPatch, moves: int, work: Callable[[Path, Path], None], data: Path, workshop: Path) -> bool:
    """Whether it was done before the power went."""
    with monkeypatch.context() as patched:
        cut_off_after(moves, patched)
        try:
            work(data, workshop)
        except PowerCut:
            return False
    return True


def test_no_engine_starts_on_half_an_exchange_and_the_command_takes_it_back(owner: Owner) -> None:
    workshop = owner.box.data / "backup"
    shutil.rmtree(workshop, ignore_errors=True)
    (workshop / OLD).mkdir(parents=True)
    (owner.box.data / UNFINISHED).write_text(CUT_OFF)
    (owner.box.data / "ledger.db").rename(workshop / OLD / "ledger.db")
    refused = owner.box.cli("site", "list")
    assert (refused.returncode, "upgrade --back" in refused.stderr) == (4, True)
    assert owner.upgrade(None, "--back").returncode == 0
    owner.box.start()
    owner.is_well()


# --- as a service -----------------------------------------------------------------------------------------------------------------


class Unit:
    """The Box as a service that runs what a link names; `systemctl` is a small stand-in for systemd's."""

    def __init__(self, owner: Owner, folder: Path) -> None:
        self.link, self.path = folder / "program", folder / "bin"
        self.link.symlink_to(Path(sys.executable).parents[1])
        command = [
            f"{self.link}/bin/python",
            "-m",
            "opsmantik_box",
            "serve",
            "--data",
            str(owner.box.data),
            "--port",
            str(owner.box.port),
        ]
        self.state = folder / "unit.json"
        self.state.write_text(
            json.dumps({"pid": 0, "command": command, "ready": f"{owner.box.url}/readyz", "log": str(owner.box.log)})
        )
        self.path.mkdir()
        program = self.path / "systemctl"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/integration/systemctl.py {self.state} "$@"\n')
        program.chmod(0o755)

    def run(self, *command: object) -> "subprocess.CompletedProcess[str]":
        env = environment(PATH=f"{self.path}:{os.environ['PATH']}")
        return subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def unit(owner: Owner, tmp_path: Path) -> Iterator[Unit]:
    made = Unit(owner, tmp_path)
    assert made.run(made.path / "systemctl", "start", "opsmantik-box.socket", "opsmantik-box.service").returncode == 0
    yield made
    made.run(made.path / "systemctl", "stop", "opsmantik-box.service")


def test_a_service_is_switched_to_the_new_version_by_its_link(owner: Owner, unit: Unit, tmp_path: Path) -> None:
    new = other_version(tmp_path, **ADDED)
    done = unit.run(unit.link / "bin" / "opsmantik-box", "upgrade", new, "--data", owner.box.data)
    assert done.returncode == 0, done.stderr
    assert (unit.link.readlink(), owner.version()) == (new, NEXT)
    assert json.loads(unit.state.read_text())["pid"] == engine_pid(owner.box.data)
    owner.is_well()


def test_a_service_whose_new_version_does_not_start_is_switched_back(owner: Owner, unit: Unit, tmp_path: Path) -> None:
    before = unit.link.readlink()
    new = other_version(tmp_path, **ADDED, **{"opsmantik_box/serve.py": "\nraise SystemExit(7)\n"})
    done = unit.run(unit.link / "bin" / "opsmantik-box", "upgrade", new, "--data", owner.box.data)
    assert (done.returncode, "systemctl start" in done.stderr) == (1, True), done.stderr
    assert (unit.link.readlink(), owner.version()) != (new, NEXT)
    assert unit.link.readlink() == before
    owner.is_well()


def test_a_service_that_runs_through_no_link_is_left_alone(owner: Owner, unit: Unit, tmp_path: Path) -> None:
    done = unit.run(sys.executable, "-m", "opsmantik_box", "upgrade", other_version(tmp_path), "--data", owner.box.data)
    assert (done.returncode, "make service" in done.stderr) == (2, True)
    owner.is_well()
