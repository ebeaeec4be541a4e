"""Human sessions and intents by campaign, keyword, landing page and button. Pure.

An intent is counted by what was known at its tap, and belongs to the campaign, keyword and first page of its session, also when that
began on another day. Promise: the intents of a split add up to the intents of the report."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec import Struct, json

from opsmantik_box.domain.questions import Asking, Parameters, Question, Row
from opsmantik_box.domain.tally import COARSE_MS, buckets_of

SPLITS = ("campaign", "keyword", "landing_page")
MOST_SHARES = 100


class Share(Struct, frozen=True):
    """A part of a split. `name` is '' for those that have none, null for all that are not among the first hundred."""

    name: str | None
    sessions: int
    intents: int


class Splits(Struct, frozen=True):
    """Most sessions first. `by_button`: intents by the button's position on the page. `reopened`: sessions of everybody, bots too, that
    were opened by a click which had opened one before; `clicked`: all that were opened by a click."""

    by_campaign: list[Share]
    by_keyword: list[Share]
    by_landing_page: list[Share]
    by_button: dict[str, int]
    reopened: int
    clicked: int


def ask_splits(span: Parameters, busy: Sequence[str], known: Collection[str], scope: str) -> Asking[Splits]:
    """The splits of a span of days. `busy` are the months with sessions in it; a tap's session may have begun before, in another of the
    `known`. `scope` is one of the buckets of people."""
    sessions, taps = ({split: Counter[str]() for split in SPLITS} for _ in range(2))
    for month in busy:
        _add(sessions, (yield Question(month, "count_origins", span)), scope)
    buttons = yield Question(None, "count_buttons", span)
    for month in sorted({row[1] for row in buttons} & set(known)):
        _add(taps, (yield Question(month, "count_tap_origins", span | {"month": month})), scope)
    by_button = Counter[str]()
    for position, _, rank, number in buttons:
        by_button[position] += number if _inside(scope, rank) else 0
    shares = [_shares(sessions[split], taps[split], by_button.total()) for split in SPLITS]
    clicks = yield from _ask_clicks(span, busy)
    buttons_first = dict((+by_button).most_common())
    return Splits(*shares, by_button=buttons_first, reopened=len(clicks) - len(set(clicks)), clicked=len(clicks))


def _ask_clicks(span: Parameters, busy: Sequence[str]) -> Asking[list[str]]:
    clicks: list[str] = []
    for month in busy:
        for (told,) in (yield Question(month, "list_clicks", span | {"slot_ms": COARSE_MS})):
            clicks += json.decode(told)
    return clicks


def _add(counts: dict[str, Counter[str]], rows: Iterable[Row], scope: str) -> None:
    """Rows of count_origins or count_tap_origins."""
    for *names, rank, number in rows:
        for split, name in zip(SPLITS, names, strict=True):
            counts[split][name] += number if _inside(scope, rank) else 0


def _inside(scope: str, rank: Any) -> bool:
    return scope in buckets_of(rank, 0, 0)


def _shares(sessions: Counter[str], intents: Counter[str], taps: int) -> list[Share]:
    """The largest shares. A tap whose session was not found (it is not in its month file yet, or was erased) has no name."""
    intents[""] += taps - intents.total()
    named = [Share(name, sessions[name], intents[name]) for name in {**sessions, **intents} if sessions[name] or intents[name]]
    named.sort(key=lambda share: (-share.sessions, -share.intents, share.name))
    first, rest = named[:MOST_SHARES], named[MOST_SHARES:]
    if rest:
        first.append(Share(None, sum(share.sessions for share in rest), sum(share.intents for share in rest)))
    return first
