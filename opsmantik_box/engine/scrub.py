"""Scrubbing a database file: the bytes that no row owns any more become zeros, in the file itself.

`secure_delete` overwrites what is deleted. It does not overwrite what a page keeps of rows that moved to its neighbour (measured: of
1,500 erased visitors 7 could still be read). Only SQLite's own file layer touches the file: a plain open and close would drop its locks.
Never changes a byte that a row, an index or the header stands on: a reader, or a power loss in the middle, finds the same rows.
"""

import struct
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

CHUNK = 1024 * 1024
HEADER = 100
"""Bytes before the first page's tree."""
HEADS = {2: 12, 5: 12, 10: 8, 13: 8}
"""Bytes of a tree page's head by its kind (sqlite.org/fileformat2.html, 1.6); a page of another kind is none of a tree."""
MOST_PAGES = 2**24
"""The first byte of an overflow page is 0 as long as pages have smaller numbers than this: 64 GiB."""

_HEAD, _BLOCK = struct.Struct(">BHHH").unpack_from, struct.Struct(">HH").unpack_from
_ZEROS = bytes(65536)


def scrub(path: Path, vfs: str | None, be_alone: Callable[[], bool]) -> Iterator[None]:
    """A chunk at a time. `be_alone`: is everything in the file now, and nothing of its pages anywhere else (a WAL, a cache) from where it
    could be written over it? While it is not, it is asked again the next time. Raises apsw.Error."""
    while not be_alone():
        yield
    with _opened(path, vfs, apsw.SQLITE_OPEN_READWRITE) as file:
        page, size = _page_size(file), file.xFileSize()
        assert size // page < MOST_PAGES, "too large to tell its pages apart"
        for offset in range(0, size, CHUNK):
            length = min(CHUNK, size - offset)
            if any(_dead_spans(file.xRead(length, offset), offset, page)):
                while not be_alone():
                    yield
                _clean(file, offset, length, page)
            yield
        file.xSync(apsw.SQLITE_SYNC_NORMAL)


@contextmanager
def _opened(path: Path, vfs: str | None, how: int) -> Generator[apsw.VFSFile]:
    file = apsw.VFSFile(vfs or "", str(path), [how | apsw.SQLITE_OPEN_MAIN_DB, 0])
    try:
        yield file
    finally:
        file.xClose()


def _page_size(file: apsw.VFSFile) -> int:
    told = int.from_bytes(file.xRead(2, 16), "big")
    return 65536 if told == 1 else told


def _clean(file: apsw.VFSFile, offset: int, length: int, page: int) -> None:
    """Looks at a chunk once more, and writes back the pages that change."""
    chunk = bytearray(file.xRead(length, offset))
    changed: set[int] = set()
    for start, end in _dead_spans(bytes(chunk), offset, page):
        chunk[start:end] = bytes(end - start)
        changed.add(start // page * page)
    for at in sorted(changed):
        file.xWrite(bytes(chunk[at : at + page]), offset + at)


def _dead_spans(chunk: bytes, offset: int, page: int) -> Iterator[tuple[int, int]]:
    """Where bytes that are not zero lie dead in a chunk of whole pages."""
    for start in range(0, len(chunk), page):
        head = start + (HEADER if start + offset == 0 else 0)
        for first, end in _unowned(chunk, start, head, page):
            if end <= start + page and not chunk.startswith(_ZEROS[: end - first], first):
                yield first, end


def _unowned(chunk: bytes, start: int, head: int, page: int) -> Iterator[tuple[int, int]]:
    """What a page has between its cell pointers and its cells, and inside its free blocks."""
    kind, block, cells, content = _HEAD(chunk, head)
    if kind in HEADS:
        yield head + HEADS[kind] + 2 * cells, start + (content or 65536)
        while 0 < block <= page - 4:
            following, size = _BLOCK(chunk, start + block)
            yield start + block + 4, start + block + size
            block = following if following > block else 0
