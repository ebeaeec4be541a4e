"""The errands of backups, as the engine's jobs order them: make one and verify it, or verify again what lies there.

`python -m opsmantik_box.ops.backup_errand`. A backup is verified by restoring it into a folder that is thrown away (the drill).
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from opsmantik_box.adapters.places import Place, PlaceFailed, places_of
from opsmantik_box.clock import Clock, choose_clock
from opsmantik_box.disk import workshop_in
from opsmantik_box.domain.backups import Kept, Manifest, Order, ReadBack, newest_first
from opsmantik_box.errors import BoxError
from opsmantik_box.link.errands import Say, serve_errand
from opsmantik_box.ops.backups import Backups, read_manifest, tell
from opsmantik_box.ops.packing import read_key
from opsmantik_box.ops.restoring import restore_files, start_anew


def run(order: Order, say: Say) -> list[Kept]:
    """What became of it at each place. Raises CopyFailed."""
    with workshop_in(Path(order.data)) as workshop:
        drill = Drill(workshop, read_key(order.told.key), choose_clock(), say)
        if order.make:
            return _make(order, drill)
        places = [place for place in places_of(order.told) if place.label in order.places]
        return [_look_again(place, drill) for place in places]


def _make(order: Order, drill: "Drill") -> list[Kept]:
    backups = Backups(Path(order.data), order.told, drill.workshop, drill.clock, drill.say)
    manifest, depots = backups.make(order.version, order.places, order.expected)
    for depot in depots:
        trusted = order.trusted.get(depot.place.label, {})
        if depot.works:
            drill.hold(depot.place, manifest, depot.there, depot.kept, trusted)
        if depot.works:
            backups.prune(depot)
    return [depot.kept for depot in depots]


def _look_again(place: Place, drill: "Drill") -> Kept:
    """The newest backup of a place, whole."""
    kept = Kept(place.label, place.is_elsewhere)
    try:
        there = place.files()
        names = newest_first(there)
        if not names:
            raise PlaceFailed(place=place.label, problem="no backup lies there")
        manifest = read_manifest(place, names[0], drill.workshop, drill.key)
    except BoxError as error:
        kept.problem = str(error)
        return kept
    tell(kept, names[0], manifest, there)
    kept.names = [str(name) for name in names]
    drill.hold(place, manifest, there, kept, {})
    return kept


class Drill:
    """Restores into DATA/backup/drill and throws it away."""

    def __init__(self, workshop: Path, key: bytes | None, clock: Clock, say: Say) -> None:
        self.workshop, self.key, self.clock, self.say = workshop, key, clock, say

    def hold(self, place: Place, manifest: Manifest, there: Mapping[str, int], kept: Kept, trusted: Mapping[str, int]) -> None:
        """Writes into `kept` what came of it. Objects that are `trusted` and lie there in their full length are left out; without them no
        engine is started on the rest."""
        leave_out = {name for name, size in trusted.items() if there.get(name) == size}
        folder = self.workshop / "drill"
        try:
            restore_files(place, manifest, folder, self.key, self.say, leave_out)
            if not leave_out:
                self.say("starting an engine on what was restored")
                start_anew(folder, manifest)
        except BoxError as error:
            kept.problem = str(error)
            return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        kept.verified_at = self.clock()
        read = [one for one in manifest.files if one.sealed and one.object not in leave_out]
        kept.months = [ReadBack(one.month, one.sha256, one.object, there[one.object]) for one in read]


if __name__ == "__main__":
    sys.exit(serve_errand(Order, run))
