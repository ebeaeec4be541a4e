"""A Box in this process on a disk that obeys the test: it can be killed, lose its power, and be started again on what is left."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import apsw

from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.folder import DataFolder
from opsmantik_box.engine.peers import Peer
from opsmantik_box.engine.service import Service
from opsmantik_box.engine.vault import Vault
from opsmantik_box.engine.waiting import Bounds
from opsmantik_box.engine.writing import Answer
from opsmantik_box.errors import BoxError
from tests.fault.invariants import Stored, check, check_equals_refold, lend_reserve, scratch
from tests.fault.traffic import LAST_SECONDS, Client, Sent, Visitors, add_sites, catch_up
from tests.fault.vfs import Disk


class Lab:
    """Folder, disk, engine, client and clock. `now` is the Box's time; `root` changes with every crash: the old folder is left."""

    def __init__(self, place: Path, seed: int = 0, now: int = LAST_SECONDS) -> None:
        self._place, self._boxes = place, 0
        self.left = True
        """No engine runs now."""
        self.random = Random(seed)
        self.client = Client()
        self.now = now
        self.root = self._next_folder()
        (self.root / "months").mkdir(parents=True)
        self._start()
        self.sites = add_sites(self.core)
        self.visitors = Visitors(self.sites, seed)
        self._open_desk()

    def _next_folder(self) -> Path:
        self._boxes += 1
        return self._place / f"box-{self._boxes}"

    def _start(self) -> None:
        lend_reserve(self.root)
        self.disk = Disk(self.root)
        try:
            self.core = Core(DataFolder(self.root), self.now, self.disk.name)
        except BaseException:
            self.disk.unplug()
            raise
        self.core.sessions._limit = 3  # so that sessions are forgotten and read from their month file again
        self.left = False

    def _open_desk(self) -> None:
        """Calls and the desk, on the same disk: without them a signal is accepted as well, and no call waits for it."""
        self.vault = Vault(self.root / "vault.db", self.disk.name)
        self.service = Service(self.core, self.vault, lambda: self.now, RateLimits(), Bounds())
        self.line = Peer(self.service, is_gateway=False)

    def send(self, count: int = 1) -> list[Answer]:
        """New signals, accepted as one batch."""
        return self.deliver([self.visitors.signal(self.now) for _ in range(count)])

    def deliver(self, signals: Sequence[Sent]) -> list[Answer]:
        self.now += 1_000
        return self.client.deliver(self.core, signals, self.now)

    def catch_up(self) -> None:
        catch_up(self.core, self.now)

    def kill(self) -> None:
        """SIGKILL: what was written stays, synced or not. No Box runs afterwards."""
        self._leave(None)

    def lose_power(self) -> None:
        self._leave(self.random)

    def _leave(self, random: Random | None) -> None:
        self.disk.watch = lambda _kind, _path: None
        left = self._next_folder()
        self.disk.image(left, random)
        self.abandon()
        self.root = left

    def abandon(self) -> None:
        """Free the old engine. What it still writes goes into a folder that nobody looks at any more."""
        self.left = True
        self.disk.fail_sync = self.disk.fail_read = lambda _path: False
        self.disk.room = None
        for part in (self.vault, self.core):
            with suppress(apsw.Error, BoxError):
                part.close()
        self.disk.unplug()
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self) -> None:
        """The next engine, on what is there; nothing is accepted before everything is projected, as in the service."""
        self._start()
        self._open_desk()
        self.catch_up()

    def stop(self) -> None:
        """A clean end."""
        self.left = True
        self.vault.close()
        self.core.close()
        self.disk.unplug()

    def look(self, *, caught_up: bool = False) -> list[Stored]:
        """Check the invariants on a copy of what is on the disk now; the running engine notices nothing."""
        with tempfile.TemporaryDirectory(dir=self._place, prefix="look-") as place:
            copy = Path(place) / "copy"
            self.disk.image(copy, None)
            return check(copy, self.client, caught_up=caught_up)

    def end(self, *, like_new: bool = True) -> None:
        """Stop cleanly, then everything must hold, and the months be what new ones would be."""
        self.catch_up()
        self.stop()
        check(self.root, self.client, caught_up=True)
        if like_new:
            check_equals_refold(self.root)

    def alerts(self) -> list[str]:
        """Kinds of what a person was told."""
        return [kind for (kind,) in self.core.ledger.db.execute("select kind from alerts order by id")]

    def month(self, name: str) -> Path:
        return self.root / "months" / f"{name}.db"


@contextmanager
def lab(seed: int = 0, now: int = LAST_SECONDS) -> Iterator[Lab]:
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="fault-") as place:
        made = Lab(Path(place), seed, now)
        try:
            yield made
        finally:
            made.disk.watch = lambda _kind, _path: None
            with suppress(BaseException):
                made.abandon()
