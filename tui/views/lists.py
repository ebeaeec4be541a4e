"""The smaller lists: sites, help, settings. Pure."""

from collections.abc import Sequence

from opsmantik_box.domain.opening import open_at_or_after
from tui.model.lead import Kind
from tui.model.pages import SiteLine
from tui.model.sites import Site
from tui.model.urgency import clock_text, length_text
from tui.paint import Line, columns, wrap
from tui.speech import Speech

SITE_COLUMNS = (("site", 14), ("domain", 18), ("rights", 8), ("target", -7), ("open", 12), ("intents", -8), ("sealed", -7))


def site_heads(say: Speech) -> Line:
    return columns([(say.word("column", name), width, "head") for name, width in SITE_COLUMNS])


def site_row(site: Site, line: SiteLine | None, now: int, say: Speech) -> Line:
    """One site: where it is, what I may do there, whether somebody is there now, today's intents."""
    opens = open_at_or_after(site.hours, now)
    state = say("sites.open") if opens <= now else say("sites.opens", at=clock_text(opens, site.timezone))
    counts = ("-", "-") if line is None else (str(line.all.intents), str(line.all.sealed))
    told = (site.name, ", ".join(site.domains), site.rights, length_text(site.answer_target_ms), state, *counts)
    return columns(
        [
            (text, width, "" if number else "strong")
            for number, (text, (_, width)) in enumerate(zip(told, SITE_COLUMNS, strict=True))
        ]
    )


def help_lines(groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], width: int, say: Speech) -> list[Line]:
    """Keys by what they are for, then what the signs and words of a row mean."""
    lines: list[Line] = []
    for title, keys in groups:
        lines.append(((f" {title}", "label"),))
        lines += _pairs(keys, width)
        lines.append(())
    lines.append(((f" {say('help.words')}", "label"),))
    for kind in Kind:
        lines += _explained(say.word("how", kind), say(f"help.{kind.name.lower()}"), width)
    lines += _explained(". ! !! L", say("help.marks"), width)
    lines += _explained("^ ^^ ^^^", say("help.score"), width)
    lines += _explained("* - ok x", say("help.signs"), width)
    return lines


def _pairs(keys: Sequence[tuple[str, str]], width: int) -> list[Line]:
    """As many beside each other as fit."""
    across = max(1, width // 39)
    rows = [keys[start : start + across] for start in range(0, len(keys), across)]
    return [tuple(span for key, words in row for span in ((f"  {key:<10} ", "key"), (f"{words:<25} ", ""))) for row in rows]


def _explained(word: str, text: str, width: int) -> list[Line]:
    told = wrap(text, max(20, width - 15))
    return [((f"  {word if number == 0 else '':<10} ", "key"), (line, "")) for number, line in enumerate(told)]


def setting_row(name: str, value: str, width: int, say: Speech) -> Line:
    return columns([(f" {say.word('setting', name)}", 30, ""), (value, max(10, width - 32), "strong")])
