"""F3: power is lost at every write, sync and change of a name of a scenario that goes over a month's end."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from opsmantik_box.domain.months import closes_at
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.folder import DataFolder
from tests.fault.invariants import check, check_equals_refold, check_recovers, lend_reserve, scratch
from tests.fault.traffic import LAST_SECONDS, Client, Visitors, add_sites, catch_up, month_end
from tests.fault.vfs import Disk, plugged
from tests.months import turn_months

IMAGES = int(os.environ.get("FAULT_IMAGES", "2"))
"""Images at every moment; each is another guess at what reached the disk."""


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="power-") as folder:
        yield Path(folder)


class PowerCut:
    """Takes an image at every moment, opens a Box on it, and checks it against what the client had been told by then. `recover`: how;
    `every`: only at each so-manieth moment."""

    def __init__(
        self,
        disk: Disk,
        client: Client,
        place: Path,
        seed: int,
        recover: Callable[[Path, Client, int], None] = check_recovers,
        every: int = 1,
    ) -> None:
        self._disk, self._client, self._place, self._recover, self._every = disk, client, place, recover, every
        self._random = Random(seed)
        self.images = 0
        self.kinds: dict[str, int] = {}
        self._busy = False

    def __call__(self, kind: str, path: Path) -> None:
        if self._busy or ".sealing" in path.name:
            return
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if sum(self.kinds.values()) % self._every:
            return
        self._busy = True
        try:
            for _ in range(IMAGES):
                self._look(kind, path)
        finally:
            self._busy = False

    def _look(self, kind: str, path: Path) -> None:
        self.images += 1
        target = self._place / f"image-{self.images}"
        self._disk.image(target, self._random)
        try:
            self._recover(target, self._client, LAST_SECONDS)
        except BaseException as error:
            error.add_note(f"power lost at image {self.images}: {kind} {path.name}")
            raise
        shutil.rmtree(target)


@pytest.mark.parametrize("seed", range(2))
def test_no_acknowledged_signal_is_lost_whenever_power_fails(place: Path, seed: int) -> None:
    """I1 to I5, I7, I11 and I13 on every image; the scenario has re-sends, WAL checkpoints, a month made ahead and one closed."""
    root = place / "box"
    client = Client()
    with plugged(root) as disk:
        cut = PowerCut(disk, client, place, seed)
        core = new_box(root, disk)
        sites = add_sites(core)
        disk.watch = cut
        play(core, client, Visitors(sites, seed))
        core.close()
        disk.watch = lambda _kind, _path: None
    check(root, client, caught_up=True)
    check_equals_refold(root)
    assert cut.images > 500 * IMAGES
    assert {"write", "sync", "make", "remove", "rename", "sync folder", "cut"} <= set(cut.kinds)
    print(f"{cut.images} images: {cut.kinds}, {len(client.acknowledged)} signals acknowledged")


def test_power_is_lost_while_a_box_is_made(place: Path) -> None:
    """From an empty folder to the first signal."""
    root, client = place / "box", Client()
    with plugged(root) as disk:
        cut = disk.watch = PowerCut(disk, client, place, seed=9)
        core = new_box(root, disk)
        client.deliver(core, Visitors(add_sites(core)).several(3, LAST_SECONDS), LAST_SECONDS + 5_000)
        core.close()
        disk.watch = lambda _kind, _path: None
    assert cut.images > 50 * IMAGES


def test_this_disk_would_show_a_ledger_that_does_not_sync(place: Path) -> None:
    """The proof of the two tests above: with synchronous=NORMAL they fail."""
    root, client = place / "box", Client()
    with plugged(root) as disk:
        core = new_box(root, disk)
        sites = add_sites(core)
        core.ledger.db.pragma("synchronous", "normal")
        disk.watch = PowerCut(disk, client, place, seed=1)
        with pytest.raises(AssertionError, match="I1"):
            play(core, client, Visitors(sites, seed=1))
        disk.watch = lambda _kind, _path: None
        core.close()


def new_box(root: Path, disk: Disk) -> Core:
    root.mkdir()
    lend_reserve(root)
    return Core(DataFolder(root), LAST_SECONDS - 60_000, disk.name)


def play(core: Core, client: Client, visitors: Visitors) -> None:
    """Batches, re-sends, projection and WAL checkpoints, over the end of a month; then that month closes."""
    for number, (now, signals) in enumerate(month_end(visitors, batches=8, size=4)):
        client.deliver(core, signals, now)
        if number % 3 == 1:
            client.deliver(core, signals[:2], now + 1)
        if number % 2:
            catch_up(core, now)
        if number in {3, 6}:
            core.rest(now)
        if number == 5:
            core.make_month("2026-12", now)
    turn_months(core, closes_at("2026-10"))
    later = closes_at("2026-10") + 1_000
    client.deliver(core, visitors.several(3, later), later)
    catch_up(core, later)
