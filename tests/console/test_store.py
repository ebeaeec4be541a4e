"""What messages, answers and an operator's own decisions make of the leads."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmantik_box.domain.attribution import NAMES, Rank
from opsmantik_box.domain.desk import LeadState
from opsmantik_box.domain.verdicts import Row
from tests.console.kit import MINUTE, NOW, lead, missed, queue_page, site_id, tap_body
from tui.model.actions import Action, new_action, rebase
from tui.model.messages import Envelope, Message, contact_of
from tui.model.store import MOST_EVENTS, MOST_LEADS, Store
from tui.net.follow import read_message
from tui.net.sse import Block


def store_of(*leads: dict[str, Any]) -> Store:
    page, store = queue_page(list(leads)), Store()
    store.me, store.sites = 1, {site.id: site for site in page.sites}
    store.load(one.as_lead() for one in page.leads)
    return store


def tap(number: int, at: int = NOW, version: int = 1, lead_id: int = 0, **body: Any) -> Message:
    told = tap_body(number, at) | {"lead": lead_id or number}
    return Message(f"1-{number}", "intent", Envelope(site_id("antika"), at, str(number), version, told | body))


def work(kind: str, version: int, new: Any = None, number: int = 1, by: int = 2) -> Message:
    body = {"kind": kind, "at": NOW, "lead": number, "call": number, "by": by, "who": "op-2", "old": None, "new": new}
    return Message(f"1-{100 + version}", "work", Envelope(site_id("antika"), NOW, str(number), version, body))


def verdict(number: int, version: int, status: str | None, **row: Any) -> Message:
    new = {"id": number, "source": "click", "status": status, "version": version, **row}
    body = {"at": NOW, "by": 2, "old": new | {"version": version - 1}, "new": new}
    return Message(f"1-{200 + version}", "verdict", Envelope(site_id("antika"), NOW, str(number), version, body))


def said(store: Store, status: str, contact: int = 1, **body: Any) -> Action:
    shown = store.shown(1)
    assert shown is not None
    version = next(one.version for one in shown.contacts if one.id == contact)
    action = new_action("verdict", shown, contact, NOW, {"status": status, "version": version, **body}, box="", by=1)
    store.begin(action)
    return action


def status(store: Store, number: int = 1) -> str | None:
    shown = store.shown(number)
    assert shown is not None
    return shown.head.status


def test_an_intent_is_a_lead_at_once():
    store = store_of()
    assert store.take(tap(7)) is not None
    assert store.leads[7].score == 60


def test_a_message_told_twice_changes_nothing():
    store = store_of(lead(1, "antika", NOW, **missed("+90")))
    for message in (
        tap(7),
        tap(7, lead_id=1),
        work("claimed", 1, {"by": 2, "since": NOW, "until": NOW + MINUTE}),
        verdict(1, 2, "real"),
        work("note", 2),
    ):
        store.take(message)
        before = dict(store.leads)
        assert store.take(message) is None
        assert store.leads == before


def test_what_is_older_than_what_is_known_changes_nothing():
    store = store_of(lead(1, "antika", NOW, {"version": 5}, **missed("+90", status="junk", version=4)))
    assert store.take(verdict(1, 3, "real")) is None
    assert store.take(work("released", 5)) is None
    assert status(store) == "junk"


def test_taps_of_one_visitor_are_one_row():
    store = store_of()
    store.take(tap(7))
    store.take(tap(8, lead_id=7, at=NOW + 1))
    assert [(one.id, one.count) for one in store.leads.values()] == [(7, 2)]


def test_work_is_seen_by_everybody():
    store = store_of(lead(1, "antika", NOW, **missed("+90")))
    store.take(work("claimed", 1, {"by": 2, "since": NOW, "until": NOW + MINUTE}))
    assert store.leads[1].claimed_by == "op-2"
    store.take(work("attempt", 2, {"by": 2, "at": NOW, "outcome": "no_answer", "again_at": NOW + MINUTE, "suggests": None}))
    one = store.leads[1]
    assert (one.attempts, one.last_attempt and one.last_attempt.outcome, one.reminder and one.reminder.due_at) == (
        1,
        "no_answer",
        NOW + MINUTE,
    )
    store.take(work("released", 3))
    store.take(work("note", 4, "a note"))
    assert (store.leads[1].claim, store.leads[1].notes, store.leads[1].version) == (None, 1, 4)


def test_a_verdict_is_shown_before_the_box_has_it_and_gone_when_it_says_no():
    store = store_of(lead(1, "antika", NOW, **missed("+90")))
    action = said(store, "confirmed", sale_amount=250_000, currency="TRY")
    assert (status(store), store.leads[1].head.status) == ("confirmed", None)
    assert store.is_pending(1)
    store.end(action.key)
    assert status(store) is None
    assert not store.is_pending(1)


def test_what_is_under_way_stays_on_top_of_what_others_do():
    store = store_of(lead(1, "antika", NOW, **missed("+90")))
    said(store, "junk")
    store.take(work("note", 1, "theirs"))
    assert status(store) == "junk"
    store.load([])
    assert store.shown(1) is None


def test_a_verdict_on_top_of_ones_own_is_based_on_what_the_box_made_of_the_first():
    store = store_of(lead(1, "antika", NOW, **missed("+90")))
    first, second = said(store, "real"), said(store, "confirmed")
    assert second.body["version"] == 2
    assert rebase(second, first, Row(1, "call", "real", 9)).body["version"] == 9
    assert rebase(first, second, Row(1, "call", "real", 9)) is first


def test_an_attempt_is_counted_once_whichever_comes_first_the_answer_or_the_message():
    message = work("attempt", 1, {"by": 1, "at": NOW, "outcome": "no_answer", "again_at": None, "suggests": None}, by=1)
    for order in (0, 1):
        store = store_of(lead(1, "antika", NOW, **missed("+90")))
        shown = store.shown(1)
        assert shown is not None
        action = new_action("attempt", shown, 1, NOW, {"outcome": "no_answer"}, box="", by=1)
        store.begin(action)
        if order:
            store.take(message)
        store.end(action.key)
        store.accept(action, LeadState(1, 1))
        store.take(message)
        assert store.leads[1].attempts == 1


def test_a_message_nobody_understands_does_no_harm():
    store = store_of(lead(1, "antika", NOW, **missed("+90")))
    for body in (
        {},
        {"id": "x"},
        {"kind": "claimed", "at": 1, "lead": 1, "new": 5},
        {"kind": "attempt", "at": 1, "lead": 1, "new": {"outcome": "eaten"}},
    ):
        for topic in ("intent", "call", "verdict", "work", "alert", "other"):
            assert store.take(Message("1-1", topic, Envelope(site_id("antika"), NOW, "1", 9, body))) is None


def test_it_holds_only_so_many_however_long_it_runs():
    store = store_of()
    for number in range(1, MOST_LEADS + 2_000):
        store.take(tap(number, at=NOW + number))
    assert len(store.leads) <= MOST_LEADS
    assert len(store.events) == MOST_EVENTS
    assert MOST_LEADS + 1_999 in store.leads
    assert len(store._lead_of) == len(store.leads)


def made(kind: str, version: int) -> Message:
    """Something that happens to lead 1."""
    if kind == "tap":
        return tap(50 + version, lead_id=1)
    if kind in ("junk", "real"):
        return verdict(1, version, kind)
    return work(kind, version, {"by": 2, "since": NOW, "until": NOW + 1} if kind == "claimed" else None)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["tap", "junk", "real", "claimed", "released", "note"]), max_size=30), st.randoms())
def test_told_again_from_anywhere_it_comes_to_the_same(kinds: list[str], random: Any):
    """A stream that is resumed tells some of what was told; the page that was read knows some of it as well."""
    messages = [tap(1), *(made(kind, number) for number, kind in enumerate(kinds, 2))]
    once, again = store_of(), store_of()
    for message in messages:
        once.take(message)
    for number, message in enumerate(messages):
        for repeated in messages[random.randint(0, number) : number + 1]:
            again.take(repeated)
        again.take(message)
    assert msgspec.json.encode(list(once.leads.values())) == msgspec.json.encode(list(again.leads.values()))


def test_a_live_tap_of_anothers_paid_link_is_no_ad_of_google():
    store = store_of()
    for number, rank in ((7, Rank.PAID_UTM_GOOGLE), (8, Rank.PAID_UTM_OTHER)):
        store.take(tap(number, attribution=NAMES[rank], rank=int(rank)))
    assert [store.leads[number].is_ad for number in (7, 8)] == [True, False]


def test_a_message_that_is_no_sites_is_read():
    told = read_message(Block("1-9", "alert", b'{"site_id": null, "at": 1, "ref": "9", "version": 1, "body": {"kind": "disk"}}'))
    assert told is not None
    assert (told.told.site, told.told.body) == ("", {"kind": "disk"})
