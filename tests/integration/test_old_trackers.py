"""The trackers already on the sites: no id, no times, no batch, every signal by itself, and everything sent once more to be sure.

They work unchanged. What they send here has the shape they send in the field; the Box's clock can be moved."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from opsmantik_box.domain import months
from tests.harness import Box
from tests.tracker import ORIGIN, Tracker, set_shift

TEL = "tel:+902125550142"
SECOND, MINUTE = 1_000, 60_000
BY_FETCH = {"content_type": "application/json"}
BY_BEACON = {"content_type": "text/plain;charset=UTF-8"}
WEAK = "k3x9q2a"
"""A canvas hash: identical phones have the same."""


@pytest.fixture(scope="module")
def clocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A Box whose clock can be moved."""
    with Box(tmp_path_factory.mktemp("clocked") / "data", shift_ms=1) as running:
        yield running


def now_of(box: Box) -> int:
    return time.time_ns() // SECOND // SECOND + int(box.shift.read_text())


def set_clock(box: Box, at: int) -> None:
    """To UTC milliseconds, from where it goes on."""
    set_shift(box, at - time.time_ns() // SECOND // SECOND)


class OldTracker:
    """One visit as an old tracker tells it. `address`: whom a proxy on this machine says it forwards for."""

    def __init__(self, box: Box, *, fingerprint: str | None = None, address: str = "78.190.12.7", site: str = "") -> None:
        self.box, self.address = box, address
        self.site = site or box.add_site(str(uuid.uuid4()), "antika.example")["public_id"]
        self.fingerprint = fingerprint or uuid.uuid4().hex[:7]
        self.sid = str(uuid.uuid4())
        self._http = Tracker(box)
        self.leave = self._http.hang_up

    def signal(
        self, category: str, action: str, label: str = "", value: object = None, page: str = "/", **meta: object
    ) -> dict[str, Any]:
        """A body as the field sends it: `sm` is the visitor's month now, whenever the session began."""
        month = datetime.fromtimestamp(now_of(self.box) / 1000, UTC).strftime("%Y-%m-01")
        return {
            "s": self.site, "u": ORIGIN + page, "sid": self.sid, "sm": month, "ec": category, "ea": action, "el": label,
            "ev": value, "r": "", "meta": {"fp": self.fingerprint, "gpu": "Apple GPU", "screen": "390x844"} | meta,
        }  # fmt: skip

    def post(self, body: dict[str, Any], how: dict[str, str] = BY_FETCH) -> dict[str, Any]:
        reply = self._http.post(body, x_forwarded_for=self.address, **how)
        assert reply.status == 200, reply
        assert reply.body["ok"] is True
        assert reply.headers["access-control-allow-origin"] == ORIGIN
        return reply.body

    def tell(
        self, category: str, action: str, label: str = "", value: object = None, page: str = "/", **meta: object
    ) -> dict[str, Any]:
        return self.post(self.signal(category, action, label, value, page, **meta))

    def tell_call_event(self, link: str) -> dict[str, Any]:
        """The tap once more, at the other address."""
        told = {"site_id": self.site, "phone_number": link, "fingerprint": self.fingerprint}
        reply = self._http.post(told, "/api/call-event", x_forwarded_for=self.address, **BY_FETCH)
        assert reply.status == 200, reply
        return reply.body

    def timeline(self) -> dict[str, Any]:
        """The visit as the Box has it."""
        self.box.wait_projected()
        return self.box.get(f"/api/v1/sites/{self.site}/sessions/{self.sid}", self.box.token(self.site))

    def session(self) -> dict[str, Any]:
        return self.timeline()["session"]

    def intents(self) -> list[dict[str, Any]]:
        return self.timeline()["intents"]


Visits = Callable[..., OldTracker]


@pytest.fixture
def visit_of(clocked: Box) -> Iterator[Visits]:
    """Begins a visit; all of them end with the test."""
    visits: list[OldTracker] = []

    def begin(**who: str) -> OldTracker:
        visits.append(OldTracker(clocked, **who))
        return visits[-1]

    yield begin
    for visit in visits:
        visit.leave()


def test_a_visit_without_ids_and_times_is_stored_as_it_happened(clocked: Box, visit_of: Visits) -> None:
    visit, begin = visit_of(), now_of(clocked)
    for how, action in ((BY_FETCH, "view"), (BY_BEACON, "menu"), (BY_FETCH, "gallery"), (BY_BEACON, "session_end")):
        body = visit.signal("interaction", action, page="/tablo")
        assert not {"id", "ts", "st"} & body.keys()
        assert visit.post(body, how)["status"] == "synced"
    told = visit.timeline()
    assert [event["event_action"] for event in told["events"]] == ["view", "menu", "gallery", "session_end"]
    assert all(begin <= event["created_at"] == event["received_at"] <= now_of(clocked) for event in told["events"])
    assert len({event["event_id"] for event in told["events"]}) == 4
    session = told["session"]
    assert (session["event_count"], session["page_views"], session["lead_score"]) == (4, 1, 10)
    assert (session["fingerprint"], session["fingerprint_strength"]) == (visit.fingerprint, "weak")
    assert session["created_month"] == months.month_of(begin)


@pytest.mark.parametrize(
    ("label", "value", "fired", "score"),
    [
        ("50%", None, ["interaction", "scroll_50"], 20),
        ("90%", None, ["interaction", "scroll_50", "scroll_90"], 40),
        ("50%", "50", ["interaction", "scroll_50"], 20),
        ("90%", 90, ["interaction", "scroll_50", "scroll_90"], 40),
        ("25%", 25, ["interaction"], 10),
    ],
)
def test_a_scroll_depth_is_scored_by_its_label(visit_of: Visits, label: str, value: object, fired: list[str], score: int) -> None:
    visit = visit_of()
    assert visit.tell("interaction", "view")["score"] == 10
    assert visit.tell("interaction", "scroll_depth", label, value)["score"] == score
    assert sorted(visit.session()["fired"]) == fired


def test_fifty_scroll_signals_of_a_page_are_all_stored_and_score_once(visit_of: Visits) -> None:
    visit = visit_of()
    visit.tell("interaction", "view")
    answers = [visit.tell("interaction", "scroll_depth", f"{depth}%", depth) for depth in range(2, 101, 2)]
    assert {answer["status"] for answer in answers} == {"synced"}
    assert answers[-1]["score"] == 40
    session = visit.session()
    assert (session["event_count"], session["scroll_pct"], session["lead_score"]) == (51, 100, 40)


@pytest.mark.parametrize("waited", [0, 10 * SECOND, 18 * SECOND])
def test_a_signal_sent_again_within_twenty_seconds_is_counted_once(clocked: Box, visit_of: Visits, waited: int) -> None:
    visit = visit_of()
    body = visit.signal("conversion", "phone_call", TEL)
    first = visit.post(body)
    set_clock(clocked, now_of(clocked) + waited)
    again = visit.post(body, BY_BEACON)
    assert (first["status"], again) == ("synced", first | {"status": "duplicate"})
    assert (visit.session()["event_count"], len(visit.intents())) == (1, 1)


def test_a_copy_from_beforeunload_while_the_first_is_in_flight_is_counted_once(clocked: Box, visit_of: Visits) -> None:
    visit = visit_of()
    body = visit.signal("conversion", "phone_call", TEL)
    together = threading.Barrier(6)
    answers: list[str] = []

    def send(how: dict[str, str]) -> None:
        own = Tracker(clocked)
        together.wait()
        answers.append(own.post(body, x_forwarded_for=visit.address, **how).body["status"])
        own.hang_up()

    senders = [threading.Thread(target=send, args=(how,)) for how in (BY_FETCH, BY_BEACON) * 3]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(20)
    assert sorted(answers) == ["duplicate"] * 5 + ["synced"]
    assert (visit.session()["event_count"], len(visit.intents())) == (1, 1)


def test_the_same_signal_a_minute_later_is_another_one(clocked: Box, visit_of: Visits) -> None:
    visit = visit_of()
    body = visit.signal("interaction", "view")
    visit.post(body)
    set_clock(clocked, now_of(clocked) + MINUTE)
    assert visit.post(body)["status"] == "synced"
    assert visit.session()["page_views"] == 2


def test_the_session_end_of_a_tap_is_no_second_intent(clocked: Box, visit_of: Visits) -> None:
    """beforeunload fires at each tel: tap, the page stays, and the visitor taps again later."""
    visit = visit_of()
    visit.tell("interaction", "view")
    for taps in (1, 2):
        visit.tell("conversion", "phone_call", TEL)
        visit.tell("system", "session_end", TEL)
        visit.tell("system", "session_end", "exit", 30)
        assert len(visit.intents()) == taps
        set_clock(clocked, now_of(clocked) + MINUTE)
    session = visit.session()
    assert (session["event_count"], session["intents"], session["conversion_events"]) == (7, 2, 2)


def test_a_tap_with_a_stamp_is_one_intent_however_often_it_is_told(clocked: Box, visit_of: Visits) -> None:
    visit = visit_of()
    stamp = f"1793880000000-{uuid.uuid4().hex[:6]}-{TEL}"
    visit.tell("conversion", "phone_call", TEL, intent_stamp=stamp, intent_action="phone")
    visit.tell("interaction", "phone_click", TEL, intent_stamp=stamp)
    set_clock(clocked, now_of(clocked) + 5 * MINUTE)
    visit.tell("conversion", "phone_call", TEL, intent_stamp=stamp, intent_action="phone")
    session, (intent,) = visit.session(), visit.intents()
    assert (session["event_count"], session["intents"]) == (3, 1)
    assert (intent["intent_action"], intent["intent_target"], intent["source"]) == ("phone", TEL, "click")
    visit.tell("conversion", "phone_call", TEL, intent_stamp=f"{stamp}-2")
    assert len(visit.intents()) == 2


def test_a_tap_told_to_both_addresses_is_one_intent(visit_of: Visits) -> None:
    visit = visit_of()
    assert visit.tell_call_event(TEL) == {"ok": True, "status": "unmatched"}
    score = visit.tell("conversion", "phone_call", TEL)["score"]
    matched = visit.tell_call_event("tel:0212 555 01 42")
    (intent,) = visit.intents()
    assert matched == {"ok": True, "status": "matched", "call_id": intent["id"], "session_id": visit.sid, "lead_score": score}
    assert visit.session()["event_count"] == 1


def test_a_visit_over_a_months_edge_stays_one_session(clocked: Box, visit_of: Visits) -> None:
    edge = months.month_start(months.next_month(months.month_of(now_of(clocked))))
    before, after = months.month_of(edge - 1), months.month_of(edge)
    set_clock(clocked, edge - 30 * SECOND)
    visit = visit_of()
    visit.tell("interaction", "view")
    visit.tell("interaction", "scroll_depth", "50%")
    set_clock(clocked, edge + 30 * SECOND)
    late = visit.signal("conversion", "phone_call", TEL)
    assert late["sm"] == f"{after}-01"
    assert visit.post(late)["score"] == 70
    visit.tell("interaction", "view", page="/iletisim")
    other = visit_of(site=visit.site)
    other.tell("interaction", "view")

    told = visit.timeline()
    session = told["session"]
    assert (session["created_month"], session["event_count"], session["lead_score"]) == (before, 4, 70)
    assert session["created_at"] < edge <= session["last_event_at"]
    assert [event["event_action"] for event in told["events"]] == ["view", "scroll_depth", "phone_call", "view"]
    assert {event["session_month"] for event in told["events"]} == {before}
    assert [intent["matched_session_month"] for intent in told["intents"]] == [before]
    assert other.session()["created_month"] == after

    site, token = visit.site, clocked.token(visit.site)
    listed = clocked.get(f"/api/v1/sites/{site}/sessions", token)["sessions"]
    assert sorted(one["id"] for one in listed) == sorted([visit.sid, other.sid])
    days = "&".join(f"{name}={datetime.fromtimestamp(at / 1000, UTC).date()}" for name, at in (("from", edge - 1), ("to", edge)))
    everything = clocked.get(f"/api/v1/sites/{site}/stats?{days}", token)["all"]
    assert (everything["sessions"], everything["intents"], everything["phone"]) == (2, 1, 1)


def test_two_phones_with_one_canvas_hash_are_not_taken_for_one_visitor(clocked: Box, visit_of: Visits) -> None:
    first = visit_of(fingerprint=WEAK, address="78.190.12.7")
    first.tell("interaction", "view", page="/?gclid=Cj0KCQjw_clicked_0001")
    set_clock(clocked, now_of(clocked) + 60 * MINUTE)
    elsewhere = visit_of(fingerprint=WEAK, address="78.190.13.7", site=first.site)
    nearby = visit_of(fingerprint=WEAK, address="78.190.12.200", site=first.site)
    for visit in (elsewhere, nearby):
        visit.tell("interaction", "view")
    sources = [visit.session()["attribution_source"] for visit in (first, elsewhere, nearby)]
    assert sources == ["First Click (Paid)", "Organic", "Ads Assisted"]
    assert [visit.session()["lead_score"] for visit in (elsewhere, nearby)] == [10, 35]
