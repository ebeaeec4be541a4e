"""Alerts: what is wrong, since when, what to do; those somebody knows of; those that are over. Pure."""

from collections.abc import Mapping, Sequence

from tui.model.sites import Site
from tui.model.urgency import length_text
from tui.model.watch import Alert
from tui.paint import Line, columns, rule, width_of, wrap
from tui.speech import Speech
from tui.views.amounts import when_text

COLUMNS = (("mark", 2), ("since", 11), ("site", 14), ("kind", 25), ("state", 0))
MARKS = {"alarm": "!!", "warning": "!", "info": "."}
LOOKS = {"alarm": "hot", "warning": "warm", "info": ""}


def alert_words(alert: Alert, say: Speech) -> str:
    """What kind of thing it is, in words."""
    return say.word("alert", alert.code)


def where_text(alert: Alert, sites: Mapping[str, Site], say: Speech) -> str:
    """A site, or the Box itself."""
    if alert.site_id is None:
        return say("alerts.box")
    return sites[alert.site_id].name if alert.site_id in sites else "?"


def heads(width: int, say: Speech) -> Line:
    return columns([(say.word("column", name) if name != "mark" else "", wide, "head") for name, wide in _fitted(width)])


def _fitted(width: int) -> list[tuple[str, int]]:
    """The last column takes what is left."""
    fixed = sum(wide + 1 for _, wide in COLUMNS[:-1])
    return [*COLUMNS[:-1], (COLUMNS[-1][0], max(10, width - fixed))]


def row(alert: Alert, sites: Mapping[str, Site], now: int, timezone: str, width: int, say: Speech) -> Line:
    """One of them. What is over, or silent, is dim."""
    is_over = alert.state == "resolved"
    mark, look = ("ok", "dim") if is_over else (MARKS.get(alert.level, "!"), LOOKS.get(alert.level, "warm"))
    quiet = "dim" if is_over or alert.state == "acknowledged" or alert.is_silent(now) else ""
    told = (mark, when_text(alert.since, now, timezone), where_text(alert, sites, say), alert_words(alert, say))
    looks = (look, "dim", quiet, quiet or look)
    texts = [(text, wide, shown) for text, (_, wide), shown in zip(told, COLUMNS, looks, strict=False)]
    return columns([*texts, (state_text(alert, now, timezone, say), _fitted(width)[-1][1], quiet)])


def state_text(alert: Alert, now: int, timezone: str, say: Speech) -> str:
    """Open · op-1 knows · silent until 16:00 · over 14:40."""
    if alert.state == "resolved":
        return say("alerts.resolved", at=when_text(alert.resolved_at, now, timezone))
    if alert.is_silent(now):
        return say("alerts.silent", at=when_text(alert.silenced_until, now, timezone))
    if alert.state == "acknowledged":
        return say("alerts.known", who=alert.acknowledged_by or say("word.somebody"))
    return say("alerts.open")


def detail_lines(alert: Alert | None, sites: Mapping[str, Site], now: int, timezone: str, width: int, say: Speech) -> list[Line]:
    """What happened, since when, what to do, who knows."""
    if alert is None:
        return [rule("", width), *(((f" {text}", "dim"),) for text in wrap(say("alerts.none"), width - 2))]
    lines = [rule(f"{where_text(alert, sites, say)} · {alert_words(alert, say)} · {say.word('alert_level', alert.level)}", width)]
    for name, text in _told(alert, now, timezone, say):
        lines += _labelled(say(f"alerts.{name}"), text, width, say)
    return lines


def _told(alert: Alert, now: int, timezone: str, say: Speech) -> Sequence[tuple[str, str]]:
    end = alert.resolved_at or now
    since = say(
        "alerts.since_text", at=when_text(alert.since, now, timezone), time=length_text(max(0, end - alert.since)), n=alert.times,
    )  # fmt: skip
    known = say("alerts.known_text", who=alert.acknowledged_by or "", at=when_text(alert.acknowledged_at, now, timezone))
    told = [("what", alert.text), ("since", since), ("do", alert.advice or say("alerts.no_advice"))]
    told += [("who", known)] if alert.acknowledged_by else []
    told += [("quiet", state_text(alert, now, timezone, say))] if alert.is_silent(now) else []
    return told + ([("also", say.word("alert", alert.covered_by))] if alert.covered_by else [])


def _labelled(label: str, text: str, width: int, say: Speech) -> list[Line]:
    wide = max(width_of(say(f"alerts.{name}")) for name in ("what", "since", "do", "who", "quiet", "also"))
    parts = wrap(text, max(20, width - wide - 4))
    return [((f" {(label if number == 0 else '').ljust(wide)}  ", "label"), (part, "")) for number, part in enumerate(parts)]
