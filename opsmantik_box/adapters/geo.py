"""The city of an address, from a City database in MaxMind's format (mmdb) that the owner installed. None ships, none is fetched.

Promises: `find` never raises and never opens anything: it reads memory that is mapped, and remembers each prefix; a new file takes the
place of the old one at once, between two lookups. The address goes no further than here. maxminddb is loaded when there is a file.
"""

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

from opsmantik_box.domain.addresses import address_prefix
from opsmantik_box.domain.places import NOWHERE, Place, read_record

if TYPE_CHECKING:
    from maxminddb import Reader

FOLDER, FILE = "geo", "city.mmdb"
REMEMBERED = 50_000
"""Prefixes; then all are forgotten. About 10 MB."""

_BITS = {False: 24, True: 48}
"""Of a prefix, by whether it is IPv6: domain/addresses.py."""

Version = tuple[int, int, int]
"""What tells one file from another: its number on the disk, size and time."""


def geo_file(data: Path) -> Path:
    """Where the database lies in a data folder."""
    return data / FOLDER / FILE


class GeoFile:
    """The places of one file, which may come, change and go while this is in use."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._reader: Reader | None = None
        self._version: Version | None = None
        self._known: dict[str, Place] = {}

    def find(self, address: str) -> Place:
        """The place of a client's full address; NOWHERE without a file, or when the file does not know."""
        if self._reader is None or not address:
            return NOWHERE
        prefix = address_prefix(address)
        known = self._known.get(prefix)
        return known if known is not None else self._look_up(self._reader, address, prefix)

    def _look_up(self, reader: "Reader", address: str, prefix: str) -> Place:
        """Remembered for the whole prefix, unless the file tells parts of it apart."""
        try:
            record, bits = cast("tuple[object, int]", reader.get_with_prefix_len(address))  # pyright: ignore[reportUnknownMemberType]
        except (ValueError, RuntimeError):  # no address; IPv6 in a file of IPv4; a damaged record
            return NOWHERE
        place = read_record(record)
        if bits <= _BITS[":" in address]:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[prefix] = place
        return place

    @property
    def is_stale(self) -> bool:
        """Has the file come, changed or gone since it was opened?"""
        return self._version_now() != self._version

    def open_new(self) -> "tuple[Reader | None, Version | None]":
        """The file as it is now, opened and mapped: for `swap`. May take long, so not in the loop. None when there is none that can
        be read."""
        version = self._version_now()
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            return (open_database(self._file) if version else None), version
        return None, version

    def swap(self, opened: "tuple[Reader | None, Version | None]") -> None:
        """From the next lookup on. The old mapping goes with its last reader."""
        self._reader, self._version = opened
        self._known = {}

    def _version_now(self) -> Version | None:
        try:
            about = self._file.stat()
        except OSError:
            return None
        return about.st_ino, about.st_size, about.st_mtime_ns


def open_database(file: Path) -> "Reader":
    """Mapped, by the C extension where the wheel has it. Raises OSError, and RuntimeError or ValueError for what is no database."""
    import maxminddb

    return maxminddb.open_database(str(file))  # pyright: ignore[reportUnknownMemberType]


def records(reader: "Reader", most: int) -> Iterator[object]:
    """The first records of a database: enough to see what is in it."""
    networks = cast("Iterator[tuple[object, object]]", iter(reader))
    return (record for _, record in islice(networks, most))
