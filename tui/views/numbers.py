"""The numbers of some days: the line, per site, by hour and source, and where they stayed. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from opsmantik_box.domain.reconciliation import reason_of
from tui.model.pages import Hour, SiteLine, SiteReport, total
from tui.model.urgency import clock_text
from tui.paint import Line, columns, rule, wrap
from tui.speech import Speech

HEIGHT = 5
"""Lines of the chart by hour."""
EIGHTHS = " ▁▂▃▄▅▆▇█"
BUCKETS = ("ads", "all", "other_paid", "bots", "internal")
SITE_COLUMNS = (
    ("site", 16),
    ("clicks", -7),
    ("sessions", -8),
    ("intents", -8),
    ("phone", -6),
    ("whatsapp", -8),
    ("form", -5),
    ("calls", -6),
    ("sealed", -7),
)


def line_text(line: SiteLine, scope: str, say: Speech) -> str:
    """130 → 113 → 18 (5 phone, 13 WhatsApp) → 1."""
    bucket = line.all if scope == "all" else line.ads
    clicks = "-" if line.google.clicks is None else str(line.google.clicks)
    return say(
        "numbers.line", clicks=clicks, sessions=bucket.sessions, intents=bucket.intents, phone=bucket.phone, whatsapp=bucket.whatsapp,
        sealed=bucket.sealed,
    )  # fmt: skip


def head_lines(lines: Sequence[SiteLine], scope: str, span: str, width: int, say: Speech) -> list[Line]:
    """All sites in one line, the other traffic in the next."""
    everything = total(list(lines))
    more = say(
        "numbers.more", all=everything.all.intents, other_paid=everything.other_paid.intents, bots=everything.bots.sessions,
        internal=everything.internal.sessions,
    )  # fmt: skip
    told = [((f" {span}  ", "label"), (say(f"filter.{'all' if scope == 'all' else 'ads'}"), "dim"))]
    for text, look in ((line_text(everything, scope, say), "strong"), (more, "dim")):
        told += [((f" {part}", look),) for part in wrap(text, width - 2)]
    return told


def site_heads(say: Speech) -> Line:
    return columns([(say.word("column", name), width, "head") for name, width in SITE_COLUMNS])


def site_row(line: SiteLine, name: str, scope: str) -> Line:
    """A site's numbers beside each other."""
    bucket = line.all if scope == "all" else line.ads
    clicks = "-" if line.google.clicks is None else str(line.google.clicks)
    counts = [str(getattr(bucket, one)) for one, _ in SITE_COLUMNS[2:]]
    return columns([(text, width, "") for text, (_, width) in zip((name, clicks, *counts), SITE_COLUMNS, strict=True)])


def report_lines(report: SiteReport | None, name: str, width: int, say: Speech) -> list[Line]:
    """What one site's report says: by hour, by source and device, the sale, where clicks and intents stayed and why numbers differ."""
    if report is None:
        return [((f" {say('numbers.not_read')}", "dim"),)]
    parts = (_hours, _splits, _buckets, _differences)
    lines: list[Line] = [rule(name, width)]
    for part in parts:
        told = list(part(report, width, say))
        lines += [*told, ()] if told else []
    return lines


def _hours(report: SiteReport, width: int, say: Speech) -> Iterator[Line]:
    """Intents by hour, as columns; the hours stand below."""
    hours = [one for one in report.by_hour if one.sessions or one.intents]
    if not hours:
        return
    begin, end = report.by_hour.index(hours[0]), report.by_hour.index(hours[-1]) + 1
    shown = report.by_hour[begin : min(end, begin + max(1, (width - 10) // 3))]
    yield ((f" {say('numbers.by_hour')}", "label"),)
    yield from _chart(shown)
    yield ((" ", ""), ("".join(f"{clock_text(one.start, report.timezone)[:2]:>3}" for one in shown), "dim"))


def _chart(hours: Sequence[Hour]) -> Iterator[Line]:
    most = max((one.intents for one in hours), default=0) or 1
    height = min(HEIGHT, most)
    for level in range(height, 0, -1):
        cells = [max(0, min(8, round((one.intents / most * height - level + 1) * 8))) for one in hours]
        yield (
            (" ", ""),
            ("".join(f" {EIGHTHS[cell] * 2}" for cell in cells), "fresh"),
            (f" {most}" if level == height else "", "dim"),
        )


def _splits(report: SiteReport, width: int, say: Speech) -> Iterator[Line]:
    for key, counts in (("numbers.by_source", report.by_source), ("numbers.by_device", report.by_device)):
        told = "  ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda one: -one[1]))
        if told:
            yield ((f" {say(key)}  ", "label"), (told, ""))
    if report.avg_duration_sec is not None:
        bounce = say.percent(report.bounce_rate or 0)
        yield ((f" {say('numbers.visit', seconds=int(report.avg_duration_sec), bounce=bounce)}", "dim"),)
    if report.ads.sealed_value:
        currency = report.google.currency
        yield ((f" {say('numbers.value', value=say.money(report.ads.sealed_value, currency))}", "good"),)


def _buckets(report: SiteReport, width: int, say: Speech) -> Iterator[Line]:
    buckets = cast("Mapping[str, Any]", report.reconciliation.get("buckets") or {})
    if buckets:
        yield ((f" {say.of('buckets')}", "label"),)
    for name, count in buckets.items():
        shown = say.of(count) if isinstance(count, str) else say.number(count)
        yield ((f" {shown:>10}  ", "dim" if isinstance(count, str) or not count else "strong"), (say.of(f"bucket.{name}"), ""))


def _differences(report: SiteReport, width: int, say: Speech) -> Iterator[Line]:
    differences = cast("Sequence[Mapping[str, Any]]", report.reconciliation.get("differences") or [])
    if differences:
        yield ((f" {say.of('differences')}", "label"),)
    for one in differences:
        for text in wrap(reason_text(one, say), max(20, width - 4)):
            yield ((f"  {text}", ""),)


def reason_text(difference: Mapping[str, Any], say: Speech) -> str:
    """Why two numbers differ, in the operator's language; in the Box's words where this console knows none."""
    try:
        return reason_of(difference["from"], difference["to"], difference["from_count"], difference["to_count"], say.language)
    except KeyError:
        return str(difference.get("reason", ""))
