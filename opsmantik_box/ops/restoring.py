"""Restoring: a backup becomes a data folder again. The nightly drill is the same, into a folder that is thrown away: a backup is verified
by restoring it.

Promises: nothing is taken for right that was not looked at: every file's size and sum, SQLite's integrity check, the ledger's rows, no
month ahead of the ledger; and then an engine starts on it. A restore that did not end leaves a folder on which no engine starts.
"""

import os
from collections.abc import Callable, Collection
from pathlib import Path

from opsmantik_box.adapters.places import Place
from opsmantik_box.disk import UNFINISHED, check_room, sync_directory
from opsmantik_box.domain.backups import Manifest, Stored, choose, newest_first, with_newest_erasures
from opsmantik_box.errors import CopyFailed, UsageError
from opsmantik_box.link.client import engine_for
from opsmantik_box.ops.backups import MANIFEST, read_manifest
from opsmantik_box.ops.copies import ask, check_database, count_rows
from opsmantik_box.ops.packing import read_key, unpack

Say = Callable[[str], None]
SEALED_MODE = 0o440


class Restored(CopyFailed):
    """{file} of the backup is not what it should be: {problem}"""


def restore(place: Place, target: Path, key: str, until: int | None, say: Say) -> Manifest:
    """The newest backup of a place (made by `until`, if that is told) as a new data folder. Raises UsageError, PlaceFailed, Unreadable,
    CopyFailed, Restored, and what keeps an engine from starting."""
    check_empty(target)
    names, secret = newest_first(place.files()), read_key(key)
    chosen = choose(names, until)
    target.mkdir(mode=0o750, parents=True, exist_ok=True)
    manifest, newest = (read_manifest(place, name, target, secret) for name in (chosen, names[0]))
    (target / MANIFEST).unlink()
    manifest = with_newest_erasures(manifest, newest)
    restore_files(place, manifest, target, secret, say)
    give_to_owner(target)
    say("starting an engine on it, once")
    start_anew(target, manifest)
    return manifest


def give_to_owner(target: Path) -> None:
    """What root restored belongs to whom the folder belongs to."""
    owner = target.stat()
    if os.geteuid() == 0 and owner.st_uid:
        for path in target.rglob("*"):
            os.chown(path, owner.st_uid, owner.st_gid)


def restore_files(
    place: Place, manifest: Manifest, target: Path, key: bytes | None, say: Say, leave_out: Collection[str] = ()
) -> None:
    """The backup's files in `target`, each looked at; those whose object is in `leave_out` are not fetched. No engine starts there before
    `start_anew`. Raises PlaceFailed, Unreadable, CopyFailed, Restored."""
    wanted = [one for one in manifest.files if one.object not in leave_out]
    (target / "months").mkdir(mode=0o750, parents=True, exist_ok=True)
    (target / UNFINISHED).touch()
    check_room(sum(one.size for one in wanted), target)
    for one in wanted:
        say(f"fetching {one.path}")
        _fetch(place, one, target, key)
    sync_directory(target / "months")
    sync_directory(target)
    _compare(manifest, target)


def _fetch(place: Place, stored: Stored, target: Path, key: bytes | None) -> None:
    file, packed = target / stored.path, target / "packed"
    place.get(stored.object, packed)
    sha256 = unpack(packed, file, key)
    packed.unlink()
    if (sha256, file.stat().st_size) != (stored.sha256, stored.size):
        raise Restored(file=stored.path, problem="its sum is another one")
    if file.suffix == ".db":
        check_database(file)
    if stored.sealed:
        file.chmod(SEALED_MODE)


def _compare(manifest: Manifest, target: Path) -> None:
    """The ledger against the manifest, and the months against the ledger."""
    ledger = target / "ledger.db"
    found = (ask(ledger, "read_identity")[0], ask(ledger, "read_last_seq")[0][0], count_rows(ledger))
    if found != ((manifest.ledger_id, manifest.epoch), manifest.last_seq, manifest.counts):
        raise Restored(file="ledger.db", problem="it has other rows than the backup says")
    for one in manifest.files:
        if one.month and (target / one.path).exists():
            for ledger_id, seq in ask(target / one.path, "read_checkpoint"):
                if ledger_id != manifest.ledger_id or seq > manifest.last_seq:
                    raise Restored(file=one.path, problem="it does not belong to the ledger of this backup")


def start_anew(target: Path, manifest: Manifest) -> None:
    """An engine starts on it, with a new epoch: from now on it is a Box of its own. Raises what keeps an engine from starting."""
    with engine_for(target, "--restored") as engine:
        last_seq = engine.call("status")["last_seq"]
    if last_seq < manifest.last_seq:
        raise Restored(file="ledger.db", problem=f"the engine finds signals up to {last_seq}, the backup says {manifest.last_seq}")


def check_empty(target: Path) -> None:
    """Nothing is ever restored over something. Raises UsageError."""
    if target.exists() and (not target.is_dir() or any(os.scandir(target))):
        raise UsageError(problem=f"{target} is not an empty folder. Restore into a new one; move the old one away first.")
