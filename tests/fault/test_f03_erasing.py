"""F3, erasing: power is lost at every write and sync of an erasure. Whoever opens the Box again finds the visitor as they were, or erases
them; everybody else is whole."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsmantik_box.domain.months import closes_at
from opsmantik_box.engine.contacts import Contacts
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.erasures import Erasures
from opsmantik_box.engine.folder import DataFolder
from opsmantik_box.engine.marks import Marks
from opsmantik_box.engine.vault import Vault
from tests.fault.invariants import check, check_equals_refold, lend_reserve, scratch
from tests.fault.test_f03_power_loss import IMAGES, PowerCut, new_box
from tests.fault.traffic import LAST_SECONDS, Client, Visitors, add_sites, catch_up, month_end
from tests.fault.vfs import plugged
from tests.months import turn_months

LATER = closes_at("2026-10") + 1_000


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="erasing-") as folder:
        yield Path(folder)


class Eraser:
    """A Box with what erasing needs of it."""

    def __init__(self, core: Core, vfs: str | None = None) -> None:
        self.core, self.vault = core, Vault(core.folder.vault, vfs)
        self.erasures = Erasures(core, Marks(self.vault, Contacts(self.vault)), lambda: LATER)

    def run_through(self) -> None:
        for _ in self.erasures.work():
            pass

    def close(self) -> None:
        self.vault.close()
        self.core.close()


def test_an_erasure_is_whole_or_goes_on_whenever_power_fails(place: Path) -> None:
    """I1 to I5, I7, I11 and I13 on every image; one of the visitor's months is closed."""
    root, client = place / "box", Client()
    with plugged(root) as disk:
        core = new_box(root, disk)
        visitors = Visitors(add_sites(core), seed=3)
        for now, signals in month_end(visitors, batches=6, size=4):
            client.deliver(core, signals, now)
        catch_up(core, LAST_SECONDS)
        core.make_month("2026-12", LAST_SECONDS)
        turn_months(core, LATER)
        box = Eraser(core, disk.name)
        fingerprint = next(iter(client.sent.values()))[0].body["meta"]["fp"]
        client.erased = {key for key, (sent, *_) in client.sent.items() if sent.body["meta"]["fp"] == fingerprint}

        def recover(image: Path, client: Client, _now: int) -> None:
            """The list is written by other means than SQLite's: what of it is there is there in full."""
            if box.core.folder.erasures.exists():
                (image / "erasures.jsonl").write_bytes(box.core.folder.erasures.read_bytes())
            lend_reserve(image)
            again = Eraser(Core(DataFolder(image), LATER))
            catch_up(again.core, LATER)
            again.run_through()
            asked = bool(again.erasures.receipts())
            again.close()
            check(image, client, caught_up=True)
            found = [path.name for path in image.rglob("*") if path.is_file() and fingerprint.encode() in path.read_bytes()]
            assert not asked or found == []

        cut = disk.watch = PowerCut(disk, client, place, 3, recover, every=5 if IMAGES <= 2 else 1)
        box.erasures.ask("fingerprint", fingerprint, None, "test")
        box.run_through()
        box.close()
        disk.watch = lambda _kind, _path: None
    assert cut.images > 30 * IMAGES
    check(root, client, caught_up=True)
    check_equals_refold(root)
    print(f"{cut.images} images: {cut.kinds}")
