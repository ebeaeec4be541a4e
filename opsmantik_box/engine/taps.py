"""Taps on a phone number, WhatsApp or a form's button: each becomes one intent, a row of `calls` and of the feed, once."""

from typing import Any

from opsmantik_box.domain.attribution import NAMES, Rank
from opsmantik_box.domain.decisions import Decision, Known
from opsmantik_box.domain.feed import IntentBody, as_json
from opsmantik_box.domain.ids import uuid_text
from opsmantik_box.domain.scoring import breakdown, score
from opsmantik_box.domain.signals import Arrival, Signal, Tap, decode_payload
from opsmantik_box.engine.leads import join_lead
from opsmantik_box.engine.ledger import SQL, Ledger

NEAR_MS = 10_000
"""Two taps without a stamp on the same target within this time are one intent."""


class Taps:
    """Those of one batch, inside its transaction. `restamped`: stamps that another session had used before."""

    def __init__(self, ledger: Ledger, now: int) -> None:
        self._ledger, self._db, self._now = ledger, ledger.db, now
        self.restamped = 0

    def add(self, site_id: int, arrival: Arrival, tap: Tap, decision: Decision, known: Known) -> bool:
        """A row of `calls` and of the feed, unless this tap is known already; whether it was new."""
        session = uuid_text(arrival.signal.sid)
        stamp = self._own_stamp(site_id, arrival, tap, session)
        if stamp is None:
            return False
        row: dict[str, Any] = self._row(site_id, arrival, tap, decision, known) | {"stamp": stamp}
        row["id"] = self._db.execute(SQL["add_intent"], row | {"breakdown": as_json(row["breakdown"])}).get
        visitor = None if arrival.signal.weak else row["fingerprint"]
        row["lead"] = join_lead(self._db, row["id"], site_id, row["at"], session=session, fingerprint=visitor, phone_hash=None)
        self._ledger.add_feed(self._now, "intent", site_id, row["id"], as_json(_body(row)))
        return True

    def _own_stamp(self, site_id: int, arrival: Arrival, tap: Tap, session: str) -> str | None:
        """The stamp the new intent gets; None when there is an intent for this tap."""
        made = f"box-{arrival.event_ids[0].hex()}"
        if not tap.stamp:
            at = arrival.signal.at
            near = (session, site_id, tap.action, tap.target, at - NEAR_MS, at + NEAR_MS)
            return None if self._db.execute(SQL["find_near_tap"], near).get is not None else made
        owner = self._db.execute(SQL["find_stamp"], (site_id, tap.stamp)).get
        if owner is None:
            return tap.stamp
        if owner in (session, ""):
            return None
        self.restamped += 1
        return made

    def _row(self, site_id: int, arrival: Arrival, tap: Tap, decision: Decision, known: Known) -> dict[str, Any]:
        signal = arrival.signal
        fired, rank = known.fired | decision.fired, min(known.rank, decision.rank)
        click = signal.click
        return {
            "site_id": site_id,
            "at": signal.at,
            "received_at": signal.received_at,
            "session_id": uuid_text(signal.sid),
            "month": decision.month,
            "fingerprint": signal.fingerprint or None,
            "score": score(fired),
            "breakdown": breakdown(fired),
            "attribution": NAMES[Rank(rank)],
            "rank": rank,
            "is_bot": int(known.is_bot or bool(signal.bot_reason)),
            "is_internal": int(known.is_internal or signal.internal),
            "source": "form" if tap.action == "form" else "click",
            "action": tap.action,
            "target": tap.target,
            "page": decode_payload(arrival.payload).u,
            "position": tap.position,
            "click_id": click.id if click else None,
            "click_kind": click.kind if click else None,
            "click_at": self._click_time(site_id, signal),
            "consent": signal.consent,
            "device": signal.device,
            "place": signal.district or signal.city,
        }

    def _click_time(self, site_id: int, signal: Signal) -> int | None:
        if signal.click is None:
            return None
        return self._db.execute(SQL["find_touch"], (site_id, signal.fingerprint, signal.click.kind, signal.click.id)).get


def _body(row: dict[str, Any]) -> IntentBody:
    return IntentBody(
        id=row["id"], lead=row["lead"], at=row["at"],
        action=row["action"], target=row["target"], page=row["page"], position=row["position"],
        session=row["session_id"], session_month=row["month"], score=row["score"], breakdown=row["breakdown"],
        attribution=row["attribution"], device=row["device"], place=row["place"], is_bot=bool(row["is_bot"]),
        is_internal=bool(row["is_internal"]), rank=row["rank"],
    )  # fmt: skip
