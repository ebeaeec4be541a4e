"""Where backups lie: a folder, another machine over ssh, a bucket. One small protocol; names are relative paths of plain characters."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from opsmantik_box.domain.backups import Backup
from opsmantik_box.errors import BoxError


class PlaceFailed(BoxError):
    """The place for backups {place} failed: {problem}"""


class Place(Protocol):
    """Every method raises PlaceFailed. `label` is what people read; `is_elsewhere`: it outlives this machine."""

    label: str
    is_elsewhere: bool

    def files(self) -> dict[str, int]:
        """Everything that lies there whole, with its size."""
        ...

    def put(self, file: Path, name: str) -> None:
        """All of it, or nothing under that name."""
        ...

    def get(self, name: str, file: Path) -> None: ...

    def delete(self, names: Sequence[str]) -> None: ...


def places_of(told: Backup) -> list[Place]:
    """Those that are set."""
    from opsmantik_box.adapters.places.bucket import Bucket
    from opsmantik_box.adapters.places.folder import Folder
    from opsmantik_box.adapters.places.remote import Remote

    places: list[Place] = []
    if told.folder:
        places.append(Folder(told.folder, is_elsewhere=told.folder_is_elsewhere))
    if told.ssh:
        places.append(Remote(told.ssh, told.ssh_port, told.ssh_key, told.ssh_known_hosts))
    if told.s3_bucket:
        places.append(Bucket(told))
    return places
