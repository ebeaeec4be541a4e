"""What the engine decides about a signal, and what it leaves on the disk."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from opsmantik_box.domain.site_entry import SiteEntry
from tests.integration.engine_kit import DAY, NOON, Engine, engine, rows
from tests.months import turn_months

AD = "https://antika.example/?gclid=EAIaIQobChMI_one_click"
TAP = {"ec": "conversion", "ea": "phone_call", "el": "tel:+902125550142"}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Engine]:
    with engine(tmp_path / "data") as made:
        yield made


def new_sid() -> str:
    return str(uuid.uuid4())


def test_a_signal_sent_twice_is_stored_once(box: Engine) -> None:
    signal = box.read(sid=new_sid())
    assert [answer.duplicate for answer in box.accept(signal, signal)] == [False, True]
    assert [answer.duplicate for answer in box.accept(signal)] == [True]
    assert len(box.events()) == 1


def test_a_duplicate_is_answered_with_the_score_its_session_has_now(box: Engine) -> None:
    sid = new_sid()
    first = box.read(sid=sid)
    assert box.accept(first)[0].score == 10
    box.send(sid=sid, **TAP)
    assert box.accept(first)[0] == (True, 60)


def test_an_id_is_known_to_one_site_only(box: Engine) -> None:
    other = box.directory.add_sites([SiteEntry(name="hali", domains=["hali.example"])], NOON)[0]
    same, sid = str(uuid.uuid4()), new_sid()
    assert not box.send(id=same, sid=sid).duplicate
    assert not box.send(site=other, id=same, sid=sid, u="https://hali.example/").duplicate
    assert {(row["site_id"], row["event_count"]) for row in box.sessions()} == {(box.site.id, 1), (other.id, 1)}


def test_the_first_payload_of_an_id_wins_and_the_other_is_counted(box: Engine) -> None:
    same, sid = str(uuid.uuid4()), new_sid()
    box.send(id=same, sid=sid, ea="view")
    assert box.send(id=same, sid=sid, ea="scroll_depth", ev=90).duplicate
    assert box.core.acceptance.conflicts == 1
    assert [row["event_action"] for row in box.events()] == ["view"]
    kept = rows(box.core.ledger.db, "select payload_hash, conflict_hash from processed_signals_2026_11")[0]
    assert kept["conflict_hash"] not in (None, kept["payload_hash"])


def test_an_id_is_known_over_the_edge_of_a_month_of_receipt(box: Engine) -> None:
    signal = box.read(sid=new_sid())
    box.accept(signal)
    box.now += 27 * DAY
    later = msgspec.structs.replace(signal, signal=msgspec.structs.replace(signal.signal, received_at=box.now))
    assert box.accept(later)[0].duplicate


def test_ids_are_forgotten_when_their_month_is_over_for_35_days(box: Engine) -> None:
    box.send(sid=new_sid())
    box.now += 61 * DAY
    box.send(sid=new_sid())
    names = [
        row["name"] for row in rows(box.core.ledger.db, "select name from sqlite_schema where name glob 'processed_signals_2*'")
    ]
    assert names == ["processed_signals_2027_01"]


def test_a_signal_without_an_id_repeats_itself_for_twenty_seconds(box: Engine) -> None:
    sid = new_sid()
    old = {"sid": sid, "id": None, "ts": None, "st": None, "ea": "scroll_depth", "el": "50%"}
    assert not box.send(**old).duplicate
    for step in (1_000, 9_000, 10_000):
        box.now += step
        assert box.send(**old).duplicate
    box.now += 31_000
    assert not box.send(**old).duplicate


def test_a_session_lives_in_the_month_of_its_first_accepted_signal(box: Engine) -> None:
    sid, midnight = new_sid(), 1_796_083_200_000  # 2026-12-01 00:00 UTC
    box.now = midnight - 60_000
    box.send(sid=sid, sm="2026-11-01")
    box.now = midnight + 60_000
    box.send(sid=sid, sm="2026-12-01")
    assert [(row["created_month"], row["event_count"]) for row in box.sessions()] == [("2026-11", 2)]


def test_a_session_is_found_again_after_a_restart(tmp_path: Path) -> None:
    sid = new_sid()
    with engine(tmp_path / "data") as box:
        box.send(sid=sid, **TAP)
        box.catch_up()
    with engine(tmp_path / "data") as box:
        assert box.send(sid=sid, ea="scroll_depth", ev=90).score == 90
        assert [row["event_count"] for row in box.sessions()] == [2]


def test_a_visitor_who_comes_back_without_a_click_is_assisted(box: Engine) -> None:
    box.send(sid=new_sid(), u=AD, meta={"fp": "fp_visitor"})
    box.now += DAY
    assert box.send(sid=new_sid(), meta={"fp": "fp_visitor"}).score == 35
    assert {row["attribution_source"] for row in box.sessions()} == {"First Click (Paid)", "Ads Assisted"}


def test_the_click_of_the_same_session_is_no_return(box: Engine) -> None:
    sid = new_sid()
    box.send(sid=sid, u=AD, meta={"fp": "fp_visitor"})
    box.now += 1_000
    assert box.send(sid=sid, meta={"fp": "fp_visitor"}).score == 10


def test_a_touch_assists_for_183_days(box: Engine) -> None:
    box.send(sid=new_sid(), u=AD, meta={"fp": "fp_visitor"})
    start = box.now
    box.now = start + 183 * DAY
    assert box.send(sid=new_sid(), meta={"fp": "fp_visitor"}).score == 35
    box.now = start + 183 * DAY + 1
    assert box.send(sid=new_sid(), meta={"fp": "fp_visitor"}).score == 10


def test_a_weak_fingerprint_counts_only_from_the_same_prefix(box: Engine) -> None:
    box.send(sid=new_sid(), u=AD, meta={"fp": "k3j9x2"}, address="78.1.2.3")
    box.now += DAY
    assert box.send(sid=new_sid(), meta={"fp": "k3j9x2"}, address="85.9.9.9").score == 10
    assert box.send(sid=new_sid(), meta={"fp": "k3j9x2"}, address="78.1.2.200").score == 35


def test_a_late_touch_is_not_in_the_future_of_a_visit(box: Engine) -> None:
    box.send(sid=new_sid(), u=AD, meta={"fp": "fp_visitor"}, at=box.now)
    assert box.send(sid=new_sid(), meta={"fp": "fp_visitor"}, at=box.now - DAY).score == 10


def test_a_click_id_only_in_meta_makes_a_touch_whose_time_is_unknown(box: Engine) -> None:
    meta = {"fp": "fp_visitor", "gclid": "EAIaIQobChMI_one_click"}
    box.send(sid=new_sid(), meta=meta)
    touch = "select at, time_unknown from touches"
    assert [row["time_unknown"] for row in rows(box.core.ledger.db, touch)] == [1]
    box.now += DAY
    box.send(sid=new_sid(), u=AD, meta=meta)
    assert rows(box.core.ledger.db, touch) == [{"at": box.now, "time_unknown": 0}]
    box.send(sid=new_sid(), meta=meta)
    assert rows(box.core.ledger.db, touch) == [{"at": box.now, "time_unknown": 0}]


def test_a_repeated_stamp_is_an_event_more_and_not_an_intent_more(box: Engine) -> None:
    sid, meta = new_sid(), {"intent_stamp": "1-tel-x", "intent_action": "phone_call"}
    box.send(sid=sid, meta=meta, **TAP)
    box.send(sid=sid, meta=meta, **TAP)
    assert len(box.calls()) == 1
    assert [(row["event_count"], row["intents"]) for row in box.sessions()] == [(2, 1)]


def test_a_stamp_that_repeats_in_another_session_is_replaced_and_counted(box: Engine) -> None:
    meta = {"intent_stamp": "1-tel-x"}
    box.send(sid=new_sid(), meta=meta, **TAP)
    box.send(sid=new_sid(), meta=meta, **TAP)
    stamps = [row["intent_stamp"] for row in box.calls()]
    assert stamps[0] == "1-tel-x"
    assert stamps[1].startswith("box-")
    assert box.core.acceptance.restamped == 1


@pytest.mark.parametrize(("apart", "intents"), [(0, 1), (10_000, 1), (10_001, 2)])
def test_taps_without_a_stamp_are_one_intent_within_ten_seconds(box: Engine, apart: int, intents: int) -> None:
    sid = new_sid()
    box.send(sid=sid, at=box.now - apart, **TAP)
    box.send(sid=sid, **TAP)
    assert len(box.calls()) == intents


def test_a_form_is_an_intent_of_its_own_kind(box: Engine) -> None:
    box.send(sid=new_sid(), ec="conversion", ea="form_submit", el="iletisim")
    assert [(row["source"], row["intent_action"]) for row in box.calls()] == [("form", "form")]


def test_an_intent_keeps_what_was_known_at_its_tap_and_shows_what_is_known_now(box: Engine) -> None:
    sid = new_sid()
    box.send(sid=sid, **TAP)
    box.send(sid=sid, u=AD, ea="scroll_depth", ev=90)
    call = box.calls()[0]
    assert (call["attribution_at_tap"], call["lead_score_at_match"]) == ("Organic", 50)
    assert (call["attribution_source"], call["lead_score"]) == ("First Click (Paid)", 90)


def test_a_session_found_to_be_a_bots_marks_its_intents(box: Engine) -> None:
    sid = new_sid()
    box.send(sid=sid, **TAP)
    assert box.calls()[0]["is_bot"] == 0
    box.send(
        sid=sid,
        user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/138.0.0.0 Safari/537.36",
    )
    assert box.calls()[0]["is_bot"] == 1
    assert box.sessions()[0]["is_bot"] == 1


def test_every_intent_is_one_row_of_the_feed(box: Engine) -> None:
    sid = new_sid()
    for n in range(3):
        box.send(sid=sid, meta={"intent_stamp": f"{n}"}, **TAP)
        box.send(sid=sid, meta={"intent_stamp": f"{n}"}, **TAP)
    feed = rows(box.core.ledger.db, "select topic, ref, body from feed order by seq")
    assert [(row["topic"], row["ref"]) for row in feed] == [("intent", str(row["id"])) for row in box.calls()]
    assert msgspec.json.decode(feed[0]["body"])["target"] == "tel:+902125550142"


def test_a_signal_that_cannot_be_stored_goes_to_quarantine_and_takes_nobody_along(box: Engine) -> None:
    sid, bad = new_sid(), str(uuid.uuid4())
    box.core.ledger.db.execute(
        "create trigger poison before insert on calls when new.intent_stamp = 'bad' begin select raise(abort, 'poison'); end"
    )
    good = [box.read(sid=sid) for _ in range(2)]
    offender = box.read(id=bad, sid=sid, meta={"intent_stamp": "bad"}, **TAP)
    answers = box.accept(good[0], offender, good[1])
    assert [(answer.duplicate, answer.score) for answer in answers] == [(False, 10), (False, 10), (False, 10)]
    assert len(box.events()) == 2
    assert box.accept(offender)[0].duplicate
    alerts = rows(box.core.ledger.db, "select kind, times from alerts")
    assert alerts == [{"kind": "QUARANTINE", "times": 1}]


def test_what_was_quarantined_is_decided_on_command(box: Engine) -> None:
    sid = new_sid()
    poison = "create trigger poison before insert on calls begin select raise(abort, 'poison'); end"
    box.core.ledger.db.execute(poison)
    box.send(sid=sid, **TAP)
    assert box.core.acceptance.retry_quarantined(box.now, box.core.projector.cursor) == (0, 1)
    box.core.ledger.db.execute("drop trigger poison")
    assert box.core.acceptance.retry_quarantined(box.now, box.core.projector.cursor) == (1, 0)
    assert len(box.calls()) == 1
    assert [row["intents"] for row in box.sessions()] == [1]


def test_a_month_is_made_ahead_and_closed_when_it_is_over(box: Engine) -> None:
    box.send(sid=new_sid())
    box.now = 1_795_575_600_000  # 2026-11-25 03:00 UTC
    box.catch_up()
    turn_months(box.core, box.now)
    assert [month for month, _ in box.core.months.names()] == ["2026-11", "2026-12"]
    box.now = 1_798_934_400_000 + DAY  # 2027-01-04 UTC: the month after is over for 48 hours
    turn_months(box.core, box.now)
    partition = rows(box.core.ledger.db, "select state, rows, length(sha256) as digest from partitions where month = '2026-11'")
    assert partition == [{"state": "closed", "rows": 2, "digest": 64}]
    assert not (box.folder.months / "2026-11.db-wal").exists()


def test_a_signal_of_a_closed_month_goes_to_the_oldest_open_one(box: Engine) -> None:
    box.send(sid=new_sid())
    box.now += 29 * DAY
    box.core.make_month("2026-12", box.now)
    box.now = 1_798_934_400_000 + DAY  # 2027-01-04 UTC
    turn_months(box.core, box.now)
    box.send(sid=new_sid(), sm="2026-11-01", at=box.now - 25 * DAY)
    assert [row["created_month"] for row in box.sessions()] == ["2026-12"]
