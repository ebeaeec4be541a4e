"""The report of a site's days: which questions to ask of the ledger and of each month file, and what their answers amount to. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import asdict

from opsmantik_box.domain.ad_numbers import ClientCount, GoogleCount, client_count, google_count
from opsmantik_box.domain.days import day_bounds, days_of_range, hour_starts
from opsmantik_box.domain.later_changes import Change, ask_changes, ask_deleted, newest_changes, settled_at, told_anew
from opsmantik_box.domain.questions import Asking, Parameters, Question, Row, months_to_ask
from opsmantik_box.domain.reconciliation import Counted, Reconciliation, Seen, reconcile
from opsmantik_box.domain.splits import Share, ask_splits
from opsmantik_box.domain.tally import MATCH_MS, Bucket, Hour, Tally

SCOPES = ("ads", "all", "other_paid")
"""What averages and splits may be of."""
MOST_DAYS = 400
MOST_DAYS_WITH_HOURS = 31
"""A longer report has no `by_hour` (nobody reads ten thousand hours) and no log of late arrivals."""


class Line(Struct, rename={"first": "from", "last": "to"}):
    """The numbers of a site's days that stand in one line; those of all its sites a person compares."""

    site_id: str
    timezone: str
    first: str
    last: str
    ads: Bucket
    all: Bucket
    other_paid: Bucket
    bots: Bucket
    internal: Bucket
    client: ClientCount
    google: GoogleCount


class Stats(Line, rename={"first": "from", "last": "to"}):
    """The answer of `/stats`. `avg_duration_sec`, `bounce_rate` (0 to 1) and `by_*` are of the scope; the first two are null without
    sessions. `by_hour` has the 23 to 25 hours of each day, and is empty for more than a month. The numbers are provisional until
    `settled_at` (UTC milliseconds: 48 hours after the last day's end); `later_changes` tells the newest hundred changes of days that were
    settled already, and what was deleted, newest first."""

    source: str
    avg_duration_sec: float | None
    bounce_rate: float | None
    by_device: dict[str, int]
    by_source: dict[str, int]
    by_hour: list[Hour]
    by_campaign: list[Share]
    by_keyword: list[Share]
    by_landing_page: list[Share]
    by_button: dict[str, int]
    reconciliation: Reconciliation
    settled_at: int
    later_changes: list[Change]


class _Counted(NamedTuple):
    """What a line was made of, for who wants to know more. `busy`: the months that have sessions of the days."""

    line: Line
    span: Parameters
    busy: list[str]
    told: tuple[Sequence[Row], Sequence[Row]]


def ask_lines(asked: Iterable[tuple[int, str, str]], known_months: Iterable[str]) -> Asking[list[Line]]:
    """The lines of several sites, each with its first and last day."""
    known, lines = list(known_months), list[Line]()
    for site_id, first, last in asked:
        lines.append((yield from _ask_line(site_id, first, last, known, Tally("ads"), by_hour=False)).line)
    return lines


def ask_stats(site_id: int, first: str, last: str, scope: str, known_months: Iterable[str]) -> Asking[Stats]:
    """The report of the days `first` to `last` (both inside). `scope` is one of SCOPES."""
    known, tally, by_hour = list(known_months), Tally(scope), len(days_of_range(first, last)) <= MOST_DAYS_WITH_HOURS
    line, span, busy, told = yield from _ask_line(site_id, first, last, known, tally, by_hour=by_hour)
    splits = yield from ask_splits(span, busy, known, scope)
    repeated = (yield Question(None, "count_repeated_clicks", span))[0][0]
    idle, sealed = tally.count("ads", "without_intent"), tally.count("ads", "sealed_intents")
    seen = Seen(idle, sealed, repeated, splits.reopened, tally.denied)
    late = (yield from ask_changes(span, busy, line.timezone)) if by_hour else []
    deleted = yield from ask_deleted({"site_id": site_id, "from_day": first, "to_day": last}, line.timezone)
    counted = Counted(**tally.buckets(), google=line.google, client=line.client, seen=seen)
    return Stats(
        **asdict(line), source="live",
        avg_duration_sec=tally.average(tally.seconds, 1), bounce_rate=tally.average(tally.bounces, 4),
        by_device=dict(tally.by_device), by_source=dict(tally.by_source),
        by_hour=tally.by_hour(hours_of(first, last, line.timezone) if by_hour else []),
        by_campaign=splits.by_campaign, by_keyword=splits.by_keyword, by_landing_page=splits.by_landing_page, by_button=splits.by_button,
        reconciliation=reconcile(counted),
        settled_at=settled_at(last, line.timezone), later_changes=newest_changes([*late, *deleted, *told_anew(*told, line.timezone)]),
    )  # fmt: skip


def _ask_line(site_id: int, first: str, last: str, known: list[str], tally: Tally, *, by_hour: bool) -> Asking[_Counted]:
    public_id, timezone, currency, google_timezone = (yield Question(None, "read_site", {"site_id": site_id}))[0]
    span = {"site_id": site_id, "from_ms": day_bounds(first, timezone)[0], "to_ms": day_bounds(last, timezone)[1]}
    days = {"site_id": site_id, "from_day": first, "to_day": last}
    months = months_to_ask(span["from_ms"], span["to_ms"], known)
    busy = yield from _ask_traffic(span, months, tally, currency, by_hour)
    clicks = yield Question(None, "list_ad_clicks", days)
    counts = yield Question(None, "list_client_counts", days)
    buckets = tally.buckets()
    google = google_count(clicks, google_timezone or timezone, currency, buckets["ads"].intents, buckets["ads"].sealed)
    line = Line(public_id, timezone, first, last, **buckets, client=client_count(counts), google=google)
    return _Counted(line, span, busy, (clicks, counts))


def _ask_traffic(span: Parameters, months: Sequence[str], tally: Tally, currency: str, by_hour: bool) -> Asking[list[str]]:
    """Sessions, visitors, contacts and what was sealed, into `tally`. The months that have sessions of the span at all."""
    busy: list[str] = []
    for month in months:
        rows = yield Question(month, "count_sessions", span)
        if rows:
            busy.append(month)
            tally.add_sessions(rows)
            tally.add_visitors((yield Question(month, "list_visitors", span)))
            if by_hour:
                tally.add_session_quarters((yield Question(month, "count_session_quarters", span)))
    tally.add_contacts((yield Question(None, "count_contacts", span)))
    earlier = span | {"from_ms": span["from_ms"] - MATCH_MS}
    tally.add_sealed((yield Question(None, "list_sealed", earlier)), span["from_ms"], currency)
    return busy


def hours_of(first: str, last: str, timezone: str) -> list[int]:
    """The beginnings of all hours of the days, in UTC milliseconds."""
    return [start for day in days_of_range(first, last) for start in hour_starts(day, timezone)]
