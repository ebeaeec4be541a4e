"""Sums up days for daily_summary: those that changed since the last time, each whole. The hourly job's helper; reads only.

`python -m opsmantik_box.ops.summarising`. Which days changed: those that sessions of new signals touch (a late signal moves a session's day
back, but never further than to itself), those of contacts that were judged, all of a site where somebody was erased.
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from opsmantik_box.domain.days import day_bounds
from opsmantik_box.domain.decisions import decode_decision
from opsmantik_box.domain.ids import uuid_text
from opsmantik_box.domain.months import month_of, next_month, previous_month
from opsmantik_box.domain.summary import Contact, Order, Reached, Summarised, SummaryRow, Visits, days_between, sum_up
from opsmantik_box.domain.tally import MATCH_MS
from opsmantik_box.link.errands import Say, serve_errand
from opsmantik_box.ops.copies import reading
from opsmantik_box.sql import load

SQL = load("summary")
Day = tuple[int, str]


def run(order: Order, say: Say) -> Summarised:
    """Raises CopyFailed."""
    with Summary(order) as summary:
        reached = summary.reached()
        days = sorted(summary.changed(reached, order.since))
        rows: list[SummaryRow] = []
        for number, (site_id, day) in enumerate(days):
            if number % 100 == 0:
                say(f"{number} of {len(days)} days")
            rows += summary.sum_up(site_id, day)
        return Summarised(days, rows, reached)


class Summary:
    """The open files of a Box."""

    def __init__(self, order: Order) -> None:
        self._order, self._stack = order, ExitStack()
        data = Path(order.data)
        self._ledger = self._stack.enter_context(reading(data / "ledger.db"))
        # Before the sites and what the months must reach: read after these, a signal could count as reached whose site is not known, or
        # that its month was not told of yet.
        self._newest = self._read_newest()
        zones: list[tuple[int, str]] = self._ledger.execute(SQL["list_zones"]).fetchall()
        self._zones = {number: timezone for number, timezone in zones if not order.sites or number in order.sites}
        self._months: dict[str, sqlite3.Connection] = {}
        self._must: dict[str, int] = {}
        for month, file, last_seq in self._ledger.execute(SQL["list_months"]).fetchall():
            if (data / "months" / file).exists():
                self._months[month] = self._stack.enter_context(reading(data / "months" / file))
                self._must[month] = last_seq

    def __enter__(self) -> "Summary":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _read_newest(self) -> tuple[int, int]:
        """Of signals and verdicts."""
        return self._ledger.execute(SQL["read_reached"]).fetchone()

    def reached(self) -> Reached:
        """Everything up to there is in the month files."""
        seq, verdict_id = self._newest
        found = {month: db.execute(SQL["read_checkpoint"]).fetchone()[0] for month, db in self._months.items()}
        behind = [checkpoint for month, checkpoint in found.items() if checkpoint < self._must[month]]
        return Reached(min([seq, *behind]), verdict_id, self._order.now)

    def changed(self, reached: Reached, since: Reached | None) -> set[Day]:
        """(site, day) of what is to be summed up."""
        if since is None:
            return {day for site_id in self._zones for day in self._days_from(site_id, 0)}
        days = {*self._touched(since.seq, reached.seq), *self._judged(since.verdict_id, reached.verdict_id)}
        for (site_id,) in self._ledger.execute(SQL["list_erased"], (since.at,)):
            days |= {day for one in ([site_id] if site_id else self._zones) for day in self._days_from(one, 0)}
        if (start := self._order.also_from) is not None:
            days |= {day for site_id in self._zones for day in self._days_from(site_id, start)}
        return days

    def _days_from(self, site_id: int, start: int) -> Iterator[Day]:
        """Every day there is anything of, from a time on."""
        firsts = [db.execute(SQL["first_session"], (site_id,)).fetchone()[0] for db in self._months.values()]
        firsts.append(self._ledger.execute(SQL["first_contact"], (site_id,)).fetchone()[0])
        known = [first for first in firsts if first is not None]
        if known and site_id in self._zones:
            yield from self._days(site_id, max(start, min(known)), max(self._order.now, start))

    def _days(self, site_id: int, first: int, last: int) -> Iterator[Day]:
        if site_id in self._zones:
            yield from ((site_id, day) for day in days_between(first, max(first, last), self._zones[site_id]))

    def _touched(self, after: int, upto: int) -> Iterator[Day]:
        found = (decode_decision(blob) for (blob,) in self._ledger.execute(SQL["list_decisions"], (after, upto)))
        for site_id, session, month in {(one.site_id, one.signal.sid, one.month) for one in found}:
            db = self._months.get(month)
            span = db.execute(SQL["read_span"], (site_id, uuid_text(session))).fetchone() if db is not None else None
            if span is not None:
                yield from self._days(site_id, *span)

    def _judged(self, after: int, upto: int) -> Iterator[Day]:
        for site_id, at in self._ledger.execute(SQL["list_judged"], (after, upto)).fetchall():
            yield from self._days(site_id, at, at + MATCH_MS)

    def sum_up(self, site_id: int, day: str) -> list[SummaryRow]:
        """A day's rows as they are now."""
        start, end = day_bounds(day, self._zones[site_id])
        span = {"site_id": site_id, "start": start, "end": end}
        near = [db for month, db in self._months.items() if previous_month(month_of(start)) <= month <= next_month(month_of(end))]
        visits = [Visits(*row) for db in near for row in db.execute(SQL["sum_sessions"], span)]
        contacts = [Contact(*row) for row in self._ledger.execute(SQL["list_contacts"], span | {"start": start - MATCH_MS})]
        return sum_up(site_id, day, start, visits, contacts, lambda one: self._device_of(site_id, one))

    def differing(self, start: int) -> Iterator[tuple[int, list[str], int]]:
        """(site, days whose summary is not what there is, days looked at), from a time on. Days that changed since the last refresh, up to
        the end of looking, are the next one's, and left out."""
        row = self._ledger.execute(SQL["read_state"]).fetchone()
        if row is None:
            yield from ((site_id, [], 0) for site_id in self._zones)
            return
        found = {site_id: self._compared(site_id, start) for site_id in self._zones}
        due = self.changed(Reached(*self._read_newest()), Reached(*row))
        for site_id, days in found.items():
            kept = {day: is_right for day, is_right in days.items() if (site_id, day) not in due}
            yield site_id, [day for day, is_right in kept.items() if not is_right], len(kept)

    def _compared(self, site_id: int, start: int) -> dict[str, bool]:
        return {day: self.sum_up(site_id, day) == self._kept(site_id, day) for _, day in self._days_from(site_id, start)}

    def _kept(self, site_id: int, day: str) -> list[SummaryRow]:
        return [SummaryRow(*row) for row in self._ledger.execute(SQL["read_day"], (site_id, day))]

    def _device_of(self, site_id: int, contact: Contact) -> str:
        """Where the contact belongs to no session: nobody knows."""
        db = self._months.get(contact.month or "")
        row = db.execute(SQL["find_device"], (site_id, contact.session)).fetchone() if db is not None and contact.session else None
        return row[0] if row else ""


if __name__ == "__main__":
    sys.exit(serve_errand(Order, run))
