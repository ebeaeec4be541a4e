"""A visitor who is erased is nowhere in the folder; what others have is as it was; and nothing brings them back."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from opsmantik_box.disk import WORKSHOP, workshop_in
from opsmantik_box.domain.retention import KINDS
from opsmantik_box.engine.ledger import Ledger
from tests.fault.invariants import check_equals_refold, check_soundness
from tests.integration.engine_kit import rows
from tests.integration.erase_kit import OTHERS_MAY_CHANGE, Scene, gone, new_rows, new_sid, scene, visitor, words_of

ALI, VELI = visitor(0xA11), visitor(0xBE11)
NUMBER, OTHER = "+905321234567", "+905339876543"
CLICK, CLICK_OF_VELI = "EAIaIQobChMI_of_ali", "EAIaIQobChMI_of_veli"
DELIVERY = "insert into outbox (lane, kind, dedupe_key, payload, created_at) values ('ads', 'click', ?, ?, 1)"
MINUTE, DAY = 60_000, 86_400_000


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path / "data") as made:
        yield made


class Lives:
    """What two visitors leave behind."""

    def __init__(self, box: Scene) -> None:
        self.box, self.sid, self.later, self.other = box, new_sid(), new_sid(), new_sid()
        box.visit(self.sid, ALI, click=CLICK)
        box.visit(self.other, VELI, click=CLICK_OF_VELI)
        self.tap = box.tap(self.sid, ALI)
        self.others_tap = box.tap(self.other, VELI)
        self.call = box.call(NUMBER, ALI, message="msg-ali").call_id
        self.others_call = box.call(OTHER, VELI, message="msg-veli").call_id
        box.now += 2 * DAY
        self.form = box.form(self.later, ALI, NUMBER).call_id
        box.visit(self.later, ALI)
        for number in (self.tap, self.call, self.form, self.others_tap, self.others_call):
            box.work_on(number)
        box.work("set_reminder", self.form, when="1h")
        for click in (CLICK, CLICK_OF_VELI):
            box.core.ledger.db.execute(DELIVERY, (f"{click} {box.now}", json.dumps({"gclid": click}).encode()))
        box.catch_up()

    @property
    def words(self) -> list[str | bytes]:
        return words_of(ALI, [self.sid, self.later], CLICK, NUMBER, NUMBER[1:], "msg-ali")


@pytest.mark.parametrize("kind", ["fingerprint", "session", "phone"])
def test_a_visitor_is_found_by_each_of_three_things_and_is_nowhere_afterwards(box: Scene, kind: str) -> None:
    lives = Lives(box)
    assert {word for word, _ in box.left(*lives.words)} >= {repr(ALI.encode()), repr(lives.sid.encode()), repr(CLICK.encode())}
    told = {"fingerprint": ALI, "session": lives.sid, "phone": "0532 123 45 67"}[kind]
    receipt = box.erase(kind, told)  # type: ignore[arg-type]
    assert box.left(*lives.words) == []
    assert receipt.tables == {
        "ledger.db": {
            "signals": 3, "touches": 1, "calls": 3, "verdicts": 3, "attempts": 3, "notes": 3, "leads": 2, "reminders": 4,
            "call_messages": 1, "feed": 15, "idempotency_keys": 6, "outbox": 1,
        },
        "months/2026-11.db": {"sessions": 2, "events": 3},
    }  # fmt: skip
    assert [row["id"] for row in box.calls()] == [lives.others_tap, lives.others_call]


def test_others_keep_every_row_as_it_was(box: Scene) -> None:
    lives = Lives(box)
    before = box.rows()
    box.erase("fingerprint", ALI)
    after = box.rows()
    assert new_rows(before, after) <= OTHERS_MAY_CHANGE | {"feed"}
    told = [row for row in after["ledger.db", "feed"] if row["topic"] == "erased"]
    assert [(row["site_id"], json.loads(row["body"])["ids"]) for row in told] == [
        (box.sites[0].id, [lives.tap, lives.call, lives.form])
    ]
    missing = gone(before, after)
    assert {row["matched_fingerprint"] for row in missing["ledger.db", "calls"]} == {ALI}
    assert {row["call_id"] for table in ("verdicts", "attempts", "notes") for row in missing["ledger.db", table]} == {
        lives.tap, lives.call, lives.form,
    }  # fmt: skip
    assert {row["id"] for row in missing["2026-11", "sessions"]} == {lives.sid, lives.later}


def test_looking_changes_nothing_and_says_what_erasing_says(box: Scene) -> None:
    Lives(box)
    before = box.rows()
    looked = box.erase("phone", NUMBER, only_look=True)
    assert box.rows() == before
    assert not box.folder.erasures.exists()
    erased = box.erase("phone", NUMBER)
    assert looked.tables == erased.tables


def test_the_receipt_is_kept_and_names_nobody(box: Scene) -> None:
    lives = Lives(box)
    receipt = box.erase("phone", NUMBER)
    assert box.erasures.receipts() == [receipt]
    assert (receipt.by, receipt.site, receipt.kind, receipt.done_at) == ("test", None, "phone", box.now)
    for kept in (msgspec.json.encode(receipt), box.folder.erasures.read_bytes()):
        assert not any((word if isinstance(word, bytes) else word.encode()) in kept for word in lives.words)
    assert box.folder.erasures.stat().st_mode & 0o077 == 0
    told = rows(box.core.ledger.db, "select actor, action, ref from audit_log order by id desc limit 2")
    assert [(row["actor"], row["action"], row["ref"]) for row in told] == [
        ("test", "visitor erased", receipt.id), ("test", "erasure asked for", receipt.id),
    ]  # fmt: skip


def test_what_nobody_left_is_recorded_too(box: Scene) -> None:
    receipt = box.erase("fingerprint", ALI)
    assert receipt.tables == {}
    assert len(box.folder.erasures.read_text().splitlines()) == 1


def test_one_site_is_not_another(box: Scene) -> None:
    here, there = new_sid(), new_sid()
    box.tap(here, ALI, site=0)
    box.tap(there, ALI, site=1)
    box.call(NUMBER, site=0)
    box.call(NUMBER, site=1)
    before = box.rows()
    receipt = box.erase("fingerprint", ALI, site=0)
    assert receipt.site == "antika"
    box.erase("phone", NUMBER, site=0)
    left = {row["site_id"] for rows in gone(before, box.rows()).values() for row in rows if "site_id" in row}
    assert left == {box.sites[0].id}
    box.erase("fingerprint", ALI)
    box.erase("phone", NUMBER)
    assert box.calls() == []


# --- whose a session, a call, a lead is -----------------------------------------------------------------------------------------------


def test_a_visitor_who_changed_in_the_middle_of_a_session_is_found_in_it(box: Scene) -> None:
    """The session shows its first fingerprint; the second stands in a signal only."""
    sid, mine = new_sid(), new_sid()
    box.visit(sid, VELI)
    box.visit(sid, ALI)
    box.visit(sid, "", meta={"fp_prev": "k3j2h1"})
    box.visit(mine, VELI)
    looked = box.erase("fingerprint", ALI, only_look=True)
    assert looked.others == 1
    box.erase("fingerprint", ALI)
    assert box.left(ALI, sid) == []
    assert [row["id"] for row in box.sessions()] == [mine]


def test_an_old_fingerprint_that_a_page_told_is_found(box: Scene) -> None:
    old, sid = "canvas-hash-of-the-old-tracker", new_sid()
    box.visit(sid, ALI, meta={"fp_prev": old})
    box.erase("fingerprint", old)
    assert box.left(old, ALI, sid) == []


def test_a_weak_fingerprint_leads_to_nobody_else(box: Scene) -> None:
    mine, theirs = new_sid(), new_sid()
    box.visit(mine, "k3j2h1", click="gclid_of_mine")
    box.visit(theirs, "k3j2h1", click="gclid_of_theirs")
    box.erase("session", mine)
    assert box.left(mine, "gclid_of_mine") == []
    assert [row["id"] for row in box.sessions()] == [theirs]
    assert [row["click_id"] for row in rows(box.core.ledger.db, "select click_id from touches")] == ["gclid_of_theirs"]


def test_a_call_that_was_matched_by_number_goes_with_its_visit(box: Scene) -> None:
    sid = new_sid()
    box.tap(sid, ALI)
    box.now += 5_000
    assert box.call(NUMBER).session_id == sid
    box.erase("fingerprint", ALI)
    assert box.calls() == []


def test_a_guess_does_not_lead_from_a_number_to_a_visit(box: Scene) -> None:
    sid = new_sid()
    tap = box.tap(sid, ALI)
    box.now += 5_000
    call = box.call(NUMBER).call_id
    assert [row["lead_id"] for row in box.calls()] == [tap, tap]
    receipt = box.erase("phone", NUMBER)
    assert receipt.guessed == 1
    assert [row["id"] for row in box.calls()] == [tap]
    assert call not in {row["id"] for row in box.calls()}
    assert len(box.sessions()) == 1


def test_a_visit_that_goes_is_no_candidate_of_anothers_call(box: Scene) -> None:
    mine, theirs = new_sid(), new_sid()
    box.tap(mine, ALI)
    box.tap(theirs, VELI)
    box.now += 5_000
    told = box.call(OTHER)
    assert told.session_id is None
    (before,) = rows(box.core.ledger.db, "select candidates from calls where source = 'call'")
    assert mine in before["candidates"]
    box.erase("fingerprint", ALI)
    assert box.left(mine) == []
    (after,) = rows(box.core.ledger.db, "select candidates from calls where source = 'call'")
    assert [one["session_id"] for one in json.loads(after["candidates"])] == [theirs]
    (body,) = rows(box.core.ledger.db, "select body from feed where topic = 'call'")
    assert [one["session_id"] for one in json.loads(body["body"])["candidates"]] == [theirs]


def test_a_visit_that_an_operator_picked_for_anothers_call_is_not_on_record(box: Scene) -> None:
    """Picked by mistake, and corrected: the call is Veli's, and what was said of it before still named Ali's visit."""
    mine, theirs = new_sid(), new_sid()
    box.tap(mine, ALI)
    box.tap(theirs, VELI)
    box.now += 5_000
    call = box.call(OTHER).call_id
    for session in (mine, theirs):
        version = box.core.ledger.db.execute("select version from calls where id = ?", (call,)).get
        box.work("pick_visit", call, session=session, version=version, key=f"pick {session}")
    assert {name for _, name in box.left(mine)} >= {"ledger.db-wal"}
    tables = box.erase("fingerprint", ALI).tables["ledger.db"]
    assert (tables["audit_log"], tables["idempotency_keys"]) == (1, 2)
    assert box.left(mine) == []
    (row,) = [row for row in box.calls() if row["source"] == "call"]
    assert (row["id"], row["matched_session_id"]) == (call, theirs)
    told = [json.loads(row["body"]) for row in rows(box.core.ledger.db, "select body from feed where topic = 'call' order by seq")]
    assert [body["session"] for body in told] == [None, None, theirs]


def test_a_lead_whose_first_contact_goes_is_named_after_the_next(box: Scene) -> None:
    """One telephone of an office: the second call is the same lead, and another person's visit."""
    first = box.call(NUMBER, ALI).call_id
    box.now += MINUTE
    second, third = box.call(NUMBER, VELI).call_id, box.call(NUMBER, VELI).call_id
    for number in (first, second):
        box.work("add_attempt", number, outcome="no_answer")
        box.work("add_note", number, note="?")
    box.work("claim", second)
    assert {row["lead_id"] for row in box.calls()} == {first}
    box.erase("fingerprint", ALI)
    ledger = box.core.ledger.db
    assert [(row["id"], row["lead_id"]) for row in box.calls()] == [(second, second), (third, second)]
    assert [(row["id"], row["claimed_by"]) for row in rows(ledger, "select * from leads")] == [(second, 1)]
    for table in ("attempts", "notes"):
        assert [(row["lead_id"], row["call_id"]) for row in rows(ledger, f"select * from {table}")] == [(second, second)]
    assert [row["lead_id"] for row in rows(ledger, "select * from reminders where closed_at is null")] == [second]
    assert box.work("add_note", third, note="weiter")["lead"] == second


# --- nobody comes back ----------------------------------------------------------------------------------------------------------------


def test_a_signal_that_is_sent_again_brings_nobody_back(box: Scene) -> None:
    sid = new_sid()
    arrival = box.read(sid=sid, ec="conversion", ea="phone_call", el="tel:+902125550142", meta={"fp": ALI})
    box.accept(arrival)
    box.erase("fingerprint", ALI)
    (answer,) = box.accept(arrival)
    assert answer.duplicate
    assert (box.calls(), box.sessions()) == ([], [])
    box.reopen()
    assert box.accept(arrival)[0].duplicate
    assert box.left(ALI, sid) == []


def test_who_comes_again_is_new(box: Scene) -> None:
    """Also in the same session, of which nothing is remembered."""
    sid = new_sid()
    box.visit(sid, ALI, click=CLICK)
    box.tap(sid, ALI)
    box.erase("fingerprint", ALI)
    box.visit(sid, ALI)
    (session,) = box.sessions()
    assert (session["event_count"], session["attribution_source"], session["intents"]) == (1, "Organic", 0)
    assert [row["attribution_at_tap"] for row in box.calls()] == []


def test_more_of_an_erased_call_or_form_is_stored_nowhere(box: Scene) -> None:
    sid = new_sid()
    box.call(NUMBER, ALI, call="c-1", message="m-1", state="ringing")
    box.form(sid, ALI, NUMBER, stamp="form-of-ali")
    box.erase("phone", NUMBER)
    box.reopen()
    assert box.call(NUMBER, call="c-1").call_id == 0
    assert box.call(NUMBER, call="c-2", message="m-1").call_id == 0
    assert box.form(sid, ALI, NUMBER, stamp="form-of-ali").call_id == 0
    assert box.calls() == []
    assert box.call(NUMBER, call="c-3").call_id > 0, "a new call of the same number is a new contact"


def test_the_number_of_an_erased_row_is_never_given_again(box: Scene) -> None:
    last = box.tap(new_sid(), ALI)
    box.erase("fingerprint", ALI)
    assert box.tap(new_sid(), VELI) == last + 1
    box.erase("fingerprint", VELI)
    box.reopen()
    assert box.call(NUMBER).call_id == last + 2


def test_what_waits_in_quarantine_is_erased_too(box: Scene) -> None:
    sid = new_sid()
    box.core.ledger.db.execute("create trigger poison before insert on calls begin select raise(abort, 'poison'); end")
    box.visit(sid, ALI, ea="phone_call", el="tel:+902125550142")
    assert box.core.acceptance.quarantined == 1
    box.core.ledger.db.execute("drop trigger poison")
    assert box.erase("fingerprint", ALI).tables == {"ledger.db": {"signals": 1}}
    assert box.left(ALI, sid) == []
    assert box.core.acceptance.retry_quarantined(box.now, box.core.projector.cursor) == (0, 0)


def test_what_is_told_outside_of_a_contact_that_goes_goes_and_no_other(box: Scene) -> None:
    """Sent or not; a message about somebody else's contact and an alert stay."""
    mine, theirs = box.tap(new_sid(), ALI), box.tap(new_sid(), VELI)
    told = [("hot", f"telegram:intent:1-{number}:1") for number in (mine, theirs)]
    told += [("lead", f"webhook:{mine}:lead.sealed:1-{number}:3") for number in (mine, theirs)]
    told += [("alert", f"telegram:alert:1-{mine}:1")]
    insert = "insert into outbox (lane, kind, dedupe_key, payload, created_at) values ('telegram', ?, ?, x'', 1)"
    box.core.ledger.db.executemany(insert, told)
    box.erase("fingerprint", ALI)
    left = [row["dedupe_key"] for row in rows(box.core.ledger.db, "select dedupe_key from outbox order by id")]
    assert left == [told[1][1], told[3][1], told[4][1]]


# --- files ----------------------------------------------------------------------------------------------------------------------------


def test_a_closed_month_is_hashed_anew_and_the_chain_noted(box: Scene) -> None:
    sid, other = new_sid(), new_sid()
    box.visit(sid, ALI, click=CLICK)
    box.visit(other, VELI)
    box.close_months()
    before = hash_of(box, "2026-11")
    assert before == hashed(box)
    receipt = box.erase("fingerprint", ALI)
    assert [(one.month, one.before, one.after) for one in receipt.rehashed] == [("2026-11", before, None)]
    assert (hash_of(box, "2026-11"), box.left(ALI, sid, CLICK)) == (None, [])
    box.turn_months()
    (told,) = box.erasures.find(receipt.id).receipt.rehashed
    assert (told.before, told.after) == (before, hashed(box))
    assert hash_of(box, "2026-11") == hashed(box) != before
    assert rows(box.core.ledger.db, "select rows from partitions where month = '2026-11'") == [{"rows": 2}]
    assert box.left(ALI, sid, CLICK) == []
    assert not list(box.folder.months.glob("2026-11.db-*"))


def hash_of(box: Scene, month: str) -> str:
    return box.core.ledger.db.execute("select sha256 from partitions where month = ?", (month,)).get


def hashed(box: Scene) -> str:
    """As anybody would: the file belongs to nobody now."""
    return hashlib.sha256((box.folder.months / "2026-11.db").read_bytes()).hexdigest()


def test_months_are_what_new_ones_would_be(box: Scene) -> None:
    Lives(box)
    box.close_months()
    Lives(box)
    box.erase("fingerprint", ALI)
    box.catch_up()
    with box.stopped() as folder:
        check_equals_refold(folder)


def test_a_month_that_lost_its_last_signals_is_not_behind_for_ever(box: Scene) -> None:
    box.visit(new_sid(), VELI)
    box.visit(new_sid(), ALI)
    box.erase("fingerprint", ALI)
    with box.stopped() as folder:
        for path in (folder / "months").glob("2026-11.db*"):
            path.unlink()
    assert box.core.lag == 2
    box.catch_up()
    box.reopen()
    assert box.core.lag == 0
    assert len(box.sessions()) == 1


def test_set_aside_month_files_go_too(box: Scene) -> None:
    box.visit(new_sid(), ALI)
    box.catch_up()
    box.core.months.replace("2026-11", box.now, "as a test says")
    box.core.projector.start_over()
    assert list(box.folder.months.glob("*.aside-*"))
    receipt = box.erase("fingerprint", ALI)
    assert box.left(ALI) == []
    assert {name for name in receipt.tables if ".aside-" in name}


def test_an_erasure_is_not_done_while_a_backup_holds_a_copy(box: Scene) -> None:
    box.visit(new_sid(), ALI)
    with workshop_in(box.folder.root) as workshop:
        (workshop / "ledger.db").write_text(ALI)
        asked = box.erasures.ask("fingerprint", ALI, None, "test")
        work = box.erasures.work()
        for _ in range(200):
            assert next(work, "ended") is None
        assert box.erasures.find(asked).receipt.state == "erasing"
    for _ in work:
        pass
    assert (box.erasures.find(asked).receipt.state, box.left(ALI)) == ("done", [])


def test_what_a_killed_backup_left_behind_goes_too(box: Scene) -> None:
    box.visit(new_sid(), ALI)
    drill = box.folder.root / WORKSHOP / "drill"
    drill.mkdir(parents=True)
    (drill / "ledger.db").write_text(ALI)
    box.erase("fingerprint", ALI)
    assert box.left(ALI) == []


# --- restores -------------------------------------------------------------------------------------------------------------------------


def put_back(folder: Path, copy: Path, *patterns: str) -> None:
    """Files of a copy of before take the places of today's."""
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink()
        for path in copy.glob(pattern):
            shutil.copy(path, folder / path.relative_to(copy))


def copied(box: Scene, copy: Path) -> Path:
    with box.stopped() as folder:
        shutil.copytree(folder, copy)
    return copy


@pytest.mark.parametrize("kind", ["fingerprint", "phone"])
def test_a_ledger_put_back_from_before_erases_again(box: Scene, tmp_path: Path, kind: str) -> None:
    lives = Lives(box)
    box.close_months()
    copy = copied(box, tmp_path / "copy")
    first = box.erase(kind, {"fingerprint": ALI, "phone": NUMBER}[kind])  # type: ignore[arg-type]
    box.erase("fingerprint", visitor(7))
    with box.stopped() as folder:
        put_back(folder, copy, "ledger.db*", "months/*")
    assert box.left(ALI) != []
    assert box.erasures.waits
    box.run_through()
    assert box.left(*lives.words) == []
    assert [row["id"] for row in box.calls()] == [lives.others_tap, lives.others_call]
    assert sorted((one.id, one.state) for one in box.erasures.receipts()) == sorted(
        (told["id"], "done") for told in map(json.loads, box.folder.erasures.read_text().splitlines())
    )
    assert box.erasures.find(first.id).receipt.at == first.at


def test_everything_can_be_erased_once_more_on_an_opened_engine(box: Scene, tmp_path: Path) -> None:
    """As after a month's file came back alone."""
    lives = Lives(box)
    copy = copied(box, tmp_path / "copy")
    box.erase("fingerprint", ALI)
    with box.stopped() as folder:
        put_back(folder, copy, "months/*")
    assert box.left(ALI) != []
    box.erasures.repeat()
    box.run_through()
    assert box.left(*lives.words) == []


def test_with_another_vault_an_alarm_says_what_cannot_be_repeated(box: Scene, tmp_path: Path) -> None:
    box.visit(new_sid(), ALI)
    box.catch_up()
    copy = copied(box, tmp_path / "copy")
    box.erase("fingerprint", ALI)
    with box.stopped() as folder:
        put_back(folder, copy, "ledger.db*", "months/*")
        put_back(folder, tmp_path, "vault.db*")
    assert not box.erasures.waits
    assert [row["kind"] for row in rows(box.core.ledger.db, "select kind from alerts")] == ["ERASURES_NOT_REPEATED"]


def test_a_line_that_was_cut_short_is_left_out_and_the_next_one_is_whole(box: Scene) -> None:
    box.erase("fingerprint", ALI)
    with box.folder.erasures.open("ab") as file:
        file.write(b'{"id":"half')
    box.reopen()
    box.erase("fingerprint", VELI)
    lines = box.folder.erasures.read_bytes().splitlines()
    assert len(lines) == 3
    box.reopen()
    assert not box.erasures.waits


# --- the promise of the trail ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "delete from verdicts", "delete from attempts", "delete from notes", "update verdicts set note = 'x'",
        "update attempts set outcome = 'x'", "update notes set note = 'x'", "update attempts set lead_id = call_id + 1",
        "update notes set lead_id = call_id + 1", "update verdicts set by = 2",
    ],
)  # fmt: skip
def test_outside_of_an_erasure_no_trail_is_changed(box: Scene, statement: str) -> None:
    box.work_on(box.tap(new_sid(), ALI))
    box.tap(new_sid(), VELI)
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        box.core.ledger.db.execute(statement)


def test_nothing_is_listed_for_deletion_between_two_transactions(box: Scene) -> None:
    Lives(box)
    box.erase("fingerprint", ALI)
    box.erase("fingerprint", VELI, only_look=True)
    assert rows(box.core.ledger.db, "select * from erasing") == []


def test_every_table_with_something_of_visitors_is_gone_over(box: Scene) -> None:
    """Of each kind that is about visitors, every table lost a row of Ali's, or can hold none of theirs by itself."""
    lives = Lives(box)
    before = box.rows()
    box.erase("fingerprint", ALI)
    lost = {table for _, table in gone(before, box.rows())}
    personal = {table for kind in KINDS if kind.personal for table in kind.tables}
    assert personal - lost == {"processed_signals", "envelopes"}, (
        "ids of signals stay, so that a repeat is one; envelopes are a relay's"
    )
    assert lives.tap


def test_numbers_say_why_they_fell(box: Scene) -> None:
    Lives(box)
    box.erase("fingerprint", ALI)
    told = rows(box.core.ledger.db, "select day, what, cause, count from erased_counts order by day, what")
    assert [tuple(row.values()) for row in told] == [
        ("2026-11-05", "calls", "erased", 1), ("2026-11-05", "intents", "erased", 1), ("2026-11-05", "sealed", "erased", 2),
        ("2026-11-05", "sessions", "erased", 1), ("2026-11-07", "forms", "erased", 1), ("2026-11-07", "sealed", "erased", 1),
        ("2026-11-07", "sessions", "erased", 1),
    ]  # fmt: skip


def test_a_ledger_is_sound_afterwards(box: Scene, tmp_path: Path) -> None:
    Lives(box)
    box.erase("fingerprint", ALI)
    check_soundness(box.core.ledger.db, box.folder.ledger)
    for file in box.core.months.files():
        check_soundness(file.db, file.path)


def test_a_feed_goes_on_counting_after_the_schema_moved(tmp_path: Path) -> None:
    """The feed was made anew to have another topic; its numbers are never given again."""
    from opsmantik_box.engine import migrations

    path, all_steps = tmp_path / "ledger.db", migrations.steps("ledger")
    old = apsw.Connection(str(path))
    for version, sql in all_steps[:5]:
        old.execute(sql)
        old.pragma("user_version", version)
    old.pragma("application_id", migrations.APPLICATION_IDS["ledger"])
    old.execute("insert into feed (at, topic, ref, body) values (1, 'alert', '1', '{}'), (2, 'alert', '2', '{}')")
    old.execute("delete from feed where seq = 2")
    old.close()
    ledger = Ledger(path, 1)
    try:
        assert ledger.feed_seq == 2
        with ledger.transaction():
            assert ledger.add_feed(3, "alert", None, 3, "{}") == 3
        assert rows(ledger.db, "select seq, ref from feed") == [{"seq": 1, "ref": "1"}, {"seq": 3, "ref": "3"}]
    finally:
        ledger.close()
