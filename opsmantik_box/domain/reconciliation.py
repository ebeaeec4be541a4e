"""Why the numbers of a report differ: named buckets, and for every two numbers that are not the same the parts between them. Pure.

Promises: the parts and the rest of a difference add up to it; what nobody can count is the word *unknown*, never a guess; every
difference has its reason in a sentence.
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from opsmantik_box.domain.ad_numbers import ClientCount, GoogleCount
from opsmantik_box.domain.tally import Bucket
from opsmantik_box.texts import say

UNKNOWN: Literal["unknown"] = "unknown"
NOT_COUNTED: Literal["not counted"] = "not counted"
Number = float
"""Google tells fractions of conversions; everything else is whole."""


class Seen(Struct, frozen=True):
    """What is counted for the reconciliation alone. Of ads: sessions with no tap and no form, taps that were sealed. Of everybody, bots
    too: clicks in a session another click had opened (None when their days are over, product.md's six months), sessions opened by a click
    that had opened one; None where nobody counted them. Of people: sessions whose click id the visitor's choice took."""

    without_intent: int = 0
    sealed_intents: int = 0
    repeated: int | None = 0
    reopened: int | None = 0
    denied: int = 0


class Counted(Struct, frozen=True):
    """The numbers that are compared."""

    ads: Bucket
    all: Bucket
    other_paid: Bucket
    bots: Bucket
    internal: Bucket
    google: GoogleCount
    client: ClientCount
    seen: Seen


class Buckets(Struct, frozen=True):
    """Where clicks and intents stayed. `bots` and `internal` are sessions with a click; `consent_denied` are human sessions whose click
    id was not kept (some of them came from ads: at most so many), not counted when no tracker reports them."""

    repeated_clicks: int | Literal["unknown"]
    reopened_clicks: int | Literal["unknown"]
    never_reached: int | Literal["unknown"]
    calls_from_ad: int | Literal["unknown"]
    bots: int
    internal: int
    consent_denied: int | Literal["not counted"]
    sessions_without_intent: int
    intents_not_sealed: int


class Difference(
    Struct, frozen=True, rename={"first": "from", "second": "to", "first_count": "from_count", "second_count": "to_count"}
):
    """`from_count` - `to_count` = all `parts` + `rest`; a negative part adds. `rest` is what no bucket explains."""

    first: str
    second: str
    first_count: Number
    second_count: Number
    parts: dict[str, int]
    rest: Number
    reason: str


class Reconciliation(Struct, frozen=True):
    """`differences` in the order of the funnel, then what lies beside it. Numbers that are equal or not told are not among them."""

    buckets: Buckets
    differences: list[Difference]


def reconcile(counted: Counted) -> Reconciliation:
    """The buckets of a report and the reasons why its numbers differ, in English (`reason_of` words them in other languages)."""
    return Reconciliation(_buckets(counted), [*_funnel(counted), *_beside(counted)])


def reason_of(first: str, second: str, first_count: Number, second_count: Number, language: str = "en") -> str:
    """The sentence of a difference."""
    direction = "fewer" if first_count > second_count else "more"
    return say(language, f"reason.{first}.{second}.{direction}", first=first_count, second=second_count)


def _buckets(c: Counted) -> Buckets:
    calls = c.google.calls_from_ad
    unseen = _unseen(c)
    return Buckets(
        repeated_clicks=UNKNOWN if c.seen.repeated is None else c.seen.repeated,
        reopened_clicks=UNKNOWN if c.seen.reopened is None else c.seen.reopened,
        never_reached=UNKNOWN if calls is None or unseen is None or unseen < 0 else unseen,
        calls_from_ad=UNKNOWN if calls is None else calls,
        bots=c.bots.with_click,
        internal=c.internal.with_click,
        consent_denied=c.seen.denied or NOT_COUNTED,
        sessions_without_intent=c.seen.without_intent,
        intents_not_sealed=c.ads.intents - c.seen.sealed_intents,
    )


def _clicks(c: Counted) -> dict[str, int]:
    """What is counted between Google's clicks and the sessions with one. A click in another's session opens none; a click that opens a
    second session opens one more than Google counts."""
    parts = {"repeated_clicks": c.seen.repeated or 0, "reopened_clicks": -(c.seen.reopened or 0)}
    return parts | {"bots": c.bots.with_click, "internal": c.internal.with_click, "calls_from_ad": c.google.calls_from_ad or 0}


def _unseen(c: Counted) -> int | None:
    """Google's clicks that are in no other bucket; below nothing when the Box saw more than Google counts."""
    if c.google.clicks is None or c.seen.repeated is None or c.seen.reopened is None:
        return None
    return c.google.clicks - c.ads.with_click - sum(_clicks(c).values())


def _funnel(c: Counted) -> Iterator[Difference]:
    """From Google's clicks down to what was sealed."""
    reached, ads, seen = _clicks(c), c.ads, c.seen
    unseen = _unseen(c)
    if unseen is not None and unseen >= 0 and c.google.calls_from_ad is not None:
        reached["never_reached"] = unseen
    yield from _differ("google_clicks", "sessions_with_click", c.google.clicks, ads.with_click, reached)
    yield from _differ("sessions_with_click", "ads_sessions", ads.with_click, ads.sessions, {"assisted": -ads.assisted})
    with_contact = ads.sessions - seen.without_intent
    further = {"sessions_without_intent": seen.without_intent, "further_intents": with_contact - ads.intents}
    yield from _differ("ads_sessions", "intents", ads.sessions, ads.intents, further)
    not_sealed = {"intents_not_sealed": ads.intents - seen.sealed_intents, "forms_and_calls": seen.sealed_intents - ads.sealed}
    yield from _differ("intents", "sealed", ads.intents, ads.sealed, not_sealed)


def _beside(c: Counted) -> Iterator[Difference]:
    """Ads against all traffic, and what Google and the client counted against what the Box saw."""
    organic = c.all.sessions - c.ads.sessions - c.other_paid.sessions
    paid = {"other_paid": -c.other_paid.sessions, "organic": -organic}
    yield from _differ("ads_sessions", "all_sessions", c.ads.sessions, c.all.sessions, paid)
    organic = c.all.intents - c.ads.intents - c.other_paid.intents
    paid = {"other_paid": -c.other_paid.intents, "organic": -organic}
    yield from _differ("intents", "all_intents", c.ads.intents, c.all.intents, paid)
    yield from _differ("google_conversions", "intents", c.google.google_conversions, c.ads.intents, {})
    yield from _differ("client_whatsapp", "all_whatsapp", c.client.whatsapp, c.all.whatsapp, {})
    yield from _differ("client_phone", "all_phone", c.client.phone, c.all.phone, {})


def _differ(first: str, second: str, one: Number | None, other: Number, parts: dict[str, int]) -> Iterator[Difference]:
    """The difference of two numbers, if there is one and both are known."""
    if one is not None and one != other:
        told = {name: part for name, part in parts.items() if part}
        reason = reason_of(first, second, one, other)
        yield Difference(first, second, one, other, told, one - other - sum(told.values()), reason)
