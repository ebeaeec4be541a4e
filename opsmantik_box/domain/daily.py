"""The day before, summed up for who reads it on a phone. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from opsmantik_box.domain.days import zone
from opsmantik_box.domain.notices import Message

MOST_SITES = 30
"""More would not fit into a message; the console has them all."""


class Asked(Struct, frozen=True):
    """A site whose day is to be counted: its own day of this date."""

    site_id: int
    name: str
    timezone: str


class Order(Struct, frozen=True):
    """For the helper. `day`: YYYY-MM-DD."""

    data: str
    day: str
    sites: list[Asked]


class SiteDay(Struct, frozen=True):
    """A site's day, of ads only: as the report counts it. `google`: the clicks Google tells, None where it was not told."""

    name: str
    google: int | None
    sessions: int
    phone: int
    whatsapp: int
    forms: int
    sealed: int
    all_sessions: int

    def __str__(self) -> str:
        clicks = f"{self.google} clicks → " if self.google is not None else ""
        forms = f", {self.forms} forms" if self.forms else ""
        told = f"{self.sessions} ads sessions → {self.phone + self.whatsapp} intents ({self.phone} phone, {self.whatsapp} WhatsApp{forms})"
        return f"{self.name}: {clicks}{told} → {self.sealed} sealed so far. All traffic: {self.all_sessions} sessions."


def due_day(now: int, hour: int, timezone: str) -> str | None:
    """The day that is to be summed up now: yesterday, from this hour on by these clocks; None before it, or when it is never told."""
    local = datetime.fromtimestamp(now / 1000, zone(timezone))
    return (local.date() - timedelta(days=1)).isoformat() if 0 <= hour <= local.hour else None


def daily_message(day: str, sites: Sequence[SiteDay]) -> Message:
    """The busiest first. Sites without anything are one line together."""
    told = sorted((one for one in sites if one.all_sessions), key=lambda one: (-one.sessions, -one.all_sessions, one.name))
    lines = [str(one) for one in told[:MOST_SITES]]
    if len(told) > MOST_SITES:
        lines.append(f"… and {len(told) - MOST_SITES} more sites.")
    if quiet := [one.name for one in sites if not one.all_sessions]:
        lines.append(f"Nobody came to: {', '.join(quiet[:MOST_SITES])}.")
    return Message("info", f"Yesterday, {day}", "\n".join(lines))
