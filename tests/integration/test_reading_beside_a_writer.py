"""A reader that may not write, as the gateway's are behind their walls, beside a writer that never rests: no question is refused."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from opsmantik_box.gateway.reads import Reads
from opsmantik_box.sql import scope
from tests.reading_data import Folder, with_reads

SECONDS = 6.0
WRITER = """
import sqlite3, sys
ledger = sqlite3.connect(sys.argv[1], isolation_level=None)
ledger.execute("pragma synchronous = off")
ledger.execute("create table hammered (number integer)")
print("writing", flush=True)
while True:
    ledger.execute("insert into hammered values (1)")
"""


def without_the_right_to_write(file: Path) -> str:
    return f"file:{quote(str(file.absolute()))}?mode=ro&readonly_shm=1"


@pytest.fixture
def hammered(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path / "data")
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder.data / "ledger.db")], stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"writing\n"
            folder.close()  # SQLite opens the index of the log once a process, with the rights of the first who asked
            yield folder
            assert writer.poll() is None
        finally:
            writer.kill()


def test_no_question_is_refused_because_the_index_was_being_written(hammered: Folder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scope, "_read_only", without_the_right_to_write)

    async def ask(reading: Reads) -> int:
        asked, over = 0, time.monotonic() + SECONDS
        while time.monotonic() < over:
            await reading.recent_intent(1, "nobody", "nothing", 0)
            asked += 1
        return asked

    assert with_reads(hammered, ask) > 1_000


def test_sqlite_does_refuse_such_a_reader_now_and_then(hammered: Folder):
    """If it ceases to, asking again may go."""
    reader = sqlite3.connect(without_the_right_to_write(hammered.data / "ledger.db"), uri=True)
    over = time.monotonic() + 5 * SECONDS

    def ask_until_refused() -> None:
        while time.monotonic() < over:
            reader.execute("select 1 from sites limit 1").fetchall()

    try:
        with pytest.raises(sqlite3.OperationalError) as refused:
            ask_until_refused()
        assert refused.value.sqlite_errorname.startswith("SQLITE_READONLY")
    finally:
        reader.close()
