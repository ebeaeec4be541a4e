"""What the command line must know of a Box before it may read as one of its sites: which sites and which month files there are.

Reads the ledger by `mode=ro`; works with the service running or not. Never writes.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from opsmantik_box.errors import DataFolderUnusable, NotFound, UsageError
from opsmantik_box.sql import load

SQL = load("ops_reads")


class KnownSite(Struct, frozen=True):
    """A site and what it may be called by."""

    id: int
    public_id: str
    name: str
    domains: list[str]
    timezone: str


def list_sites(data: Path) -> list[KnownSite]:
    """Every site that is not deleted. Raises DataFolderUnusable."""
    rows = ask_ledger(data, SQL["list_sites"])
    return [KnownSite(number, public, name, json.loads(domains), timezone) for number, public, name, domains, timezone in rows]


def list_months(data: Path) -> dict[str, str]:
    """Month files by month, oldest first. Raises DataFolderUnusable."""
    return {month: file for month, file in ask_ledger(data, SQL["list_months"]) if (data / "months" / file).exists()}


def find_site(sites: Sequence[KnownSite], told: str) -> KnownSite:
    """The site with this id, public id, name or domain. Raises NotFound, and UsageError when several have it."""
    wanted = told.strip().lower()
    callings: tuple[Callable[[KnownSite], set[str]], ...] = (
        lambda site: {str(site.id), site.public_id, site.public_id.replace("-", "")},
        lambda site: {site.name.lower()},
        lambda site: {domain.lower() for domain in site.domains},
    )
    for calling in callings:
        found = [site for site in sites if wanted in calling(site)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(site.name for site in found)
            raise UsageError(problem=f"{told!r} is {len(found)} sites ({names}); name one of them, or give its id.")
    raise NotFound(kind="site", name=told, listing="site list")


def ask_ledger(data: Path, statement: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a statement that reads the ledger itself, for its owner. Raises DataFolderUnusable."""
    file = data / "ledger.db"
    if not file.exists():
        raise DataFolderUnusable(data=data, problem="there is no ledger.db in it. `opsmantik-box serve` makes one.")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=2.0)) as ledger:
            return ledger.execute(statement, parameters or {}).fetchall()
    except sqlite3.Error as error:
        raise DataFolderUnusable(data=data, problem=f"ledger.db cannot be read ({error}).") from error
