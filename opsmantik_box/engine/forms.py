"""Forms with a contact, posted by the site's own server: a `form` intent that says whom to call or write to.

When `tell` returns, it survives power loss. One stamp is one form: sent twice it is stored once, and a form that the tracker told
before (with that `intent_stamp`) gets its contact instead of a second row. The contact is encrypted, and in no message of the feed.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from opsmantik_box.domain.feed import IntentBody, as_json
from opsmantik_box.domain.ids import event_id
from opsmantik_box.domain.leads import mask_email, mask_name, mask_number
from opsmantik_box.domain.matching import Call, Match, match
from opsmantik_box.domain.time import MAX_DELAY_MS
from opsmantik_box.engine.contacts import Contacts
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.leads import join_lead
from opsmantik_box.engine.marks import ERASED, Marks, is_erased
from opsmantik_box.engine.visits import SQL, UNMATCHED, Visits
from opsmantik_box.link.messages import TellForm, Told


class Forms:
    """The one way into the ledger for forms with a contact."""

    def __init__(self, core: Core, visits: Visits, contacts: Contacts, marks: Marks) -> None:
        self._core, self._ledger, self._db = core, core.ledger, core.ledger.db
        self._visits, self._contacts, self._marks = visits, contacts, marks

    def tell(self, told: TellForm, now: int) -> Told:
        """All or nothing. Raises LedgerFull, Unavailable, LedgerPoisoned."""
        if is_erased(self._db, self._marks.of("form", told.site_id, told.stamp)):
            return Told(told.rid, ERASED, None, None, duplicate=True)
        with self._core.minding(now), self._ledger.transaction():
            found = self._db.execute(SQL["find_form"], (told.site_id, told.stamp)).fetchone()
            answer = self._add(told, now) if found is None else self._complete(told, found)
        if answer.session_id is not None:
            self._core.sessions.contacted.add((told.site_id, event_id(answer.session_id) or b""))
        return answer

    def _add(self, told: TellForm, now: int) -> Told:
        site_id, told = told.site_id, replace(told, at=told.at if now - MAX_DELAY_MS <= told.at <= now else now)
        found = self._match(told, now)
        visit = UNMATCHED if found.chosen is None else self._visits.columns(site_id, found, now)
        row: dict[str, Any] = visit | {
            "site_id": site_id, "at": told.at, "now": now, "stamp": told.stamp, "target": told.target, "page": told.page,
            "consent": told.consent, "matched_fingerprint": told.fingerprint or None,
        }  # fmt: skip
        row["id"] = self._db.execute(SQL["add_form"], row).get
        self._keep_contact(told, row["id"], 1)
        weak = found.chosen is None or found.chosen.weak
        row["lead"] = join_lead(
            self._db, row["id"], site_id, told.at, session=row["matched_session_id"],
            fingerprint=None if weak else row["matched_fingerprint"],
            phone_hash=self._contacts.hash_number(site_id, told.phone),
        )  # fmt: skip
        self._ledger.add_feed(now, "intent", site_id, row["id"], as_json(_body(row)))
        return Told(told.rid, row["id"], row["matched_session_id"], row["lead_score_at_match"])

    def _complete(self, told: TellForm, found: tuple[Any, ...]) -> Told:
        """The row is there: it gets a contact if it has none. (What a screen shows of it did not change.)"""
        call_id, phone, contact, session, score, version = found
        fresh = not phone and not contact
        if fresh:
            self._keep_contact(told, call_id, version + 1)
        return Told(told.rid, call_id, session, score, duplicate=not fresh)

    def _keep_contact(self, told: TellForm, call_id: int, version: int) -> None:
        phone = self._contacts.seal("phone_number", call_id, told.phone)
        person = {key: value for key, value in (("name", told.name), ("email", told.email)) if value}
        contact = self._contacts.seal("contact", call_id, msgspec.json.encode(person).decode() if person else "")
        shown = mask_number(told.phone) if told.phone else "", mask_name(told.name), mask_email(told.email)
        phone_hash = self._contacts.hash_number(told.site_id, told.phone)
        self._db.execute(SQL["keep_contact"], (phone, phone_hash, contact, *shown, version, call_id))

    def _match(self, told: TellForm, now: int) -> Match:
        """The very session the site's server names; else by fingerprint, as a call. Never suspicious: a form needs no dialling."""
        named = self._visits.of_session(told.site_id, told.session, told.at) if told.session else None
        if named is not None:
            return Match("fingerprint", named, (named,))
        if not told.fingerprint:
            return Match()
        call = Call(told.at, now, fingerprint=told.fingerprint)
        return match(call, self._visits.of_fingerprint(told.site_id, told.fingerprint))


def _body(row: dict[str, Any]) -> IntentBody:
    return IntentBody(
        id=row["id"], lead=row["lead"], at=row["at"], action="form", target=row["target"], page=row["page"], position="",
        session=row["matched_session_id"] or "", session_month=row["matched_session_month"] or "", score=row["lead_score"],
        breakdown=msgspec.json.decode(row["score_breakdown"], type=dict[str, int]), attribution=row["attribution_at_tap"] or "",
        device="", is_bot=bool(row["is_bot"]), is_internal=bool(row["is_internal"]), rank=row["attribution_rank_at_tap"],
    )  # fmt: skip
