"""Calls in an engine of this process: whatever the order and however often events come, one call is one row that agrees with its visit."""

import itertools
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsmantik_box.domain.calls import CallUpdate
from opsmantik_box.domain.feed import CallBody
from opsmantik_box.domain.scoring import score
from opsmantik_box.engine.calls import ENOUGH, KEPT_MS
from opsmantik_box.errors import UsageError
from opsmantik_box.link.messages import TellCall, TellForm, Told
from opsmantik_box.sql import load
from tests.integration import engine_kit
from tests.integration.engine_kit import NOON, Engine, rows
from tests.months import turn_months

FP = "fp_0123456789abcdefghijkl"
LINE, CALLER = "+902125550142", "+905321234567"
MINUTE, SECOND = 60_000, 1_000
MONTH_END = 1_796_083_200_000  # 2026-12-01 00:00 UTC


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_kit.engine(tmp_path / "data") as made:
        yield made


def tell(engine: Engine, call_id: str = "c1", fingerprint: str = "", message_id: str = "", **fields: Any) -> Told:
    """One event of a call, now."""
    told: dict[str, Any] = {
        "provider": "generic",
        "provider_call_id": call_id,
        "state": "ringing",
        "at": engine.now,
        "number_e164": CALLER,
    }
    update = CallUpdate(**{**told, "number": CALLER, "direction": "inbound", **fields})
    answer = engine.telling.tell(TellCall(1, engine.site.id, update, fingerprint, message_id), engine.now)
    assert isinstance(answer, Told)
    return answer


def tap(engine: Engine, sid: str, fingerprint: str = FP, line: str = LINE, **fields: Any) -> None:
    engine.send(sid=sid, ec="conversion", ea="phone_call", el=f"tel:{line}", meta={"fp": fingerprint}, **fields)


def view(engine: Engine, sid: str, fingerprint: str = FP, **fields: Any) -> None:
    engine.send(sid=sid, meta={"fp": fingerprint}, **fields)


def calls(engine: Engine) -> list[dict[str, Any]]:
    return [row for row in engine.calls() if row["source"] == "call"]


def feed(engine: Engine, topic: str = "call") -> list[dict[str, Any]]:
    found = rows(engine.core.ledger.db, "select seq, topic, ref, version, body from feed order by seq")
    return [row | {"body": msgspec.json.decode(row["body"])} for row in found if row["topic"] == topic]


def new_sid() -> str:
    return str(uuid.uuid4())


# --- matching -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("projected", [False, True])
def test_a_call_is_matched_by_fingerprint_before_and_after_projection(engine: Engine, projected: bool) -> None:
    sid = new_sid()
    view(engine, sid)
    view(engine, sid, ea="hover_intent")
    if projected:
        engine.catch_up()
        view(engine, sid, ea="scroll_depth", el="50%")
    answer = tell(engine, fingerprint=FP)
    (row,) = calls(engine)
    assert (answer.session_id, answer.lead_score) == (sid, row["lead_score_at_match"])
    assert row["lead_score_at_match"] == (35 if projected else 25)
    assert sum(msgspec.json.decode(row["score_breakdown"]).values()) == row["lead_score_at_match"]
    assert (row["match_likelihood"], row["match_how"], row["status"], row["matched_at"]) == (1.0, "fingerprint", None, engine.now)


def test_the_newest_visit_of_the_visitor_is_taken(engine: Engine) -> None:
    old, new = new_sid(), new_sid()
    view(engine, old)
    engine.catch_up()
    engine.now += 5 * MINUTE
    view(engine, new)
    view(engine, new_sid(), fingerprint="fp_somebody_else_entirely0")
    assert tell(engine, fingerprint=FP).session_id == new


@pytest.mark.parametrize(("after", "matched"), [(29 * MINUTE, True), (30 * MINUTE, True), (30 * MINUTE + 1, False)])
def test_a_visit_counts_for_half_an_hour_after_its_last_event(engine: Engine, after: int, matched: bool) -> None:
    sid = new_sid()
    view(engine, sid)
    engine.now += after
    answer = tell(engine, fingerprint=FP)
    assert answer.session_id == (sid if matched else None)
    assert len(calls(engine)) == 1


def test_a_visit_that_begins_after_the_call_makes_it_suspicious_not_matched(engine: Engine) -> None:
    engine.now += 10 * MINUTE
    view(engine, new_sid())
    answer = tell(engine, fingerprint=FP, at=engine.now - 3 * MINUTE)
    (row,) = calls(engine)
    assert (answer.session_id, row["status"], row["matched_session_id"], row["match_how"]) == (None, "suspicious", None, "")
    assert len(msgspec.json.decode(row["candidates"])) == 1


@pytest.mark.parametrize("projected", [False, True])
def test_a_call_after_midnight_finds_the_visit_of_the_month_before(tmp_path: Path, projected: bool) -> None:
    with engine_kit.engine(tmp_path / "data", MONTH_END - 20 * SECOND) as engine:
        sid = new_sid()
        view(engine, sid)
        engine.now = MONTH_END + 5 * SECOND
        view(engine, new_sid(), fingerprint="fp_somebody_else_entirely0")  # December has begun
        view(engine, sid, ea="hover_intent")  # and November's visit goes on
        if projected:
            engine.catch_up()
        answer = tell(engine, fingerprint=FP)
        (row,) = calls(engine)
        (session,) = [one for one in engine.sessions() if one["id"] == sid]
        assert (answer.session_id, row["matched_session_month"]) == (sid, "2026-11")
        assert (session["created_month"], session["lead_score"]) == ("2026-11", row["lead_score_at_match"])


def test_a_call_before_midnight_that_is_told_after_it(tmp_path: Path) -> None:
    with engine_kit.engine(tmp_path / "data", MONTH_END - MINUTE) as engine:
        sid = new_sid()
        tap(engine, sid)
        engine.now = MONTH_END + MINUTE
        answer = tell(engine, at=MONTH_END - 30 * SECOND, called_number=LINE)
        assert (answer.session_id, calls(engine)[0]["at"]) == (sid, MONTH_END - 30 * SECOND)


def test_by_number_one_tap_is_a_match_and_taps_of_two_visits_are_candidates(engine: Engine) -> None:
    one, other = new_sid(), new_sid()
    tap(engine, one)
    engine.now += 7 * SECOND
    assert tell(engine, "lone", called_number=LINE).session_id == one
    tap(engine, other, fingerprint="fp_somebody_else_entirely0")
    engine.now += 7 * SECOND
    assert tell(engine, "either", called_number=LINE).session_id is None
    assert tell(engine, "elsewhere", called_number="+902125550199").session_id is None
    lone, either, elsewhere = calls(engine)
    assert (lone["match_how"], lone["match_likelihood"], lone["matched_fingerprint"]) == ("number", 0.9605, FP)
    candidates = msgspec.json.decode(either["candidates"])
    assert [one["session_id"] for one in candidates] == [other, one]
    assert sum(one["likelihood"] for one in candidates) < 1
    assert elsewhere["candidates"] is None
    assert {row["status"] for row in calls(engine)} == {None}  # never a verdict


def test_a_call_that_learns_its_line_late_is_matched_then_and_joins_the_taps_lead(engine: Engine) -> None:
    """Verimor tells the called number at the end only."""
    sid = new_sid()
    tap(engine, sid)
    engine.now += 5 * SECOND
    rang_at = engine.now
    assert tell(engine).session_id is None
    engine.now += 3 * 60 * MINUTE
    answer = tell(engine, state="ended", at=rang_at, called_number=LINE, ended_at=engine.now, answered_at=rang_at + SECOND)
    (row,) = calls(engine)
    (intent,) = [row for row in engine.calls() if row["source"] == "click"]
    assert (answer.session_id, row["lead_id"]) == (sid, intent["id"])
    assert [one["body"]["session"] for one in feed(engine)] == [None, sid]


def test_a_match_keeps_what_was_known_then_and_shows_what_is_known_now(engine: Engine) -> None:
    sid = new_sid()
    view(engine, sid)
    tell(engine, fingerprint=FP)
    view(engine, sid, u="https://antika.example/?gclid=abcdefgh", ea="hover_intent")
    (row,) = calls(engine)
    assert (row["lead_score_at_match"], row["attribution_at_tap"]) == (10, "Organic")
    assert (row["lead_score"], row["attribution_source"]) == (25, "First Click (Paid)")


def test_a_match_is_followed_after_a_restart_too(tmp_path: Path) -> None:
    sid = new_sid()
    with engine_kit.engine(tmp_path / "data") as engine:
        view(engine, sid)
        tell(engine, fingerprint=FP)
        engine.catch_up()
    with engine_kit.engine(tmp_path / "data") as engine:
        view(engine, sid, ea="hover_intent")
        assert calls(engine)[0]["lead_score"] == 25


# --- one call, one row ----------------------------------------------------------------------------------------------------------------


def test_a_repeated_message_changes_nothing_even_with_another_body(engine: Engine) -> None:
    first = tell(engine, "c1", message_id="msg_1")
    again = tell(engine, "c2", message_id="msg_1", state="missed")
    assert first.call_id == again.call_id
    assert [row["call_state"] for row in calls(engine)] == ["ringing"]
    assert len(feed(engine)) == 1
    engine.now += KEPT_MS + 1
    tell(engine, "c3", message_id="msg_2")
    assert [one["message_id"] for one in rows(engine.core.ledger.db, "select message_id from call_messages")] == ["msg_2"]


def test_calls_without_an_id_are_calls_of_their_own(engine: Engine) -> None:
    assert tell(engine, "").call_id != tell(engine, "").call_id


def test_the_same_id_on_two_sites_is_two_calls(engine: Engine) -> None:
    from opsmantik_box.domain.site_entry import SiteEntry

    (other,) = engine.directory.add_sites([SiteEntry(name="other", domains=["other.example"])], engine.now)
    update = CallUpdate("generic", "c1", "ringing", engine.now, number_e164=CALLER)
    ids = [engine.telling.tell(TellCall(1, site, update), engine.now).call_id for site in (engine.site.id, other.id)]
    assert len(set(ids)) == 2
    hashes = {row["phone_hash"] for row in calls(engine)}
    assert len(hashes) == 2
    assert None not in hashes


def ambiguous(engine: Engine) -> tuple[int, str, str]:
    """A call to the line that two visitors tapped: its row, the likelier visit, the other."""
    far, near = new_sid(), new_sid()
    tap(engine, far)
    engine.now += MINUTE
    tap(engine, near, fingerprint="fp_somebody_else_entirely0")
    engine.now += 7 * SECOND
    return tell(engine, called_number=LINE).call_id, near, far


def pick(engine: Engine, call: int, session: str | None) -> CallBody:
    with engine.core.ledger.transaction():
        return engine.telling.calls.pick(engine.site.id, call, session, engine.now)


def unpick(engine: Engine, call: int) -> CallBody:
    with engine.core.ledger.transaction():
        return engine.telling.calls.unpick(engine.site.id, call, engine.now)


def test_what_an_operator_picked_is_left_alone(engine: Engine) -> None:
    call, near, far = ambiguous(engine)
    assert [one.session_id for one in pick(engine, call, far).candidates] == [near, far]
    tell(engine, state="ended", fingerprint="fp_nobody_knows_this_one0", called_number=LINE)
    tell(engine, state="ended", fingerprint="fp_nobody_knows_this_one0", called_number=LINE)
    (row,) = calls(engine)
    shown = ("match_how", "matched_session_id", "matched_fingerprint", "match_likelihood", "call_state", "version", "status")
    assert [row[name] for name in shown] == ["operator", far, FP, 1.0, "ended", 3, None]
    engine.send(sid=far, ea="hover_intent", meta={"fp": FP})
    (row,) = calls(engine)
    assert (row["lead_score"], row["lead_score_at_match"]) == (75, 50)
    assert [one["body"]["how"] for one in feed(engine)] == ["", "operator", "operator"]


def test_a_pick_joins_the_taps_lead_and_can_be_changed_and_taken_back(engine: Engine) -> None:
    call, near, far = ambiguous(engine)
    assert pick(engine, call, far).lead == next(row["id"] for row in engine.calls() if row["matched_session_id"] == far)
    assert pick(engine, call, far).version == 2, "picking what stands is no news"
    assert (pick(engine, call, near).session, pick(engine, call, None).session) == (near, None)
    (row,) = calls(engine)
    shown = ("match_how", "matched_fingerprint", "lead_score", "attribution_source")
    assert [row[name] for name in shown] == ["operator", None, 0, None]
    back = unpick(engine, call)
    assert (back.how, back.session, [one.session_id for one in back.candidates]) == ("", None, [near, far])
    assert unpick(engine, call).version == back.version == 5
    assert [one["version"] for one in feed(engine)] == [1, 2, 3, 4, 5]


def test_an_automatic_match_can_be_denied_and_found_again(engine: Engine) -> None:
    sid = new_sid()
    view(engine, sid)
    call = tell(engine, fingerprint=FP).call_id
    denied = pick(engine, call, None)
    assert (denied.how, denied.session, denied.score) == ("operator", None, 0)
    tell(engine, state="answered", fingerprint=FP)
    assert calls(engine)[0]["matched_session_id"] is None
    again = unpick(engine, call)
    assert (again.how, again.session, again.likelihood) == ("fingerprint", sid, 1.0)


def test_a_suspicious_calls_visit_can_be_picked_and_is_suspicious_no_more(engine: Engine) -> None:
    engine.now += 10 * MINUTE
    sid = new_sid()
    view(engine, sid)
    call = tell(engine, fingerprint=FP, at=engine.now - 3 * MINUTE).call_id
    picked = pick(engine, call, sid)
    assert (picked.status, picked.session) == (None, sid)
    assert unpick(engine, call).status == "suspicious"


def test_a_pick_of_a_closed_month_can_be_taken_back(tmp_path: Path) -> None:
    """Its visits are not looked up any more: what was recorded counts."""
    with engine_kit.engine(tmp_path / "data") as engine:
        call, near, far = ambiguous(engine)
        pick(engine, call, far)
        engine.now += 70 * engine_kit.DAY
        engine.catch_up()
        turn_months(engine.core, engine.now)
        assert "2026-11" in engine.core.months.closed
        picked = pick(engine, call, near)
        assert (picked.session, picked.score) == (near, 50)
        back = unpick(engine, call)
        assert (back.how, [one.session_id for one in back.candidates]) == ("", [near, far])


def test_what_is_no_candidate_cannot_be_picked(engine: Engine) -> None:
    call, _, _ = ambiguous(engine)
    with pytest.raises(UsageError):
        pick(engine, call, new_sid())
    assert calls(engine)[0]["version"] == 1


EVENTS: list[dict[str, Any]] = [
    {"state": "ringing", "at": NOON},
    {"state": "answered", "at": NOON, "answered_at": NOON + 8 * SECOND},
    {"state": "ended", "at": NOON, "called_number": LINE, "answered_at": NOON + 8 * SECOND, "ended_at": NOON + 73 * SECOND,
     "duration_sec": 65},
]  # fmt: skip


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_events_in_any_order_and_twice_make_the_same_row(engine: Engine, order: tuple[int, ...]) -> None:
    sid = new_sid()
    tap(engine, sid)
    engine.now += 2 * MINUTE
    for number in (*order, *order):
        tell(engine, **EVENTS[number])
    (row,) = calls(engine)
    shown = ("call_state", "at", "answered_at", "ended_at", "duration_sec", "called_number", "matched_session_id", "direction")
    assert [row[name] for name in shown] == ["ended", NOON, NOON + 8_000, NOON + 73_000, 65, LINE, sid, "inbound"]
    assert [one["version"] for one in feed(engine)] == list(range(1, row["version"] + 1))


# --- late -----------------------------------------------------------------------------------------------------------------------------

HOUR = 60 * MINUTE
OTHER = "fp_somebody_else_entirely0"


@pytest.mark.parametrize("late", [SECOND, 3 * HOUR, 20 * 24 * HOUR])
def test_a_tap_that_arrives_after_its_call_is_matched_with_it_and_that_is_told(tmp_path: Path, late: int) -> None:
    """It lay in the outbox of a phone, with its true time; also across a month's edge and a restart."""
    rang, sid = MONTH_END - HOUR, new_sid()
    with engine_kit.engine(tmp_path / "data", rang) as engine:
        assert tell(engine, state="missed", called_number=LINE).session_id is None
    with engine_kit.engine(tmp_path / "data", rang + late) as engine:
        tap(engine, sid, at=rang - 7 * SECOND)
        (row,) = calls(engine)
        intent = next(one for one in engine.calls() if one["source"] == "click")
        shown = ("match_how", "matched_session_id", "matched_session_month", "match_likelihood", "matched_at", "version", "lead_id")
        assert [row[name] for name in shown] == [
            "number",
            sid,
            intent["matched_session_month"],
            0.9605,
            engine.now,
            2,
            intent["id"],
        ]
        assert (row["lead_score_at_match"], row["lead_score"]) == (50, 50)
        assert [(one["body"]["session"], one["body"]["how"]) for one in feed(engine)] == [(None, ""), (sid, "number")]
        view(engine, sid, ea="hover_intent")
        assert calls(engine)[0]["lead_score"] == 75


@pytest.mark.parametrize(
    ("at", "matched"), [(-30 * MINUTE, True), (-30 * MINUTE - 1, False), (2 * MINUTE, True), (2 * MINUTE + 1, False)]
)
def test_a_late_tap_counts_by_the_rules_of_the_call(engine: Engine, at: int, matched: bool) -> None:
    rang = engine.now
    tell(engine, called_number=LINE)
    engine.now += HOUR
    tap(engine, new_sid(), at=rang + at)
    assert bool(calls(engine)[0]["matched_session_id"]) == matched
    assert len(feed(engine)) == 1 + matched


def test_late_taps_of_two_visits_in_one_batch_are_candidates(engine: Engine) -> None:
    rang = engine.now
    tell(engine, called_number=LINE)
    engine.now += HOUR
    sids = [new_sid(), new_sid()]
    told = {"ec": "conversion", "ea": "phone_call", "el": f"tel:{LINE}"}
    engine.accept(*(engine.read(sid=sid, at=rang - (7 + number) * SECOND, **told) for number, sid in enumerate(sids)))
    (row,) = calls(engine)
    assert (row["match_how"], row["version"]) == ("", 2)
    assert [one["session_id"] for one in msgspec.json.decode(row["candidates"])] == sids
    assert [len(one["body"]["candidates"]) for one in feed(engine)] == [0, 2]


def test_a_late_tap_is_one_candidate_more_and_takes_no_visit_away(engine: Engine) -> None:
    call, near, far = ambiguous(engine)
    rang, sid = engine.now, new_sid()
    engine.now += HOUR
    tap(engine, sid, fingerprint=OTHER, at=rang - SECOND)
    assert [one["session_id"] for one in msgspec.json.decode(calls(engine)[0]["candidates"])] == [sid, near, far]
    lone = new_sid()
    tap(engine, lone, line="+902125550199", fingerprint=OTHER)
    tell(engine, "c2", called_number="+902125550199")
    tap(engine, new_sid(), line="+902125550199", at=engine.now - SECOND)
    assert calls(engine)[1]["matched_session_id"] == lone
    assert call == calls(engine)[0]["id"]


def test_what_a_person_picked_is_not_changed_by_what_arrives_later(engine: Engine) -> None:
    rang = engine.now
    call = tell(engine, called_number=LINE).call_id
    pick(engine, call, None)
    engine.now, sid = engine.now + HOUR, new_sid()
    tap(engine, sid, at=rang - SECOND)
    (row,) = calls(engine)
    assert (row["match_how"], row["matched_session_id"], row["version"]) == ("operator", None, 2)
    assert unpick(engine, call).session == sid


@pytest.mark.parametrize("projected", [False, True])
def test_a_visit_that_arrives_after_the_call_it_led_to_is_matched(engine: Engine, projected: bool) -> None:
    rang, sid = engine.now, new_sid()
    assert tell(engine, fingerprint=FP, called_number=LINE).session_id is None
    engine.now += 2 * HOUR
    view(engine, new_sid(), fingerprint=OTHER, at=rang - MINUTE)
    if projected:
        engine.catch_up()
    view(engine, sid, at=rang - MINUTE)
    (row,) = calls(engine)
    assert (row["match_how"], row["matched_session_id"], row["match_likelihood"]) == ("fingerprint", sid, 1.0)
    view(engine, new_sid(), at=rang - SECOND)
    assert calls(engine)[0]["matched_session_id"] == sid


def test_a_visit_that_begins_after_the_call_makes_it_suspicious_also_when_it_arrives_later(engine: Engine) -> None:
    tell(engine, fingerprint=FP)
    engine.now, sid = engine.now + 3 * MINUTE, new_sid()
    view(engine, sid)
    assert [row["status"] for row in calls(engine)] == ["suspicious"]
    for _ in range(3):
        view(engine, sid, ea="hover_intent")
    assert [one["version"] for one in feed(engine)] == [1, 2], "a visit that goes on is no news"
    early = new_sid()
    view(engine, early, at=engine.now - 10 * MINUTE)
    (row,) = calls(engine)
    assert (row["status"], row["matched_session_id"]) == (None, early)


def test_nobody_can_make_a_call_grow_for_ever(engine: Engine) -> None:
    ambiguous(engine)
    rang = engine.now
    engine.now += HOUR
    for number in range(ENOUGH + 10):
        tap(engine, new_sid(), fingerprint=OTHER, at=rang - number * SECOND)
    (row,) = calls(engine)
    assert (len(msgspec.json.decode(row["candidates"])), row["match_how"]) == (ENOUGH, "")
    assert row["version"] == 1 + ENOUGH - 2


def test_a_call_that_cannot_be_read_costs_no_signal(engine: Engine) -> None:
    rang = engine.now
    tell(engine, called_number=LINE)
    engine.core.ledger.db.execute("update calls set candidates = 'no JSON'")
    engine.now += HOUR
    tap(engine, new_sid(), at=rang - SECOND)
    assert len([row for row in engine.calls() if row["source"] == "click"]) == 1
    assert engine.core.acceptance.quarantined == 0
    assert calls(engine)[0]["version"] == 1


# --- numbers --------------------------------------------------------------------------------------------------------------------------


def test_a_number_is_nowhere_in_the_clear(tmp_path: Path) -> None:
    with engine_kit.engine(tmp_path / "data") as engine:
        tell(engine)
        engine.telling.tell(
            TellForm(1, engine.site.id, "s1", 0, phone=CALLER, email="ayse@example.com", name="Ayşe Yıldız"), engine.now
        )
        call, form = engine.calls()
        assert call["phone_hash"] == form["phone_hash"]
        assert call["phone_number"] != form["phone_number"]
        assert call["masked_number"] == "+90 532 *** 45 67"
        contacts = engine.telling.contacts
        assert contacts.unseal("phone_number", call["id"], call["phone_number"]) == CALLER
        assert msgspec.json.decode(contacts.unseal("contact", form["id"], form["contact"])) == {
            "name": "Ayşe Yıldız", "email": "ayse@example.com",
        }  # fmt: skip
        for call_id, column in ((form["id"], "phone_number"), (call["id"], "contact")):
            with pytest.raises(InvalidTag):
                contacts.unseal(column, call_id, call["phone_number"])
    written = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    for secret in (CALLER, CALLER[3:], "ayse@example.com", "Yıldız"):
        assert secret.encode() not in written


def test_a_withheld_number_is_nobodys(engine: Engine) -> None:
    tell(engine, "a", number="", number_e164="")
    tell(engine, "b", number="1001", number_e164="")
    one, other = calls(engine)
    assert (one["phone_number"], one["phone_hash"], one["masked_number"]) == (b"", None, "")
    assert (other["phone_hash"], other["masked_number"]) == (None, "***")


# --- forms ----------------------------------------------------------------------------------------------------------------------------


def tell_form(engine: Engine, **fields: Any) -> Told:
    return engine.telling.tell(
        TellForm(**{"rid": 1, "site_id": engine.site.id, "stamp": "s1", "at": 0, "phone": CALLER, **fields}), engine.now
    )


def test_a_form_that_the_tracker_told_gets_its_contact(engine: Engine) -> None:
    sid = new_sid()
    engine.send(sid=sid, ec="conversion", ea="form_submit", el="iletisim", meta={"fp": FP, "intent_stamp": "s1"})
    answer = tell_form(engine)
    again = tell_form(engine, phone="+905329999999")
    (row,) = engine.calls()
    assert (answer.call_id, answer.session_id, answer.duplicate, again.duplicate) == (row["id"], sid, False, True)
    assert engine.telling.contacts.unseal("phone_number", row["id"], row["phone_number"]) == CALLER


def test_a_form_that_the_tracker_tells_later_is_one_form(engine: Engine) -> None:
    tell_form(engine)
    engine.send(ec="conversion", ea="form_submit", el="iletisim", meta={"fp": FP, "intent_stamp": "s1"})
    assert len(engine.calls()) == 1
    assert engine.core.acceptance.quarantined == 0


def test_a_form_finds_its_visit_and_the_lead_of_the_same_caller(engine: Engine) -> None:
    sid = new_sid()
    view(engine, sid)
    call = tell(engine, fingerprint=FP)
    assert tell_form(engine, fingerprint=FP).session_id == sid
    assert tell_form(engine, stamp="s2", session=uuid.UUID(sid).bytes).session_id == sid
    assert tell_form(engine, stamp="s3").session_id is None
    assert {row["lead_id"] for row in engine.calls()} == {call.call_id}
    assert [one["ref"] for one in feed(engine, "intent")] == [str(row["id"]) for row in engine.calls() if row["source"] == "form"]


# --- whatever happens -----------------------------------------------------------------------------------------------------------------

SIDS = [str(uuid.UUID(int=number, version=4)) for number in range(1, 4)]
PRINTS = [f"fp_visitor{number}visitor{number}visitor" for number in range(2)]
LINES = [LINE, "+902125550143"]
STEPS = st.one_of(
    st.tuples(st.just("tap"), st.sampled_from(SIDS), st.sampled_from(PRINTS), st.sampled_from(LINES)),
    st.tuples(
        st.just("view"), st.sampled_from(SIDS), st.sampled_from(PRINTS), st.sampled_from(["view", "hover_intent", "heartbeat"])
    ),
    st.tuples(st.just("call"), st.sampled_from("ab"), st.sampled_from(["", *PRINTS]), st.sampled_from(["", *LINES])),
    st.tuples(st.just("end"), st.sampled_from("ab"), st.sampled_from(["ended", "missed"]), st.integers(0, 90)),
    st.tuples(st.just("form"), st.sampled_from("ab"), st.sampled_from(["", *PRINTS]), st.just("")),
    st.tuples(st.just("wait"), st.integers(0, 40 * MINUTE), st.just(""), st.just("")),
    st.tuples(st.just("project"), st.just(""), st.just(""), st.just("")),
    st.tuples(st.just("reopen"), st.just(""), st.just(""), st.just("")),
)


def take(engine: Engine, step: tuple[str, Any, Any, Any]) -> Engine:
    kind, one, two, three = step
    match kind:
        case "tap":
            tap(engine, one, two, three)
        case "view":
            view(engine, one, two, ea=three)
        case "call":
            tell(engine, one, fingerprint=two, called_number=three)
        case "end":
            tell(engine, one, state=two, ended_at=engine.now, duration_sec=three)
        case "form":
            tell_form(engine, stamp=f"form {one}", fingerprint=two)
        case "wait":
            engine.now += one
        case "project":
            engine.catch_up()
        case _:
            now, data = engine.now, engine.folder.root
            engine.close()
            engine = Engine(data, now)
            engine.catch_up()  # as a service does before it accepts anything
    return engine


def check(engine: Engine) -> None:
    """I11, I13, and: a call and its session agree."""
    sessions = {row["id"]: row for row in engine.sessions()}
    contacts = engine.calls()
    keys = [row["provider_call_id"] for row in contacts if row["source"] == "call"]
    assert len(keys) == len(set(keys))
    for row in contacts:
        known = sessions.get(row["matched_session_id"])
        if known is None:
            assert (row["matched_session_id"], row["lead_score_at_match"], row["match_how"]) == (None, None, "")
            continue
        assert row["matched_session_month"] == known["created_month"]
        assert (row["lead_score"], row["attribution_source"]) == (known["lead_score"], known["attribution_source"])
        assert row["lead_score_at_match"] <= known["lead_score"] == score(known["fired"])
        assert sum(msgspec.json.decode(row["score_breakdown"]).values()) >= row["lead_score_at_match"]
    told = rows(engine.core.ledger.db, "select seq, topic, ref, version from feed where topic in ('intent', 'call') order by seq")
    pairs = [(row["topic"], int(row["ref"]), row["version"]) for row in told]
    wanted = [
        ("call" if row["source"] == "call" else "intent", row["id"], version)
        for row in contacts
        for version in range(1, row["version"] + 1)
    ]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == set(wanted)


@pytest.mark.parametrize("start", [NOON, MONTH_END - 30 * MINUTE], ids=["midmonth", "edge"])
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=1, max_size=25))
def test_whatever_the_order_of_taps_and_calls_they_agree(
    tmp_path_factory: pytest.TempPathFactory, start: int, steps: list[tuple[str, Any, Any, Any]]
) -> None:
    engine = Engine(tmp_path_factory.mktemp("order") / "data", start)
    try:
        for step in steps:
            engine = take(engine, step)
            engine.now += SECOND
        check(engine)
    finally:
        engine.close()


@pytest.mark.parametrize(
    "name",
    [
        "find_message", "forget_messages", "list_waiting", "find_waiting_by_number", "find_waiting_by_fingerprint", "find_call",
        "read_call", "find_tap_visitor", "is_alone", "find_taps", "read_unprojected", "list_contacted", "find_form", "read_answer",
    ],
)  # fmt: skip
def test_every_search_for_a_call_is_by_an_index(engine: Engine, name: str) -> None:
    sql = load("calls")[name]
    marks = dict.fromkeys(re.findall(r":(\w+)", sql), 1) or (1,) * len(re.findall(r"\?", re.sub(r"--.*", "", sql)))
    plan = [row[3] for row in engine.core.ledger.db.execute(f"explain query plan {sql}", marks)]
    assert plan
    assert not any(line.startswith("SCAN") and "CONSTANT" not in line for line in plan), plan
