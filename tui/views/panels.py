"""The panels below the list, where there is room: the day by hour, the team, what needs a look, what happened. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from opsmantik_box.domain.desk import WorkBody
from opsmantik_box.domain.verdicts import Verdict
from opsmantik_box.domain.work import is_held
from tui.model.lead import Lead
from tui.model.messages import Message, Present, contact_of
from tui.model.pages import SiteReport
from tui.model.queue import Arrangement
from tui.model.store import Store
from tui.model.urgency import Band, clock_text, seconds_text
from tui.paint import Line
from tui.speech import Speech
from tui.views.alerts import alert_words, where_text
from tui.views.frame import short_length
from tui.views.rows import reach_text

if TYPE_CHECKING:
    from tui.desk import Desk

BAR = 20


def hours_lines(reports: Sequence[SiteReport], now: int, say: Speech) -> list[Line]:
    """Ads intents by hour of today, those of all sites together; hours in which nothing happened are left out."""
    taps: Counter[int] = Counter()
    for report in reports:
        for hour in report.by_hour:
            taps[hour.start] += hour.intents
    zone = reports[0].timezone if reports else "UTC"
    most = max(taps.values(), default=0)
    shown = [(start, count) for start, count in sorted(taps.items()) if count and start <= now]
    if not shown:
        return [((f" {say('panel.no_hours')}", "dim"),)]
    return [_hour(start, count, most, now, zone, say) for start, count in shown]


def _hour(start: int, count: int, most: int, now: int, zone: str, say: Speech) -> Line:
    bar = "#" * max(1, round(count / most * BAR))
    current = f"  {say('panel.now')}" if start <= now < start + 3_600_000 else ""
    return ((f" {clock_text(start, zone)[:2]} ", "dim"), (f"{bar:<{BAR}}", "fresh"), (f" {count:>3}", ""), (current, "dim"))


def team_lines(present: Sequence[Present], store: Store, now: int, say: Speech) -> list[Line]:
    """Who is there, at what, and how many each has in hand."""
    held = Counter(lead.claim.by for lead in store.leads.values() if lead.claim is not None and is_held(lead.claim, now))
    lines: list[Line] = []
    for one in present:
        lead = store.leads.get(one.lead or 0)
        site = store.sites.get(one.site_id or "")
        at = f"{site.name} {lead.head.number or lead.kind.value}" if site and lead else say("team.at_nothing")
        look = "mine" if one.id == store.me else ""
        held_text = say("team.holds", n=held[one.id]) if held[one.id] else ""
        lines.append(((f" {one.who:<14} ", look), (f"{at:<24} ", ""), (f"{short_length(now - one.since):>4}  {held_text}", "dim")))
    return lines or [((f" {say('team.alone')}", "dim"),)]


def look_lines(desk: "Desk", arranged: Arrangement, say: Speech) -> list[Line]:
    """What needs a look: what is late, alerts, the Box's own state."""
    late = [number for number, spot in arranged.places.items() if spot.band is Band.LATE]
    by_site = Counter(lead.site_id for number in late if (lead := desk.store.shown(number)) is not None)
    lines: list[Line] = [
        ((f" {desk.store.site(site).name:<14} ", ""), (say("look.late", n=count), "late")) for site, count in by_site.most_common(6)
    ]
    for alert in desk.alerts.standing(desk.now())[:4]:
        name = where_text(alert, desk.store.sites, say)
        lines.append(((f" {name:<14} ", ""), (f"{alert_words(alert, say)}. {alert.text}", "warm")))
    return lines or [((f" {say('look.nothing')}", "dim"),)]


def event_lines(events: Sequence[Message], store: Store, say: Speech) -> list[Line]:
    """What happened, newest first."""
    lines: list[Line] = []
    for message in reversed(events):
        if (text := event_text(message, store, say)) is not None:
            site = store.site(message.told.site)
            lines.append(((f" {seconds_text(message.told.at, site.timezone)}  ", "dim"), (f"{site.name:<12} ", ""), (text, "")))
    return lines


def event_text(message: Message, store: Store, say: Speech) -> str | None:
    """A message in a sentence; None for one this console cannot read."""
    told = message.told
    try:
        if message.topic == "alert":
            return str(told.body.get("text", ""))
        if message.topic == "verdict":
            verdict = msgspec.convert(told.body, Verdict)
            return say(
                "event.verdict",
                status=say.word("status", verdict.new.status or "intent"),
                row=_row(store, store.lead_of(verdict.new.id), say),
            )
        if message.topic == "work":
            work = msgspec.convert(told.body, WorkBody)
            return say("event.work", who=work.who or "-", what=say.word("work_kind", work.kind), row=_row(store, work.lead, say))
        contact = contact_of(message)
        lead = store.leads.get(contact.lead)
        return say(
            "event.contact",
            how=say.word("how", contact.kind),
            row=_row(store, lead.id if lead else None, say),
            score=contact.score or 0,
        )
    except (msgspec.ValidationError, KeyError, TypeError):
        return None


def _row(store: Store, number: int | None, say: Speech) -> str:
    lead: Lead | None = store.leads.get(number or 0)
    return "" if lead is None else reach_text(lead, store.site(lead.site_id), lead.at, say)
