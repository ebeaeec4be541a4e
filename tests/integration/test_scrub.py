"""Bytes that no row owns are zeros afterwards; every row is what it was, and SQLite's locks are where they were."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import apsw
import pytest

from opsmantik_box.engine.connections import forget_pages, open_database
from opsmantik_box.engine.scrub import scrub

TABLES = """
create table people (id integer primary key, name text not null, note text not null);
create index people_by_name on people (name);
create table clicks (name text not null, click text not null, primary key (name, click)) without rowid;
"""
PEOPLE = 3_000


@pytest.fixture
def db(tmp_path: Path) -> Iterator[apsw.Connection]:
    """Rows that grew, shrank and moved, as a year of calls does."""
    db = open_database(tmp_path / "people.db", synchronous="normal", cache_mb=2)
    db.execute(TABLES)
    random = Random(5)
    for _ in range(20):
        with db:
            for _ in range(PEOPLE // 10):
                name = name_of(random.randrange(PEOPLE))
                db.execute("insert into people (name, note) values (?, '')", (name,))
                db.execute("insert or ignore into clicks values (?, ?)", (name, f"{random.getrandbits(128):x}"))
            for _ in range(200):
                note = "x" * random.randrange(200)
                db.execute("update people set note = ? where id = ?", (note, random.randrange(PEOPLE)))
    yield db
    db.close()


def name_of(number: int) -> str:
    return f"fp_{number:024x}"


def is_alone(db: apsw.Connection) -> bool:
    db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    forget_pages(db)
    return True


def scrub_all(db: apsw.Connection, path: Path) -> int:
    return sum(1 for _ in scrub(path, None, lambda: is_alone(db)))


def content(db: apsw.Connection) -> list[object]:
    return [db.execute(f"select * from {table} order by 1, 2").fetchall() for table in ("people", "clicks")]


def test_what_was_deleted_can_be_read_until_it_is_scrubbed(db: apsw.Connection, tmp_path: Path) -> None:
    path, chosen = tmp_path / "people.db", [name_of(number) for number in range(0, PEOPLE, 2)]
    for name in chosen:
        db.execute("delete from people where name = ?", (name,))
        db.execute("delete from clicks where name = ?", (name,))
    is_alone(db)
    whole = path.read_bytes()
    assert [name for name in chosen if name.encode() in whole], "SQLite overwrites everything by itself now: scrub.py can go"
    before = content(db)
    scrub_all(db, path)
    whole = path.read_bytes()
    assert [name for name in chosen if name.encode() in whole] == []
    forget_pages(db)
    assert content(db) == before
    assert db.execute("pragma integrity_check").get == "ok"


def test_a_scrubbed_file_is_left_as_it_is(db: apsw.Connection, tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    scrub_all(db, path)
    before = path.read_bytes()
    scrub_all(db, path)
    assert path.read_bytes() == before
    db.execute("insert into people (name, note) values ('new', '')")
    is_alone(db)
    assert db.execute("pragma integrity_check").get == "ok"


def test_nothing_is_written_while_others_could_write_over_it(db: apsw.Connection, tmp_path: Path) -> None:
    path, answers = tmp_path / "people.db", iter([False, False, True])
    is_alone(db)
    before = path.read_bytes()
    work = scrub(path, None, lambda: next(answers, True) and is_alone(db))
    next(work)
    next(work)
    assert path.read_bytes() == before
    for _ in work:
        pass
    assert path.read_bytes() != before


LEAVE_WAL = (
    "import sqlite3, sys; print(sqlite3.connect(sys.argv[1], timeout=0).execute('pragma journal_mode = delete').fetchone()[0])"
)
"""Works only when nobody else has a lock on the file."""


def test_locks_are_kept_when_the_file_is_let_go(db: apsw.Connection, tmp_path: Path) -> None:
    """A plain open and close would drop them: POSIX locks belong to the process."""
    path = tmp_path / "people.db"
    scrub_all(db, path)
    tried = subprocess.run([sys.executable, "-c", LEAVE_WAL, str(path)], capture_output=True, text=True, check=False)
    assert "database is locked" in tried.stderr
