"""The buckets add up, whatever was counted."""

from hypothesis import given
from hypothesis import strategies as st

from opsmantik_box.domain.ad_numbers import ClientCount, GoogleCount
from opsmantik_box.domain.reconciliation import NOT_COUNTED, UNKNOWN, Counted, Seen, reason_of, reconcile
from opsmantik_box.domain.tally import Bucket
from opsmantik_box.texts import CATALOGUES

few = st.integers(0, 40)
maybe = st.none() | st.integers(0, 300)


@st.composite
def traffic(draw: st.DrawFn) -> Bucket:
    """A kind of traffic as the report counts it."""
    with_click, assisted, phone, whatsapp = (draw(few) for _ in range(4))
    return Bucket(
        sessions=with_click + assisted, with_click=with_click, assisted=assisted, phone=phone, whatsapp=whatsapp,
        intents=phone + whatsapp, sealed=draw(few),
    )  # fmt: skip


def added(*kinds: Bucket) -> Bucket:
    sums = {key: sum(getattr(kind, key) for kind in kinds) for key in ("sessions", "intents", "phone", "whatsapp")}
    return Bucket(**sums)


@st.composite
def counted(draw: st.DrawFn) -> Counted:
    """The numbers of one report: all traffic is ads, other paid and organic together."""
    ads, paid, organic, bots, internal = (draw(traffic()) for _ in range(5))
    clicks = draw(maybe)
    calls = None if clicks is None else draw(st.none() | st.integers(0, clicks))
    conversions = None if clicks is None else draw(st.none() | st.integers(0, 1200).map(lambda quarters: quarters / 4))
    seen = Seen(
        without_intent=draw(st.integers(0, ads.sessions)), sealed_intents=draw(st.integers(0, ads.intents)),
        repeated=draw(few), reopened=draw(few), denied=draw(few),
    )  # fmt: skip
    google = GoogleCount(clicks=clicks, google_conversions=conversions, calls_from_ad=calls)
    return Counted(ads, added(ads, paid, organic), paid, bots, internal, google, ClientCount(draw(maybe), draw(maybe)), seen)


def compared(c: Counted) -> dict[tuple[str, str], tuple[float | None, float]]:
    """Every pair of numbers that a report compares."""
    return {
        ("google_clicks", "sessions_with_click"): (c.google.clicks, c.ads.with_click),
        ("sessions_with_click", "ads_sessions"): (c.ads.with_click, c.ads.sessions),
        ("ads_sessions", "intents"): (c.ads.sessions, c.ads.intents),
        ("intents", "sealed"): (c.ads.intents, c.ads.sealed),
        ("ads_sessions", "all_sessions"): (c.ads.sessions, c.all.sessions),
        ("intents", "all_intents"): (c.ads.intents, c.all.intents),
        ("google_conversions", "intents"): (c.google.google_conversions, c.ads.intents),
        ("client_whatsapp", "all_whatsapp"): (c.client.whatsapp, c.all.whatsapp),
        ("client_phone", "all_phone"): (c.client.phone, c.all.phone),
    }


@given(counted())
def test_the_parts_and_the_rest_of_every_difference_add_up_to_it(c: Counted) -> None:
    for one in reconcile(c).differences:
        assert one.first_count - one.second_count == sum(one.parts.values()) + one.rest
        assert 0 not in one.parts.values()


@given(counted())
def test_every_two_numbers_that_differ_are_told_with_a_reason_and_no_others(c: Counted) -> None:
    differences = reconcile(c).differences
    told = {(one.first, one.second): (one.first_count, one.second_count) for one in differences}
    assert told == {pair: counts for pair, counts in compared(c).items() if counts[0] is not None and counts[0] != counts[1]}
    for one in differences:
        for language in CATALOGUES:
            assert len(reason_of(one.first, one.second, one.first_count, one.second_count, language)) > 40


@given(counted())
def test_google_s_clicks_are_the_sessions_and_the_buckets_between(c: Counted) -> None:
    buckets = reconcile(c).buckets
    if buckets.never_reached == UNKNOWN:
        explained = c.ads.with_click + c.seen.repeated - c.seen.reopened + c.bots.with_click + c.internal.with_click
        assert c.google.calls_from_ad is None or c.google.clicks is None or c.google.clicks < explained + c.google.calls_from_ad
    else:
        parts = (buckets.repeated_clicks, -buckets.reopened_clicks, buckets.bots, buckets.internal, buckets.calls_from_ad)
        assert c.google.clicks == c.ads.with_click + buckets.never_reached + sum(map(int, parts))


@given(counted())
def test_what_nobody_counts_is_a_word_and_everything_else_a_count(c: Counted) -> None:
    buckets = reconcile(c).buckets
    assert (buckets.calls_from_ad == UNKNOWN) == (c.google.calls_from_ad is None)
    assert buckets.never_reached == UNKNOWN or int(buckets.never_reached) >= 0
    assert buckets.consent_denied == (c.seen.denied or NOT_COUNTED)
    assert buckets.intents_not_sealed + c.seen.sealed_intents == c.ads.intents


@given(counted())
def test_only_what_others_counted_stays_unexplained(c: Counted) -> None:
    theirs = {"google_clicks", "google_conversions", "client_whatsapp", "client_phone"}
    assert {one.first for one in reconcile(c).differences if one.rest} <= theirs
