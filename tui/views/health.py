"""How the Box is: one word and why, then what it tells of itself, section by section. Pure.

What the Box does not tell is said in one line, never made up. A new section is a function and a line of SECTIONS.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, cast

from msgspec import Struct, field

from tui.model.link import Link
from tui.paint import Line, wrap
from tui.speech import Speech
from tui.views.frame import SIGNS, link_text

Word = Literal["ok", "degraded", "down"]
LOOKS: dict[Word, str] = {"ok": "good", "degraded": "warm", "down": "hot"}
BEHIND = 1_000
"""Signals that wait for their month file: more is worth a word."""
UNTOLD = ("rates", "files", "months", "disk", "memory", "backup", "jobs", "lanes", "trackers", "refusals")
"""What issue of its own will tell; each has its line until then."""


class Health(Struct, frozen=True):
    """`told`: the newest hint of the stream, or /readyz; `more`: whatever /health tells, by section, once there is such a thing."""

    link: Link
    told: dict[str, Any] = field(default_factory=dict[str, Any])
    version: str = ""
    more: dict[str, Any] = field(default_factory=dict[str, Any])


def word_of(health: Health) -> Word:
    """One word for it."""
    if health.link.word in ("down", "token"):
        return "down"
    accepting = health.told.get("accepting", health.told.get("ready", True))
    if not accepting:
        return "down"
    return "degraded" if not health.link.is_live or health.told.get("lag_signals", 0) > BEHIND else "ok"


def health_lines(health: Health, now: int, timezone: str, say: Speech) -> list[Line]:
    """The screen."""
    word = word_of(health)
    lines: list[Line] = [((f" {say(f'health.{word}')} ", LOOKS[word]), (f" {_why(health, word, say)}", "")), ()]
    for section in SECTIONS:
        lines += [*section(health, now, timezone, say), ()]
    return lines


def _why(health: Health, word: Word, say: Speech) -> str:
    if word == "ok":
        return say("health.why_ok")
    if not health.link.is_live:
        return health.link.reason or say("health.why_link")
    return str(health.told.get("reason") or say("health.why_lag", n=health.told.get("lag_signals", 0)))


def _connection(health: Health, now: int, timezone: str, say: Speech) -> Iterator[Line]:
    yield ((f" {say('health.connection')}", "label"),)
    yield ((f"   {SIGNS[health.link.word]} {link_text(health.link, now, timezone, say)}", ""),)
    if health.version:
        yield ((f"   {say('health.version', version=health.version)}", "dim"),)


def _projection(health: Health, now: int, timezone: str, say: Speech) -> Iterator[Line]:
    yield ((f" {say('health.projection')}", "label"),)
    if "lag_signals" in health.told:
        yield ((f"   {say('health.lag', n=health.told['lag_signals'], ms=health.told.get('lag_ms', 0))}", ""),)
    else:
        yield ((f"   {say('health.quiet')}", "dim"),)


def _more(health: Health, now: int, timezone: str, say: Speech) -> Iterator[Line]:
    """Whatever else the Box tells, as it tells it."""
    for name, value in health.more.items():
        yield ((f" {say.word('health_section', name)}", "label"),)
        told = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {"": value}
        yield from (((f"   {say.word('health_name', key):<24} ", "dim"), (str(one), "")) for key, one in told.items())


def _untold(health: Health, now: int, timezone: str, say: Speech) -> Iterator[Line]:
    missing = [say.word("health_section", name) for name in UNTOLD if name not in health.more]
    if missing:
        yield from (((f" {text}", "dim"),) for text in wrap(say("health.untold", what=", ".join(missing)), 76))


SECTIONS: tuple[Callable[[Health, int, str, Speech], Iterator[Line]], ...] = (_connection, _projection, _more, _untold)
