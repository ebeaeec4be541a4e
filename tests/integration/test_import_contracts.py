"""What each room really loads, asked of a clean interpreter. The contracts in pyproject.toml say the same of the source."""

import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.harness import ROOT, Box, environment

IMPORT_ALL = """
import importlib, pkgutil, sys
room = importlib.import_module(sys.argv[1])
for found in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
print(*sys.modules, sep="\\n")
"""

THIRD_PARTY = {"apsw", "sqlite3", "_sqlite3", "aiosqlite", "sqlite_utils", "litestar", "uvicorn", "textual", "structlog"}
ROOMS = {f"opsmantik_box.{room}" for room in ("engine", "gateway", "ops", "link", "sql", "config", "cli", "clock", "serve")}
ALLOWED: dict[str, set[str]] = {
    "opsmantik_box.domain": set(),
    "opsmantik_box.sql": {"sqlite3", "_sqlite3", "opsmantik_box.sql", "opsmantik_box.clock"},
    "opsmantik_box.link": {"opsmantik_box.link"},
    "opsmantik_box.engine": {
        "apsw", "structlog", "opsmantik_box.engine", "opsmantik_box.link", "opsmantik_box.sql", "opsmantik_box.clock",
    },
    "opsmantik_box.gateway": {
        "sqlite3", "_sqlite3", "aiosqlite", "litestar", "uvicorn", "structlog",
        "opsmantik_box.gateway", "opsmantik_box.link", "opsmantik_box.sql", "opsmantik_box.clock",
    },
    "opsmantik_box.ops": {
        "sqlite3", "_sqlite3", "sqlite_utils", "opsmantik_box.ops", "opsmantik_box.link", "opsmantik_box.sql", "opsmantik_box.clock",
    },
    "opsmantik_box.cli": {"opsmantik_box.cli"},
    "tui": {"textual", "opsmantik_box.clock"},
}  # fmt: skip
"""What each room may load of the libraries and rooms that are fenced in. The command line loads the rest when a command runs."""


def loaded(code: str, *arguments: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_loads_nothing_it_may_not(room):
    modules = loaded(IMPORT_ALL, room)
    assert room in modules
    assert not (THIRD_PARTY | ROOMS) & modules - ALLOWED[room]


def test_the_services_process_never_loads_pythons_sqlite():
    modules = loaded("import sys, opsmantik_box.serve; print(*sys.modules, sep='\\n')")
    assert "apsw" in modules
    assert (
        not {"sqlite3", "_sqlite3", "aiosqlite", "litestar", "opsmantik_box.gateway", "opsmantik_box.ops", "opsmantik_box.cli"}
        & modules
    )


def mapped(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def gateways_of(engine: int) -> list[int]:
    """Among its children, which errands and the courier are too."""
    found: list[int] = []
    for pid in Path(f"/proc/{engine}/task/{engine}/children").read_text().split():
        with suppress(OSError):  # an errand that has just ended
            if b"opsmantik_box.gateway" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                found.append(int(pid))
    return found


def test_each_running_process_holds_exactly_one_sqlite(tmp_path):
    with Box(tmp_path / "data") as box:
        engine = box.process.pid
        gateways = gateways_of(engine)
        assert len(gateways) == 1
        assert "/apsw/" in mapped(engine)
        assert "_sqlite3." not in mapped(engine)
        for pid in gateways:
            assert "_sqlite3." in mapped(pid)
            assert "/apsw/" not in mapped(pid)


def test_the_contracts_of_the_source_hold():
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert command, "import-linter is not installed: make test"
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
