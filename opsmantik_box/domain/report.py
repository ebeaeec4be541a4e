"""The report of a site's days: which questions to ask of the ledger and of each month file, and what their answers amount to. Pure.

The questions name no site: who asks them has opened the ledger and the files for those that are meant, and for no other."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import asdict

from opsmantik_box.domain.ad_numbers import ClientCount, GoogleCount, client_count, google_count
from opsmantik_box.domain.days import Days
from opsmantik_box.domain.later_changes import Change, ask_changes, ask_deleted, newest_changes, settled_at, told_anew
from opsmantik_box.domain.questions import Asking, Parameters, Question, Row, by_site, months_to_ask
from opsmantik_box.domain.reconciliation import Counted, Reconciliation, Seen, reconcile
from opsmantik_box.domain.splits import Share, ask_splits
from opsmantik_box.domain.tally import MATCH_MS, Bucket, Hour, Tally, slot_of

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


class _Site(NamedTuple):
    """A row of read_sites."""

    number: int
    public_id: str
    currency: str
    google_timezone: str | None


class _Counted(NamedTuple):
    """A site's line, and what it was made of, for who wants to know more: rows of list_ad_clicks and list_client_counts."""

    line: Line
    tally: Tally
    told: tuple[Sequence[Row], Sequence[Row]]


def ask_lines(days: Days, known_months: Iterable[str]) -> Asking[dict[int, Line]]:
    """The line of each site, by its number. All of them have their days in the same time zone."""
    counted, _ = yield from _ask_counted(days, list(known_months), "ads", ())
    return {number: one.line for number, one in counted.items()}


def ask_stats(days: Days, scope: str, known_months: Iterable[str], now: int) -> Asking[Stats]:
    """The report of the one site that is asked about. `scope` is one of SCOPES, `now` in UTC milliseconds."""
    known, span, by_hour = list(known_months), days.span(), len(days.each()) <= MOST_DAYS_WITH_HOURS
    counted, busy = yield from _ask_counted(days, known, scope, days.hours() if by_hour else ())
    ((line, tally, told),) = counted.values()
    for month in busy:
        tally.add_descriptions((yield Question(month, "describe_sessions", span)))
    splits = yield from ask_splits(span, busy, known, scope)
    ((touches, repeated),) = yield Question(None, "count_repeated_clicks", span)
    idle, sealed = tally.count("ads", "without_intent"), tally.count("ads", "sealed_intents")
    seen = Seen(idle, sealed, repeated if touches or not splits.clicked else None, splits.reopened, tally.denied)
    settled = now >= settled_at(days.first, days.timezone)
    late = (yield from ask_changes(span, busy, days.timezone)) if by_hour and settled else []
    deleted = yield from ask_deleted(days)
    everything = Counted(**tally.buckets(), google=line.google, client=line.client, seen=seen)
    return Stats(
        **asdict(line), source="live",
        avg_duration_sec=tally.average(tally.seconds, 1), bounce_rate=tally.average(tally.bounces, 4),
        by_device=dict(tally.by_device), by_source=dict(tally.by_source), by_hour=tally.by_hour(),
        by_campaign=splits.by_campaign, by_keyword=splits.by_keyword, by_landing_page=splits.by_landing_page, by_button=splits.by_button,
        reconciliation=reconcile(everything), settled_at=settled_at(days.last, days.timezone),
        later_changes=newest_changes([*late, *deleted, *told_anew(*told, days.timezone)]),
    )  # fmt: skip


def _ask_counted(days: Days, known: list[str], scope: str, hours: Sequence[int]) -> Asking[tuple[dict[int, _Counted], list[str]]]:
    """What is counted of each site, by its number; and the months that have sessions of the days at all."""
    sites = [_Site(*row) for row in (yield Question(None, "read_sites", {}))]
    slot_ms = slot_of(hours)
    tallies = {site.number: Tally(scope, hours, slot_ms) for site in sites}
    busy = yield from _ask_traffic(days.span() | {"slot_ms": slot_ms}, known, tallies)
    yield from _ask_sealed(days, tallies, {site.number: site.currency for site in sites})
    clicks = by_site((yield Question(None, "list_ad_clicks", days.named())))
    counts = by_site((yield Question(None, "list_client_counts", days.named())))
    told = {site: (clicks.get(site.number, []), counts.get(site.number, [])) for site in sites}
    return {site.number: _counted(site, days, tallies[site.number], told[site]) for site in sites}, busy


def _counted(site: _Site, days: Days, tally: Tally, told: tuple[Sequence[Row], Sequence[Row]]) -> _Counted:
    buckets = tally.buckets()
    ads, zone = buckets["ads"], site.google_timezone or days.timezone
    google = google_count(told[0], zone, site.currency, ads.intents, ads.sealed)
    line = Line(site.public_id, days.timezone, days.first, days.last, **buckets, client=client_count(told[1]), google=google)
    return _Counted(line, tally, told)


def _ask_traffic(slots: Parameters, known: Iterable[str], tallies: Mapping[int, Tally]) -> Asking[list[str]]:
    """Sessions, visitors and contacts, into the tallies. The months that have sessions of the days at all."""
    busy = list[str]()
    for month in months_to_ask(slots["from_ms"], slots["to_ms"], known):
        rows = by_site((yield Question(month, "count_sessions", slots)))
        busy += [month] if rows else []
        for number, mine in rows.items():
            tallies[number].add_sessions(mine)
    for number, mine in by_site((yield Question(None, "count_contacts", slots))).items():
        tallies[number].add_contacts(mine)
    return busy


def _ask_sealed(days: Days, tallies: Mapping[int, Tally], currencies: Mapping[int, str]) -> Asking[None]:
    span = days.span()
    earlier = span | {"from_ms": span["from_ms"] - MATCH_MS}
    for number, mine in by_site((yield Question(None, "list_sealed", earlier))).items():
        tallies[number].add_sealed(mine, span["from_ms"], currencies[number])
