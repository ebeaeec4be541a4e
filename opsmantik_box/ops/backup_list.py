"""What lies at a place, with what the ledger knows of it."""

from pathlib import Path
from typing import Any

from opsmantik_box.adapters.places import Place
from opsmantik_box.domain.backups import newest_first
from opsmantik_box.errors import DataFolderUnusable
from opsmantik_box.ops.box_files import ask_ledger
from opsmantik_box.sql import load

SQL = load("ops_reads")


def list_place(place: Place, data: Path) -> list[dict[str, Any]]:
    """Newest first. Of a backup that the ledger does not know (it was restored, or is another Box's), only what its name says. Raises
    PlaceFailed."""
    try:
        known = {name: told for name, *told in ask_ledger(data, SQL["list_backups"], {"place": place.label})}
    except DataFolderUnusable:
        known = {}
    return [
        {
            "place": place.label, "name": str(name), "made_at": name.made_at, "last_seq": name.last_seq, "encrypted": name.encrypted,
            **dict(zip(("bytes", "verified_at", "problem"), known.get(str(name), (None, None, "")), strict=True)),
        }
        for name in newest_first(place.files())
    ]  # fmt: skip
