"""The report of a site's days: which questions to ask of the ledger and of each month file, and what their answers amount to. Pure.

Promises: the same numbers however the sessions are spread over month files; bots, then internal visits, are apart from every other
number; an intent counts by what was known at its tap, a session by its best rank. Asks nobody itself: `ask_stats` is a generator of
questions that is sent the rows, so that the service and the command line give the same answer.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from opsmantik_box.domain.attribution import ADS, NAMES, OTHER_PAID, Rank
from opsmantik_box.domain.days import day_bounds, days_of_range, hour_starts
from opsmantik_box.domain.months import months_of_range, next_month, previous_month

BUCKETS = ("ads", "all", "other_paid", "bots", "internal")
QUARTER_MS = 900_000
MATCH_MS = 30 * 60_000
"""A call is matched to a tap at most this long before it."""
MOST_DAYS = 400
MOST_DAYS_WITH_HOURS = 31
"""A longer report has no `by_hour`: nobody reads ten thousand hours."""

Row = Sequence[Any]
Asking = Generator["Question", Sequence[Row], "Stats"]


class Question(Struct, frozen=True):
    """A named statement of sql/report.sql, to be asked of the ledger (`month` None) or of a month's file."""

    month: str | None
    name: str
    parameters: dict[str, Any]


class Bucket(Struct):
    """The numbers of one kind of traffic. `visitors` are distinct fingerprints; the sessions that have none are counted apart, in
    `sessions_without_fingerprint`. `sealed_value` is in the site's currency, in its smallest unit."""

    sessions: int = 0
    with_click: int = 0
    assisted: int = 0
    intents: int = 0
    high_intent: int = 0
    phone: int = 0
    whatsapp: int = 0
    form: int = 0
    visitors: int = 0
    sessions_without_fingerprint: int = 0
    calls: int = 0
    sealed: int = 0
    sealed_value: int = 0
    conversions_accepted: int = 0


class Hour(Struct, frozen=True):
    """`start` in UTC milliseconds."""

    start: int
    sessions: int
    intents: int


class ClientCount(Struct, frozen=True):
    """What the client counted himself; null where he told nothing."""

    whatsapp: int | None = None
    phone: int | None = None


class GoogleCount(Struct, frozen=True):
    """What Google says; null where it was not entered. `cost` in the smallest unit of its currency, `as_of` in UTC milliseconds;
    `timezone` is that of the Ads account, whose days these are."""

    clicks: int | None = None
    google_conversions: float | None = None
    cost: int | None = None
    as_of: int | None = None
    timezone: str | None = None


class Stats(Struct, rename={"first": "from", "last": "to"}):
    """The answer of `/stats`. `avg_duration_sec`, `bounce_rate` (0 to 1) and `by_*` are of ads only, or of all; the first two are
    null without sessions. `by_hour` has the 23 to 25 hours of each day, and is empty for more than a month."""

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
    avg_duration_sec: float | None
    bounce_rate: float | None
    by_device: dict[str, int]
    by_source: dict[str, int]
    by_hour: list[Hour]


def buckets_of(rank: int, is_bot: int, is_internal: int) -> tuple[str, ...]:
    """The buckets one session or intent counts in: bots first, then internal, are nothing else."""
    if is_bot or is_internal:
        return ("bots",) if is_bot else ("internal",)
    if rank in ADS:
        return "ads", "all"
    return ("other_paid", "all") if rank in OTHER_PAID else ("all",)


def months_to_ask(from_ms: int, to_ms: int, known: Iterable[str]) -> list[str]:
    """The month files that may hold sessions of a span of time, oldest first: those it touches, and one on either side, because a
    session lives in the month of its first accepted signal (a hint may name the month before, a late signal the one after)."""
    touched = months_of_range(from_ms, to_ms)
    wanted = {*touched, previous_month(touched[0]), next_month(touched[-1])} if touched else set[str]()
    return sorted(wanted & set(known))


def ask_stats(site_id: int, first: str, last: str, scope: str, known_months: Iterable[str]) -> Asking:
    """The report of the days `first` to `last` (both inside). `scope` is 'ads' or 'all'."""
    site = (yield Question(None, "read_site", {"site_id": site_id}))[0]
    public_id, timezone, currency, google_timezone = site
    span = {"site_id": site_id, "from_ms": day_bounds(first, timezone)[0], "to_ms": day_bounds(last, timezone)[1]}
    days = {"site_id": site_id, "from_day": first, "to_day": last}
    hours = hours_of(first, last, timezone)
    tally = Tally(scope)
    for month in months_to_ask(span["from_ms"], span["to_ms"], known_months):
        tally.add_sessions((yield Question(month, "count_sessions", span)))
        tally.add_visitors((yield Question(month, "list_visitors", span)))
        if hours:
            tally.add_session_quarters((yield Question(month, "count_session_quarters", span)))
    tally.add_contacts((yield Question(None, "count_contacts", span)))
    earlier = span | {"from_ms": span["from_ms"] - MATCH_MS}
    tally.add_sealed((yield Question(None, "list_sealed", earlier)), span["from_ms"], currency)
    google = google_count((yield Question(None, "list_ad_clicks", days)), google_timezone or timezone)
    client = client_count((yield Question(None, "list_client_counts", days)))
    return Stats(
        public_id, timezone, first, last, "live", **tally.buckets(), client=client, google=google,
        avg_duration_sec=tally.average(tally.seconds, 1), bounce_rate=tally.average(tally.bounces, 4),
        by_device=dict(tally.by_device), by_source=dict(tally.by_source), by_hour=tally.by_hour(hours),
    )  # fmt: skip


def answered(asking: Asking, ask: Callable[[Question], Sequence[Row]]) -> Stats:
    """Runs the questions of a report through `ask`."""
    try:
        question = next(asking)
        while True:
            question = asking.send(ask(question))
    except StopIteration as done:
        return done.value


def hours_of(first: str, last: str, timezone: str) -> list[int]:
    """Where the hours of the days begin (23 to 25 a day); none for more than a month."""
    days = days_of_range(first, last)
    return [start for day in days for start in hour_starts(day, timezone)] if len(days) <= MOST_DAYS_WITH_HOURS else []


class Tally:
    """Sums over month files and the ledger. `seconds`, `bounces` and what is split are of the scope's bucket only."""

    def __init__(self, scope: str) -> None:
        self._scope = scope
        self._counts = {name: Counter[str]() for name in BUCKETS}
        self._visitors: dict[str, int] = {}
        self._quarters: dict[str, Counter[int]] = {"sessions": Counter(), "intents": Counter()}
        self.seconds = self.bounces = 0
        self.by_device, self.by_source = Counter[str](), Counter[str]()

    def add_sessions(self, rows: Iterable[Row]) -> None:
        """Rows of count_sessions."""
        for rank, is_bot, is_internal, device, sessions, seconds, bounces, alone in rows:
            mine = buckets_of(rank, is_bot, is_internal)
            for name in mine:
                count = self._counts[name]
                count["sessions"] += sessions
                count["sessions_without_fingerprint"] += alone
                count["assisted" if rank == Rank.ASSISTED else "with_click"] += sessions if rank in ADS else 0
            if self._scope in mine:
                self.seconds += seconds
                self.bounces += bounces
                self.by_device[device or "unknown"] += sessions
                self.by_source[NAMES[Rank(rank)]] += sessions

    def add_visitors(self, rows: Iterable[Row]) -> None:
        """Rows of list_visitors; one who was there in two months is one."""
        seen = self._visitors
        for fingerprint, bits in rows:
            seen[fingerprint] = seen.get(fingerprint, 0) | bits

    def add_session_quarters(self, rows: Iterable[Row]) -> None:
        """Rows of count_session_quarters."""
        for quarter, rank, sessions in rows:
            if self._scope in buckets_of(rank, 0, 0):
                self._quarters["sessions"][quarter] += sessions

    def add_contacts(self, rows: Iterable[Row]) -> None:
        """Rows of count_contacts. A form is never inside the intents."""
        for quarter, rank, is_bot, is_internal, source, action, number in rows:
            mine = buckets_of(rank, is_bot, is_internal)
            kind = "calls" if source == "call" else action
            for name in mine:
                self._counts[name][kind] += number
            if self._scope in mine and kind in ("phone", "whatsapp"):
                self._quarters["intents"][quarter] += number

    def add_sealed(self, rows: Sequence[Row], from_ms: int, currency: str) -> None:
        """Rows of list_sealed, from half an hour before `from_ms` on: those are there only so that their call is left out."""
        tapped = {row[7]: row for row in rows if row[5] == "click" and row[6] == "phone" and row[7]}
        amounts: dict[int, int] = {row[0]: _amount(row, currency) for row in rows}
        matched = [row for row in rows if row[5] == "call" and row[7] in tapped]
        for row in matched:
            tap = tapped[row[7]][0]
            amounts[tap] = amounts[tap] or amounts[row[0]]
        doubled = {row[0] for row in matched}
        for row in rows:
            if row[1] >= from_ms and row[0] not in doubled:
                for name in buckets_of(row[2], row[3], row[4]):
                    self._counts[name]["sealed"] += 1
                    self._counts[name]["sealed_value"] += amounts[row[0]]

    def buckets(self) -> dict[str, Bucket]:
        """The five kinds of traffic."""
        for position, name in enumerate(BUCKETS):
            count = self._counts[name]
            count["intents"] = count["high_intent"] = count["phone"] + count["whatsapp"]
            count["visitors"] = sum(1 for bits in self._visitors.values() if bits >> position & 1)
        return {name: Bucket(**{key: count[key] for key in Bucket.__struct_fields__}) for name, count in self._counts.items()}

    def average(self, total: int, digits: int) -> float | None:
        """`total` for each session of the scope."""
        sessions = self._counts[self._scope]["sessions"]
        return round(total / sessions, digits) if sessions else None

    def by_hour(self, hours: Sequence[int]) -> list[Hour]:
        """Sessions and intents of the scope, hour by hour."""
        slots = {kind: _into_hours(quarters, hours) for kind, quarters in self._quarters.items()}
        return [Hour(start, slots["sessions"][number], slots["intents"][number]) for number, start in enumerate(hours)]


def _amount(row: Row, currency: str) -> int:
    """What a sealed row was worth in the site's currency; nothing when it was told in another."""
    amount, told = row[8], row[9]
    return amount if amount and told in (None, "", currency) else 0


def _into_hours(quarters: Mapping[int, int], hours: Sequence[int]) -> Counter[int]:
    """Counts by quarter as counts by the number of the hour they lie in."""
    slots = Counter[int]()
    for quarter, number in quarters.items():
        slots[bisect_right(hours, quarter * QUARTER_MS) - 1] += number
    return slots


def google_count(rows: Iterable[Row], timezone: str) -> GoogleCount:
    """Rows of list_ad_clicks, oldest knowledge first: the newest of a day and campaign counts."""
    newest = {(row[0], row[1]): row for row in rows}.values()
    if not newest:
        return GoogleCount(timezone=timezone)
    clicks, conversions, cost = (_sum(row[column] for row in newest) for column in (2, 3, 4))
    return GoogleCount(int(clicks or 0), conversions, None if cost is None else int(cost), max(row[5] for row in newest), timezone)


def client_count(rows: Iterable[Row]) -> ClientCount:
    """Rows of list_client_counts, oldest first: the newest of a day counts."""
    newest = {row[0]: row for row in rows}.values()
    whatsapp, phone = (_sum(row[column] for row in newest) for column in (1, 2))
    return ClientCount(None if whatsapp is None else int(whatsapp), None if phone is None else int(phone))


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum of what was told; nothing when nothing was."""
    told = [value for value in values if value is not None]
    return sum(told) if told else None
