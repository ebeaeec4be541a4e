"""Audits: looks at rows as they are stored, and says which are not what they must be. Reads live files like any reader; never writes.

`python -m opsmantik_box.ops.auditing` is the nightly job's helper; `opsmantik-box verify` does the same for everything there is.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from opsmantik_box.domain.audits import EXAMPLES, Audited, Kind, Order, Scope
from opsmantik_box.domain.months import month_of, next_month, previous_month
from opsmantik_box.domain.scoring import score
from opsmantik_box.domain.summary import Order as Summing
from opsmantik_box.link.errands import Say, serve_errand
from opsmantik_box.ops.copies import reading
from opsmantik_box.ops.summarising import Summary
from opsmantik_box.sql import load

SQL = load("audit")
EVER = (0, 1 << 53)
"""From the beginning to the end of time."""

Look = Callable[[sqlite3.Connection, Scope], Iterator[Audited]]


def run(order: Order, say: Say) -> list[Audited]:
    """What was found, also of what is in order. Raises CopyFailed."""
    with Auditor(Path(order.data)) as auditor:
        found: list[Audited] = []
        for scope in order.scopes:
            say(f"looking at site {scope.site_id}")
            found += auditor.audit(scope)
        found += auditor.checkpoints()
    start = min((scope.start for scope in order.scopes), default=order.now)
    return [*found, *audit_summary(order.data, order.now, start)]


def audit_summary(data: str, now: int, start: int, sites: Iterable[int] = ()) -> Iterator[Audited]:
    """Days from a time on whose summary is not what there is."""
    with Summary(Summing(data, now, 0, sites=list(sites))) as summary:
        for site_id, wrong, total in summary.differing(start):
            yield Audited("summary_differs", site_id, len(wrong), total, wrong[:EXAMPLES])


class Auditor:
    """The open files of a Box. Raises CopyFailed for one that cannot be read."""

    def __init__(self, data: Path) -> None:
        self._stack = ExitStack()
        self.ledger = self._stack.enter_context(reading(data / "ledger.db"))
        known = self.ledger.execute(SQL["list_months"]).fetchall()
        self._files = {month: data / "months" / file for month, file, _ in known}
        self._open: dict[str, sqlite3.Connection] = {}

    def __enter__(self) -> "Auditor":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def sites(self) -> list[int]:
        return [number for (number,) in self.ledger.execute(SQL["list_sites"])]

    def month(self, name: str) -> sqlite3.Connection | None:
        """None for a month whose file is not there."""
        if name not in self._open:
            file = self._files.get(name)
            if file is None or not file.exists():
                return None
            self._open[name] = self._stack.enter_context(reading(file))
        return self._open[name]

    def audit(self, scope: Scope) -> list[Audited]:
        """One site in one time."""
        found = [one for month in self._months_of(scope) for one in self._audit_month(month, scope)]
        return [*merged(found), self._matches(scope), self._duplicates(scope)]

    def _months_of(self, scope: Scope) -> list[str]:
        """A session may live in the month before or after its time."""
        first, last = previous_month(month_of(scope.start)), next_month(month_of(scope.end))
        return [month for month in self._files if first <= month <= last]

    def _audit_month(self, month: str, scope: Scope) -> Iterator[Audited]:
        db = self.month(month)
        if db is not None:
            for look in (_events, _sessions):
                yield from (_in_month(one, month) for one in look(db, scope))

    def _matches(self, scope: Scope) -> Audited:
        rows = self.ledger.execute(SQL["list_matches"], asdict(scope)).fetchall()
        lost = [str(number) for number, session, month in rows if not self._is_there(scope.site_id, session, month)]
        return Audited("calls_without_session", scope.site_id, len(lost), len(rows), lost[:EXAMPLES])

    def _is_there(self, site_id: int, session: str, month: str | None) -> bool:
        """In the month the call names; a call that names none may have it in any."""
        names = [month] if month else list(self._files)
        dbs = [db for name in names if (db := self.month(name)) is not None]
        return any(db.execute(SQL["find_session"], (site_id, session)).fetchone() for db in dbs)

    def _duplicates(self, scope: Scope) -> Audited:
        twice = [str(number) for (number,) in self.ledger.execute(SQL["duplicate_intents"], asdict(scope))]
        total: int = self.ledger.execute(SQL["count_intents"], asdict(scope)).fetchone()[0]
        return Audited("duplicate_intents", scope.site_id, len(twice), total, twice[:EXAMPLES])

    def checkpoints(self) -> Iterator[Audited]:
        """Month files that have applied what the ledger does not have."""
        last: int = self.ledger.execute(SQL["read_last_seq"]).fetchone()[0]
        ahead = [month for month in self._files if (seq := self._checkpoint(month)) is not None and seq > last]
        yield Audited("checkpoint_ahead", None, len(ahead), len(self._files), ahead[:EXAMPLES], ahead)

    def _checkpoint(self, month: str) -> int | None:
        db = self.month(month)
        row = db.execute(SQL["read_checkpoint"]).fetchone() if db is not None else None
        return row[0] if row else None


def _events(db: sqlite3.Connection, scope: Scope) -> Iterator[Audited]:
    told = asdict(scope)
    total, orphaned, early = db.execute(SQL["count_events"], told).fetchone()
    counted: tuple[tuple[Kind, int], ...] = (("orphaned_events", orphaned), ("events_before_session", early))
    for kind, wrong in counted:
        yield Audited(kind, scope.site_id, wrong, total, _examples(db, kind, told) if wrong else [])


def _sessions(db: sqlite3.Connection, scope: Scope) -> Iterator[Audited]:
    told = asdict(scope)
    groups: list[tuple[int, int, int, int, int]] = db.execute(SQL["count_sessions"], told).fetchall()
    total, without = sum(group[3] for group in groups), sum(group[4] for group in groups)
    off = [(fired, lead_score, count) for fired, _, lead_score, count, _ in groups if score(fired) != lead_score]
    some = [
        one
        for fired, lead_score, _ in off
        for one in _examples(db, "score_mismatch", told | {"fired": fired, "lead_score": lead_score})
    ]
    yield Audited("score_mismatch", scope.site_id, sum(count for _, _, count in off), total, some[:EXAMPLES])
    lost = _examples(db, "google_without_click", told) if without else []
    yield Audited("google_without_click", scope.site_id, without, total, lost)


def _examples(db: sqlite3.Connection, kind: Kind, told: dict[str, Any]) -> list[str]:
    return [one for (one,) in db.execute(SQL[kind], told | {"most": EXAMPLES})]


def _in_month(found: Audited, month: str) -> Audited:
    """With the file it was found in, when anything was."""
    return Audited(found.kind, found.site_id, found.wrong, found.total, found.examples, [month] if found.wrong else [])


def merged(found: Iterable[Audited]) -> list[Audited]:
    """Of several months, one for each kind."""
    by_kind: dict[Kind, Audited] = {}
    for one in found:
        before = by_kind.get(one.kind)
        by_kind[one.kind] = one if before is None else _add(before, one)
    return list(by_kind.values())


def _add(one: Audited, other: Audited) -> Audited:
    examples: Sequence[str] = [*one.examples, *other.examples][:EXAMPLES]
    return Audited(
        one.kind, one.site_id, one.wrong + other.wrong, one.total + other.total, list(examples), one.months + other.months
    )


if __name__ == "__main__":
    sys.exit(serve_errand(Order, run))
