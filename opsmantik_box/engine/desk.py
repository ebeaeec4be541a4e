"""The desk: verdicts, picks and work, as rows. Each method is called inside one transaction of the ledger, and decides on the state
the commit before it left: of two who claim at once exactly one wins.

Promises: what changed and what is said of it (trail, feed, audit) are one commit; another tenant's row is no row. Decides nothing itself:
the rules are domain/verdicts.py, work.py and opening.py.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from opsmantik_box.domain.desk import LeadState, Number, WorkBody, WorkKind
from opsmantik_box.domain.feed import CallBody, as_json
from opsmantik_box.domain.opening import hours_of
from opsmantik_box.domain.sites import Site
from opsmantik_box.domain.verdicts import MOST_NOTE, Asked, Row, Said, Verdict, check_version, judge, judge_all, undo
from opsmantik_box.domain.work import (
    Attempt,
    Claim,
    Outcome,
    Reminder,
    claim_lead,
    is_held,
    read_when,
    record_attempt,
    release_lead,
    sees_number,
)
from opsmantik_box.engine.asking import Asker
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.ledger import SQL as LEDGER_SQL
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.engine.telling import Telling
from opsmantik_box.errors import BoxError, Conflict, NoSuchIntent, UsageError
from opsmantik_box.sql import load

SQL = load("desk")
NEEDED = "operate"


class Contact(NamedTuple):
    """A row of `calls`: whose it is, the lead it belongs to, whom to call back (sealed), and what verdicts look at."""

    site_id: int
    lead: int
    phone: bytes
    person: bytes
    row: Row


class Desk:
    """What `asker` does at `now` (UTC ms)."""

    def __init__(self, ledger: Ledger, sites: Mapping[int, Site], telling: Telling, asker: Asker, now: int) -> None:
        self._ledger, self._db, self._sites, self._telling = ledger, ledger.db, sites, telling
        self._asker, self._now = asker, now

    # --- verdicts -----------------------------------------------------------------------------------------------------------------

    def judge(self, asked: Asked) -> Row:
        """The row as it is then. Raises NoSuchIntent, Forbidden, Conflict (`current`: the row), UsageError."""
        contact = self._contact(asked.id)
        return self._said(contact, judge(contact.row, asked, self._asker.user_id, self._now))

    def judge_many(self, asked: Sequence[Asked]) -> list[Row | BoxError]:
        """What became of each, in order; one refusal stops no other."""
        found = {number: self._look(number) for number in {one.id for one in asked}}
        contacts = {number: one for number, one in found.items() if isinstance(one, Contact)}
        known = [one for one in asked if one.id in contacts]
        rows = {number: contact.row for number, contact in contacts.items()}
        outcomes = iter(judge_all(rows, known, self._asker.user_id, self._now))
        answers: list[Row | BoxError] = []
        for one in asked:
            contact = found[one.id]
            outcome = contact if isinstance(contact, BoxError) else next(outcomes)
            if isinstance(contact, Contact) and not isinstance(outcome, BoxError):
                outcome = self._said(contact._replace(row=rows[one.id]), outcome)
                rows[one.id] = outcome
            assert isinstance(outcome, Row | BoxError)
            answers.append(outcome)
        return answers

    def undo(self, number: int, version: int) -> Row:
        """Back before the newest verdict, which must be the asker's own. Raises as `judge`."""
        contact = self._contact(number)
        trail = [Said(*line) for line in reversed(all_rows(self._db, SQL["read_trail"], (number,)))]
        return self._said(contact, undo(contact.row, trail, version, self._asker.user_id, self._now))

    def _said(self, contact: Contact, verdict: Verdict | None) -> Row:
        """A verdict's row, line of the trail, message and record; nothing when it said what stands already."""
        if verdict is None:
            return contact.row
        new = verdict.new
        self._db.execute(SQL["change_call"], msgspec.to_builtins(new))
        assert self._db.changes() == 1, "a verdict on another row than was looked at"
        told = (verdict.old.status, new.status, new.sale_amount, new.currency, new.note)
        self._db.execute(SQL["add_verdict"], (contact.site_id, new.id, self._now, verdict.by, *told))
        self._db.execute(SQL["close_reminder"], (self._now, contact.lead))
        self._ledger.add_feed(self._now, "verdict", contact.site_id, new.id, as_json(verdict), new.version)
        self._audit("verdict undone" if verdict.undone else "verdict", contact, to=new.status)
        return new

    # --- visits -------------------------------------------------------------------------------------------------------------------

    def pick(self, number: int, session: str | None, version: int) -> CallBody:
        """Which of its candidates a call came from (None: of none). Raises as `judge`; `current` of a Conflict is the call."""
        contact, calls = self._call(number, version), self._telling.calls
        return self._picked("visit picked", contact, calls.pick(contact.site_id, number, session, self._now))

    def unpick(self, number: int, version: int) -> CallBody:
        """Its visit is the Box's to find again. Raises as `pick`."""
        contact, calls = self._call(number, version), self._telling.calls
        return self._picked("pick taken back", contact, calls.unpick(contact.site_id, number, self._now))

    def _call(self, number: int, version: int) -> Contact:
        contact = self._contact(number)
        if contact.row.source != "call":
            raise UsageError(problem="Only of a call it can be picked which visit it came from.")
        try:
            check_version(contact.row, version)
        except Conflict as stale:
            raise Conflict(problem=str(stale), current=self._telling.calls.read(number)) from None
        return contact

    def _picked(self, action: str, contact: Contact, call: CallBody) -> CallBody:
        if call.version != contact.row.version:
            self._audit(action, contact, session=call.session)
        return call

    # --- work ---------------------------------------------------------------------------------------------------------------------

    def claim(self, number: int, version: int | None, *, take_over: bool) -> LeadState:
        """Claims the row's lead, or renews the claim one has. Raises Conflict (`current`: the lead) when another has it."""
        contact, lead = self._lead(number, version)
        try:
            claimed = claim_lead(lead.claim, self.person(), self._now, take_over=take_over)
        except Conflict as refused:
            raise Conflict(problem=str(refused), current=lead) from None
        lead = replace(lead, claim=claimed.claim, claimed_by=self._asker.name)
        if claimed.how == "renewed":
            return self._keep(contact, lead)
        return self._work(contact, lead, claimed.how, claimed.before, claimed.claim)

    def release(self, number: int, version: int | None) -> LeadState:
        """Gives a claim back. Raises Conflict when another has it."""
        contact, lead = self._lead(number, version)
        try:
            held = release_lead(lead.claim, self.person(), self._now)
        except Conflict as refused:
            raise Conflict(problem=str(refused), current=lead) from None
        return self._work(contact, replace(lead, claim=None, claimed_by=""), "released", held, None) if held else lead

    def attempt(self, number: int, version: int | None, outcome: Outcome, when: int | str | None) -> LeadState:
        """What came of trying to reach somebody; it closes the lead's reminder and may set another. Raises UsageError."""
        contact, lead = self._lead(number, version)
        site = self._sites[contact.site_id]
        earlier = [told for (told,) in all_rows(self._db, SQL["list_outcomes"], (contact.lead,))]
        again = None if when is None else self._time(when, site)
        tried = record_attempt(outcome, earlier, self.person(), self._now, hours_of(site.settings, site.timezone), again)
        self._db.execute(SQL["add_attempt"], (*self._place(contact), self._now, tried.by, outcome, tried.again_at))
        lead = replace(lead, reminder=self._remind(contact, tried.again_at), suggests=tried.suggests)
        return self._work(contact, lead, "attempt", None, tried)

    def remind(self, number: int, version: int | None, when: int | str) -> LeadState:
        """When to look at it again; the reminder before is closed. Raises UsageError when that is not in the future."""
        contact, lead = self._lead(number, version)
        due_at = self._time(when, self._sites[contact.site_id])
        if due_at <= self._now:
            raise UsageError(problem="when: it is not in the future")
        before = lead.reminder
        lead = replace(lead, reminder=self._remind(contact, due_at))
        return self._work(contact, lead, "reminder", before, lead.reminder)

    def note(self, number: int, version: int | None, note: str) -> LeadState:
        """Something to remember; notes are added, never changed. Raises UsageError."""
        contact, lead = self._lead(number, version)
        text = note.strip()
        if not 1 <= len(text) <= MOST_NOTE:
            raise UsageError(problem=f"note: expected 1 to {MOST_NOTE} characters")
        self._db.execute(SQL["add_note"], (*self._place(contact), self._now, self._asker.user_id, text))
        return self._work(contact, lead, "note", None, text)

    def number(self, number: int) -> Number:
        """The other party's number in full, for who has claimed the lead; each look is on record. Raises Conflict."""
        contact, lead = self._lead(number, None)
        if not sees_number(lead.claim, self.person(), self._now):
            raise Conflict(problem="Claim it first: only who has claimed it sees the number.", current=lead)
        self._audit("number revealed", contact, known=bool(contact.phone or contact.person))
        contacts = self._telling.contacts
        person = contacts.unseal("contact", number, contact.person)
        told: dict[str, str] = msgspec.json.decode(person, type=dict[str, str]) if person else {}
        return Number(number, contacts.unseal("phone_number", number, contact.phone) or None, told.get("name"), told.get("email"))

    def lead_of(self, number: int) -> tuple[int, int]:
        """The site and lead of a row. Raises NoSuchIntent, Forbidden."""
        contact = self._contact(number)
        return contact.site_id, contact.lead

    def person(self) -> int:
        """Who asks. Raises UsageError for the command line: work is a person's."""
        if self._asker.user_id is None:
            raise UsageError(problem="Work is a person's: ask with a user's token.")
        return self._asker.user_id

    # --- how ----------------------------------------------------------------------------------------------------------------------

    def _look(self, number: int) -> Contact | BoxError:
        """Another tenant's row, and one that is not there: the same question, the same answer."""
        found = self._first("find_contact", number)
        if found is None or not self._asker.sees(found[0]):
            return NoSuchIntent()
        try:
            self._asker.check(found[0], NEEDED)
        except BoxError as refused:
            return refused
        return Contact(found[0], found[1], found[2], found[3], Row(*found[4:]))

    def _contact(self, number: int) -> Contact:
        found = self._look(number)
        if isinstance(found, BoxError):
            raise found
        return found

    def _lead(self, number: int, version: int | None) -> tuple[Contact, LeadState]:
        """The row and its lead as they are. Raises Conflict when the lead is not the one this was based on."""
        contact = self._contact(number)
        reminder = self._first("find_reminder", contact.lead)
        done, by, since, until = self._first("find_lead", contact.lead) or (0, None, None, None)
        claim = None if by is None else Claim(by, since or 0, until or 0)
        lead = LeadState(
            contact.lead, done, claim if is_held(claim, self._now) else None, reminder=Reminder(*reminder) if reminder else None
        )
        if lead.claim:
            lead = replace(lead, claimed_by=self._db.execute(SQL["name_of_user"], (lead.claim.by,)).get or "")
        if version is not None and version != done:
            raise Conflict(
                problem=f"It was changed meanwhile: this was based on version {version}, now it is {done}.", current=lead
            )
        return contact, lead

    def _first(self, statement: str, number: int) -> tuple[Any, ...] | None:
        return next(iter(all_rows(self._db, SQL[statement], (number,))), None)

    def _time(self, told: int | str, site: Site) -> int:
        return told if isinstance(told, int) else read_when(told, self._now, site.timezone)

    def _remind(self, contact: Contact, due_at: int | None) -> Reminder | None:
        """The lead's one reminder from now on."""
        self._db.execute(SQL["close_reminder"], (self._now, contact.lead))
        if due_at is None:
            return None
        by = self.person()
        self._db.execute(SQL["add_reminder"], (contact.site_id, contact.lead, self._now, by, due_at))
        return Reminder(by, due_at)

    def _keep(self, contact: Contact, lead: LeadState) -> LeadState:
        claim = (lead.claim.by, lead.claim.since, lead.claim.until) if lead.claim else (None, None, None)
        self._db.execute(SQL["change_lead"], (lead.lead, contact.site_id, lead.version, *claim))
        return lead

    def _work(
        self,
        contact: Contact,
        lead: LeadState,
        kind: WorkKind,
        old: Claim | Reminder | None,
        new: Claim | Attempt | Reminder | str | None,
    ) -> LeadState:
        """A piece of work: one version of the lead, one message, one record."""
        lead = self._keep(contact, replace(lead, version=lead.version + 1))
        body = WorkBody(kind, self._now, lead.lead, contact.row.id, self._asker.user_id, self._asker.name, old, new)
        self._ledger.add_feed(self._now, "work", contact.site_id, lead.lead, as_json(body), lead.version)
        self._audit(kind.replace("_", " "), contact)
        return lead

    def _place(self, contact: Contact) -> tuple[int, int, int]:
        return contact.site_id, contact.lead, contact.row.id

    def _audit(self, action: str, contact: Contact, **details: object) -> None:
        told = (self._now, self._asker.on_record, action, contact.site_id, str(contact.row.id), json.dumps(details))
        self._db.execute(LEDGER_SQL["audit"], told)


def ring_reminders(ledger: Ledger, now: int) -> int:
    """Rings what is due, once, also after a restart; how many. A transaction of its own, if there is anything to ring."""
    due = all_rows(ledger.db, SQL["list_due"], (now,))
    if due:
        with ledger.transaction():
            for number, site_id, lead, by, due_at in due:
                ledger.db.execute(SQL["ring"], (now, number))
                version = all_rows(ledger.db, SQL["find_lead"], (lead,))[0][0]
                old, new = Reminder(by, due_at), Reminder(by, due_at, rang_at=now)
                body = WorkBody("rang", now, lead, None, None, "", old, new)
                ledger.add_feed(now, "work", site_id, lead, as_json(body), version)
    return len(due)
