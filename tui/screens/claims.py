"""Claims: a lead is one operator's for ten minutes, and with it its number.

Promises: a number is shown only while the Box says that the lead is mine; a claim is never made while offline.
"""

from collections.abc import Callable

from opsmantik_box.domain.work import is_held
from tui.desk import Desk
from tui.model.lead import Kind, Lead
from tui.model.urgency import clock_text
from tui.net.client import Refused, Unreachable
from tui.screens.host import Back, Host

RENEW_MS = 60_000
"""A claim is renewed by keys, but not by each of them."""


class Claims:
    """`did` is told of each claim, and how it is given back."""

    def __init__(self, host: Host, did: Callable[[Lead, Back], None]) -> None:
        self._host, self._did = host, did
        self._renewed: dict[int, int] = {}
        self._numbers: dict[int, str] = {}

    @property
    def _desk(self) -> Desk:
        return self._host.desk

    def number_of(self, lead: Lead) -> str:
        """What the Box has revealed of it, as long as it is mine; else ''."""
        return self._numbers.get(lead.id, "") if self._is_mine(lead) else ""

    def _is_mine(self, lead: Lead) -> bool:
        return lead.claim is not None and lead.claim.by == self._desk.store.me and is_held(lead.claim, self._desk.now())

    async def claim(self, lead: Lead, take_over: bool) -> None:
        """Takes it, and says its number. Only the Box can promise that nobody else has it."""
        try:
            state = await self._desk.work("claim", lead, take_over=take_over)
            number = await self._desk.number(lead.head.id) if lead.kind is not Kind.TEL else ""
        except Unreachable:
            self._host.say("work.claim_offline")
            return
        except Refused as problem:
            self._say_taken(lead, problem)
            return
        self._renewed[lead.id] = self._desk.now()
        if number:
            self._numbers[lead.id] = number
        self._did(lead, lambda: self._release(lead))
        at = clock_text(state.claim.until, self._desk.store.site(lead.site_id).timezone) if state.claim else ""
        self._host.say("work.claimed" if number else "work.claimed_no_number", at=at, number=number)
        self._host.redraw()

    def _say_taken(self, lead: Lead, problem: Refused) -> None:
        now = self._desk.store.shown(lead.id)
        if problem.status == 409 and now is not None and now.claim is not None:
            since = clock_text(now.claim.since, self._desk.store.site(lead.site_id).timezone)
            self._host.say("work.taken", who=now.claimed_by, at=since)
        else:
            self._host.say("work.refused", reason=problem.detail)

    async def _release(self, lead: Lead) -> None:
        await self._desk.work("release", lead)
        self._numbers.pop(lead.id, None)

    def renew(self) -> None:
        """A key on a row one has claimed: ten more minutes."""
        lead, now = self._host.chosen_lead(), self._desk.now()
        if lead is not None and self._is_mine(lead) and now - self._renewed.get(lead.id, 0) >= RENEW_MS:
            self._renewed[lead.id] = now
            self._host.start(self._renew(lead))

    async def _renew(self, lead: Lead) -> None:
        try:
            await self._desk.work("claim", lead, take_over=False)
        except Unreachable:
            self._renewed.pop(lead.id, None)  # the next key tries again
        except Refused:
            self._numbers.pop(lead.id, None)
