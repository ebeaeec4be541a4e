"""What changed of a day after it was settled, and why: read off what the ledger keeps anyway, as far as that is possible. Pure.

Rule of product.md: a past day is provisional for 48 hours after its end, then settled. What is told here are human sessions, taps,
forms and calls that were received later than that, verdicts said later, and numbers of Google and of the client that were told anew.
(A first number is no change.) A verdict on a call whose tap is sealed too is told, though the two count once. What was deleted, because
a visitor was erased or the days of it were over, is written down when it happens (it cannot be read off any more), and is told of
provisional days too: nobody expects a number to fall.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from opsmantik_box.domain.ad_numbers import google_steps, total
from opsmantik_box.domain.days import HOUR_MS, Days, day_bounds, day_of
from opsmantik_box.domain.questions import Asking, Parameters, Question, Row
from opsmantik_box.domain.verdicts import is_sealed

PROVISIONAL_MS = 48 * HOUR_MS
LATE_KINDS = {"form": "forms", "call": "calls", "click": "intents"}
GOOGLE = {"google_clicks": 2, "google_conversions": 3, "google_cost": 4}
"""What of Google's numbers may change, and its column in list_ad_clicks."""
CLIENT = {"client_whatsapp": 1, "client_phone": 2}
MOST_CHANGES = 100


class Change(Struct, frozen=True, order=True):
    """At `at` (UTC milliseconds) a number of `day` grew `by` so much. `what`: sessions, intents, forms, calls, sealed, or one of GOOGLE
    and CLIENT. `cause`: arrived_late, verdict, google, client, erased, retention."""

    at: int
    day: str
    what: str
    cause: str
    by: float


def settled_at(day: str, timezone: str) -> int:
    """When a day's numbers are settled."""
    return day_bounds(day, timezone)[1] + PROVISIONAL_MS


def ask_changes(span: Parameters, months: Sequence[str], timezone: str) -> Asking[list[Change]]:
    """Late arrivals and verdicts of a span of days: one line for each day, kind, and day on which it was learnt."""
    late: list[Change] = []
    for month in months:
        rows = yield Question(month, "list_late_sessions", span)
        late += (Change(received, day_of(at, timezone), "sessions", "arrived_late", 1) for at, received in rows)
    for at, received, source in (yield Question(None, "list_late_contacts", span)):
        late.append(Change(received, day_of(at, timezone), LATE_KINDS[source], "arrived_late", 1))
    for at, said, before, after in (yield Question(None, "list_late_verdicts", span)):
        grown = is_sealed(after) - is_sealed(before)
        late += [Change(said, day_of(at, timezone), "sealed", "verdict", grown)] if grown else []
    return _summed((one for one in late if one.at >= settled_at(one.day, timezone)), timezone)


def ask_deleted(days: Days) -> Asking[list[Change]]:
    """What days lost: one line for each day, kind, cause, and day on which it was lost."""
    rows = yield Question(None, "list_erased_counts", days.named())
    return _summed((Change(at, day, what, cause, -count) for at, day, what, cause, count in rows), days.timezone)


def _summed(changes: Iterable[Change], timezone: str) -> list[Change]:
    sums: dict[tuple[str, ...], Change] = {}
    for one in sorted(changes):
        key = (one.day, one.what, one.cause, day_of(one.at, timezone))
        sums[key] = Change(one.at, one.day, one.what, one.cause, one.by + (sums[key].by if key in sums else 0))
    return [one for one in sums.values() if one.by]


def told_anew(google: Iterable[Row], client: Iterable[Row], timezone: str) -> list[Change]:
    """Numbers of others that were told anew after their day was settled. Rows of list_ad_clicks and list_client_counts."""
    steps = {(step.day, step.at): step.rows for step in google_steps(google)}
    moves = [
        move
        for what, column in GOOGLE.items()
        for move in _moves(((day, at, total(row[column] for row in rows)) for (day, at), rows in steps.items()), what, "google")
    ]
    told = list(client)
    for what, column in CLIENT.items():
        moves += _moves(((row[0], row[3], row[column]) for row in told if row[column] is not None), what, "client")
    return [move for move in moves if move.at >= settled_at(move.day, timezone)]


def _moves(told: Iterable[tuple[str, int, float | None]], what: str, cause: str) -> Iterator[Change]:
    """From (day, time, number), oldest first: how far each day's number moved."""
    last: dict[str, float] = {}
    for day, at, number in told:
        before = last.get(day)
        if number is not None:
            last[day] = number
            if before is not None and number != before:
                yield Change(at, day, what, cause, number - before)


def newest_changes(changes: Iterable[Change]) -> list[Change]:
    """The newest hundred, newest first."""
    return sorted(changes, reverse=True)[:MOST_CHANGES]
