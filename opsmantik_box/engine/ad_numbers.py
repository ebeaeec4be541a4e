"""Keeps what others counted: Google's clicks and cost, the client's own contacts. Rows are added with the time at which they became
known, and never changed or taken away; domain/ad_numbers.py says which of them count."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from opsmantik_box.domain.ad_numbers import ENTERED
from opsmantik_box.domain.amounts import MOST, read_currency
from opsmantik_box.domain.days import day_bounds, day_of
from opsmantik_box.domain.sites import Site
from opsmantik_box.engine.ledger import SQL as LEDGER_SQL
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.errors import UsageError
from opsmantik_box.sql import load

SQL = load("ad_numbers")
LONGEST = 500


class AdClicks(Struct, frozen=True):
    """Google's numbers of a campaign and day. `cost` in the smallest unit of `currency`; `calls`: clicks on the number in the ad."""

    day: str
    clicks: int
    campaign: str = ""
    conversions: float | None = None
    cost: int | None = None
    currency: str = ""
    calls: int | None = None
    source: str = ENTERED


class ClientCounts(Struct, frozen=True):
    """What the client counted on a day."""

    day: str
    whatsapp: int | None = None
    phone: int | None = None
    note: str = ""


def add_ad_clicks(ledger: Ledger, rows: Sequence[tuple[Site, AdClicks]], now: int) -> None:
    """All or none, in one transaction. Raises UsageError."""
    for site, row in rows:
        _check_day(site, row.day, now)
        _check_numbers(clicks=row.clicks, conversions=row.conversions, cost=row.cost, calls=row.calls)
        _check_texts(campaign=row.campaign, source=row.source)
        if (row.calls or 0) > row.clicks:
            raise UsageError(problem=f"calls: {row.calls} calls from the ad are more than its {row.clicks} clicks")
    with ledger.transaction():
        ledger.db.executemany(SQL["add_ad_clicks"], [_ad_row(site, row, now) for site, row in rows])
        for site_id in sorted({site.id for site, _ in rows}):
            days = sorted({row.day for site, row in rows if site.id == site_id})
            _audit(ledger, now, "ad clicks told", site_id, f"{days[0]} to {days[-1]}")


def add_client_counts(ledger: Ledger, site: Site, told: ClientCounts, now: int) -> None:
    """Raises UsageError."""
    _check_day(site, told.day, now)
    _check_numbers(whatsapp=told.whatsapp, phone=told.phone)
    _check_texts(note=told.note)
    row: dict[str, Any] = {"site_id": site.id, "day": told.day, "whatsapp": told.whatsapp, "phone": told.phone}
    with ledger.transaction():
        ledger.db.execute(SQL["add_client_count"], row | {"note": told.note, "as_of": now})
        _audit(ledger, now, "client's count told", site.id, told.day)


def _ad_row(site: Site, row: AdClicks, now: int) -> dict[str, Any]:
    currency = read_currency(row.currency or site.currency) if row.cost is not None else None
    return {
        "site_id": site.id, "day": row.day, "campaign": row.campaign, "clicks": row.clicks, "conversions": row.conversions,
        "cost": row.cost, "currency": currency, "as_of": now, "source": row.source, "calls": row.calls,
    }  # fmt: skip


def _check_day(site: Site, day: str, now: int) -> None:
    """A day of the site, not one that is still to come anywhere (an Ads account may be a day ahead)."""
    try:
        start, _ = day_bounds(day, site.timezone)
    except ValueError as error:
        raise UsageError(problem=f"day: {error}") from None
    if start > now + 86_400_000:
        raise UsageError(problem=f"day: {day} is still to come; today is {day_of(now, site.timezone)}")


def _check_numbers(**numbers: float | None) -> None:
    for name, number in numbers.items():
        if number is not None and not 0 <= number <= MOST:
            raise UsageError(problem=f"{name}: {number} is no count")


def _check_texts(**texts: str) -> None:
    for name, text in texts.items():
        if len(text) > LONGEST:
            raise UsageError(problem=f"{name}: it is longer than {LONGEST} characters")


def _audit(ledger: Ledger, now: int, action: str, site_id: int, ref: str) -> None:
    ledger.db.execute(LEDGER_SQL["audit"], (now, "command line", action, site_id, ref, "{}"))
