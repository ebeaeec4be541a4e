"""A lead opened: why it matters, where it came from, what the visitor did, what was tried. Pure.

Short (six lines under the list) or full (a pane of its own): the same parts, said with less or more.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from opsmantik_box.domain.attribution import DAY_MS
from opsmantik_box.domain.scoring import DEFAULT_WEIGHTS
from opsmantik_box.domain.work import OUTCOMES
from tui.model.lead import Contact, Kind, Lead
from tui.model.pages import Detail, Said, Step, Visit
from tui.model.sites import Site
from tui.model.urgency import Waiting, clock_text, length_text, seconds_text, waiting
from tui.paint import Line, Span, wrap
from tui.speech import Speech
from tui.views.rows import WINDOW_DAYS, days_left, path_of, reach_text, source_text

BAR = 24
"""Cells of the bar that says how much of the target is over."""


class Opened(Struct, frozen=True):
    """What is shown of a lead. `detail` is None until it has been read; `number` what the Box has revealed, '' unless it has."""

    lead: Lead
    site: Site
    detail: Detail | None = None
    number: str = ""
    me: int | None = None


def title(opened: Opened, now: int, say: Speech) -> str:
    """What stands on the rule above it."""
    lead, site = opened.lead, opened.site
    parts = [site.name, opened.number or reach_text(lead, site, now, say), say(f"kind.{lead.kind.name.lower()}")]
    wait = waiting(lead, site, now)
    return " · ".join([*parts, _wait_text(wait, site, say)] if wait else parts)


def _wait_text(wait: Waiting, site: Site, say: Speech) -> str:
    """How long he waits; while the site has not been open since, from when on he does."""
    if wait.opens_at and not wait.ms:
        return say("state.opens", at=clock_text(wait.opens_at, site.timezone))
    return say("detail.waiting", time=length_text(wait.ms))


def short_lines(opened: Opened, width: int, now: int, say: Speech) -> list[Line]:
    """Six lines or so, each a part."""
    lead, detail = opened.lead, opened.detail
    head = lead.head
    parts = [
        (say("detail.why", score=lead.score), breakdown_text(head.breakdown, say)),
        (say("detail.ad"), ad_text(opened, now, say)),
        (say("detail.visit"), visit_text(detail.steps, opened.site, say) if detail and detail.steps else path_of(head.page) or "-"),
        (say("detail.match"), match_text(head, say)),
        (say("detail.before"), before_text(opened, now, say)),
        (say("detail.tried"), tried_text(opened, now, say)),
        (say("detail.notes"), notes_text(opened, say)),
    ]
    names = max(len(name) for name, _ in parts)
    return [((f" {name:<{names}} ", "label"), (text, "")) for name, text in parts if text]


def breakdown_text(breakdown: dict[str, int], say: Speech) -> str:
    """The rules that fired, in words."""
    return " · ".join(f"{say.word('rule', name)} +{worth}" for name, worth in _sorted_rules(breakdown)) or "-"


def _sorted_rules(breakdown: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(((name, worth) for name, worth in breakdown.items() if name in DEFAULT_WEIGHTS), key=lambda one: -one[1])


def ad_text(opened: Opened, now: int, say: Speech) -> str:
    """Where it came from; with a click, until when Google takes a conversion for it."""
    head, visit = opened.lead.head, opened.detail.session if opened.detail else None
    source = source_text(head, say)
    kind, at, left = head.click_id_kind, head.click_at, days_left(head, now)
    if left is None and visit is not None and visit.click_id and visit.click_at:
        kind = next(name for name in ("gclid", "wbraid", "gbraid") if getattr(visit, name))
        at, left = visit.click_at, max(0, WINDOW_DAYS - (now - visit.click_at) // DAY_MS)
    if left is None or at is None:
        return source
    return f"{source}: " + say("detail.click", kind=kind, at=clock_text(at, opened.site.timezone, now), days=left)


def visit_text(steps: Sequence[Step], site: Site, say: Speech) -> str:
    """The visit in one line: pages in order, and the tap."""
    told: list[str] = []
    for step in steps:
        word = step_text(step, say)
        if word and (not told or told[-1] != word):
            told.append(word)
    return " → ".join(told) + (f" {seconds_text(steps[-1].created_at, site.timezone)}" if steps else "")


def step_text(step: Step, say: Speech) -> str:
    """What the visitor did; '' for what nobody needs to read."""
    if step.event_action in ("view", "page_view"):
        return path_of(step.url)
    if step.event_action in ("heartbeat", "session_end"):
        return ""
    if step.event_category == "conversion":
        return say("detail.tap", target=step.event_label or step.event_action)
    if step.event_action == "scroll_depth":
        return say("detail.scroll", depth=step.event_label or f"{step.event_value or 0:.0f}%")
    return step.event_action.replace("_", " ")


def match_text(head: Contact, say: Speech) -> str:
    """How sure it is that this call came from this visit; '' for what is no call."""
    if head.source != "call":
        return ""
    if head.likelihood is None:
        return say("detail.candidates", n=len(head.candidates)) if head.candidates else say("detail.unmatched")
    return say("detail.matched", percent=say.percent(head.likelihood), how=say.word("match", head.how or "number"))


def before_text(opened: Opened, now: int, say: Speech) -> str:
    """Earlier visits, the place and the device."""
    detail, head = opened.detail, opened.lead.head
    visit = detail.session if detail else None
    earlier = "" if detail is None else say("detail.first_visit")
    if detail and detail.earlier:
        days = (now - detail.earlier[0].created_at) // DAY_MS
        earlier = say("detail.earlier", n=len(detail.earlier), days=days)
    about = [visit.place or head.place, visit.device_type, visit.browser] if visit else [head.place, head.device]
    return "  ".join(part for part in (earlier, ", ".join(one for one in about if one)) if part)


def tried_text(opened: Opened, now: int, say: Speech) -> str:
    """What was tried last, and how often."""
    last = opened.lead.last_attempt
    if last is None:
        return say("detail.nobody")
    when = clock_text(last.at, opened.site.timezone, now)
    text = " ".join(part for part in (when, last.who, say.word("outcome", last.outcome)) if part)
    return f"{text} · {say('detail.tries', n=opened.lead.attempts)}" if opened.lead.attempts > 1 else text


def notes_text(opened: Opened, say: Speech) -> str:
    """The newest note, else how many there are."""
    if opened.detail and opened.detail.notes:
        return " · ".join(one.note for one in opened.detail.notes[:3])
    return opened.lead.head.note or (say("detail.note_count", n=opened.lead.notes) if opened.lead.notes else "")


# --- full ---------------------------------------------------------------------------------------------------------------------------


def full_lines(opened: Opened, width: int, now: int, say: Speech) -> list[Line]:
    """A pane of its own: part by part, an empty line between them."""
    parts = (_top, _score, _ad, _visit, _earlier, _tried, _verdicts, _notes, _outcomes)
    lines: list[Line] = []
    for part in parts:
        told = list(part(opened, width, now, say))
        lines += [*told, ()] if told else []
    return lines


def _top(opened: Opened, width: int, now: int, say: Speech) -> Iterator[Line]:
    lead, site = opened.lead, opened.site
    hides_number = lead.kind not in (Kind.TEL, Kind.WA) and not opened.number
    yield (
        (opened.number or reach_text(lead, site, now, say), "strong"),
        (f"   {say('detail.claim_hint')}" if hides_number else "", "dim"),
    )
    wait = waiting(lead, site, now)
    kind = say(f"kind.{lead.kind.name.lower()}").upper()
    if wait is None:
        yield ((kind, "strong"), (f"  {clock_text(lead.at, site.timezone, now)}", "dim"))
        return
    yield ((kind, "strong"), (f"  {_wait_text(wait, site, say)}", "hot" if wait.share > 1 else "warm"),
           (f"  {say('detail.target', time=length_text(site.answer_target_ms))}", "dim"))  # fmt: skip
    if not wait.opens_at:
        filled = min(BAR, int(wait.share * BAR))
        yield ((f"[{'#' * filled}", "late" if wait.share > 1 else "warm"), (f"{'-' * (BAR - filled)}]", "dim"))


def _score(opened: Opened, width: int, now: int, say: Speech) -> Iterator[Line]:
    head = opened.lead.head
    yield ((say("detail.score", score=opened.lead.score), "label"),)
    for name, worth in _sorted_rules(head.breakdown):
        yield ((f"  +{worth:<3}", "good"), (say.word("rule", name), ""))
    missing = [say.word("rule", name) for name in DEFAULT_WEIGHTS if name not in head.breakdown]
    if missing:
        yield from _wrapped(f"{say('detail.not_yet')} {', '.join(missing)}", width, "dim")


def _ad(opened: Opened, width: int, now: int, say: Speech) -> Iterator[Line]:
    visit = opened.detail.session if opened.detail else None
    yield ((say("detail.ad"), "label"), (f"  {ad_text(opened, now, say)}", ""))
    if visit is None:
        return
    campaign = [(say("detail.campaign"), visit.utm_campaign), (say("detail.keyword"), visit.keyword)]
    told = "  ".join(f"{name} {value}" for name, value in campaign if value)
    yield from _wrapped(told, width, "")
    if visit.click_id:
        yield ((f"  {visit.click_id[:4]}…{visit.click_id[-4:]}", "dim"),)
    if visit.consent:
        yield ((f"  {say('detail.consent', consent=visit.consent)}", "dim"),)


def _visit(opened: Opened, width: int, now: int, say: Speech) -> Iterator[Line]:
    detail, site = opened.detail, opened.site
    if detail is None or detail.session is None:
        yield ((say("detail.visit"), "label"), (f"  {path_of(opened.lead.head.page) or say('detail.unknown')}", "dim"))
        return
    visit = detail.session
    about = ", ".join(one for one in (visit.device_type, visit.browser, visit.place) if one)
    yield ((say("detail.visit"), "label"), (f"  {about}", "dim"))
    if visit.referrer_host:
        yield (
            (f"  {seconds_text(visit.created_at, site.timezone)}  ", "dim"),
            (f"{visit.referrer_host} → {path_of(visit.entry_page)}", ""),
        )
    for step in detail.steps[-16:]:
        if word := step_text(step, say):
            look = "strong" if step.event_category == "conversion" else ""
            yield ((f"  {seconds_text(step.created_at, site.timezone)}  ", "dim"), (word, look))
    yield from _call_steps(opened.lead, site, width, say)


def _call_steps(lead: Lead, site: Site, width: int, say: Speech) -> Iterator[Line]:
    for one in lead.contacts:
        if one.source == "call":
            word = say("kind.miss") if one.kind is Kind.MISS else say("kind.call")
            yield ((f"  {seconds_text(one.at, site.timezone)}  ", "dim"), (word, "strong"))
            yield from _wrapped(match_text(one, say), width, "")


def _earlier(opened: Opened, width: int, now: int, say: Speech) -> Iterator[Line]:
    if opened.detail is None:
        return
    yield ((say("detail.before"), "label"), ("" if opened.detail.earlier else f"  {say('detail.first_visit')}", "dim"))
    for visit in opened.detail.earlier[:5]:
        yield ((f"  {clock_text(visit.created_at, opened.site.timezone, now)}  ", "dim"), (_visit_in_short(visit, say), ""))


def _visit_in_short(visit: Visit, say: Speech) -> str:
    contact = say("detail.contacts", n=visit.intents) if visit.intents else say("detail.no_contact")
    return f"{visit.attribution_source}, {say('detail.pages', n=visit.page_views)}, {contact}"


def _tried(opened: Opened, width: int, now: int, say: Speech) -> Iterator[Line]:
    attempts = opened.detail.attempts if opened.detail else []
    yield ((say("detail.tried"), "label"), ("" if attempts else f"  {tried_text(opened, now, say)}", "dim"))
    for one in attempts[:8]:
        yield (
            (f"  {clock_text(one.at, opened.site.timezone, now)}  ", "dim"),
            (f"{one.who}  {say.word('outcome', one.outcome)}", ""),
        )


def _verdicts(opened: Opened, width: int, now: int, say: Speech) -> Iterator[Line]:
    said = opened.detail.verdicts if opened.detail else []
    if said:
        yield ((say("detail.verdicts"), "label"),)
    for one in said[:8]:
        yield ((f"  {clock_text(one.at, opened.site.timezone, now)}  ", "dim"), (verdict_text(one, say), ""))


def verdict_text(said: Said, say: Speech) -> str:
    """op-2 sealed, 2.500 TRY."""
    amount = f", {say.money(said.amount, said.currency)}" if said.amount is not None else ""
    return f"{said.who} {say.word('status', said.to_status or 'intent')}{amount}".strip()


def _notes(opened: Opened, width: int, now: int, say: Speech) -> Iterator[Line]:
    notes = opened.detail.notes if opened.detail else []
    yield ((say("detail.notes"), "label"), ("" if notes else f"  {notes_text(opened, say) or '-'}", "dim"))
    for one in notes[:10]:
        when = f"{clock_text(one.at, opened.site.timezone, now)} {one.who}: "
        yield from _wrapped(when + one.note, width, "")


def _outcomes(opened: Opened, width: int, now: int, say: Speech) -> Iterator[Line]:
    yield ((say("detail.outcomes"), "label"),)
    digits = [f"{number} {say.word('outcome', name)}" for number, name in enumerate(OUTCOMES, 1)]
    yield from _wrapped("  ".join(digits), width, "dim")


def _wrapped(text: str, width: int, look: str) -> Iterator[Line]:
    for line in wrap(text, max(10, width - 2)) if text else []:
        spans: tuple[Span, ...] = ((f"  {line}", look),)
        yield spans
