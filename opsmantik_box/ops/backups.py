"""Backups: what is copied, in which order, and where it goes. Takes its copies while the Box serves, and decides nothing about signals.

Order: open months, then the ledger (so that no month has applied what the ledger copy does not hold), then the sealed months as that
ledger copy knows them, then the vault (so that no secret is missing that the ledger speaks of). Promises: a backup is there when its
manifest is, and the manifest comes last; what a killed one left behind is used or cleared by the next; one file at a time is copied, so
that it needs room for the largest.
"""

import shutil
from collections.abc import Callable, Container, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from opsmantik_box.adapters.places import Place, PlaceFailed, places_of
from opsmantik_box.clock import Clock
from opsmantik_box.disk import check_room, sha256_of
from opsmantik_box.domain.backups import ERASURES, OBJECTS, Backup, Kept, Manifest, Name, Stored, newest_first, to_drop
from opsmantik_box.errors import CopyFailed
from opsmantik_box.ops.copies import SQL, ask, copy_database, count_rows, reading
from opsmantik_box.ops.packing import object_name, pack, read_key, unpack

MANIFEST = "manifest.json"
"""What a manifest is called in the workshop."""

Say = Callable[[str], None]


class Depot:
    """A place during one backup: what lies there already, and whether it still works."""

    def __init__(self, place: Place, ledger_id: str, *, expected: bool) -> None:
        self.place = place
        self.kept = Kept(place.label, place.is_elsewhere)
        self.there: dict[str, int] = {}
        with self.tried():
            self.there = place.files()
            self._check(ledger_id, expected=expected)

    def _check(self, ledger_id: str, *, expected: bool) -> None:
        names = newest_first(self.there)
        if any(name.ledger_id != ledger_id for name in names):
            raise PlaceFailed(
                place=self.place.label, problem="another Box has its backups there; choose a folder or prefix of its own"
            )
        if expected and not names:
            problem = "the backups that lay there are gone. Is it mounted? `opsmantik-box backup run --start-over` begins anew"
            raise PlaceFailed(place=self.place.label, problem=problem)

    @property
    def works(self) -> bool:
        return not self.kept.problem

    @contextmanager
    def tried(self) -> Generator[None]:
        """What fails at one place does not stop the others."""
        try:
            yield
        except PlaceFailed as error:
            self.kept.problem = str(error)

    def put(self, file: Path, name: str) -> None:
        with self.tried():
            self.place.put(file, name)
            self.there[name] = file.stat().st_size


class Backups:
    """One backup to all places. `workshop` is a folder for copies."""

    def __init__(self, data: Path, told: Backup, workshop: Path, clock: Clock, say: Say) -> None:
        self._data, self._told, self._clock, self._say = data, told, clock, say
        self._key, self._workshop = read_key(told.key), workshop
        self._stored: dict[str, Stored] = {}

    def make(self, version: str, places: Container[str], expected: Container[str]) -> tuple[Manifest, list[Depot]]:
        """To the places of these labels; `expected` are those where backups lie already. Raises CopyFailed; a place that fails is told in
        its depot."""
        ledger_id = _live_identity(self._data)
        chosen = [place for place in places_of(self._told) if place.label in places]
        self._depots = [Depot(place, ledger_id, expected=place.label in expected) for place in chosen]
        for month, file in self._live_months():
            self._add_copy(self._data / "months" / file, f"months/{file}", month)
        made_at = self._clock()
        manifest = self._add_ledger(made_at, version)
        self._add_copy(self._data / "vault.db", "vault.db")
        self._add_list()
        whole = msgspec.structs.replace(manifest, files=[self._stored[path] for path in sorted(self._stored)])
        self._add_manifest(whole)
        return whole, self._depots

    def _live_months(self) -> list[tuple[str, str]]:
        with reading(self._data / "ledger.db") as ledger:
            found = ledger.execute(SQL["list_partitions"]).fetchall()
        return [(month, file) for month, file, state, sha256 in found if state == "open" or sha256 is None]

    def _add_ledger(self, made_at: int, version: str) -> Manifest:
        """The ledger, then what it says is sealed; a manifest without its files."""
        copy = self._copy(self._data / "ledger.db", "ledger.db")
        (ledger_id, epoch), last_seq = ask(copy, "read_identity")[0], ask(copy, "read_last_seq")[0][0]
        counts, partitions = count_rows(copy), ask(copy, "list_partitions")
        self._store(copy, "ledger.db")
        for month, file, state, sha256 in partitions:
            if state == "closed" and sha256 is not None:
                self._add_sealed(month, file, sha256)
        return Manifest(made_at, version, ledger_id, epoch, last_seq, [], counts)

    def _add_copy(self, file: Path, path: str, month: str = "") -> None:
        if file.exists():
            self._store(self._copy(file, path), path, month)

    def _add_list(self) -> None:
        """Lines are only ever added to it: a restored Box is told of all of them."""
        if (self._data / ERASURES).exists():
            self._store(Path(shutil.copy(self._data / ERASURES, self._workshop)), ERASURES)

    def _copy(self, file: Path, path: str) -> Path:
        self._say(f"copying {path}")
        copy = self._workshop / file.name
        copy_database(file, copy)
        return copy

    def _store(self, copy: Path, path: str, month: str = "") -> None:
        sha256 = sha256_of(copy)
        self._stored[path] = Stored(path, object_name(sha256, self._key), copy.stat().st_size, sha256, month)
        self._send(copy, self._stored[path])
        copy.unlink()

    def _add_sealed(self, month: str, file: str, sha256: str) -> None:
        """As it lies there: nobody writes to it. If somebody does all the same, its sum says so."""
        source, path = self._data / "months" / file, f"months/{file}"
        self._stored[path] = Stored(path, object_name(sha256, self._key), source.stat().st_size, sha256, month, sealed=True)
        self._send(source, self._stored[path])

    def _send(self, file: Path, stored: Stored) -> None:
        """To each place that has not got this content yet."""
        wanting = [depot for depot in self._depots if depot.works and stored.object not in depot.there]
        if not wanting:
            return
        check_room(stored.size, self._workshop)
        packed = self._workshop / "packed"
        if pack(file, packed, self._key) != stored.sha256:
            raise CopyFailed(file=stored.path, problem="it was changed while it was copied")
        for depot in wanting:
            self._say(f"sending {stored.path} to {depot.place.label}")
            depot.put(packed, stored.object)
        packed.unlink()

    def _add_manifest(self, manifest: Manifest) -> None:
        name = Name(manifest.made_at, manifest.ledger_id, manifest.last_seq, self._key is not None)
        write_manifest(manifest, self._workshop / "manifest", self._key)
        for depot in self._depots:
            if depot.works:
                depot.put(self._workshop / "manifest", str(name))
            if depot.works:
                tell(depot.kept, name, manifest, depot.there)

    def prune(self, depot: Depot) -> None:
        """Backups beyond those that are kept, and what no backup names. Not while one is there that this key does not open."""
        with depot.tried():
            names = newest_first(depot.there)
            dropped = to_drop(names, self._told.keep)
            named = {one.object for name in names if name not in dropped for one in self._read(depot.place, name).files}
            lost = [path for path in depot.there if path.startswith(f"{OBJECTS}/") and path not in named]
            depot.place.delete([*map(str, dropped), *lost])
            depot.kept.names = [str(name) for name in names if name not in dropped]

    def _read(self, place: Place, name: Name) -> Manifest:
        return read_manifest(place, name, self._workshop, self._key)


def tell(kept: Kept, name: Name, manifest: Manifest, there: Mapping[str, int]) -> None:
    """Which backup it is about."""
    kept.name, kept.made_at, kept.last_seq = str(name), manifest.made_at, manifest.last_seq
    kept.bytes = sum(there.get(one.object, 0) for one in manifest.files)


def write_manifest(manifest: Manifest, target: Path, key: bytes | None) -> None:
    plain = target.with_suffix(".json")
    plain.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    pack(plain, target, key)
    plain.unlink()


def read_manifest(place: Place, name: Name, workshop: Path, key: bytes | None) -> Manifest:
    """`workshop` keeps it as MANIFEST. Raises PlaceFailed, Unreadable."""
    packed, plain = workshop / "manifest.packed", workshop / MANIFEST
    place.get(str(name), packed)
    try:
        unpack(packed, plain, key)
    finally:
        packed.unlink()
    return msgspec.json.decode(plain.read_bytes(), type=Manifest)


def _live_identity(data: Path) -> str:
    with reading(data / "ledger.db") as ledger:
        return ledger.execute(SQL["read_identity"]).fetchone()[0]
