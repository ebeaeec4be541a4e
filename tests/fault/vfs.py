"""A disk that can lose power, refuse to sync and run full, under a real SQLite.

It keeps for every file what is surely on the disk (`synced`) and what was only written (`pending`). A power loss is an image of the
folder: everything synced, a random part of what was pending, one write torn at a 512-byte boundary; and the same for names: a file
made, renamed or removed in a folder that was not synced since may or may not be so. `-shm` files are mapped memory, on no image.

SQLite's own VFS does the real work below; nothing here answers for it. One thing it cannot show: apsw raises an error of this VFS
again in our face, even where SQLite itself would have swallowed it. The tests with strace are there for that."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from weakref import WeakSet

import apsw

SECTOR = 512
UNTRACKED = {"lock", "reserve"}
JOURNALS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


class Node:
    """A file: its bytes on the disk, and the writes (offset, bytes) or cuts (length, None) that were not synced."""

    def __init__(self, content: bytes = b"") -> None:
        self.synced = bytearray(content)
        self.pending: list[tuple[int, bytes | None]] = []
        self.distrusted = False

    def sync(self) -> None:
        """After a failed sync nothing is certain about this file any more, whatever later ones say (the kernel forgets what it
        could not write)."""
        if not self.distrusted:
            for change in self.pending:
                _put(self.synced, *change)
            self.pending.clear()

    def now(self) -> bytes:
        """As every reader sees it, and a killed process leaves it."""
        content = bytearray(self.synced)
        for change in self.pending:
            _put(content, *change)
        return bytes(content)

    def after_power_loss(self, random: Random) -> bytes:
        """Unsynced writes reach a disk in any order, or not at all; a cut one ends at a sector."""
        content, how = bytearray(self.synced), random.random()
        torn = random.randrange(len(self.pending)) if self.pending and how > 0.4 else -1
        for number, (offset, data) in enumerate(self.pending):
            if how < 0.2 or (how < 0.9 and random.random() < 0.5):
                continue
            keep = len(data or b"")
            if number == torn:
                keep = random.randrange(keep // SECTOR + 1) * SECTOR
            _put(content, offset, data if data is None else data[:keep])
        return bytes(content)


def _put(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class Names:
    """One folder: which file has which name, surely and now. `pending` are changes that were not synced: {name: file or None}."""

    def __init__(self) -> None:
        self.synced: dict[str, Node] = {}
        self.pending: list[dict[str, Node | None]] = []

    def now(self) -> dict[str, Node]:
        return self._after(len(self.pending))

    def change(self, names: dict[str, Node | None]) -> None:
        self.pending.append(names)

    def sync(self) -> None:
        self.synced, self.pending = self.now(), []

    def after_power_loss(self, random: Random) -> dict[str, Node]:
        """A file system keeps the order of changes to names; how many of them got through is chance."""
        return self._after(random.randint(0, len(self.pending)))

    def _after(self, count: int) -> dict[str, Node]:
        names = dict(self.synced)
        for change in self.pending[:count]:
            for name, node in change.items():
                if node is None:
                    names.pop(name, None)
                else:
                    names[name] = node
        return names


class Disk(apsw.VFS):
    """The disk under one data folder; register it by making it, pass `name` to the engine, `unplug` when done.

    `watch` is called before every change with its kind (write, sync, cut, remove, make, rename, sync folder) and path: the moment
    at which a power loss is worth an image. `fail_sync` says which syncs fail, `fail_read` which reads; `room` is how many writes
    succeed until the disk is full (None: for ever), `reserve` how many more when the engine gives its reserve back."""

    def __init__(self, root: Path, name: str = "fault") -> None:
        self.root, self.name = root, name
        self.watch: Callable[[str, Path], None] = lambda _kind, _path: None
        self.fail_sync: Callable[[Path], bool] = lambda _path: False
        self.fail_read: Callable[[Path], bool] = lambda _path: False
        self.room: int | None = None
        self.reserve = 0
        self.syncs = self.writes = 0
        self._folders: dict[Path, Names] = {}
        for path in sorted(root.rglob("*")) if root.exists() else []:
            if path.is_file() and is_tracked(path):
                self.folder(path).synced[path.name] = Node(path.read_bytes())
        super().__init__(name, "")
        _DISKS.add(self)
        _listen()

    def unplug(self) -> None:
        _DISKS.discard(self)
        self.unregister()

    def folder(self, path: Path) -> Names:
        return self._folders.setdefault(path.parent, Names())

    def node(self, path: Path) -> Node:
        """The file of this name; made now if there is none."""
        found = self.folder(path).now().get(path.name)
        if found is None:
            self.watch("make", path)
            found = Node()
            self.folder(path).change({path.name: found})
        return found

    def image(self, target: Path, random: Random | None) -> None:
        """What the disk holds after a power loss now, written into the folder `target`. Without `random`: after a mere kill."""
        (target / "months").mkdir(parents=True)
        for folder, names in self._folders.items():
            for name, node in (names.after_power_loss(random) if random else names.now()).items():
                content = node.after_power_loss(random) if random else node.now()
                (target / folder.relative_to(self.root) / name).write_bytes(content)

    # --- what SQLite asks for -----------------------------------------------------------------------------------------------------

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "")
        if name is None or not is_tracked(path) or self.root not in path.parents:
            return apsw.VFSFile("", name, flags)
        return DiskFile(self, path, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802
        self.removed(Path(name))
        super().xDelete(name, sync)
        if sync:
            self.folder(Path(name)).sync()

    # --- what the engine does by itself (seen by an audit hook) -------------------------------------------------------------------

    def removed(self, path: Path) -> None:
        if path.name == "reserve" and self.room is not None:
            self.room += self.reserve
        if path.name in self.folder(path).now():
            self.watch("remove", path)
            self.folder(path).change({path.name: None})

    def renamed(self, old: Path, new: Path) -> None:
        node = self.folder(old).now().get(old.name)
        if node is not None:
            self.watch("rename", new)
            assert old.parent == new.parent, "a rename between folders is not modelled"
            self.folder(old).change({old.name: None, new.name: node})

    def folder_synced(self, folder: Path) -> None:
        """The engine opens a folder only to sync it."""
        if folder in self._folders:
            self.watch("sync folder", folder)
            self._folders[folder].sync()


class DiskFile(apsw.VFSFile):
    """An open file of a Disk."""

    def __init__(self, disk: Disk, path: Path, name: str | apsw.URIFilename, flags: list[int]) -> None:
        asked = flags[0]
        super().__init__("", name, flags)
        self._disk, self._path = disk, path
        self._node = disk.node(path)
        # SQLite's unix VFS syncs the folder with the first sync of a journal or WAL it has made.
        self._syncs_folder = bool(asked & JOURNALS)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        disk = self._disk
        disk.watch("write", self._path)
        if disk.room is not None:
            if disk.room <= 0:
                raise apsw.FullError("no room (as asked for by a test)")
            disk.room -= 1
        disk.writes += 1
        super().xWrite(data, offset)
        self._node.pending.append((offset, bytes(data)))

    def xTruncate(self, length: int) -> None:  # noqa: N802
        self._disk.watch("cut", self._path)
        super().xTruncate(length)
        self._node.pending.append((length, None))

    def xSync(self, flags: int) -> None:  # noqa: N802
        disk = self._disk
        disk.watch("sync", self._path)
        if disk.fail_sync(self._path):
            self._node.distrusted = True
            raise _io_error(apsw.SQLITE_IOERR_FSYNC)
        disk.syncs += 1
        super().xSync(flags)
        self._node.sync()
        if self._syncs_folder:
            self._syncs_folder = False
            disk.folder(self._path).sync()

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        if self._disk.fail_read(self._path):
            raise _io_error(apsw.SQLITE_IOERR_READ)
        return super().xRead(amount, offset)


def _io_error(extended: int) -> apsw.IOError:
    error = apsw.IOError("input/output error (as asked for by a test)")
    error.extendedresult = extended
    return error


def is_tracked(path: Path) -> bool:
    """Is this a file whose bytes a power loss could take?"""
    return path.name not in UNTRACKED and not path.name.endswith("-shm")


class times:  # noqa: N801  (reads as a word where it is used)
    """`disk.fail_sync = times(1, lambda path: path.name == "ledger.db-wal")`: that often, then never again; None for ever."""

    def __init__(self, count: int | None, which: Callable[[Path], bool]) -> None:
        self.left, self._which, self.hits = count, which, 0

    def __call__(self, path: Path) -> bool:
        if not self._which(path) or self.left == 0:
            return False
        self.hits += 1
        if self.left is not None:
            self.left -= 1
        return True


@contextmanager
def plugged(root: Path, name: str = "fault") -> Iterator[Disk]:
    disk = Disk(root, name)
    try:
        yield disk
    finally:
        disk.unplug()


_DISKS: WeakSet[Disk] = WeakSet()
_hooks: list[str] = []


def _listen() -> None:
    """Audit hooks cannot be removed: one for the whole process."""
    if not _hooks:
        _hooks.append("os")
        sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if not _DISKS or event not in {"os.rename", "os.remove", "open"}:
        return
    paths = [Path(part) for part in arguments[:2] if isinstance(part, str | os.PathLike)]
    for disk in list(_DISKS):
        if not paths or (disk.root != paths[0] and disk.root not in paths[0].parents):
            continue
        if event == "os.rename":
            disk.renamed(paths[0], paths[1])
        elif event == "os.remove":
            disk.removed(paths[0])
        elif isinstance(arguments[2], int) and arguments[2] & os.O_DIRECTORY:
            disk.folder_synced(paths[0])
