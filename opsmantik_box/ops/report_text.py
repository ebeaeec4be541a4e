"""The report for a person: the line of product.md, a table, where clicks and intents stayed, and why the numbers differ."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from opsmantik_box.domain.amounts import exponent
from opsmantik_box.domain.days import zone
from opsmantik_box.domain.reconciliation import reason_of
from opsmantik_box.domain.tally import BUCKETS
from opsmantik_box.texts import say, written

COLUMNS = ("sessions", "with_click", "assisted", "visitors", "intents", "phone", "whatsapp", "form", "calls", "sealed")
SPLITS = ("hour", "device", "source", "campaign", "keyword", "landing_page", "button")
"""What `by_…` of the report can be shown as a table of its own."""

Told = Mapping[str, Any]


def format_stats(stats: Told, language: str = "en") -> str:
    """The whole page."""
    lines = [_span(stats, language), funnel(stats, language), "", *_table(stats, language), *_cost(stats, language)]
    if stats["client"]["whatsapp"] is not None or stats["client"]["phone"] is not None:
        told = {key: say(language, "client.nothing") if number is None else number for key, number in stats["client"].items()}
        lines += ["", say(language, "client", **told)]
    lines += ["", *_reconciliation(stats, language), "", _settled(stats, language), *_changes(stats, language)]
    return "\n".join(lines)


def funnel(stats: Told, language: str = "en") -> str:
    """The one line of product.md: from Google's clicks to what was sealed, then what lies beside."""
    ads, everything, bots = stats["ads"], stats["all"], stats["bots"]
    return say(
        language, "line", google=_google(stats, language), with_click=ads["with_click"], assisted=ads["assisted"],
        sessions=ads["sessions"], intents=_intents(ads, language), sealed=ads["sealed"], all_sessions=everything["sessions"],
        all_intents=_intents(everything, language), bots=bots["sessions"], bot_taps=bots["intents"],
        internal=stats["internal"]["sessions"],
    )  # fmt: skip


def format_split(stats: Told, split: str, language: str = "en") -> str:
    """One of SPLITS as a table, of the scope that the report was asked for."""
    told: Any = stats[f"by_{split}"]
    heads = [say(language, "column.sessions"), say(language, "column.intents")]
    if isinstance(told, dict):
        numbers = cast("dict[str, int]", told).items()
        return _columns([("", heads[split == "button"]), *((_name(name, language), number) for name, number in numbers)])
    rows = [(_label(one, stats, language), one["sessions"], one["intents"]) for one in cast("list[Told]", told)]
    return _columns([("", *heads), *rows])


def _label(one: Told, stats: Told, language: str) -> str:
    """What a row of an hour or a share is called."""
    return _clock(one["start"], stats["timezone"]) if "start" in one else _name(one["name"], language)


def _name(name: str | None, language: str) -> str:
    return say(language, "split.rest") if name is None else name or say(language, "split.nameless")


def _span(stats: Told, language: str) -> str:
    key = "span" if stats["from"] == stats["to"] else "span.days"
    return say(language, key, first=stats["from"], last=stats["to"], timezone=stats["timezone"])


def _google(stats: Told, language: str) -> str:
    google = stats["google"]
    if google["clicks"] is None:
        return say(language, "line.no_google")
    at = _clock(google["as_of"], google["timezone"])
    short = at.removeprefix(stats["to"]).strip() if stats["from"] == stats["to"] else at
    return say(language, "line.google", clicks=google["clicks"], timezone=google["timezone"], at=short)


def _clock(at: int, timezone: str) -> str:
    """'2026-02-10 18:05', there."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone(timezone)).strftime("%Y-%m-%d %H:%M")


def _intents(bucket: Told, language: str) -> str:
    return say(language, "line.intents", intents=bucket["intents"], phone=bucket["phone"], whatsapp=bucket["whatsapp"])


def _table(stats: Told, language: str) -> list[str]:
    heads = ["", *(say(language, f"column.{column}") for column in COLUMNS)]
    rows = [[say(language, f"kind.{name}"), *(_counted(stats[name][column]) for column in COLUMNS)] for name in BUCKETS]
    return _columns([heads, *rows]).splitlines()


def _counted(number: int | None) -> str:
    return "–" if number is None else str(number)


def _columns(rows: Iterable[Sequence[object]]) -> str:
    """Rows as columns as wide as their widest cell, the first to the left."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells)


def _cost(stats: Told, language: str) -> list[str]:
    google = stats["google"]
    if google["cost"] is None:
        return []
    line = say(language, "cost", cost=_money(google["cost"], google["currency"], language), currency=google["currency"])
    for key in ("intent", "sealed"):
        if google[f"cost_per_{key}"] is not None:
            line += say(language, f"cost.{key}", cost=_money(google[f"cost_per_{key}"], google["currency"], language))
    return ["", f"{line}."]


def _money(amount: int, currency: str, language: str) -> str:
    """An amount in minor units as people write it: 1,234.50 or 1.234,50."""
    places = exponent(currency)
    text = f"{amount / 10**places:,.{places}f}"
    return text.translate(str.maketrans(",.", ".,")) if say(language, "decimal_mark") == "," else text


def _reconciliation(stats: Told, language: str) -> list[str]:
    told = stats["reconciliation"]
    numbers = [(f"  {say(language, f'bucket.{name}')}", _shown(number, language)) for name, number in told["buckets"].items()]
    lines = [say(language, "buckets"), *_columns(numbers).splitlines(), "", say(language, "differences")]
    for one in told["differences"]:
        lines += _difference(one, language)
    google, site = stats["google"]["timezone"], stats["timezone"]
    return [*lines, say(language, "zones", google=google, site=site)] if google != site else lines


def _difference(one: Told, language: str) -> list[str]:
    """What differs with the parts between, signed as one goes from the first number to the second; and why."""
    ends = [f"{_shown(one[f'{end}_count'], language)} {say(language, f'number.{one[end]}')}" for end in ("from", "to")]
    parts = [f"{_signed(-number, language)} {say(language, f'bucket.{name}')}" for name, number in one["parts"].items()]
    parts += [f"{_signed(-one['rest'], language)} {say(language, 'rest')}"] if one["rest"] else []
    reason = reason_of(one["from"], one["to"], one["from_count"], one["to_count"], language)
    return [f"  {' → '.join(ends)}: {', '.join(parts)}", f"    {reason}"]


def _shown(number: float | str, language: str) -> str:
    """A count, or the word for none."""
    return say(language, number) if isinstance(number, str) else written(language, number)


def _signed(number: float, language: str) -> str:
    return f"{'+' if number > 0 else ''}{written(language, number)}"


def _settled(stats: Told, language: str) -> str:
    return say(language, "settled", at=_clock(stats["settled_at"], stats["timezone"]), timezone=stats["timezone"])


def _changes(stats: Told, language: str) -> list[str]:
    lines = [f"  {_change(one, stats, language)}" for one in stats["later_changes"]]
    return [say(language, "changes"), *lines] if lines else []


def _change(one: Told, stats: Told, language: str) -> str:
    places = exponent(stats["google"]["currency"] or "") if one["what"] == "google_cost" else 0
    words = {key: say(language, f"{key}.{one[key]}") for key in ("what", "cause")}
    by = _signed(one["by"] / 10**places, language)
    return say(language, "change", at=_clock(one["at"], stats["timezone"]), day=one["day"], by=by, **words)
