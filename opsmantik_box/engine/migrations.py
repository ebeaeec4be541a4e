"""Forward-only schema steps, each in one transaction with `user_version`: a killed migration leaves the file as it was."""

import re
from functools import cache
from pathlib import Path

import apsw

from opsmantik_box.engine.connections import atomically, let_go
from opsmantik_box.errors import ForeignFile, NewerSchema
from opsmantik_box.resources import resource

APPLICATION_IDS = {"ledger": 0x4F4D424C, "month": 0x4F4D424D, "vault": 0x4F4D4256, "relay": 0x4F4D4252}
"""`OMBL`, `OMBM`, `OMBV`, `OMBR`: what `file` and a stranger see in the header."""

_NUMBERED = re.compile(r"^(\d{4})_[a-z_0-9]+\.sql$")


@cache
def steps(kind: str) -> list[tuple[int, str]]:
    """(version, SQL) of every migration of this kind of file, ascending."""
    found = [(int(m[1]), file) for file in resource("migrations", kind).iterdir() if (m := _NUMBERED.match(file.name))]
    return sorted((version, file.read_text()) for version, file in found)


def migrate(db: apsw.Connection, kind: str, path: Path) -> int:
    """Bring a file to the newest schema; how many steps it took. Raises ForeignFile, NewerSchema, apsw.Error."""
    mark, found = db.pragma("application_id"), db.pragma("user_version")
    if found and mark != APPLICATION_IDS[kind]:
        raise ForeignFile(file=path, problem=f"its application id is {mark:#x}")
    known = steps(kind)[-1][0]
    if found > known:
        raise NewerSchema(file=path, found=found, known=known)
    todo = [(version, sql) for version, sql in steps(kind) if version > found]
    for version, sql in todo:
        with atomically(db):
            db.execute(sql)
            db.pragma("application_id", APPLICATION_IDS[kind])
            db.pragma("user_version", version)
    return len(todo)


def is_outdated(path: Path, kind: str, vfs: str | None = None) -> bool:
    """Is this file of an older schema? False too for one that cannot be read: whoever opens it finds out."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    try:
        return db.pragma("user_version") < steps(kind)[-1][0]
    except apsw.Error:
        return False
    finally:
        let_go(db)
