"""`opsmantik-box verify`: every audit over everything there is, every file looked at by SQLite, every sealed month against its sum.

Reads only. What is to be mended, the engine mends.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from opsmantik_box.disk import sha256_of
from opsmantik_box.domain.audits import DERIVED, Audited, Scope
from opsmantik_box.errors import CopyFailed
from opsmantik_box.ops.auditing import EVER, SQL, Auditor, audit_summary
from opsmantik_box.ops.box_files import ask_ledger


class Verified(Struct, frozen=True):
    """`problems`: files that are not in order, a sentence each; `to_mend`: months that folding again mends."""

    audits: list[Audited]
    problems: list[str]
    to_mend: list[str]


def verify(data: Path, now: int, site_ids: Iterable[int] = ()) -> Verified:
    """Of these sites, or of every one. Raises DataFolderUnusable, CopyFailed."""
    files = list(_look_at_files(data))
    try:
        with Auditor(data) as auditor:
            sites = list(site_ids) or auditor.sites()
            audits = [one for site in sites for one in auditor.audit(Scope(site, *EVER))]
            audits += auditor.checkpoints()
        audits += audit_summary(str(data), now, 0, sites)
    except (CopyFailed, sqlite3.Error):
        if not files:
            raise
        audits = []  # of a file that cannot be read, that is told
    derived = {month for one in audits if one.kind in DERIVED for month in one.months}
    return Verified(audits, [problem for _, problem in files], sorted(derived | {month for month, _ in files if month}))


def _look_at_files(data: Path) -> Iterator[tuple[str, str]]:
    """(month, or '' for the ledger and the vault; what is wrong with its file)."""
    for name in ("ledger.db", "vault.db"):
        if (problem := _problem_of(data / name)) is not None:
            yield "", f"{name}: {problem}"
    for month, file, sha256 in ask_ledger(data, SQL["list_months"]):
        path = data / "months" / file
        problem = _problem_of(path) if path.exists() else None
        if problem is None and sha256 is not None and path.exists() and sha256_of(path) != sha256:
            problem = "it is sealed, and its SHA-256 is not the one in the ledger"
        if problem is not None:
            yield month, f"{file}: {problem}"


def _problem_of(file: Path) -> str | None:
    """What SQLite says of each page of it."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=30.0)) as connection:
            found: str = connection.execute("pragma quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        return str(error)
    return None if found == "ok" else found
