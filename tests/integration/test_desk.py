"""Verdicts and work through a whole Box: two operators, one queue."""

import json
import sqlite3
import threading
import uuid
from pathlib import Path

import pytest

from opsmantik_box.domain.work import LEASE_MS
from opsmantik_box.errors import Conflict, NotRunning
from tests.harness import Box, fetch, wait_until
from tests.integration.desk_kit import Answer, Work, feed, feed_end, newest, prepare, read

ROUNDS = 60


@pytest.fixture(scope="module")
def work(box: Box) -> Work:
    return prepare(box)


@pytest.fixture
def killable(killable_box: Box) -> Work:
    return prepare(killable_box)


# --- verdicts -----------------------------------------------------------------------------------------------------------------------


def test_a_verdict_changes_the_row_and_says_so_once(work: Work) -> None:
    row, start = work.tap(), feed_end(work.box.data)
    status, told = work.verdict(row, "confirmed", 1, sale_amount=250_000, currency="try", note=" kapora ")
    assert status == 200, told
    assert (told["id"], told["status"], told["version"]) == (row, "confirmed", 2)
    assert (told["sale_amount"], told["currency"], told["note"]) == (250_000, "TRY", "kapora")
    [(topic, ref, version, body)] = feed(work.box.data, start)
    assert (topic, ref, version) == ("verdict", str(row), 2)
    assert (body["old"]["status"], body["new"]["status"], body["undone"]) == ("intent", "confirmed", False)
    trail = read(work.box.data, "select from_status, to_status, amount, currency, note from verdicts where call_id = ?", row)
    assert trail == [("intent", "confirmed", 250_000, "TRY", "kapora")]
    [shown] = [one for one in work.box.get(f"/api/v1/sites/{work.site}/intents", work.tokens[0])["intents"] if one["id"] == row]
    assert (shown["status"], shown["sale_amount"], shown["version"]) == ("confirmed", 250_000, 2)


def test_saying_what_stands_already_says_nothing(work: Work) -> None:
    row = work.tap()
    assert work.verdict(row, "real", 1)[0] == 200
    start = feed_end(work.box.data)
    assert work.verdict(row, "real", 2)[1]["version"] == 2
    assert feed(work.box.data, start) == []


def test_a_stale_verdict_gets_the_row_as_it_is(work: Work) -> None:
    row = work.tap()
    work.verdict(row, "junk", 1)
    start = feed_end(work.box.data)
    status, problem = work.ask(f"/intents/{row}/verdict", {"status": "real", "version": 1}, who=1)
    assert (status, problem["status"]) == (409, 409)
    assert (problem["current"]["status"], problem["current"]["version"]) == ("junk", 2)
    assert "version 1" in problem["detail"]
    assert feed(work.box.data, start) == []


def test_undo_is_a_verdict_and_only_of_ones_own(work: Work) -> None:
    row = work.tap()
    work.verdict(row, "confirmed", 1, sale_amount=100, currency="TRY")
    work.verdict(row, "junk", 2)
    status, problem = work.ask(f"/intents/{row}/undo", {"version": 3}, who=1)
    assert status == 409
    assert problem["current"]["version"] == 3
    back = work.ask(f"/intents/{row}/undo", {"version": 3})[1]
    assert (back["status"], back["sale_amount"], back["version"]) == ("confirmed", 100, 4)
    assert work.ask(f"/intents/{row}/undo", {"version": 4})[1]["status"] == "junk"
    topic, _, version, body = feed(work.box.data)[-1]
    assert (topic, version, body["undone"]) == ("verdict", 5, True)
    assert [line[0] for line in read(work.box.data, "select to_status from verdicts where call_id = ? order by id", row)] == [
        "confirmed", "junk", "confirmed", "junk",
    ]  # fmt: skip


def test_undo_without_a_verdict_is_refused(work: Work) -> None:
    assert work.ask(f"/intents/{work.tap()}/undo", {"version": 1})[0] == 400


def test_of_many_each_is_decided_by_itself(work: Work) -> None:
    rows = [work.tap() for _ in range(4)]
    work.verdict(rows[1], "real", 1)
    start = feed_end(work.box.data)
    asked = [{"id": row, "status": "junk", "version": 1} for row in rows]
    asked += [{"id": 10**9, "status": "junk", "version": 1}, {"id": rows[0], "status": "real", "version": 1}]
    asked += [{"id": rows[2], "status": "junk", "version": 2, "sale_amount": 5, "currency": "TRY"}]
    status, told = work.ask("/verdicts", {"verdicts": asked})
    assert status == 200
    assert [one["status"] for one in told["results"]] == [200, 409, 200, 200, 404, 409, 400]
    assert told["results"][1]["row"]["status"] == "real"
    assert told["results"][4]["row"] is None
    assert told["results"][5]["row"]["version"] == 2
    assert [(topic, ref) for topic, ref, _, _ in feed(work.box.data, start)] == [
        ("verdict", str(row)) for row in (rows[0], rows[2], rows[3])
    ]


@pytest.mark.parametrize("count", [0, 201])
def test_many_are_at_most_200_and_at_least_one(work: Work, count: int) -> None:
    asked = [{"id": 1, "status": "junk", "version": 1}] * count
    assert work.ask("/verdicts", {"verdicts": asked})[0] == 400


REAL = {"status": "real", "version": 1}


@pytest.mark.parametrize(
    "body",
    [
        {}, [], "x", None, {"status": "junk"}, {"status": "suspicious", "version": 1}, {"status": "real", "version": 2**70},
        REAL | {"sale_amount": 1}, REAL | {"sale_amount": -1, "currency": "TRY"}, REAL | {"sale_amount": 1.5, "currency": "TRY"},
        REAL | {"sale_amount": 2**53 + 1, "currency": "TRY"}, REAL | {"note": "x" * 2001}, REAL | {"note": None}, REAL | {"surprise": 1},
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_a_400(work: Work, body: object) -> None:
    row = work.tap()
    status, problem = work.ask(f"/intents/{row}/verdict", b"null" if body is None else body)
    assert (status, problem["status"]) == (400, 400)
    assert newest(work.box.data, f"select version from calls where id = {row}") == 1


# --- visits -------------------------------------------------------------------------------------------------------------------------


def ambiguous(work: Work, call_id: str) -> tuple[int, list[str]]:
    """A call of a minute ago to a line that two visitors tapped: its row, and their sessions."""
    line = f"+90212555{int(call_id):04}"
    sids = [str(uuid.uuid4()) for _ in range(2)]
    for sid in sids:
        work.tap(sid=sid, el=f"tel:{line}")
    told = {"site_id": work.site, "phone_number": "+905321234567", "called_number": line, "call_id": call_id}
    token = work.box.site_token("antika")
    status, _, answer = fetch(f"{work.box.url}/api/call-event", told, {"Authorization": f"Bearer {token}"})
    assert (status, json.loads(answer)["status"]) == (200, "unmatched")
    return json.loads(answer)["call_id"], sids


def test_the_operator_picks_the_visit_a_call_came_from(work: Work) -> None:
    row, sids = ambiguous(work, "1")
    start, version = feed_end(work.box.data), newest(work.box.data, f"select version from calls where id = {row}")
    status, told = work.ask(f"/intents/{row}/pick", {"session": sids[0], "version": version}, key="pick-1")
    assert (status, told["how"], told["session"], told["version"]) == (200, "operator", sids[0], version + 1), told
    assert {one["session_id"] for one in told["candidates"]} == set(sids)
    assert work.ask(f"/intents/{row}/pick", {"session": sids[0], "version": version}, key="pick-1") == (200, told)
    [(topic, ref, number, body)] = feed(work.box.data, start)
    assert (topic, ref, number, body) == ("call", str(row), version + 1, told)
    [shown] = [one for one in work.box.get(f"/api/v1/sites/{work.site}/intents", work.tokens[0])["intents"] if one["id"] == row]
    assert (shown["match_how"], shown["matched_session_id"], shown["match_likelihood"]) == ("operator", sids[0], 1)
    status, problem = work.ask(f"/intents/{row}/pick", {"session": sids[1], "version": version}, who=1)
    assert (status, problem["current"]) == (409, told)
    assert work.ask(f"/intents/{row}/pick", {"session": None, "version": version + 1}, who=1)[1]["session"] is None
    assert work.ask(f"/intents/{row}/unpick", {"version": version + 2})[1]["how"] == ""
    record = read(work.box.data, "select actor, action, details from audit_log where ref = ? order by id", str(row))
    assert record == [
        ("bir@antika.example", "visit picked", json.dumps({"session": sids[0]})),
        ("iki@antika.example", "visit picked", '{"session": null}'),
        ("bir@antika.example", "pick taken back", '{"session": null}'),
    ]


def test_only_a_calls_own_candidates_can_be_picked(work: Work) -> None:
    row, _ = ambiguous(work, "2")
    for wrong in ({"session": str(uuid.uuid4()), "version": 1}, {"session": "x", "version": 1}, {"version": 1}, {"session": None}):
        assert work.ask(f"/intents/{row}/pick", wrong)[0] == 400, wrong
    assert work.ask(f"/intents/{work.tap()}/pick", {"session": None, "version": 1})[0] == 400


# --- work ---------------------------------------------------------------------------------------------------------------------------


def test_of_two_who_claim_at_once_exactly_one_wins(work: Work) -> None:
    for number in range(ROUNDS):
        row, start, meeting = work.tap(), feed_end(work.box.data), threading.Barrier(2)
        answers: dict[int, Answer] = {}

        def claim(who: int, row: int = row, meeting: threading.Barrier = meeting, answers: dict[int, Answer] = answers) -> None:
            meeting.wait()
            answers[who] = work.ask(f"/intents/{row}/claim", who=who)

        racing = [threading.Thread(target=claim, args=(who,)) for who in ((0, 1) if number % 2 else (1, 0))]
        for one in racing:
            one.start()
        for one in racing:
            one.join()
        assert sorted(status for status, _ in answers.values()) == [200, 409], answers
        winner = next(who for who, (status, _) in answers.items() if status == 200)
        current = answers[1 - winner][1]["current"]
        assert current["claim"] == answers[winner][1]["claim"]
        assert current["claimed_by"] == answers[winner][1]["claimed_by"]
        assert [(topic, body["kind"]) for topic, _, _, body in feed(work.box.data, start)] == [("work", "claimed")]


def test_a_claim_is_renewed_taken_over_and_given_back(work: Work) -> None:
    row, start = work.tap(), feed_end(work.box.data)
    mine = work.ask(f"/intents/{row}/claim")[1]
    again = work.ask(f"/intents/{row}/claim")[1]
    assert again["claim"]["since"] == mine["claim"]["since"]
    assert again["version"] == mine["version"] == 1
    assert work.ask(f"/intents/{row}/release", who=1)[0] == 409
    theirs = work.ask(f"/intents/{row}/claim", {"take_over": True}, who=1)[1]
    assert theirs["claimed_by"] == "iki antika"
    assert work.ask(f"/intents/{row}/release", who=0)[0] == 409
    assert work.ask(f"/intents/{row}/release", who=1)[1]["claim"] is None
    assert work.ask(f"/intents/{row}/release", who=1)[1]["version"] == 3
    told = feed(work.box.data, start)
    assert [(body["kind"], version, body["who"]) for _, _, version, body in told] == [
        ("claimed", 1, "bir antika"), ("taken_over", 2, "iki antika"), ("released", 3, "iki antika"),
    ]  # fmt: skip
    assert told[1][3]["old"]["by"] != told[1][3]["new"]["by"]
    assert told[2][3]["new"] is None


def test_the_taps_of_one_visitor_are_one_lead(work: Work) -> None:
    sid, fingerprint = str(uuid.uuid4()), f"fp_{uuid.uuid4().hex[:16]}"
    first = work.tap(sid=sid, meta={"fp": fingerprint})
    second = work.tap(sid=sid, el="tel:+902125550199", meta={"fp": fingerprint})
    third = work.tap(ea="whatsapp", el="https://wa.me/905321234567", meta={"fp": fingerprint})
    weak = [work.tap(meta={"fp": "abc123"}) for _ in range(2)]
    leads = dict(read(work.box.data, "select id, lead_id from calls"))
    assert [leads[one] for one in (first, second, third)] == [first] * 3
    assert [leads[one] for one in weak] == weak
    work.ask(f"/intents/{third}/claim")
    status, problem = work.ask(f"/intents/{second}/claim", who=1)
    assert (status, problem["current"]["lead"]) == (409, first)


def test_an_attempt_suggests_reminds_and_is_never_a_verdict(work: Work) -> None:
    row = work.tap()
    first = work.ask(f"/intents/{row}/attempt", {"outcome": "no_answer"})[1]
    assert first["reminder"]["due_at"] is not None
    assert first["suggests"] is None
    second = work.ask(f"/intents/{row}/attempt", {"outcome": "reached"})[1]
    assert (second["suggests"], second["reminder"], second["version"]) == ("real", None, 2)
    assert work.ask(f"/intents/{row}/attempt", {"outcome": "call_later"})[0] == 400
    later = work.ask(f"/intents/{row}/attempt", {"outcome": "call_later", "when": "1h"})[1]
    assert later["reminder"]["rang_at"] is None
    assert read(work.box.data, "select status, version from calls where id = ?", row) == [("intent", 1)]
    assert [one for (one,) in read(work.box.data, "select outcome from attempts where lead_id = ? order by id", row)] == [
        "no_answer", "reached", "call_later",
    ]  # fmt: skip
    assert work.ask(f"/intents/{row}/attempt", {"outcome": "sold"})[0] == 400


def test_a_lead_has_one_reminder_and_a_verdict_closes_it(work: Work) -> None:
    row = work.tap()
    for when in ("15m", "tomorrow 10:00", 4_000_000_000_000):
        assert work.ask(f"/intents/{row}/reminder", {"when": when})[0] == 200
    due = "select due_at from reminders where lead_id = ? and closed_at is null"
    assert read(work.box.data, due, row) == [(4_000_000_000_000,)]
    for when in ("yesterday", 1, "", None, "15m" * 20):
        assert work.ask(f"/intents/{row}/reminder", {"when": when})[0] == 400
    stale = work.ask(f"/intents/{row}/reminder", {"when": "1h", "version": 1})
    assert (stale[0], stale[1]["current"]["version"]) == (409, 3)
    work.verdict(row, "junk", 1)
    assert read(work.box.data, due, row) == []


def test_notes_are_added(work: Work) -> None:
    row = work.tap()
    for text in ("aradi", "  geri arayacak  "):
        assert work.ask(f"/intents/{row}/note", {"note": text})[0] == 200
    assert work.ask(f"/intents/{row}/note", {"note": "   "})[0] == 400
    assert [note for (note,) in read(work.box.data, "select note from notes where lead_id = ? order by id", row)] == [
        "aradi", "geri arayacak",
    ]  # fmt: skip
    assert feed(work.box.data)[-1][3]["new"] == "geri arayacak"


def test_every_piece_is_one_message_in_order_with_old_and_new(work: Work) -> None:
    row, start = work.tap(), feed_end(work.box.data)
    work.ask(f"/intents/{row}/claim")
    work.ask(f"/intents/{row}/attempt", {"outcome": "busy"})
    work.ask(f"/intents/{row}/reminder", {"when": "1h"})
    work.ask(f"/intents/{row}/note", {"note": "x"})
    work.verdict(row, "real", 1)
    work.ask(f"/intents/{row}/undo", {"version": 2})
    work.ask(f"/intents/{row}/release")
    told = feed(work.box.data, start)
    assert [(topic, version, body.get("kind")) for topic, _, version, body in told] == [
        ("work", 1, "claimed"), ("work", 2, "attempt"), ("work", 3, "reminder"), ("work", 4, "note"),
        ("verdict", 2, None), ("verdict", 3, None), ("work", 5, "released"),
    ]  # fmt: skip
    assert all({"old", "new"} <= set(body) for _, _, _, body in told)
    actions = read(
        work.box.data, "select action from audit_log where ref = ? and actor = 'bir@antika.example' order by id", str(row)
    )
    assert [action for (action,) in actions] == [
        "claimed", "attempt", "reminder", "note", "verdict", "verdict undone", "released",
    ]  # fmt: skip


def test_a_number_is_shown_to_whoever_has_the_claim_and_each_look_is_on_record(work: Work) -> None:
    row = work.tap()
    assert work.ask(f"/intents/{row}/number", method="GET")[0] == 409
    work.ask(f"/intents/{row}/claim")
    status, told = work.ask(f"/intents/{row}/number", method="GET")
    assert (status, told) == (200, {"id": row, "number": None, "name": None, "email": None})
    assert work.ask(f"/intents/{row}/number", who=1, method="GET")[0] == 409
    looks = "select actor from audit_log where action = 'number revealed' and ref = ?"
    assert read(work.box.data, looks, str(row)) == [("bir@antika.example",)]


def test_a_form_tells_whom_to_call_back(work: Work) -> None:
    own = Work(work.box, work.site, (work.box.site_token("antika"),) * 2)
    posted = {"phone": "0532 123 45 67", "name": "Ayse", "email": "a@b.example"}
    row = own.ask("/leads", posted)[1]["id"]
    work.ask(f"/intents/{row}/claim", who=1)
    shown = work.ask(f"/intents/{row}/number", who=1, method="GET")[1]
    assert shown == {"id": row, "number": "+905321234567", "name": "Ayse", "email": "a@b.example"}
    details = "select details from audit_log where action = 'number revealed' and ref = ?"
    assert read(work.box.data, details, str(row)) == [('{"known": true}',)]


@pytest.mark.parametrize("table", ["verdicts", "attempts", "notes"])
def test_the_trail_is_append_only(killable: Work, table: str) -> None:
    row = killable.tap()
    killable.verdict(row, "real", 1)
    killable.ask(f"/intents/{row}/attempt", {"outcome": "busy"})
    killable.ask(f"/intents/{row}/note", {"note": "x"})
    killable.box.stop()
    ledger = sqlite3.connect(killable.box.data / "ledger.db")
    assert ledger.execute(f"select count(*) from {table}").fetchone()[0] == 1
    for statement in (
        f"delete from {table}",
        f"update {table} set at = 1",
        f"update {table} set by = 2",
        f"update {table} set id = 9",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            ledger.execute(statement)
    ledger.execute(f"update {table} set by = null")
    ledger.rollback()
    ledger.close()


# --- once -------------------------------------------------------------------------------------------------------------------------


def test_the_same_key_does_it_once_also_across_a_restart(killable: Work) -> None:
    row = killable.tap()
    body = {"status": "confirmed", "version": 1, "sale_amount": 5, "currency": "TRY"}
    first = killable.ask(f"/intents/{row}/verdict", body, key="k-1")
    note = killable.ask(f"/intents/{row}/note", {"note": "bir kere"}, key="k-2")
    assert first[0] == note[0] == 200
    start = feed_end(killable.box.data)
    for again in (lambda: None, lambda: (killable.box.kill(), killable.box.start())):
        again()
        assert killable.ask(f"/intents/{row}/verdict", body, key="k-1") == first
        assert killable.ask(f"/intents/{row}/note", {"note": "bir kere"}, key="k-2") == note
        assert [topic for topic, *_ in feed(killable.box.data, start) if topic != "alert"] == []
    assert killable.ask(f"/intents/{row}/verdict", body | {"status": "junk"}, key="k-1")[0] == 422
    assert killable.ask(f"/intents/{row}/note", {"note": "bir kere"}, key="k-1")[0] == 422
    assert killable.ask(f"/intents/{row}/note", {"note": "bir kere"}, key="k-2", who=1)[0] == 200
    assert newest(killable.box.data, "select count(*) from notes") == 2


def test_a_refusal_is_not_kept(work: Work) -> None:
    row = work.tap()
    work.ask(f"/intents/{row}/claim", who=1)
    assert work.ask(f"/intents/{row}/claim", key="later")[0] == 409
    work.ask(f"/intents/{row}/release", who=1)
    assert work.ask(f"/intents/{row}/claim", key="later")[0] == 200


@pytest.mark.parametrize("key", ["x" * 201, "\u00e9", "a\tb"])
def test_a_key_that_cannot_be_one_is_a_400(work: Work, key: str) -> None:
    assert work.ask(f"/intents/{work.tap()}/claim", key=key)[0] == 400


def test_time_ends_claims_and_keys_and_rings_once(tmp_path: Path) -> None:
    with Box(tmp_path / "data", shift_ms=1) as box:
        work = prepare(box)
        row = work.tap()
        work.ask(f"/intents/{row}/claim", key="k")
        work.ask(f"/intents/{row}/reminder", {"when": "15m"})
        box.shift.write_text(str(16 * 60_000))
        assert work.ask(f"/intents/{row}/claim", who=1)[0] == 200
        process, log = box.process, box.log
        assert process
        wait_until(lambda: feed(box.data)[-1][3].get("kind") == "rang", "it did not ring", process, log)
        box.stop()
        box.start()
        box.shift.write_text(str(16 * 60_000 + LEASE_MS))
        assert [body.get("kind") for _, _, _, body in feed(box.data)].count("rang") == 1
        box.shift.write_text(str(8 * 86_400_000))
        assert work.ask(f"/intents/{row}/claim", {"take_over": True}, key="k")[0] == 200


# --- people -----------------------------------------------------------------------------------------------------------------------


def test_a_right_on_the_site_is_needed_whatever_the_token_may(work: Work) -> None:
    work.box.call("add_user", email="okur@antika.example")
    work.box.call("grant", user="okur@antika.example", site=work.site, rights="read")
    tokens = [work.box.call("create_token", user="okur@antika.example", rights=right)["token"] for right in ("read", "admin")]
    row = work.tap()
    for token in tokens:
        reader = Work(work.box, work.site, (token, token))
        assert reader.ask(f"/intents/{row}/claim")[0] == 403
        assert reader.ask(f"/intents/{row}/number", method="GET")[0] == 403


def test_a_rotated_token_opens_beside_its_successor_for_the_grace_time(tmp_path: Path) -> None:
    with Box(tmp_path / "data", shift_ms=1) as box:
        work = prepare(box)
        old = box.call("create_token", user="bir@antika.example", rights="operate")
        new = box.cli_json("token", "rotate", old["id"], "--grace", 2)
        row = work.tap()
        both = Work(box, work.site, (old["token"], new["token"]))
        assert [both.ask(f"/intents/{row}/claim", who=who)[0] for who in (0, 1)] == [200, 200]
        box.shift.write_text(str(2 * 3_600_000 + 1_000))
        assert [both.ask(f"/intents/{row}/claim", who=who)[0] for who in (0, 1)] == [401, 200]
        assert box.cli("token", "rotate", old["id"]).returncode == 1


def test_who_is_removed_is_out_and_stays_on_record(work: Work) -> None:
    work.box.call("add_user", email="eski@antika.example")
    work.box.call("grant", user="eski@antika.example", site=work.site, rights="operate")
    token = work.box.call("create_token", user="eski@antika.example", rights="operate")["token"]
    gone, row = Work(work.box, work.site, (token, token)), work.tap()
    assert gone.verdict(row, "real", 1)[0] == 200
    assert ["eski@antika.example", "operate"] in [[one["user"], one["rights"]] for one in work.box.cli_json("user", "rights")]
    assert work.box.cli("user", "remove", "eski@antika.example").returncode == 0
    assert gone.verdict(row, "junk", 2)[0] == 401
    told = work.box.cli_json("audit", "--user", "eski@antika.example")
    assert [(one["action"], one["ref"]) for one in told] == [("verdict", str(row))]
    work.box.call("add_user", email="eski@antika.example")


def test_the_owner_works_with_nobodys_name(work: Work) -> None:
    row = work.tap()
    assert work.box.call("give_verdict", id=row, status="real", version=1)["confirmed_by"] is None
    with pytest.raises(Conflict) as stale:
        work.box.call("give_verdict", id=row, status="junk", version=1)
    assert stale.value.details["current"]["version"] == 2
    assert not isinstance(stale.value, NotRunning)
