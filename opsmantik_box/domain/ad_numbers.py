"""Numbers that others counted: Google's clicks, conversions and cost, and the client's own contacts. Pure.

They are kept as they became known, and never changed: the newest counts. A number entered for a whole day takes the place of everything
known of that day before; an import takes the place of what was entered, and of the same campaigns (or the whole account) imported before.
An export that does not name its account stands for all accounts of the site: one that does takes its place, and the other way round.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from opsmantik_box.domain.questions import Row

ENTERED = "entered"
UNNAMED = "export"
"""`ad_clicks.source` of a number typed by a person, and of an export that names no account; otherwise it is the account."""


class ClientCount(Struct, frozen=True):
    """What the client counted himself; null where he told nothing."""

    whatsapp: int | None = None
    phone: int | None = None


class GoogleCount(Struct, frozen=True):
    """What Google says; null where it was not told. `cost` in the smallest unit of `currency` (null when the days have several),
    `calls_from_ad` are the clicks on the number in the ad itself, `as_of` in UTC milliseconds; `timezone` is that of the Ads account,
    whose days these are. The costs per intent and per sealed are of ads only, in the same unit, and null without any."""

    clicks: int | None = None
    google_conversions: float | None = None
    cost: int | None = None
    as_of: int | None = None
    timezone: str | None = None
    currency: str | None = None
    calls_from_ad: int | None = None
    cost_per_intent: int | None = None
    cost_per_sealed: int | None = None


class Known(Struct, frozen=True):
    """What was known of Google's day after something new was told."""

    day: str
    at: int
    rows: Sequence[Row]


def google_steps(rows: Iterable[Row]) -> Iterator[Known]:
    """Rows of list_ad_clicks, oldest knowledge first: after each, the rows that count for its day. (Rows of one import come one by one:
    the last step of a time is the one that holds.)"""
    days: dict[str, dict[tuple[str, str], Row]] = {}
    for row in rows:
        day, campaign, source = row[0], row[1], row[7]
        known = days.setdefault(day, {})
        for key in list(known):
            if _replaces((source, campaign), key):
                del known[key]
        known[source, campaign] = row
        yield Known(day, row[5], list(known.values()))


def _replaces(new: tuple[str, str], old: tuple[str, str]) -> bool:
    """Of (source, campaign) pairs: is the new one told instead of the old one, rather than beside it?"""
    if new[0] != old[0]:
        return not {ENTERED, UNNAMED}.isdisjoint((new[0], old[0]))
    return "" in (new[1], old[1])


def google_count(rows: Iterable[Row], timezone: str, currency: str, intents: int, sealed: int) -> GoogleCount:
    """Rows of list_ad_clicks, oldest knowledge first. `currency` is the site's: that of a cost told without one."""
    newest = {step.day: step.rows for step in google_steps(rows)}
    counted = [row for of_day in newest.values() for row in of_day]
    if not counted:
        return GoogleCount(timezone=timezone)
    currencies = {row[6] or currency for row in counted if row[4] is not None}
    cost = whole(total(row[4] for row in counted)) if len(currencies) == 1 else None
    calls = None if any(row[8] is None for row in counted) else sum(row[8] for row in counted)
    return GoogleCount(
        sum(row[2] for row in counted), total(row[3] for row in counted), cost, max(row[5] for row in counted), timezone,
        currencies.pop() if cost is not None else None, calls, _share(cost, intents), _share(cost, sealed),
    )  # fmt: skip


def client_count(rows: Iterable[Row]) -> ClientCount:
    """Rows of list_client_counts, oldest first: the newest number of a day counts, of WhatsApp and of phone each."""
    whatsapp, phone = ({row[0]: row[column] for row in rows if row[column] is not None} for column in (1, 2))
    return ClientCount(whole(total(whatsapp.values())), whole(total(phone.values())))


def total(values: Iterable[float | None]) -> float | None:
    """The sum of what was told; nothing when nothing was. (Rounded: 0.1 + 0.2 conversions are 0.3.)"""
    told = [value for value in values if value is not None]
    return round(sum(told), 6) if told else None


def whole(number: float | None) -> int | None:
    """A sum of whole numbers as one."""
    return None if number is None else int(number)


def _share(cost: int | None, number: int) -> int | None:
    return round(cost / number) if cost is not None and number else None
