"""`opsmantik-box geo`: puts a City database into the data folder, whole or not at all, and says what is there.

Never changes a file that is in use: a gateway has it mapped, and a mapped file that is cut short ends its process. A new one is copied
under another name, looked at, and takes the old one's place by a rename.
"""

import os
import re
import shutil
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from opsmantik_box.adapters.geo import geo_file, open_database, records
from opsmantik_box.domain.places import read_record
from opsmantik_box.errors import NotFound, UsageError

OLD_DAYS = 60
DAY_MS = 86_400_000
LOOKED_AT = 5_000
"""Records of a new file, one of which at least must name a city."""

ATTRIBUTIONS = {
    "GeoLite2": "This product includes GeoLite Data created by MaxMind, available from https://www.maxmind.com.",
    "DBIP": "IP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0).",
}
"""By the beginning of the type: what the licences of the free ones want said where their data is shown."""


class Database(Struct, frozen=True):
    """`built_at` is UTC milliseconds; `attribution` is '' when none is known: then the file's own licence says it."""

    file: str
    type: str
    built_at: int
    age_days: int
    is_old: bool
    bytes: int
    networks: str
    languages: list[str]
    attribution: str


def install_database(data: Path, source: Path, now: int) -> Database:
    """Raises UsageError; the one that was there is then still there."""
    target = geo_file(data)
    copy = target.with_name(f".{target.name}.partial-{os.getpid()}")
    try:
        _make_folder(target.parent, data)
        _copy(source, copy, data)
        read_database(copy, now, source)
        copy.rename(target)
        _sync(target.parent)
    except OSError as error:
        raise UsageError(problem=f"{source}: it cannot be installed ({error.strerror or error}).") from error
    finally:
        copy.unlink(missing_ok=True)
    return read_database(target, now)


def show_database(data: Path, now: int) -> Database:
    """Raises NotFound, UsageError."""
    file = geo_file(data)
    if not file.exists():
        raise NotFound(kind="file of places", name=str(file), listing="geo install FILE")
    return read_database(file, now)


def read_database(file: Path, now: int, told: Path | None = None) -> Database:
    """What a file says of itself, once it is seen to be a City database. `told` is what to call it. Raises UsageError."""
    name = told or file
    try:
        with closing(open_database(file)) as reader:
            about = reader.metadata()
            if "city" not in re.split(r"[-_ ]", about.database_type.lower()):
                raise UsageError(problem=f"{name} is a {about.database_type} database; a City one is needed, like GeoLite2-City.")
            if not any(read_record(record).city for record in records(reader, LOOKED_AT)):
                raise UsageError(problem=f"{name} names no city in a form the Box reads (`city.names`, `subdivisions`).")
    except (RuntimeError, ValueError, UnicodeDecodeError):
        hint = " Unpack it first." if name.suffix in (".gz", ".zip", ".tar", ".tgz") else ""
        raise UsageError(problem=f"{name} is no MaxMind DB (.mmdb), or it is damaged.{hint}") from None
    age = max(0, now - about.build_epoch * 1000) // DAY_MS
    return Database(
        file=str(file),
        type=about.database_type,
        built_at=about.build_epoch * 1000,
        age_days=age,
        is_old=age > OLD_DAYS,
        bytes=file.stat().st_size,
        networks="IPv4 and IPv6" if about.ip_version == 6 else "IPv4",
        languages=list(about.languages),
        attribution=next((text for start, text in ATTRIBUTIONS.items() if about.database_type.startswith(start)), ""),
    )


def _make_folder(folder: Path, data: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o750)
        _give(folder, data)


def _copy(source: Path, copy: Path, data: Path) -> None:
    """Onto the disk; readable by the group, as the ledger is: the gateway may run as another user."""
    with source.open("rb") as original, os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as out:
        shutil.copyfileobj(original, out, 1024 * 1024)
        os.fchmod(out.fileno(), 0o640)
        out.flush()
        os.fsync(out.fileno())
    _give(copy, data)


def _give(made: Path, data: Path) -> None:
    """To the owner of the data folder, when root made it."""
    if os.geteuid() == 0:
        owner = data.stat()
        os.chown(made, owner.st_uid, owner.st_gid)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
