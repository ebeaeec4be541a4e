"""The list of erasures beside the ledger: DATA/erasures.jsonl, a line each, only ever added to. By it a ledger that was put back from
before an erasure learns of it. A line that stands here may be told twice, and then the later one counts; what is not in it was not erased.
"""

import os
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from opsmantik_box.disk import sync_directory
from opsmantik_box.domain.erasure import Kind

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Entry(Struct, frozen=True):
    """An erasure. `mark` of what was asked for, `marks` of everything that was found to be the visitor's, all in hex; `key`: whose."""

    id: str
    at: int
    by: str
    site_id: int | None
    kind: Kind
    mark: str
    marks: list[str]
    key: str


class ErasureList:
    """The file of one Box."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Entry]:
        """Oldest first. A last line that a power loss cut short is left out: it was never acted upon."""
        if not self._path.exists():
            return []
        found: dict[str, Entry] = {}
        for line in self._path.read_bytes().splitlines():
            try:
                entry = msgspec.json.decode(line, type=Entry)
            except msgspec.DecodeError:
                log.warning("a line of the list of erasures cannot be read", file=self._path.name)
            else:
                found[entry.id] = entry
        return list(found.values())

    def add(self, entry: Entry) -> None:
        """When this returns, the line survives power loss. Raises OSError."""
        is_new = not self._path.exists()
        with open(self._path, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(self._after_a_torn_line() + msgspec.json.encode(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_directory(self._path.parent)

    def _after_a_torn_line(self) -> bytes:
        return b"" if self._path.read_bytes()[-1:] in (b"", b"\n") else b"\n"
