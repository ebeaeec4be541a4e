"""What copies need of a disk: room, and a sum of what lies there. Never for a database that somebody has open for writing."""

import hashlib
import shutil
from pathlib import Path

from opsmantik_box.errors import CopyFailed

SPARE_BYTES = 64 * 1024 * 1024
"""What a copy leaves free: housekeeping never stops signals from being taken."""


def check_room(size: int, folder: Path) -> None:
    """That so many bytes fit beside what is there. Raises CopyFailed."""
    free = shutil.disk_usage(folder).free
    if free < size + SPARE_BYTES:
        needed, there = ((number + 2**20 - 1) // 2**20 for number in (size + SPARE_BYTES, free))
        raise CopyFailed(file=folder, problem=f"a copy needs {needed} MB there, and {there} MB are free")


def sha256_of(file: Path) -> str:
    """In hexadecimal. Raises OSError."""
    with file.open("rb") as whole:
        return hashlib.file_digest(whole, "sha256").hexdigest()
