"""Which lead a new intent or call belongs to: chosen once, in the transaction that adds it, and never again."""

from typing import Any

import apsw

from opsmantik_box.domain.leads import LEAD_MS, choose_lead
from opsmantik_box.sql import load

SQL = load("desk")


def join_lead(
    db: apsw.Connection,
    call_id: int,
    site_id: int,
    at: int,
    *,
    session: str | None,
    fingerprint: str | None,
    phone_hash: bytes | None,
) -> int:
    """The lead of a row of `calls` that was just added. `fingerprint` is None when it is weak or absent: identical phones share it.
    What says nothing of a visitor is a lead of its own."""
    near = {"from_ms": at - 2 * LEAD_MS, "to_ms": at + 2 * LEAD_MS}
    asked = {"id": call_id, "site_id": site_id, "session": session, "fingerprint": fingerprint, "phone_hash": phone_hash}
    found: Any = db.execute(SQL["find_leads"], asked | near).fetchall()
    lead = choose_lead(at, found) or call_id
    db.execute(SQL["join_lead"], (lead, call_id))
    return lead
