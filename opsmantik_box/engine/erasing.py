"""Erasing what was found of a visitor: from the ledger in one transaction, and from the months that are open in the same turn of the
loop, so that no signal comes in between. The ids of their signals stay known: sent again they are repeats, and bring nobody back.

What others have is left as it is, but for the pointers at what goes: their calls' candidates, and the name of a lead they shared.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import apsw
import msgspec

from opsmantik_box.domain.days import day_of
from opsmantik_box.domain.erasure import Tables
from opsmantik_box.domain.feed import ErasedBody, as_json
from opsmantik_box.domain.ids import is_weak, uuid_text
from opsmantik_box.domain.matching import WINDOW_MS
from opsmantik_box.domain.notices import contact_of
from opsmantik_box.domain.summary import QUARTER_MS
from opsmantik_box.engine.connections import all_rows, atomically
from opsmantik_box.engine.contact_rows import Contact, Lost, erase_contacts, list_contacts, lost_with, note_lost, read_contacts
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.due_days import Quarter
from opsmantik_box.engine.finding import Finding
from opsmantik_box.engine.marks import SQL, Marks

LEDGER = "ledger.db"


class Erasing:
    """One erasure in the ledger. `tables` counts the rows of every file, `months` has the sessions that are to go (number by number).
    `again`: it was in the ledger before, when what the days lost was counted."""

    def __init__(self, core: Core, found: Finding, timezones: Mapping[int, str], now: int, *, again: bool) -> None:
        self._core, self._db, self._found, self._now = core, core.ledger.db, found, now
        self._timezones, self._again = timezones, again
        self._visits = {(site_id, uuid_text(session)) for site_id, session in found.sessions}
        self._texts = [session for _, session in self._visits]
        self.tables: Tables = {}
        self.months: dict[str, list[int]] = {}
        self._quarters: set[Quarter] = set()
        self._lost: Lost = Lost()

    def look_into_months(self) -> None:
        """What goes from them, before it does. Raises MonthDamaged."""
        for month in self._core.months.there():
            with self._core.months.using(month) as db:
                self._look_into(month, db)

    def _look_into(self, month: str, db: apsw.Connection) -> None:
        for site_id, session in self._found.sessions:
            for no, at, counts, events in all_rows(db, SQL["read_erased_session"], (site_id, uuid_text(session))):
                self.months.setdefault(month, []).append(no)
                self._quarters.add((site_id, at // QUARTER_MS))
                if not self._again:
                    self._count(f"months/{month}.db", sessions=1, events=events)
                    self._lost[site_id, day_of(at, self._timezones[site_id]), "sessions"] += counts

    def erase(self, marks: Marks, remember: Callable[[], None]) -> None:
        """Everything of the ledger, in the caller's transaction. `remember` is called when all marks are known, before any row goes."""
        contacts = self._contacts()
        self._found.wanted |= self._came_with(contacts, marks)
        remember()
        if contacts:
            self._erase_feed()
        if self._visits:
            self._erase_candidates()
        self._erase_records()
        self._erase_answers(contacts)
        clicks = self._erase_touches() | {one.click_id for one in contacts if one.click_id}
        self._erase_deliveries(clicks, {one.id for one in contacts})
        self._erase_signals()
        self._count(LEDGER, **erase_contacts(self._db))
        note_lost(self._db, +(self._lost + lost_with(contacts, self._timezones)), "erased", self._now)
        self._tell(contacts)

    def _contacts(self) -> list[Contact]:
        db, found = self._db, self._found
        for site_id, session in found.sessions:
            list_contacts(db, "list_erasing_session", uuid_text(session), site_id)
        for site_id, fingerprint in found.fingerprints:
            list_contacts(db, "list_erasing_fingerprint", site_id, fingerprint)
        for site_id, number in found.numbers:
            list_contacts(db, "list_erasing_number", site_id, number)
        for contact in found.contacts:
            list_contacts(db, "list_erasing_contact", contact)
        return read_contacts(db)

    def _came_with(self, contacts: list[Contact], marks: Marks) -> set[bytes]:
        """By what they would come again: an exchange's id of a call, a form's stamp, a message's id."""
        calls = {marks.of_call(one.site_id, one.provider, one.provider_call_id) for one in contacts if one.provider_call_id}
        forms = {marks.of("form", one.site_id, one.stamp) for one in contacts if one.source == "form" and one.stamp}
        return calls | forms | {marks.of("message", *told) for told in all_rows(self._db, SQL["read_erasing_messages"])}

    def _erase_feed(self) -> None:
        for statement in ("erase_feed_of_contacts", "erase_feed_of_work"):
            self._db.execute(SQL[statement])
            self._count(LEDGER, feed=self._db.changes())

    def _erase_candidates(self) -> None:
        """Visits that others' calls may have come from, or were said to."""
        for seq, site_id, body in all_rows(self._db, SQL["list_calls_told"]):
            if any(text in body for text in self._texts):
                self._db.execute(SQL["change_call_told"], (as_json(self._without_visits(site_id, msgspec.json.decode(body))), seq))
        for span in _spans(self._found):
            for number, site_id, candidates in all_rows(self._db, SQL["list_candidates"], span):
                if any(text in candidates for text in self._texts):
                    left = self._left(site_id, msgspec.json.decode(candidates))
                    self._db.execute(SQL["change_candidates"], (msgspec.json.encode(left).decode() if left else None, number))

    def _without_visits(self, site_id: int, call: dict[str, Any]) -> dict[str, Any]:
        """A message of a call (CallBody)."""
        gone = {"session": None, "session_month": None} if (site_id, call["session"]) in self._visits else {}
        return call | gone | {"candidates": self._left(site_id, call["candidates"])}

    def _left(self, site_id: int, candidates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for one in candidates if (site_id, one["session_id"]) not in self._visits]

    def _erase_records(self) -> None:
        """Of the audit log: which visit it was that an operator picked."""
        self._db.executemany(SQL["erase_record"], [(number,) for number in self._found.records])
        self._count(LEDGER, audit_log=len(self._found.records))

    def _erase_answers(self, contacts: list[Contact]) -> None:
        gone, leads = {one.id for one in contacts}, {one.id for one in contacts if one.whole_lead}
        texts = [text.encode() for text in self._texts]
        for user_id, key, answer in all_rows(self._db, SQL["list_answers"]):
            told = _rows_in(msgspec.msgpack.decode(answer))
            if any(text in answer for text in texts) or any(row.get("id") in gone or row.get("lead") in leads for row in told):
                self._db.execute(SQL["erase_answer"], (user_id, key))
                self._count(LEDGER, idempotency_keys=1)

    def _erase_touches(self) -> set[str]:
        """Their click ids."""
        clicks: set[str] = set()
        for site_id, fingerprint in self._found.fingerprints:
            clicks |= self._erase_some_touches("erase_touches_of_visitor", site_id, fingerprint)
        for (site_id, session), seen in self._found.sessions.items():
            for fingerprint in seen.fingerprints:
                clicks |= self._erase_some_touches("erase_touches_of_session", site_id, fingerprint, uuid_text(session))
        return clicks

    def _erase_some_touches(self, statement: str, *of: object) -> set[str]:
        gone = all_rows(self._db, SQL[statement], of)
        self._count(LEDGER, touches=len(gone))
        return {click for (click,) in gone}

    def _erase_deliveries(self, clicks: set[str], contacts: set[int]) -> None:
        """Whatever carries an id of theirs or tells of a contact, sent or not."""
        told = {*clicks, *(fingerprint for _, fingerprint in self._found.fingerprints if not is_weak(fingerprint))}
        ids = [text.encode() for text in (*told, *self._texts)]
        for number, kind, key, payload in all_rows(self._db, SQL["list_deliveries"]):
            if contact_of(kind, key) in contacts or any(one in payload for one in ids):
                self._db.execute(SQL["erase_delivery"], (number,))
                self._count(LEDGER, outbox=1)

    def _erase_signals(self) -> None:
        found = self._found
        self._db.executemany(SQL["erase_signal"], [(seq,) for seq in found.signals])
        for one in found.quarantined:
            self._db.execute(SQL["erase_signal"], (one.seq,))
            self._core.ledger.processed.forget_error(one.site_id, one.event_id)
        self._count(LEDGER, signals=len(found.signals) + len(found.quarantined))

    def _tell(self, contacts: list[Contact]) -> None:
        """Screens that show them."""
        for site_id in sorted({one.site_id for one in contacts}):
            mine = [one.id for one in contacts if one.site_id == site_id]
            body = as_json(ErasedBody(self._now, mine))
            self._core.ledger.add_feed(self._now, "erased", site_id, mine[0], body)

    def erase_from(self, month: str) -> None:
        """The sessions of one month, with their events. Raises MonthDamaged, apsw.BusyError, apsw.FullError."""
        with self._core.months.using(month) as db, atomically(db):
            self._core.due.mark(self._quarters)
            for no in self.months.get(month, []):
                db.execute(SQL["erase_events"], (no,))
                db.execute(SQL["erase_session"], (no,))

    def _count(self, file: str, **rows: int) -> None:
        counted = self.tables.setdefault(file, {})
        for table, count in rows.items():
            if count:
                counted[table] = counted.get(table, 0) + count


def _spans(found: Finding) -> list[tuple[int, int, int]]:
    """(site, from, to): when calls may have come from one of the visits. A time is in one of them only."""
    spans: list[tuple[int, int, int]] = []
    for site_id, first, last in sorted(
        (key[0], seen.first - 2 * WINDOW_MS, seen.last + 2 * WINDOW_MS) for key, seen in found.sessions.items()
    ):
        if spans and spans[-1][0] == site_id and first <= spans[-1][2]:
            spans[-1] = (site_id, spans[-1][1], max(last, spans[-1][2]))
        else:
            spans.append((site_id, first, last))
    return spans


def _rows_in(answer: Any) -> Iterator[dict[str, Any]]:
    """The rows and leads that an answer of the desk tells of."""
    for one in answer if isinstance(answer, list) else [answer]:
        row = one.get("row", one) if isinstance(one, dict) else None
        if isinstance(row, dict):
            yield row
