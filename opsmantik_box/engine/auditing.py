"""The nightly audit, the engine's part: has a helper look at each site's day, and keeps what it found. What is too much of it is an alert
(domain/watch/): the newest run counts."""

import json
from typing import Any

import msgspec

from opsmantik_box.domain.audits import Audited, Order, Scope
from opsmantik_box.domain.days import day_bounds, day_of
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.jobs import Outcome, Turn
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.sql import load

SQL = load("audits")
HELPER = "opsmantik_box.ops.auditing"


async def audit_data_integrity(turn: Turn, _arguments: dict[str, Any]) -> Outcome:
    """Each site's last whole day, by its own clocks."""
    scopes = [yesterday(site.id, site.timezone, turn.now()) for site in turn.service.directory.sites.values()]
    order = Order(str(turn.core.folder.root), scopes, turn.now())
    found = msgspec.convert(await turn.errand(HELPER, order), list[Audited])
    with turn.core.minding(turn.now()), turn.core.ledger.transaction():
        write_audit(turn.core.ledger, found, turn.now())
    wrong = [one for one in found if one.wrong]
    text = "; ".join(map(str, wrong)) or "nothing is wrong"
    return Outcome(f"{len(found)} audits: {text}.", {"wrong": {one.kind: one.wrong for one in wrong}})


def yesterday(site_id: int, timezone: str, now: int) -> Scope:
    today, _ = day_bounds(day_of(now, timezone), timezone)
    return Scope(site_id, day_bounds(day_of(today - 1, timezone), timezone)[0], today)


def write_audit(ledger: Ledger, found: list[Audited], now: int) -> None:
    """A run, and what it found wrong; in the caller's transaction."""
    rows: list[tuple[str, int, int | None, str, str]] = [("run", now, None, "done", "{}")]
    for one in found:
        if one.wrong:
            told = msgspec.json.encode({"wrong": one.wrong, "total": one.total, "examples": one.examples}).decode()
            rows.append((one.kind, now, one.site_id, "wrong", told))
    ledger.db.executemany(SQL["add_audit"], rows)


def newest_findings(ledger: Ledger) -> list[Audited]:
    """What the last run found wrong."""
    return [
        msgspec.convert(json.loads(details) | {"kind": kind, "site_id": site_id}, Audited)
        for kind, site_id, details in all_rows(ledger.db, SQL["newest_findings"])
    ]
