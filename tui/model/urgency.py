"""Which lead comes first, and what its row says about it: bands, marks, WAIT. Pure; times in UTC milliseconds.

Promises: of two leads of a band the order does not depend on what else is in the queue; waiting is counted only while the site is open.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import IntEnum
from functools import lru_cache

from msgspec import Struct

from opsmantik_box.domain.days import day_of, zone
from opsmantik_box.domain.opening import Hours, answer_by, open_at_or_after, waited
from opsmantik_box.domain.work import is_due, is_held
from tui.model.lead import Lead
from tui.model.sites import Site

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
SOON, LAST = 0.3, 0.8
"""Shares of the target after which the mark changes."""


class Band(IntEnum):
    """Top to bottom."""

    DUE = 1
    RUNNING = 2
    LATE = 3
    YOURS = 4
    OTHERS = 5
    QUIET = 6
    DONE = 7


class Place(Struct, frozen=True):
    """Where a lead stands. `order` sorts within everything; `until`: when that may become another place by time alone (None: never)."""

    band: Band
    order: tuple[float, ...]
    until: int | None = None


def place(lead: Lead, site: Site, now: int, me: int | None) -> Place:
    """Where a lead stands at `now`, for the operator `me`."""
    deadline = deadline_of(lead, site)
    band = _band(lead, now, me, deadline)
    ends = (lead.reminder.due_at if lead.reminder and not lead.reminder.closed_at else None, lead.claim.until if lead.claim else None,
            None if deadline is None else deadline + 1)  # fmt: skip
    return Place(
        band, (band, *_within(lead, band, deadline or 0)), min((at for at in ends if at is not None and at > now), default=None)
    )


def deadline_of(lead: Lead, site: Site) -> int | None:
    """When its answer will be late; None when nobody waits."""
    return None if lead.waits_since is None else _deadline(site.hours, lead.waits_since, site.answer_target_ms)


@lru_cache(maxsize=16_384)
def _deadline(hours: Hours, since: int, target: int) -> int:
    return answer_by(hours, since, target)


def _band(lead: Lead, now: int, me: int | None, deadline: int | None) -> Band:
    if lead.reminder is not None and is_due(lead.reminder, now):
        return Band.DUE
    if lead.head.is_judged:
        return Band.DONE
    if lead.claim is not None and is_held(lead.claim, now):
        return Band.YOURS if lead.claim.by == me else Band.OTHERS
    if deadline is not None:
        return Band.LATE if now > deadline else Band.RUNNING
    mine = lead.reminder is not None and lead.reminder.closed_at is None and lead.reminder.by == me
    return Band.YOURS if mine else Band.QUIET


def _within(lead: Lead, band: Band, deadline: int) -> tuple[float, ...]:
    """Nearest deadline first while the time runs, highest score first when it is over; else the newest first."""
    if band is Band.DUE:
        return lead.reminder.due_at if lead.reminder else 0, lead.id
    if band is Band.RUNNING:
        return deadline, -lead.score, lead.id
    return (-lead.score, deadline, lead.id) if band is Band.LATE else (-lead.at, -lead.id)


class Waiting(Struct, frozen=True):
    """How long somebody has waited (open milliseconds), how much of the target that is, and when the site opens if it is closed."""

    ms: int
    share: float
    opens_at: int | None = None


def waiting(lead: Lead, site: Site, now: int) -> Waiting | None:
    """What the clock of a lead says; None when nobody waits."""
    if lead.waits_since is None:
        return None
    ms, opens = waited(site.hours, lead.waits_since, now), open_at_or_after(site.hours, now)
    return Waiting(ms, ms / site.answer_target_ms, opens if opens > now else None)


def mark(lead: Lead, band: Band, wait: Waiting | None) -> str:
    """The sign at the row's beginning: the same as its colour says."""
    if band is Band.DUE:
        return "*"
    if band is Band.DONE:
        return "ok" if lead.head.is_sealed else "x"
    if wait is None:
        return "-"
    return "L" if wait.share > 1 else "!!" if wait.share >= LAST else "!" if wait.share >= SOON else "."


def length_text(ms: int) -> str:
    """2m10s · 24m · 1h03m; whoever shows more than a day shows the clock."""
    if ms < 10 * MINUTE:
        return f"{ms // MINUTE}m{ms // SECOND % 60:02d}s"
    return f"{ms // MINUTE}m" if ms < HOUR else f"{ms // HOUR}h{ms // MINUTE % 60:02d}m"


def clock_text(at: int, timezone: str, now: int | None = None) -> str:
    """14:30 by a site's clocks; of another day than `now`'s, 17.11."""
    if now is not None and day_of(at, timezone) != day_of(now, timezone):
        return f"{datetime.fromtimestamp(at / 1000, zone(timezone)):%d.%m}"
    return f"{datetime.fromtimestamp(at / 1000, zone(timezone)):%H:%M}"


def seconds_text(at: int, timezone: str) -> str:
    """14:29:50."""
    return f"{datetime.fromtimestamp(at / 1000, zone(timezone)):%H:%M:%S}"


def wait_text(lead: Lead, site: Site, band: Band, wait: Waiting | None, now: int) -> str:
    """What WAIT says: how long somebody waits, when a reminder was due, how old what needs nobody is; nothing
    while the site has not been open since."""
    if band is Band.DUE and lead.reminder is not None:
        return f"r {clock_text(lead.reminder.due_at, site.timezone)}"
    passed = wait.ms if wait else now - lead.at
    if band is Band.DONE or passed >= 24 * HOUR:
        return clock_text(lead.at, site.timezone, now)
    return "" if wait and wait.opens_at and not wait.ms else length_text(max(0, passed))


def first_answers(leads: Iterable[Lead], site_of: Callable[[str], Site], now: int) -> tuple[int, int] | None:
    """Median and worst of how long today's leads waited for the first attempt, in open milliseconds; None before there was any."""
    took = sorted(ms for lead in leads if (ms := _first_answer(lead, site_of(lead.site_id), now)) is not None)
    return (took[len(took) // 2], took[-1]) if took else None


def _first_answer(lead: Lead, site: Site, now: int) -> int | None:
    """Of a lead that began today, and was tried."""
    began = lead.contacts[0].at
    if lead.first_attempt_at is None or lead.first_attempt_at < began or day_of(began, site.timezone) != day_of(now, site.timezone):
        return None
    return waited(site.hours, began, lead.first_attempt_at)
