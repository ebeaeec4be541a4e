"""A lead's row: how somebody can be reached, since when he waits, why he matters, where it stands. Pure."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from opsmantik_box.domain.attribution import DAY_MS
from opsmantik_box.domain.work import is_held
from tui.model.lead import LOST_CALL_MS, Contact, Kind, Lead
from tui.model.sites import Site
from tui.model.urgency import Band, Place, Waiting, clock_text, length_text, mark, wait_text, waiting
from tui.paint import Line, columns
from tui.speech import Speech

WINDOW_DAYS = 90
"""Google takes a conversion for this long after the click, if the action's own window is not shorter (product.md)."""
LONGEST_RING_MS = 3 * 60_000
LOOKS = {"!!": "hot", "!": "warm", "L": "late", "*": "due", "ok": "good", ".": "fresh"}
QUIET = (Band.OTHERS, Band.QUIET, Band.DONE)


class Column(Struct, frozen=True):
    """`width` below zero: to the right."""

    name: str
    width: int


NARROW = tuple(
    Column(*one)
    for one in (
        ("mark", 2), ("wait", 7), ("score", 3), ("sign", 3), ("how", 4), ("reach", 20), ("site", 10), ("why", 12), ("state", 11),
    )
)  # fmt: skip
"""80 cells."""
WIDE = tuple(
    Column(*one)
    for one in (
        ("mark", 2), ("wait", 7), ("score", 3), ("sign", 3), ("how", 4), ("reach", 21), ("site", 12), ("why", 20), ("place", 10),
        ("page", 16), ("state", 14),
    )
)  # fmt: skip


def fitted(total: int, hidden: Sequence[str] = ()) -> tuple[Column, ...]:
    """The columns of a list so wide, without those somebody hides; what is left over goes to WHY and to the page."""
    chosen = WIDE if total >= width_of_columns(WIDE) else NARROW
    chosen = tuple(one for one in chosen if one.name not in hidden) or NARROW
    spare, names = max(0, total - width_of_columns(chosen)), [one.name for one in chosen]
    page = spare // 2 if "page" in names else 0
    extra = {"page": page, "why" if "why" in names else names[-1]: spare - page}
    return tuple(Column(one.name, one.width + extra.get(one.name, 0)) for one in chosen)


def width_of_columns(chosen: Sequence[Column]) -> int:
    return sum(one.width for one in chosen) + len(chosen) - 1


class Cells(Struct, frozen=True):
    """What a row says, column by column."""

    mark: str
    wait: str
    score: str
    sign: str
    how: str
    reach: str
    site: str
    why: str
    place: str
    page: str
    state: str


def cells(lead: Lead, site: Site, spot: Place, now: int, me: int | None, say: Speech, *, is_pending: bool = False) -> Cells:
    """A row at `now`, for the operator `me`."""
    wait = waiting(lead, site, now)
    return Cells(
        mark(lead, spot.band, wait), wait_text(lead, site, spot.band, wait, now), str(lead.score), sign_of(lead.score),
        say.word("how", lead.kind), reach_text(lead, site, now, say), site.name, why_text(lead, now, say), lead.head.place,
        path_of(lead.head.page), state_text(lead, site, spot, wait, now, me, say, is_pending=is_pending),
    )  # fmt: skip


def row_line(shown: Cells, band: Band, chosen: Sequence[Column], *, is_marked: bool = False) -> Line:
    """The cells beside each other, in the colours of their band."""
    base = "dim" if band in QUIET else ""
    looks = {"mark": LOOKS.get(shown.mark, "dim"), "wait": LOOKS.get(shown.mark, base), "score": _score_look(shown.sign, base)}
    looks |= {"sign": looks["score"], "state": _state_look(band, shown.mark, base)}
    widths = {one.name: -one.width if one.name == "score" else one.width for one in chosen}
    line = columns([(getattr(shown, name), width, looks.get(name, base)) for name, width in widths.items()])
    return ((line[0][0], line[0][1]), ("+", "marked"), *line[2:]) if is_marked else line


def head_line(chosen: Sequence[Column], say: Speech) -> Line:
    return columns(
        [(say.word("column", one.name) if one.name not in ("mark", "sign") else "", one.width, "head") for one in chosen]
    )


def _score_look(sign: str, base: str) -> str:
    return base or {"^^^": "hot", "^^": "warm"}.get(sign, "")


def _state_look(band: Band, sign: str, base: str) -> str:
    if band is Band.DONE:
        return "good" if sign == "ok" else "dim"
    return {Band.YOURS: "mine", Band.DUE: "due"}.get(band, base)


def sign_of(score: int) -> str:
    """The same as the score's colour, for who sees none."""
    return "^^^" if score >= 80 else "^^" if score >= 60 else "^" if score >= 50 else ""


def reach_text(lead: Lead, site: Site, now: int, say: Speech) -> str:
    """How somebody can be reached; with how often he tried, when it was more than once."""
    head = lead.head
    text = _reach(head, site, now, say)
    return f"{text} ×{lead.count}" if lead.count > 1 else text


def _reach(head: Contact, site: Site, now: int, say: Speech) -> str:
    if head.kind in (Kind.MISS, Kind.CALL):
        return head.number or say("reach.withheld")
    if head.kind is Kind.FORM:
        return head.number or head.email or head.name or say("reach.mailbox")
    if head.kind is Kind.WA:
        return say("reach.chat", at=clock_text(head.at, site.timezone))
    return say("reach.no_call") if now - head.at >= LOST_CALL_MS else say("reach.waiting")


def why_text(lead: Lead, now: int, say: Speech) -> str:
    """Where it came from, and the strongest reason."""
    source, reason = source_text(lead.head, say), _reason(lead, now, say)
    return f"{source} {reason}" if reason else source


def source_text(contact: Contact, say: Speech) -> str:
    """ad, assisted, organic, …; of a call nobody could match, that."""
    if contact.is_bot:
        return say("source.bot")
    if contact.attribution is None:
        return say("source.unmatched")
    if contact.attribution == "Ads Assisted":
        return say("source.assisted")
    if contact.is_ad:
        return say("source.ad")
    return say("source.organic") if contact.attribution == "Organic" else say("source.paid")


REASONS = ("returning_ad_user", "scroll_90", "hover_intent", "scroll_50")
"""Strongest first. A tap is what all of them have, and Google's referrer is said by `ad`."""


def _reason(lead: Lead, now: int, say: Speech) -> str:
    head = lead.head
    if head.source == "call" and head.likelihood is not None and head.likelihood < 1:
        return say("why.match", percent=say.percent(head.likelihood))
    fired = next((rule for rule in REASONS if head.breakdown.get(rule)), "")
    if fired:
        return say.word("why", fired)
    left = days_left(head, now)
    return say("why.click", days=left) if left is not None else ""


def days_left(contact: Contact, now: int) -> int | None:
    """Days until Google takes no conversion for its click any more; None without a click whose time is known."""
    if not contact.click_id_kind or not contact.click_at:
        return None
    return max(0, WINDOW_DAYS - (now - contact.click_at) // DAY_MS)


def path_of(url: str | None) -> str:
    """The page without its site."""
    try:
        return urlsplit(url or "").path or ("/" if url else "")
    except ValueError:
        return url or ""


def state_text(
    lead: Lead, site: Site, spot: Place, wait: Waiting | None, now: int, me: int | None, say: Speech, *, is_pending: bool = False
) -> str:
    """Where the work stands, in a word or two."""
    said = _state(lead, site, spot, wait, now, me, say)
    return f"↑ {said}" if is_pending else said


def _state(lead: Lead, site: Site, spot: Place, wait: Waiting | None, now: int, me: int | None, say: Speech) -> str:
    head = lead.head
    if spot.band is Band.DONE:
        return say.word("status", head.status or "")
    if spot.band is Band.DUE and lead.reminder is not None:
        return say("state.due_yours") if lead.reminder.by == me else say("state.due")
    if lead.claim is not None and is_held(lead.claim, now):
        passed = length_text(now - lead.claim.since)
        return f"{say('state.yours') if lead.claim.by == me else lead.claimed_by} {passed}"
    if wait is not None:
        return say("state.opens", at=clock_text(wait.opens_at, site.timezone)) if wait.opens_at else say("state.free")
    return _quiet_state(lead, site, now, say)


def _quiet_state(lead: Lead, site: Site, now: int, say: Speech) -> str:
    """Of a lead that keeps nobody waiting: what was arranged, what was tried, else how the call stands."""
    if lead.reminder is not None and not lead.reminder.closed_at:
        return f"r {clock_text(lead.reminder.due_at, site.timezone, now)}"
    if lead.last_attempt is not None:
        return say.word("outcome", lead.last_attempt.outcome)
    return _call_state(lead.head, now, say) if lead.kind is Kind.CALL else "-"


def _call_state(call: Contact, now: int, say: Speech) -> str:
    """Some exchanges tell of a call once and never again: it does not ring for ever."""
    is_over = call.call_state == "ended" or now - call.at > LONGEST_RING_MS
    return say("state.verdict") if is_over else say.word("call", call.call_state)
