"""What stands round every screen: the header, the tabs, what is filtered, the hint, the keys. Pure."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from opsmantik_box.domain.days import zone
from tui.model.lead import Lead
from tui.model.link import Link
from tui.model.messages import Present
from tui.model.pages import SiteLine
from tui.model.queue import Filter
from tui.model.sites import Site
from tui.model.urgency import length_text
from tui.paint import Line, Span, fit_line, line_width, spread, width_of
from tui.speech import Speech

SIGNS = {"connecting": "◌", "live": "●", "lost": "◌", "down": "✕", "token": "⚠"}
ROOMY = 140
"""From this width on numbers stand in words."""
LOOKS = {"connecting": "warm", "live": "good", "lost": "warm", "down": "hot", "token": "hot"}


class Header(Struct, frozen=True):
    """What the header says. `arrived`: how many wait until typing ends; `unsent`: decided and not yet taken by the Box."""

    link: Link
    total: SiteLine | None = None
    me: str = ""
    others: int = 0
    arrived: int = 0
    unsent: int = 0
    first_answer: tuple[int, int] | None = None


def header_line(header: Header, width: int, now: int, timezone: str, say: Speech) -> Line:
    """The first line. The clock stands apart (clock_text), so that a second costs eight cells."""
    link = link_text(header.link, now, timezone, say)
    left: list[Span] = [(" OPSMANTIK ", "brand"), (f" {SIGNS[header.link.word]} {link} ", LOOKS[header.link.word])]
    if header.unsent:
        left.append((f" ↑{say('header.unsent', n=header.unsent)} ", "warm"))
    if header.arrived:
        left.append((f" {say('header.arrived', n=header.arrived)} ", "fresh"))
    who = f" {header.me}{f' +{header.others}' if header.others else ''} "
    numbers = f"  {numbers_text(header, width, say)}"
    if line_width(tuple(left)) + width_of(numbers) + width_of(who) <= width:  # half a number would be another one
        left.append((numbers, ""))
    return spread(left, [(who, "mine")], width)


def link_text(link: Link, now: int, timezone: str, say: Speech) -> str:
    """LIVE 1s · RECONNECTING 12s, as of 14:31:55 · DOWN 3m, why."""
    passed = short_length(now - link.since)
    if link.is_live:
        return say("link.live", age=short_length(now - link.heard_at))
    as_of = datetime.fromtimestamp(link.heard_at / 1000, zone(timezone)).strftime("%H:%M:%S") if link.heard_at else "-"
    return say(f"link.{link.word}", time=passed, at=as_of, reason=link.reason)


def short_length(ms: int) -> str:
    """8s · 3m · 2h."""
    seconds = max(0, ms) // 1000
    return f"{seconds}s" if seconds < 60 else f"{seconds // 60}m" if seconds < 3600 else f"{seconds // 3600}h"


def numbers_text(header: Header, width: int, say: Speech) -> str:
    """Clicks → ads sessions → intents → sealed, in numbers or, where there is room, in words."""
    if header.total is None:
        return ""
    ads = header.total.ads
    clicks = "-" if header.total.google.clicks is None else str(header.total.google.clicks)
    if width < ROOMY:
        return f"{say('header.today')} {clicks}→{ads.sessions}→{ads.intents}→{ads.sealed}"
    line = say(
        "header.line",
        clicks=clicks,
        sessions=ads.sessions,
        intents=ads.intents,
        phone=ads.phone,
        whatsapp=ads.whatsapp,
        sealed=ads.sealed,
    )
    if header.first_answer is None:
        return line
    median, worst = (length_text(one) for one in header.first_answer)
    return f"{line}   {say('header.answer', median=median, worst=worst)}"


def clock_now(now: int, timezone: str) -> str:
    return f"{datetime.fromtimestamp(now / 1000, zone(timezone)):%H:%M:%S} "


class Tab(Struct, frozen=True):
    name: str
    count: str = ""
    look: str = ""


def tabs_line(tabs: Sequence[Tab], chosen: int, width: int, say: Speech) -> Line:
    """1 Queue 5  2 All …: where there is no room for all the names, those that have nothing to say keep their digit only."""
    weighed = _by_weight(tabs, chosen)
    lines = (_tabs(tabs, chosen, width, say, frozenset(weighed[:bare])) for bare in range(len(weighed) + 1))
    return fit_line(next((line for line in lines if line_width(line) <= width), ()), width)


def _tabs(tabs: Sequence[Tab], chosen: int, width: int, say: Speech, bare: frozenset[int]) -> Line:
    gap = "  " if width >= ROOMY else " "
    return tuple(span for at, tab in enumerate(tabs) for span in _tab(at, tab, at == chosen, gap, say, at in bare))


def _by_weight(tabs: Sequence[Tab], chosen: int) -> list[int]:
    """Which may go first: from the right, those without a warning; the chosen one never."""
    order = sorted(range(len(tabs)), key=lambda at: (bool(tabs[at].look), bool(tabs[at].count), -at))
    return [at for at in order if at != chosen]


def _tab(number: int, tab: Tab, is_chosen: bool, gap: str, say: Speech, is_bare: bool) -> tuple[Span, Span]:
    parts = (str(number + 1), "" if is_bare else say(f"tab.{tab.name}"), "" if is_bare else tab.count)
    return (f" {' '.join(filter(None, parts))} ", "chosen" if is_chosen else tab.look or "tab"), (gap[1:], "")


def filter_line(chosen: Filter, site: Site | None, shown: int, width: int, say: Speech, *, muted: bool = False) -> Line:
    """What is left out, always in sight; and the keys that change it."""
    parts = [
        say("filter.ads") if chosen.ads else say("filter.all"),
        site.name if site else say("filter.sites"),
        _day(chosen.day, say),
    ]
    parts += [say("filter.late")] if chosen.late else []
    parts += [chosen.kind.value] if chosen.kind else []
    parts += [f"/{chosen.search}"] if chosen.search else []
    parts += [say("filter.muted")] if muted else []
    keys = say("filter.keys")
    return spread(
        [(f" {' · '.join(parts)}", "warm" if chosen.is_narrow else "dim"), (f"   {say('filter.shown', n=shown)}", "dim")],
        [(keys, "dim")],
        width,
    )


def _day(day: int, say: Speech) -> str:
    return say("filter.today") if day == 0 else say("filter.yesterday") if day == -1 else say("filter.day", days=-day)


def presence_text(
    present: Sequence[Present], leads: dict[int, Lead], sites: dict[str, Site], me: int | None, now: int, say: Speech
) -> str:
    """op-2 is on antika · op-3 idle 4m."""
    told: list[str] = []
    for one in present:
        if one.id == me:
            continue
        site = sites.get(one.site_id or "")
        lead = leads.get(one.lead or 0)
        at = f"{site.name}/{lead.head.number or lead.kind.value}" if site and lead else site.name if site else ""
        told.append(say("team.on", who=one.who, at=at) if at else say("team.idle", who=one.who, time=short_length(now - one.since)))
    return " · ".join(told)


def keys_line(keys: Sequence[tuple[str, str]], width: int) -> Line:
    """`c claim  o outcome …`: as many as fit, the last one (help) always."""
    last = (f" {keys[-1][0]}", "key"), (f" {keys[-1][1]} ", "dim")
    left = width - sum(width_of(text) for text, _ in last)
    spans: list[Span] = []
    for key, name in keys[:-1]:
        wide = width_of(f" {key} {name} ")
        if wide > left:
            break
        spans += [(f" {key}", "key"), (f" {name} ", "dim")]
        left -= wide
    return (*spans, (" " * left, ""), *last)
