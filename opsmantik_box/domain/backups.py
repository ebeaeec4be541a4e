"""Backups: where they go, what they are called, which of them are kept. Pure; UTC milliseconds.

A backup is a manifest and the objects it names. Objects are called by their content, so that a file that has not changed lies there once.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct
from msgspec.structs import replace

from opsmantik_box.domain.schedules import DAY_MS, HOUR_MS
from opsmantik_box.errors import UsageError

LATE_MS = 26 * HOUR_MS
"""A night and two hours: an older backup is one that did not happen."""
TRUSTED_MS = 28 * DAY_MS
"""How long a sealed month that was read back whole counts as verified while it lies there in its full length."""
MANIFESTS, OBJECTS = "backups", "objects"
ERASURES = "erasures.jsonl"
"""Who was erased since: of a restored backup, the newest list there is counts."""
_NAME = re.compile(r"backups/(\d{8}T\d{9})Z-([0-9a-f]{16})-(\d+)\.json\.gz(\.enc)?")


class Backup(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings `[backup]`. Three kinds of places, each off while it is empty: a folder, an account reached by ssh and rsync
    ('user@host:path'), a bucket of S3-compatible storage. `key`: 64 hexadecimal digits; then nothing leaves unencrypted. `keep`: the
    last backup of each of so many days stays."""

    folder: str = ""
    folder_is_elsewhere: bool = False
    ssh: str = ""
    ssh_port: Annotated[int, Meta(ge=1, le=65535)] = 22
    ssh_key: str = ""
    ssh_known_hosts: str = ""
    s3_url: str = ""
    s3_bucket: str = ""
    s3_prefix: str = ""
    s3_region: str = "us-east-1"
    s3_access_key: str = ""
    s3_secret_key: str = ""
    key: str = ""
    keep: Annotated[int, Meta(ge=1, le=1000)] = 14

    @property
    def bucket(self) -> str:
        """What the bucket is called; '' without one."""
        return f"{self.s3_url or 's3:/'}/{self.s3_bucket}/{self.s3_prefix}".rstrip("/") if self.s3_bucket else ""

    @property
    def places(self) -> list[str]:
        """What the places that are set are called."""
        return [name for name in (self.folder, self.ssh, self.bucket) if name]

    def __repr__(self) -> str:
        """Without values: secrets are among them."""
        return "Backup(…)"


class Name(NamedTuple):
    """What a manifest is called: when, of which ledger, and up to which signal."""

    made_at: int
    ledger_id: str
    last_seq: int
    encrypted: bool

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.made_at // 1000, UTC).strftime("%Y%m%dT%H%M%S")
        return f"{MANIFESTS}/{when}{self.made_at % 1000:03}Z-{self.ledger_id}-{self.last_seq}.json.gz{'.enc' * self.encrypted}"


def read_name(text: str) -> Name | None:
    """The name of a manifest; None for another file."""
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    whole = datetime.strptime(found[1][:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return Name(int(whole.timestamp()) * 1000 + int(found[1][15:]), found[2], int(found[3]), found[4] is not None)


def newest_first(files: Iterable[str]) -> list[Name]:
    """The manifests among the files of a place."""
    return sorted((name for name in map(read_name, files) if name is not None), reverse=True)


def to_drop(names: Sequence[Name], keep: int) -> list[Name]:
    """What goes when a new one has come, of `newest_first`: the last one of each day (UTC) stays, for so many days."""
    last_of_day: dict[int, Name] = {}
    for name in names:
        last_of_day.setdefault(name.made_at // DAY_MS, name)
    kept = list(last_of_day.values())[:keep]
    return [name for name in names if name not in kept]


def choose(names: Sequence[Name], until: int | None) -> Name:
    """The newest backup, or the newest that was made by a time. Raises UsageError when there is none."""
    found = next((name for name in names if until is None or name.made_at <= until), None)
    if found is None:
        oldest = f"; the oldest was made {moment(names[-1].made_at)}" if names else ""
        raise UsageError(problem=f"There is no backup {'from before that time' if names else 'there'}{oldest}.")
    return found


def moment(at: int) -> str:
    """`2026-11-20 03:00:12 UTC`."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


class Stored(Struct, frozen=True):
    """A file of the Box in a backup. `object`: where it lies; `size` and `sha256` of the file itself; `month` '' for ledger and vault;
    `sealed`: it does not change any more."""

    path: str
    object: str
    size: int
    sha256: str
    month: str = ""
    sealed: bool = False


class Manifest(Struct, frozen=True):
    """What a backup holds. `counts`: rows of some tables of the ledger, so that a restored one can be compared."""

    made_at: int
    version: str
    ledger_id: str
    epoch: int
    last_seq: int
    files: list[Stored]
    counts: dict[str, int]
    format: int = 1


def with_newest_erasures(chosen: Manifest, newest: Manifest) -> Manifest:
    """An older backup, but whoever was erased after it stays erased."""
    lists = [one for one in newest.files if one.path == ERASURES]
    return replace(chosen, files=[*(one for one in chosen.files if one.path != ERASURES), *lists])


# --- between the engine and its helper ----------------------------------------------------------------------------------------------


class Order(Struct, frozen=True):
    """`places`: those to work on, by name. `make`: a new backup first; else the newest that lies there is verified, whole. `expected`:
    places where backups lie already. `trusted`: by place, objects of sealed months that were read back whole lately, with their size
    there."""

    data: str
    told: Backup
    version: str
    places: list[str]
    make: bool
    expected: list[str]
    trusted: dict[str, dict[str, int]]


class ReadBack(Struct, frozen=True):
    """A sealed month that was fetched whole: the sum of its file, its object and how large that lies there."""

    month: str
    sha256: str
    object: str
    bytes: int


class Kept(Struct):
    """What became of a backup at one place. `problem` '': all is well. `bytes`: what it takes there; `names`: the manifests that lie there
    now, of which this is `name`."""

    place: str
    is_elsewhere: bool
    name: str = ""
    made_at: int = 0
    last_seq: int = 0
    bytes: int = 0
    verified_at: int | None = None
    months: list[ReadBack] = []
    names: list[str] = []
    problem: str = ""
