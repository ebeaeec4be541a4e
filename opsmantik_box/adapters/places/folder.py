"""A folder: another disk, a mounted share."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from opsmantik_box.adapters.places import PlaceFailed
from opsmantik_box.disk import sync_directory

PARTIAL = ".partial"


class Folder:
    """Files under a temporary name until they are whole and on the disk."""

    def __init__(self, root: str, *, is_elsewhere: bool) -> None:
        self.label, self._root, self.is_elsewhere = root, Path(root), is_elsewhere

    def files(self) -> dict[str, int]:
        self._check()
        try:
            found = [path for path in self._root.rglob("*") if path.is_file() and not path.name.endswith(PARTIAL)]
            return {path.relative_to(self._root).as_posix(): path.stat().st_size for path in found}
        except OSError as error:
            raise self._failed(error) from error

    def put(self, file: Path, name: str) -> None:
        self._check()
        target = self._root / name
        partial = target.with_name(target.name + PARTIAL)
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(file, partial)
            with partial.open("rb") as whole:
                os.fsync(whole.fileno())
            partial.rename(target)
            sync_directory(target.parent)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise self._failed(error) from error

    def get(self, name: str, file: Path) -> None:
        try:
            shutil.copyfile(self._root / name, file)
        except OSError as error:
            raise self._failed(error) from error

    def delete(self, names: Sequence[str]) -> None:
        try:
            for name in names:
                (self._root / name).unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from error

    def _check(self) -> None:
        """It is never made here: it may be the place where a disk is missing."""
        if not self._root.is_dir():
            raise PlaceFailed(place=self.label, problem="there is no such folder; make it, or mount its disk")

    def _failed(self, error: OSError) -> PlaceFailed:
        return PlaceFailed(place=self.label, problem=f"{error.strerror or error} ({error.filename or self._root})")
