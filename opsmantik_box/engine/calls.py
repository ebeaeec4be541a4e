"""Calls: what an exchange or `/api/call-event` tells of one becomes one row of `calls`, matched with the visit it came from.

When `tell` returns, what was told survives power loss: row, match and feed are one transaction of the ledger. However often, late or
out of order the events of a call come, they make one row; an event that says nothing new writes nothing. Never seals anything, and
never changes what a person picked.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from opsmantik_box.domain.calls import CallState, CallUpdate, merge_call
from opsmantik_box.domain.feed import CallBody, as_json
from opsmantik_box.domain.ids import event_id
from opsmantik_box.domain.leads import mask_number
from opsmantik_box.domain.matching import WINDOW_MS, Call, Candidate, Match, match, pick, rang_at, search_span, target_of_call
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.contacts import Contacts
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.leads import join_lead
from opsmantik_box.engine.marks import ERASED, Marks, is_erased
from opsmantik_box.engine.visits import SQL, UNMATCHED, Visits
from opsmantik_box.engine.writing import Arrived
from opsmantik_box.link.messages import TellCall, Told

ENOUGH = 20
"""Candidates after which a call is not looked at again for a late tap: nobody picks from more, and nobody can make it grow for ever."""
KEPT_MS = 35 * 86_400_000
"""A message's id is known for this long, as a signal's is."""

COLUMNS: tuple[str, ...] = (
    "id", "received_at", "at", "phone_number", "called_number", "direction", "call_state", "answered_at", "ended_at", "duration_sec",
    "provider", "provider_call_id", "matched_session_id", "matched_session_month", "matched_fingerprint", "match_how",
    "match_likelihood", "candidates", "matched_at", "lead_score", "lead_score_at_match", "score_breakdown", "attribution_at_tap",
    "attribution_rank_at_tap", "attribution_source", "is_bot", "is_internal", "status", "masked_number", "phone_hash", "version", "lead_id",
)  # fmt: skip
"""Of read_call, in its order."""

Row = dict[str, Any]


class Calls:
    """The one way into the ledger for calls."""

    def __init__(self, core: Core, visits: Visits, contacts: Contacts, marks: Marks) -> None:
        self._core, self._ledger, self._db = core, core.ledger, core.ledger.db
        self._visits, self._contacts, self._marks = visits, contacts, marks

    def tell(self, told: TellCall, now: int) -> Told:
        """All or nothing. Raises LedgerFull, Unavailable, LedgerPoisoned."""
        if self._is_erased(told):
            return Told(told.rid, ERASED, None, None)
        with self._core.minding(now):
            with self._ledger.transaction():
                known = self._db.execute(SQL["find_message"], (told.site_id, told.message_id)).get
                call_id = known or self._put(told, now)
                if told.hook_id:
                    self._db.execute(SQL["note_call"], (now, told.hook_id))
            return Told(told.rid, *all_rows(self._db, SQL["read_answer"], (call_id,))[0])

    def read(self, call_id: int) -> CallBody:
        """A call as it is now."""
        return _body(self._row(call_id))

    def pick(self, site_id: int, call_id: int, session: str | None, now: int) -> CallBody:
        """A person says which of its candidates it came from, or that it was none of them; in the caller's transaction. Picking what
        was picked already changes nothing. Raises UsageError."""
        row = self._row(call_id)
        found = pick(_candidates(row), session)
        if (row["match_how"], row["matched_session_id"]) == (found.how, session):
            return _body(row)
        return self._rematch(site_id, row, found, now)

    def unpick(self, site_id: int, call_id: int, now: int) -> CallBody:
        """Its visit is to be found again, from what is known now and what was recorded; in the caller's transaction."""
        row = self._row(call_id)
        if row["match_how"] != "operator":
            return _body(row)
        call = _as_call(row)
        return self._rematch(site_id, row, match(call, _joined(_candidates(row), self._look(site_id, call))), now)

    def await_visits(self, since: int) -> None:
        """At the start: what calls without a visit wait for."""
        for site_id, called_number, fingerprint in all_rows(self._db, SQL["list_waiting"], (since,)):
            self._await(site_id, Call(0, 0, called_number, fingerprint))

    def _await(self, site_id: int, call: Call) -> None:
        key = call.fingerprint or target_of_call(call)
        if key:
            self._core.sessions.awaited.add((site_id, key))

    def meet(self, arrived: Iterable[Arrived], now: int) -> None:
        """Taps and visits have come that happened around calls without a visit: each is matched by the same rules as when it was told.
        A call that has its visit keeps it. In the caller's transaction. Raises MonthDamaged."""
        waiting: dict[int, int] = {}
        for site_id, key, at in arrived:
            by, value = ("number", key.removeprefix("tel:")) if key.startswith("tel:") else ("fingerprint", key)
            asked = (site_id, value, at - WINDOW_MS, at + WINDOW_MS)
            waiting |= {call_id: site_id for (call_id,) in all_rows(self._db, SQL[f"find_waiting_by_{by}"], asked)}
        for call_id, site_id in sorted(waiting.items()):
            self._look_again(site_id, self._row(call_id), now)

    def _look_again(self, site_id: int, row: Row, now: int) -> None:
        known, call = _candidates(row), _as_call(row)
        if len(known) >= ENOUGH:
            return
        found = match(call, self._look(site_id, call))
        more = {(one.session_id, one.tap_id) for one in found.candidates} - {(one.session_id, one.tap_id) for one in known}
        if found.how or more:
            self._rematch(site_id, row, found, now)

    def _rematch(self, site_id: int, row: Row, found: Match, now: int) -> CallBody:
        new = row | self._matched(site_id, found, _own_fingerprint(row), row, now)
        return _body(self._keep(site_id, row, new, now))

    def _is_erased(self, told: TellCall) -> bool:
        """More of a call that was erased: it stays away."""
        site_id, update = told.site_id, told.update
        marks = [self._marks.of("message", site_id, told.message_id)] if told.message_id else []
        if update.provider_call_id:
            marks.append(self._marks.of_call(site_id, update.provider, update.provider_call_id))
        return is_erased(self._db, *marks)

    def _put(self, told: TellCall, now: int) -> int:
        site_id = told.site_id
        row = self._find(site_id, told.update)
        known = self._state(row) if row else None
        state = merge_call(known, told.update)
        fingerprint = told.fingerprint or (_own_fingerprint(row) if row else "")
        if row is None or state != known or (fingerprint != _own_fingerprint(row) and row["match_how"] != "operator"):
            row = self._save(site_id, row, state, fingerprint, now)
        if told.message_id:
            self._db.execute(SQL["forget_messages"], (now - KEPT_MS,))
            self._db.execute(SQL["remember_message"], (site_id, told.message_id, row["id"], now))
        return row["id"]

    def _find(self, site_id: int, update: CallUpdate) -> Row | None:
        if not update.provider_call_id:
            return None
        call_id = self._db.execute(SQL["find_call"], (site_id, update.provider, update.provider_call_id)).get
        return None if call_id is None else self._row(call_id)

    def _row(self, call_id: int) -> Row:
        return dict(zip(COLUMNS, all_rows(self._db, SQL["read_call"], (call_id,))[0], strict=True))

    def _state(self, row: Row) -> CallState:
        number = self._contacts.unseal("phone_number", row["id"], row["phone_number"])
        return CallState(
            row["provider"], row["provider_call_id"] or "", row["call_state"], row["at"], row["direction"], number,
            row["called_number"], row["answered_at"], row["ended_at"], row["duration_sec"],
        )  # fmt: skip

    def _save(self, site_id: int, row: Row | None, state: CallState, fingerprint: str, now: int) -> Row:
        received_at = row["received_at"] if row else now
        call = Call(state.at, received_at, state.called_number, fingerprint)
        new: Row = dict(row) if row else UNMATCHED | {"id": self._add(site_id, state, now), "candidates": None, "status": None}
        new |= self._told(site_id, new["id"], state) | {"at": rang_at(call), "received_at": received_at}
        if row is None or _is_open(row, call):
            new |= self._matched(site_id, match(call, self._look(site_id, call)), fingerprint, row, now)
        return self._keep(site_id, row, new, now)

    def _keep(self, site_id: int, row: Row | None, new: Row, now: int) -> Row:
        """The row as it is from now on, and its message."""
        self._join_lead(site_id, row, new)
        if not new["match_how"]:
            self._await(site_id, _as_call(new))
        if new["matched_session_id"] is not None:  # from now on the row shows what is known of its visit
            self._core.sessions.contacted.add((site_id, event_id(new["matched_session_id"]) or b""))
        new["version"] = self._db.execute(SQL["save_call"], new).get
        self._ledger.add_feed(now, "call", site_id, new["id"], as_json(_body(new)), new["version"])
        return new

    def _join_lead(self, site_id: int, row: Row | None, new: Row) -> None:
        """Chosen once; but a call that finds its visit later, and with whose own lead nobody did anything, chooses again."""
        found = new["matched_session_id"] is not None and row is not None and row["matched_session_id"] is None
        alone = {"id": new["id"], "site_id": site_id, "phone_hash": new["phone_hash"]}
        if row is None or (found and row["lead_id"] == row["id"] and self._db.execute(SQL["is_alone"], alone).get):
            new["lead_id"] = join_lead(
                self._db, new["id"], site_id, new["at"], session=new["matched_session_id"], fingerprint=new["visitor"],
                phone_hash=new["phone_hash"],
            )  # fmt: skip

    def _add(self, site_id: int, state: CallState, now: int) -> int:
        row = {"site_id": site_id, "at": state.at, "now": now, "provider": state.provider}
        return self._db.execute(SQL["add_call"], row | {"provider_call_id": state.provider_call_id or None}).get

    def _told(self, site_id: int, call_id: int, state: CallState) -> Row:
        """What the row keeps of what was told, match aside."""
        return {
            "phone_number": self._contacts.seal("phone_number", call_id, state.number),
            "phone_hash": self._contacts.hash_number(site_id, state.number),
            "masked_number": mask_number(state.number) if state.number else "",
            "called_number": state.called_number, "direction": state.direction, "call_state": state.state,
            "answered_at": state.answered_at, "ended_at": state.ended_at, "duration_sec": state.duration_sec,
        }  # fmt: skip

    def _matched(self, site_id: int, found: Match, own: str, row: Row | None, now: int) -> Row:
        """What the row says of its visit; `own`: the fingerprint the call was told with. A visit it had already keeps what was known at
        the first match."""
        chosen, status = found.chosen, row["status"] if row else None
        if status in (None, "suspicious"):  # nobody judged it: then it is matching's to say
            status = "suspicious" if found.suspicious else None
        told: Row = {"status": status, "visitor": None, "match_how": found.how, "candidates": _as_column(found.candidates)}
        if chosen is None:
            return UNMATCHED | told | {"matched_fingerprint": own or None}
        told["visitor"] = None if chosen.weak else own or None
        told["matched_fingerprint"] = own or self._db.execute(SQL["find_tap_visitor"], (chosen.tap_id,)).get
        if row and row["matched_session_id"] == chosen.session_id:
            return told | {"match_likelihood": chosen.likelihood}
        return self._visits.columns(site_id, found, now) | told

    def _look(self, site_id: int, call: Call) -> list[Candidate]:
        """The visits it may have come from, as far as they are known."""
        if call.fingerprint:
            return self._visits.of_fingerprint(site_id, call.fingerprint)
        target = target_of_call(call)
        return self._visits.of_target(site_id, target, search_span(call)) if target else []


def _as_column(candidates: tuple[Candidate, ...]) -> str | None:
    """As the column keeps them."""
    return msgspec.json.encode(candidates).decode() if candidates else None


def _candidates(row: Row) -> tuple[Candidate, ...]:
    """Those that were recorded, likeliest first."""
    return msgspec.json.decode(row["candidates"] or "[]", type=tuple[Candidate, ...])


def _joined(recorded: Iterable[Candidate], fresh: Iterable[Candidate]) -> list[Candidate]:
    """Each once, as it is known now; of a closed month, as it was recorded."""
    return list({(one.session_id, one.tap_id): one for one in (*recorded, *fresh)}.values())


def _own_fingerprint(row: Row) -> str:
    """What the call itself was told with; that of a visit found by number is the tap's."""
    session = row["matched_session_id"]
    by_number = any(one.tap_id for one in _candidates(row)) if row["match_how"] == "operator" else row["match_how"] == "number"
    return "" if session and by_number else row["matched_fingerprint"] or ""


def _as_call(row: Row) -> Call:
    return Call(row["at"], row["received_at"], row["called_number"], _own_fingerprint(row))


def _is_open(row: Row, call: Call) -> bool:
    """Is there still something to match? Not what a person decided; else what has no visit yet, or is asked for differently now."""
    if row["match_how"] == "operator":
        return False
    return not row["match_how"] or _as_call(row) != replace(call, at=rang_at(call))


def _body(row: Row) -> CallBody:
    return CallBody(
        id=row["id"], lead=row["lead_id"], at=row["at"], state=row["call_state"], direction=row["direction"], number=row["masked_number"],
        called_number=row["called_number"], answered_at=row["answered_at"], ended_at=row["ended_at"],
        duration_sec=row["duration_sec"], status=row["status"], how=row["match_how"], likelihood=row["match_likelihood"],
        session=row["matched_session_id"], session_month=row["matched_session_month"], score=row["lead_score"],
        breakdown=msgspec.json.decode(row["score_breakdown"], type=dict[str, int]), attribution=row["attribution_source"],
        is_bot=bool(row["is_bot"]), is_internal=bool(row["is_internal"]), candidates=_candidates(row),
        version=row["version"], rank=row["attribution_rank_at_tap"],
    )  # fmt: skip
