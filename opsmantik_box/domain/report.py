"""The report of a site's days: which questions to ask of the ledger and of each month file, and what their answers amount to. Pure.

The questions name no site: who asks them has opened the ledger and the files for those that are meant, and for no other."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import asdict, replace

from opsmantik_box.domain.ad_numbers import ClientCount, GoogleCount, client_count, google_count
from opsmantik_box.domain.days import Days, day_of
from opsmantik_box.domain.later_changes import Change, ask_changes, ask_deleted, newest_changes, settled_at, told_anew
from opsmantik_box.domain.questions import Asking, Parameters, Question, Row, by_site, months_to_ask
from opsmantik_box.domain.reconciliation import Counted, Reconciliation, Seen, reconcile
from opsmantik_box.domain.report_parts import Part, ask_parts, source_of
from opsmantik_box.domain.splits import Share, Splits, ask_splits
from opsmantik_box.domain.tally import MATCH_MS, Bucket, Hour, Tally, slot_of

SCOPES = ("ads", "all", "other_paid")
"""What averages and splits may be of."""
MOST_DAYS = 400
MOST_DAYS_WITH_HOURS = 31
"""A longer report has no `by_hour` (nobody reads ten thousand hours) and no log of late arrivals, and only on demand what has to be counted
session by session."""


class Line(Struct, rename={"first": "from", "last": "to"}):
    """The numbers of a site's days that stand in one line; those of all its sites a person compares. `source`: whether the sums of days are
    from the daily summary (`summary`), counted now (`live`), or some days so and some so (`mixed`). What cannot be added up over days
    (visitors, hours, what was sealed) is always counted now."""

    site_id: str
    timezone: str
    first: str
    last: str
    source: str
    ads: Bucket
    all: Bucket
    other_paid: Bucket
    bots: Bucket
    internal: Bucket
    client: ClientCount
    google: GoogleCount


class Stats(Line, rename={"first": "from", "last": "to"}):
    """The answer of `/stats`. `avg_duration_sec`, `bounce_rate` (0 to 1) and `by_*` are of the scope; the first two are null without
    sessions. `by_hour` has the 23 to 25 hours of each day, and is empty for more than a month; so long a report has the splits from
    `by_campaign` on, and visitors, only on demand (null otherwise). The numbers are provisional until
    `settled_at` (UTC milliseconds: 48 hours after the last day's end); `later_changes` tells the newest hundred changes of days that were
    settled already, and what was deleted, newest first."""

    avg_duration_sec: float | None
    bounce_rate: float | None
    by_device: dict[str, int]
    by_source: dict[str, int]
    by_hour: list[Hour]
    by_campaign: list[Share] | None
    by_keyword: list[Share] | None
    by_landing_page: list[Share] | None
    by_button: dict[str, int] | None
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


class _Asked(Struct, frozen=True):
    """What is to be counted. `each`: session by session, also of days that were summed up; `describes`: of one site, what its sessions were
    like."""

    days: Days
    known: list[str]
    scope: str
    parts: list[Part]
    each: bool
    hours: Sequence[int] = ()
    describes: bool = False


def ask_lines(days: Days, known_months: Iterable[str], today: str) -> Asking[dict[int, Line]]:
    """The line of each site, by its number. All of them have their days in the same time zone, in which it is `today`."""
    asked = _Asked(days, list(known_months), "ads", (yield from ask_parts(days, today)), each=is_short(days))
    counted, _ = yield from _ask_counted(asked)
    return {number: one.line for number, one in counted.items()}


def ask_stats(days: Days, scope: str, known_months: Iterable[str], now: int, *, details: bool = False) -> Asking[Stats]:
    """The report of the one site that is asked about. `scope` is one of SCOPES, `now` in UTC milliseconds. `details`: a long one has what
    is counted session by session, too."""
    known, by_hour = list(known_months), is_short(days)
    parts = yield from ask_parts(days, day_of(now, days.timezone))
    asked = _Asked(days, known, scope, parts, each=by_hour or details, hours=days.hours() if by_hour else (), describes=True)
    counted, busy = yield from _ask_counted(asked)
    ((line, tally, told),) = counted.values()
    splits, seen = yield from _ask_details(asked, busy, tally)
    settled = now >= settled_at(days.first, days.timezone)
    late = (yield from ask_changes(days.span(), busy, days.timezone)) if by_hour and settled else []
    deleted = yield from ask_deleted(days)
    everything = Counted(**tally.buckets(), google=line.google, client=line.client, seen=seen)
    return Stats(
        **asdict(line),
        avg_duration_sec=tally.average(tally.seconds, 1), bounce_rate=tally.average(tally.bounces, 4),
        by_device=dict(tally.by_device), by_source=dict(tally.by_source), by_hour=tally.by_hour(),
        by_campaign=splits and splits.by_campaign, by_keyword=splits and splits.by_keyword,
        by_landing_page=splits and splits.by_landing_page, by_button=splits and splits.by_button,
        reconciliation=reconcile(everything), settled_at=settled_at(days.last, days.timezone),
        later_changes=newest_changes([*late, *deleted, *told_anew(*told, days.timezone)]),
    )  # fmt: skip


def is_short(days: Days) -> bool:
    """Whether all of it is told unasked."""
    return len(days.each()) <= MOST_DAYS_WITH_HOURS


def _ask_details(asked: _Asked, busy: Sequence[str], tally: Tally) -> Asking[tuple[Splits | None, Seen]]:
    """What has to be counted session by session, where that is asked for."""
    seen = Seen(tally.count("ads", "without_intent"), tally.count("ads", "sealed_intents"), None, None, tally.denied)
    if not asked.each:
        return None, seen
    span = asked.days.span()
    splits = yield from ask_splits(span, busy, asked.known, asked.scope)
    ((touches, repeated),) = yield Question(None, "count_repeated_clicks", span)
    return splits, replace(seen, repeated=repeated if touches or not splits.clicked else None, reopened=splits.reopened)


def _ask_counted(asked: _Asked) -> Asking[tuple[dict[int, _Counted], list[str]]]:
    """What is counted of each site, by its number; and the months that were found to have sessions of the days at all."""
    days = asked.days
    sites = [_Site(*row) for row in (yield Question(None, "read_sites", {}))]
    slot_ms = slot_of(asked.hours)
    tallies = {site.number: Tally(asked.scope, asked.hours, slot_ms, visitors=asked.each) for site in sites}
    slots, busy = {"begin_ms": days.span()["from_ms"], "slot_ms": slot_ms}, set[str]()
    for part in asked.parts:
        if part.is_summed:
            for number, rows in by_site((yield Question(None, "sum_days", part.days.named()))).items():
                tallies[number].add_days(rows)
        if asked.each or not part.is_summed:
            busy |= yield from _ask_traffic(asked, part, slots, tallies)
    yield from _ask_sealed(days, tallies, {site.number: site.currency for site in sites})
    clicks = by_site((yield Question(None, "list_ad_clicks", days.named())))
    counts = by_site((yield Question(None, "list_client_counts", days.named())))
    told = {site: (clicks.get(site.number, []), counts.get(site.number, [])) for site in sites}
    return {site.number: _counted(site, asked, tallies[site.number], told[site]) for site in sites}, sorted(busy)


def _counted(site: _Site, asked: _Asked, tally: Tally, told: tuple[Sequence[Row], Sequence[Row]]) -> _Counted:
    buckets, days = tally.buckets(), asked.days
    ads, zone = buckets["ads"], site.google_timezone or days.timezone
    google = google_count(told[0], zone, site.currency, ads.intents, ads.sealed)
    line = Line(
        site.public_id,
        days.timezone,
        days.first,
        days.last,
        source_of(asked.parts),
        **buckets,
        client=client_count(told[1]),
        google=google,
    )
    return _Counted(line, tally, told)


def _ask_traffic(asked: _Asked, part: Part, slots: Parameters, tallies: Mapping[int, Tally]) -> Asking[set[str]]:
    """Sessions, visitors and contacts of some of the days, into the tallies. The months that have sessions of them at all."""
    busy, span = set[str](), part.days.span()
    for month in months_to_ask(span["from_ms"], span["to_ms"], asked.known):
        rows = by_site((yield Question(month, "count_sessions", span | slots)))
        for number, mine in rows.items():
            tallies[number].add_sessions(mine, is_summed=part.is_summed)
        if rows:
            busy.add(month)
        if rows and asked.describes and not part.is_summed:
            (tally,) = tallies.values()
            tally.add_descriptions((yield Question(month, "describe_sessions", span)))
    for number, mine in by_site((yield Question(None, "count_contacts", span | slots))).items():
        tallies[number].add_contacts(mine, is_summed=part.is_summed)
    return busy


def _ask_sealed(days: Days, tallies: Mapping[int, Tally], currencies: Mapping[int, str]) -> Asking[None]:
    span = days.span()
    earlier = span | {"from_ms": span["from_ms"] - MATCH_MS}
    for number, mine in by_site((yield Question(None, "list_sealed", earlier))).items():
        tallies[number].add_sealed(mine, span["from_ms"], currencies[number])
