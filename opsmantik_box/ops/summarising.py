"""Sums up days for the summary: those that are due, each whole. The hourly job's helper; reads only.

`python -m opsmantik_box.ops.summarising`. Which days are due, the engine has marked (engine/due_days.py, and triggers).
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from opsmantik_box.domain.days import day_bounds, day_of
from opsmantik_box.domain.months import month_of, next_month, previous_month
from opsmantik_box.domain.summary import (
    EVERY_DAY,
    MOST_DAYS,
    Contact,
    Counted,
    Order,
    Summarised,
    SummaryRow,
    days_between,
    days_of_quarter,
    sum_up,
)
from opsmantik_box.domain.tally import MATCH_MS
from opsmantik_box.link.errands import Say, serve_errand
from opsmantik_box.ops.copies import reading
from opsmantik_box.sql import load

SQL = load("summary")
Day = tuple[int, str]
EVER = 1 << 62


def run(order: Order, say: Say) -> Summarised:
    """Raises CopyFailed."""
    with Summary(order) as summary:
        sites, due = summary.due(order.round)
        days = [day for day in due if day > order.after][:MOST_DAYS]
        rows: list[SummaryRow] = []
        for number, (site_id, day) in enumerate(days):
            if number % 100 == 0:
                say(f"{number} of {len(days)} days")
            rows += summary.sum_up(site_id, day)
        return Summarised([] if any(order.after) else sites, days, rows)


class Summary:
    """The open files of a Box."""

    def __init__(self, order: Order) -> None:
        self._order, self._stack = order, ExitStack()
        data = Path(order.data)
        self._ledger = self._stack.enter_context(reading(data / "ledger.db"))
        zones: list[tuple[int, str]] = self._ledger.execute(SQL["list_zones"]).fetchall()
        self._zones = {number: timezone for number, timezone in zones if not order.sites or number in order.sites}
        files: list[tuple[str, str]] = self._ledger.execute(SQL["list_months"]).fetchall()
        there = ((month, data / "months" / file) for month, file in files)
        self._months = {month: self._stack.enter_context(reading(path)) for month, path in there if path.exists()}

    def __enter__(self) -> "Summary":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def due(self, number: int) -> tuple[list[int], list[Day]]:
        """Sites of which every day is to be summed up, and the days (site, day) that are; of marks before the round `number`."""
        marks: list[tuple[int, int]] = self._ledger.execute(SQL["list_due"], (number,)).fetchall()
        mine = [(site_id, quarter) for site_id, quarter in marks if site_id in self._zones]
        whole = {site_id for site_id, quarter in mine if quarter == EVERY_DAY}
        days = {(site_id, day) for site_id in whole for day in {*self._days_from(site_id, 0), *self._kept_days(site_id, 0)}}
        for site_id, quarter in mine:
            if site_id not in whole:
                days |= {(site_id, day) for day in days_of_quarter(quarter, self._zones[site_id])}
        return sorted(whole), sorted(days)

    def _days_from(self, site_id: int, start: int) -> Iterator[str]:
        """Every day there is anything of, from a time on."""
        firsts = [db.execute(SQL["first_session"], (site_id,)).fetchone()[0] for db in self._months.values()]
        firsts.append(self._ledger.execute(SQL["first_contact"], (site_id,)).fetchone()[0])
        known = [first for first in firsts if first is not None]
        first = max(start, min(known, default=EVER))
        if first <= self._order.now:
            yield from days_between(first, self._order.now, self._zones[site_id])

    def _kept_days(self, site_id: int, start: int) -> list[str]:
        found = self._ledger.execute(SQL["list_kept_days"], (site_id, day_of(start, self._zones[site_id])))
        return [day for (day,) in found]

    def sum_up(self, site_id: int, day: str) -> list[SummaryRow]:
        """A day's rows as they are now."""
        start, end = day_bounds(day, self._zones[site_id])
        span = {"site_id": site_id, "start": start, "end": end}
        near = [db for month, db in self._months.items() if previous_month(month_of(start)) <= month <= next_month(month_of(end))]
        sessions = [Counted(*row) for db in near for row in db.execute(SQL["sum_sessions"], span)]
        contacts = [Contact(*row) for row in self._ledger.execute(SQL["list_contacts"], span | {"start": start - MATCH_MS})]
        return sum_up(site_id, day, start, sessions, contacts, lambda one: self._device_of(site_id, one))

    def differing(self, start: int) -> Iterator[tuple[int, list[str], int]]:
        """(site, days whose summary is not what there is, days looked at), from a time on. Days that are due, also because something came
        while they were looked at, are left out."""
        before = self.due(EVER)[1]
        found = {site_id: self._compared(site_id, start) for site_id in self._zones}
        due = {*before, *self.due(EVER)[1]}
        for site_id, days in found.items():
            kept = {day: is_right for day, is_right in days.items() if (site_id, day) not in due}
            yield site_id, [day for day, is_right in kept.items() if not is_right], len(kept)

    def _compared(self, site_id: int, start: int) -> dict[str, bool]:
        """Days there is anything of, and days that are kept."""
        days = sorted({*self._days_from(site_id, start), *self._kept_days(site_id, start)})
        return {day: self.sum_up(site_id, day) == self._kept(site_id, day) for day in days}

    def _kept(self, site_id: int, day: str) -> list[SummaryRow]:
        return [SummaryRow(*row) for row in self._ledger.execute(SQL["read_day"], (site_id, day))]

    def _device_of(self, site_id: int, contact: Contact) -> str:
        """Where the contact belongs to no session: nobody knows."""
        db = self._months.get(contact.month or "")
        row = db.execute(SQL["find_device"], (site_id, contact.session)).fetchone() if db is not None and contact.session else None
        return row[0] if row else ""


if __name__ == "__main__":
    sys.exit(serve_errand(Order, run))
