"""The sums of a report: what the rows of sessions, taps, forms and calls amount to. Pure.

Promises: the same numbers however the sessions are spread over month files; bots, then internal visits, are apart from every other
number; an intent counts by what was known at its tap, a session by its best rank.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import gcd
from typing import Any

from msgspec import Struct, json

from opsmantik_box.domain.attribution import ADS, NAMES, OTHER_PAID, Rank
from opsmantik_box.domain.days import HOUR_MS
from opsmantik_box.domain.questions import Row

BUCKETS = ("ads", "all", "other_paid", "bots", "internal")
COARSE_MS = 12 * HOUR_MS
"""Sessions and contacts are counted in slots of time: of this size where nobody asks for hours (a row has to have some bounded size)."""
MATCH_MS = 30 * 60_000
"""A call is matched to a tap at most this long before it."""


class Bucket(Struct):
    """The numbers of one kind of traffic. `visitors` are distinct fingerprints (null where they were not counted); sessions that have
    none are counted apart, in `sessions_without_fingerprint`. `sealed_value` is in the site's currency, in its smallest unit."""

    sessions: int = 0
    with_click: int = 0
    assisted: int = 0
    intents: int = 0
    high_intent: int = 0
    phone: int = 0
    whatsapp: int = 0
    form: int = 0
    visitors: int | None = 0
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


def slot_of(hours: Sequence[int]) -> int:
    """The coarsest slot, counted from the first of these hours, in which each of them begins with one; without any, one of COARSE_MS."""
    return gcd(HOUR_MS, *(hour - hours[0] for hour in hours)) if hours else COARSE_MS


def buckets_of(rank: int, is_bot: int, is_internal: int) -> tuple[str, ...]:
    """The buckets one session or intent counts in: bots first, then internal, are nothing else."""
    if is_bot or is_internal:
        return ("bots",) if is_bot else ("internal",)
    if rank in ADS:
        return "ads", "all"
    return ("other_paid", "all") if rank in OTHER_PAID else ("all",)


class Tally:
    """Sums over month files and the ledger. `seconds`, `bounces` and what is split are of the scope's bucket only; `denied` are human
    sessions whose click id the visitor's choice took. `hours` are the beginnings of those that are asked for, in UTC milliseconds; the
    rows come in slots of `slot_ms` (slot_of), counted from the first of them. `is_summed`, of rows: the summary
    told what they count; only visitors and hours are of interest."""

    def __init__(self, scope: str, hours: Sequence[int] = (), slot_ms: int = COARSE_MS, *, visitors: bool = True) -> None:
        self._scope, self._hours, self._slot_ms, self._counts_visitors = scope, hours, slot_ms, visitors
        self._counts = {name: Counter[str]() for name in BUCKETS}
        self._visitors = {name: set[str]() for name in BUCKETS}
        self._slots: dict[str, Counter[int]] = {"sessions": Counter(), "intents": Counter()}
        self.seconds = self.bounces = self.denied = 0
        self.by_device, self.by_source = Counter[str](), Counter[str]()

    def count(self, bucket: str, key: str) -> int:
        """One number: of a Bucket, or `without_intent` (sessions with no tap and no form) and `sealed_intents` (taps only)."""
        return self._counts[bucket][key]

    def add_sessions(self, rows: Iterable[Row], *, is_summed: bool = False) -> None:
        """Rows of count_sessions; one who was there in two months is one."""
        for slot, rank, is_bot, is_internal, sessions, told in rows:
            mine, fingerprints = buckets_of(rank, is_bot, is_internal), json.decode(told)
            for name in mine:
                self._visitors[name].update(fingerprints)
            self._slots["sessions"][slot] += sessions if self._scope in mine else 0
            if not is_summed:
                self._count_sessions(mine, rank, sessions, sessions - len(fingerprints))

    def _count_sessions(self, mine: Iterable[str], rank: int, sessions: int, without_fingerprint: int) -> None:
        for name in mine:
            count = self._counts[name]
            count["sessions"] += sessions
            count["sessions_without_fingerprint"] += without_fingerprint
            count["assisted" if rank == Rank.ASSISTED else "with_click"] += sessions if rank in ADS else 0

    def add_descriptions(self, rows: Iterable[Row]) -> None:
        """Rows of describe_sessions."""
        for rank, is_bot, is_internal, device, sessions, seconds, bounces, idle, denied in rows:
            mine = buckets_of(rank, is_bot, is_internal)
            for name in mine:
                self._counts[name]["without_intent"] += idle
            self.denied += denied if "all" in mine else 0
            if self._scope in mine:
                self.seconds += seconds
                self.bounces += bounces
                self.by_device[device or "unknown"] += sessions
                self.by_source[NAMES[Rank(rank)]] += sessions

    def add_days(self, rows: Iterable[Row]) -> None:
        """Rows of sum_days: of days that were summed up, what the others tell of the rest."""
        for rank, is_bot, is_internal, device, sessions, without_fingerprint, *described, phone, whatsapp, form, calls in rows:
            mine = buckets_of(rank, is_bot, is_internal)
            self._count_sessions(mine, rank, sessions, without_fingerprint)
            if sessions:
                self.add_descriptions([(rank, is_bot, is_internal, device, sessions, *described)])
            for name in mine:
                self._counts[name].update(phone=phone, whatsapp=whatsapp, form=form, calls=calls)

    def add_contacts(self, rows: Iterable[Row], *, is_summed: bool = False) -> None:
        """Rows of count_contacts. A form is never inside the intents."""
        for slot, rank, is_bot, is_internal, source, action, number in rows:
            mine = buckets_of(rank, is_bot, is_internal)
            kind = "calls" if source == "call" else action
            for name in () if is_summed else mine:
                self._counts[name][kind] += number
            if self._scope in mine and kind in ("phone", "whatsapp"):
                self._slots["intents"][slot] += number

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
                    self._counts[name]["sealed_intents"] += row[5] == "click"
                    self._counts[name]["sealed_value"] += amounts[row[0]]

    def buckets(self) -> dict[str, Bucket]:
        """The five kinds of traffic."""
        for name, count in self._counts.items():
            count["intents"] = count["high_intent"] = count["phone"] + count["whatsapp"]
            count["visitors"] = len(self._visitors[name])
        untold: dict[str, Any] = {} if self._counts_visitors else {"visitors": None}
        fields = Bucket.__struct_fields__
        return {name: Bucket(**{key: count[key] for key in fields} | untold) for name, count in self._counts.items()}

    def average(self, total: int, digits: int) -> float | None:
        """`total` for each session of the scope."""
        sessions = self._counts[self._scope]["sessions"]
        return round(total / sessions, digits) if sessions else None

    def by_hour(self) -> list[Hour]:
        """Sessions and intents of the scope, hour by hour."""
        counts = {kind: self._into_hours(slots) for kind, slots in self._slots.items()}
        return [Hour(start, counts["sessions"][number], counts["intents"][number]) for number, start in enumerate(self._hours)]

    def _into_hours(self, slots: Mapping[int, int]) -> Counter[int]:
        """Counts by slot as counts by the number of the hour they lie in."""
        counts, begun = Counter[int](), [hour - self._hours[0] for hour in self._hours]
        for slot, number in slots.items():
            counts[bisect_right(begun, slot * self._slot_ms) - 1] += number
        return counts


def _amount(row: Row, currency: str) -> int:
    """What a sealed row was worth in the site's currency; nothing when it was told in another."""
    amount, told = row[8], row[9]
    return amount if amount and told in (None, "", currency) else 0
