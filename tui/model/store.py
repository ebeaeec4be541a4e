"""Everything the console shows of leads, kept up by messages. Bounded: however long it runs, it holds no more than MOST_LEADS.

Promises: a message told twice changes nothing; what an operator did is shown at once on top of what the Box has said (`pending`), and
is gone without a trace when the Box refuses it. Knows no time but the one handed in, and does no I/O.
"""

from collections import deque
from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from opsmantik_box.domain.desk import LeadState, WorkBody
from opsmantik_box.domain.verdicts import Row, Verdict
from tui.model.actions import Action, foresee
from tui.model.folding import with_contact, with_verdict, with_work
from tui.model.lead import Contact, Lead
from tui.model.messages import Message, contact_of
from tui.model.pages import LeadTold
from tui.model.sites import UNKNOWN, Site

MOST_LEADS = 10_000
MOST_EVENTS = 100
_ROOM = MOST_LEADS // 10


class Store:
    """`leads` is what the Box has said; `shown(id)` what the operator sees. `changes` counts what changed, for whoever draws."""

    def __init__(self) -> None:
        self.sites: dict[str, Site] = {}
        self.leads: dict[int, Lead] = {}
        self.pending: dict[str, Action] = {}
        self.events: deque[Message] = deque(maxlen=MOST_EVENTS)
        self.me: int | None = None
        self.changes = 0
        self._lead_of: dict[int, int] = {}
        self._foreseen: dict[int, Lead] = {}

    # --- reading ------------------------------------------------------------------------------------------------------------------

    def site(self, site_id: str | None) -> Site:
        return self.sites.get(site_id or "", UNKNOWN)

    def shown(self, lead_id: int) -> Lead | None:
        """A lead with what is under way on top."""
        return self._foreseen.get(lead_id) or self.leads.get(lead_id)

    def all_shown(self) -> Iterable[Lead]:
        if not self._foreseen:
            return self.leads.values()
        return [self._foreseen.get(number, lead) for number, lead in self.leads.items()]

    def is_pending(self, lead_id: int) -> bool:
        return lead_id in self._foreseen

    # --- what the Box says --------------------------------------------------------------------------------------------------------

    def load(self, leads: Iterable[Lead]) -> None:
        """A page read anew: it replaces everything."""
        self.leads.clear()
        self._lead_of.clear()
        self._foreseen.clear()
        for lead in leads:
            self.put(lead)

    def put(self, lead: Lead) -> None:
        """A lead as the Box says it is."""
        self.leads[lead.id] = lead
        for contact in lead.contacts:
            self._lead_of[contact.id] = lead.id
        self._changed(lead.id)

    def add(self, contacts: Iterable[Contact]) -> None:
        """Rows of a list, which may belong to leads that are known."""
        for contact in contacts:
            self.put(with_contact(self.leads.get(contact.lead), contact))

    def take(self, message: Message) -> Lead | None:
        """A message of the feed. The lead it is about, when there is one and it changed."""
        try:
            changed = self._changed_by(message)
        except (msgspec.ValidationError, KeyError, TypeError, AttributeError):
            return None  # of a newer Box than this console
        if changed is None or changed == self.leads.get(changed.id):
            return None
        self.put(changed)
        self.events.append(message)
        self._make_room()
        return changed

    def _changed_by(self, message: Message) -> Lead | None:
        told = message.told
        if message.topic in ("intent", "call"):
            contact = contact_of(message)
            return with_contact(self.leads.get(contact.lead), contact)
        if message.topic == "verdict":
            verdict = msgspec.convert(told.body, Verdict)
            lead = self.leads.get(self._lead_of.get(verdict.new.id, 0))
            return None if lead is None else with_verdict(lead, verdict.new)
        if message.topic == "work":
            work = msgspec.convert(told.body, WorkBody)
            lead = self.leads.get(work.lead)
            return None if lead is None else with_work(lead, work, told.version)
        return None

    def take_row(self, row: Row) -> None:
        """A row as an answer says it is."""
        lead = self.leads.get(self._lead_of.get(row.id, 0))
        if lead is not None:
            self.put(with_verdict(lead, row))

    def take_state(self, state: LeadState) -> None:
        """A lead's claim and reminder as an answer says they are; the message about it comes over the stream."""
        lead = self.leads.get(state.lead)
        if lead is not None and state.version >= lead.version:
            self.put(replace(lead, claim=state.claim, claimed_by=state.claimed_by, reminder=state.reminder))

    def accept(self, action: Action, state: LeadState) -> None:
        """What was shown as if it were done is done, as this version. The stream's own word about it may have come already."""
        lead = self.leads.get(action.lead)
        if lead is not None and state.version > lead.version:
            done = foresee(lead, action, self.site(lead.site_id), self.me or 0)
            self.put(replace(done, version=state.version))
        self.take_state(state)

    def put_told(self, told: LeadTold) -> None:
        """A lead as its detail says it is, unless the stream has said more since."""
        lead = told.as_lead()
        known = self.leads.get(lead.id)
        if known is None or lead.version >= known.version:
            self.put(lead)

    def lead_of(self, contact: int) -> int | None:
        return self._lead_of.get(contact)

    # --- what the operator does ---------------------------------------------------------------------------------------------------

    def begin(self, action: Action) -> None:
        """Shown as if it were done."""
        self.pending[action.key] = action
        self._changed(action.lead)

    def end(self, key: str) -> None:
        """Done or refused: what the Box says counts from now on."""
        action = self.pending.pop(key, None)
        if action is not None:
            self._changed(action.lead)

    def _changed(self, lead_id: int) -> None:
        self.changes += 1
        self._foresee_again((lead_id,) if self.pending or self._foreseen else ())

    def _foresee_again(self, lead_ids: Iterable[int]) -> None:
        for lead_id in lead_ids:
            mine = [action for action in self.pending.values() if action.lead == lead_id]
            lead = self.leads.get(lead_id)
            self._foreseen.pop(lead_id, None)
            if lead is not None and mine:
                self._foreseen[lead_id] = self._with(lead, mine)

    def _with(self, lead: Lead, actions: Sequence[Action]) -> Lead:
        for action in actions:
            lead = foresee(lead, action, self.site(lead.site_id), self.me or 0)
        return lead

    def _make_room(self) -> None:
        """The oldest go; those with something under way stay."""
        if len(self.leads) <= MOST_LEADS:
            return
        oldest = sorted(self.leads.values(), key=lambda lead: lead.at)[: _ROOM + len(self._foreseen)]
        for lead in oldest:
            if lead.id not in self._foreseen:
                del self.leads[lead.id]
                for contact in lead.contacts:
                    self._lead_of.pop(contact.id, None)
