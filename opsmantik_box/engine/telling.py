"""Calls and forms: what sites' servers and exchanges tell of people who got in touch, each in one transaction of the ledger."""

from opsmantik_box.domain.ids import event_id
from opsmantik_box.domain.months import month_of, month_start, previous_month
from opsmantik_box.engine.calls import Calls
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.contacts import Contacts
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.forms import Forms
from opsmantik_box.engine.marks import Marks
from opsmantik_box.engine.vault import Vault
from opsmantik_box.engine.visits import SQL, Visits
from opsmantik_box.link.messages import TellCall, TellForm, Told


class Telling:
    """Put together once an engine. Sessions that were matched before go on being followed, calls without one go on waiting for it."""

    def __init__(self, core: Core, vault: Vault) -> None:
        self.contacts, visits = Contacts(vault), Visits(core)
        self.marks = Marks(vault, self.contacts)
        self.calls = Calls(core, visits, self.contacts, self.marks)
        self._forms = Forms(core, visits, self.contacts, self.marks)
        since = month_start(previous_month(core.months.oldest_open(month_of(0))))
        self.calls.await_visits(since)
        core.acceptance.meet = self.calls.meet
        rows = all_rows(core.ledger.db, SQL["list_contacted"], (since,))
        core.sessions.contacted.update((site_id, event_id(session) or b"") for site_id, session in rows)

    def tell(self, told: TellCall | TellForm, now: int) -> Told:
        """When this returns, it survives power loss. Raises LedgerFull, Unavailable, LedgerPoisoned."""
        return self.calls.tell(told, now) if isinstance(told, TellCall) else self._forms.tell(told, now)
