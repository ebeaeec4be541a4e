"""`POST /api/call-event` with the site's token or a signature, and `POST /api/v1/leads`, against a whole Box."""

import json
import sqlite3
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.harness import Answer, Box, fetch
from tests.tracker import PHONE, Reply, Tracker, set_shift, signal_of, wait_until

PATH = "/api/call-event"
FP = "fp_0123456789abcdefghijkl"
LINE, CALLER = "+902125550142", "0532 123 45 67"
MINUTE = 60_000
DECEMBER = 1_796_083_200_000  # 2026-12-01 00:00 UTC


@pytest.fixture
def fresh(box: Box) -> str:
    """A site of this test's own at antika.example."""
    return box.add_site(str(uuid.uuid4()), "antika.example")["public_id"]


def visit(box: Box, site: str, **fields: Any) -> str:
    """One signal of a new session; its session's id."""
    sent = signal_of(site, meta={"fp": FP}) | fields
    assert json.loads(box.post(sent, User_Agent=PHONE)[2])["status"] == "synced"
    return str(sent["sid"])


def tell(box: Box, site: str, token: str = "", **fields: Any) -> Answer:
    """A call, with the site's token."""
    body = {"site_id": site, "phone_number": CALLER} | fields
    return fetch(box.url + PATH, body, {"Authorization": f"Bearer {token or box.site_token(site)}"})


def intents(box: Box, site: str) -> list[dict[str, Any]]:
    return box.get(f"/api/v1/sites/{site}/intents", box.token(site))["intents"]


def test_a_call_with_the_sites_token_is_matched_with_its_visit(box: Box, fresh: str) -> None:
    sid = visit(box, fresh, ec="conversion", ea="phone_call", el=f"tel:{LINE}")
    status, _, body = tell(box, fresh, fingerprint=FP)
    answer = json.loads(body)
    call = next(row for row in intents(box, fresh) if row["source"] == "call")
    assert status == 200
    assert answer == {"ok": True, "status": "matched", "call_id": call["id"], "session_id": sid, "lead_score": 50}
    assert call["lead_score_at_match"] == 50


def test_a_call_that_matches_nothing_is_still_a_call(box: Box, fresh: str) -> None:
    status, _, body = tell(box, fresh, fingerprint="fp_nobody_knows_this_one0")
    (call,) = intents(box, fresh)
    assert (status, json.loads(body)) == (200, {"ok": True, "status": "unmatched", "call_id": call["id"]})
    assert (call["source"], call["status"]) == ("call", None)


def test_without_a_fingerprint_the_called_number_decides(box: Box, fresh: str) -> None:
    one = visit(box, fresh, ec="conversion", ea="phone_call", el=f"tel:{LINE}")
    assert json.loads(tell(box, fresh, called_number="0212 555 01 42")[2])["session_id"] == one
    visit(box, fresh, ec="conversion", ea="phone_call", el=f"tel:{LINE}", meta={"fp": "fp_somebody_else_entirely0"})
    assert json.loads(tell(box, fresh, called_number=LINE)[2])["status"] == "unmatched"


def test_the_time_of_a_call_may_be_told(box: Box, fresh: str) -> None:
    now = time.time_ns() // 1_000_000
    visit(box, fresh)
    earlier = [now - 40 * MINUTE, datetime.fromtimestamp(now / 1000 - 2400, UTC).isoformat()]
    for at in earlier:
        assert json.loads(tell(box, fresh, fingerprint=FP, at=at)[2])["status"] == "unmatched"
    for odd in (1, 10**18, "yesterday", None, [], {"a": 1}, True, 1e300):
        assert json.loads(tell(box, fresh, fingerprint=FP, at=odd)[2])["status"] == "matched"
    times = sorted(row["at"] for row in intents(box, fresh))
    assert abs(times[0] - (now - 40 * MINUTE)) < 2 * MINUTE


def test_a_call_id_makes_events_one_call(box: Box, fresh: str) -> None:
    visit(box, fresh)
    ids = {json.loads(tell(box, fresh, fingerprint=FP, call_id=call_id)[2])["call_id"] for call_id in ("7", 7, "7")}
    assert len(ids) == 1
    assert len(intents(box, fresh)) == 1


def test_no_token_but_the_sites_own_tells_a_call(box: Box, fresh: str) -> None:
    other = box.add_site(str(uuid.uuid4()), "antika.example")["public_id"]
    for token in ("nonsense", box.site_token(other), box.token(fresh, rights="admin")):
        assert tell(box, fresh, token)[0] == 401
    assert intents(box, fresh) == []


# --- signed ---------------------------------------------------------------------------------------------------------------------------


def signed(key: str, body: bytes, message: str, at: float) -> dict[str, str]:
    stamp = datetime.fromtimestamp(at, UTC)
    signature = Webhook(key).sign(message, stamp, body.decode())
    return {"webhook_id": message, "webhook_timestamp": str(int(at)), "webhook_signature": signature}


def post(tracker: Tracker, body: bytes, **headers: str) -> Reply:
    return tracker.post(body, PATH, origin="", **headers)


@pytest.fixture
def key(box: Box, fresh: str) -> str:
    return box.call("add_hook", site=fresh, provider="generic", mode="standard")["key"]


def test_a_signature_with_a_secret_of_the_site_is_enough_and_once(tracker: Tracker, box: Box, fresh: str, key: str) -> None:
    body = json.dumps({"site_id": fresh, "phone_number": CALLER}).encode()
    headers = signed(key, body, "msg_1", time.time())
    first, again = post(tracker, body, **headers), post(tracker, body, **headers)
    assert (first.status, again.body) == (200, first.body)
    other = json.dumps({"site_id": fresh, "phone_number": "+905320000000"}).encode()
    assert post(tracker, other, **signed(key, other, "msg_1", time.time())).body == first.body
    assert len(intents(box, fresh)) == 1
    assert post(tracker, body, **signed(key, body, "msg_2", time.time())).body != first.body


def test_what_is_not_signed_so_is_refused_and_counted(tracker: Tracker, box: Box, fresh: str, key: str) -> None:
    body = json.dumps({"site_id": fresh, "phone_number": CALLER}).encode()
    foreign = box.call("add_hook", site=box.add_site(str(uuid.uuid4()))["public_id"], provider="generic", mode="standard")["key"]
    good = signed(key, body, "msg_3", time.time())
    bad: list[tuple[bytes, dict[str, str]]] = [
        (body, signed(foreign, body, "msg_3", time.time())),
        (body, signed(key, body, "msg_3", time.time() - 301)),
        (body, signed(key, body, "msg_3", time.time() + 302)),
        (body.replace(CALLER.encode(), CALLER[::-1].encode()), good),
        (body, good | {"webhook_id": "msg_4"}),
        (body, good | {"webhook_timestamp": str(int(time.time()) + 1)}),
        (body, good | {"webhook_timestamp": ""}),
    ]
    for sent, headers in bad:
        reply = post(tracker, sent, **headers)
        assert (reply.status, reply.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert intents(box, fresh) == []
    wait_until(lambda: box.status()["refusals_today"].get("call_signature_stale", 0) == 2, "counted by reason")
    assert post(tracker, body, **good).status == 200


# --- numbers --------------------------------------------------------------------------------------------------------------------------


def test_no_reader_sees_a_number(box: Box, fresh: str) -> None:
    visit(box, fresh)
    tell(box, fresh, fingerprint=FP)
    token = box.token(fresh)
    shown = [json.dumps(intents(box, fresh)), json.dumps(box.get(f"/api/v1/sites/{fresh}/stats", token))]
    asked = box.cli("sql", "-", "--site", fresh, stdin="select * from calls; ")
    assert asked.returncode == 0, asked.stderr
    told = box.cli("sql", "-", "--site", fresh, stdin="select * from feed; ")
    assert "+90 532 *** 45 67" in told.stdout
    for text in (*shown, asked.stdout, told.stdout):
        assert "5321234567" not in text.replace(" ", "")
    for column in ("phone_number", "phone_hash", "contact"):
        assert box.cli("sql", "-", "--site", fresh, stdin=f"select {column} from calls").returncode != 0
    assert box.cli("sql", "-", "--site", fresh, stdin="select * from hooks").returncode != 0


# --- forms ----------------------------------------------------------------------------------------------------------------------------


def lead(box: Box, token: str, body: object, **headers: str) -> tuple[int, Any]:
    told = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, _, answer = fetch(
        f"{box.url}/api/v1/leads", body, told | {name.replace("_", "-"): value for name, value in headers.items()}
    )
    return status, json.loads(answer)


def test_a_form_is_stored_once_for_its_key_or_id(box: Box, fresh: str) -> None:
    token, sid = box.site_token(fresh), visit(box, fresh)
    form = {
        "phone": CALLER,
        "name": "Ayşe",
        "form": "iletisim",
        "page": "https://antika.example/?tel=05321234567",
        "fingerprint": FP,
    }
    status, first = lead(box, token, form, Idempotency_Key="k1")
    assert (status, first["status"], first["session_id"], first["lead_score"]) == (200, "stored", sid, 10)
    assert lead(box, token, form, Idempotency_Key="k1") == (200, first | {"status": "duplicate"})
    assert lead(box, token, form | {"id": "k1"}) == (200, first | {"status": "duplicate"})
    assert lead(box, token, form | {"id": "k2", "sid": sid, "fingerprint": ""})[1]["session_id"] == sid
    assert lead(box, token, {"email": "ayse@example.com"})[1]["session_id"] is None
    rows = intents(box, fresh)
    assert [(row["source"], row["intent_action"], row["status"]) for row in rows] == [("form", "form", "intent")] * 3
    assert "05321234567" not in json.dumps(rows)
    stats = box.get(f"/api/v1/sites/{fresh}/stats", box.token(fresh))
    assert (stats["all"]["form"], stats["all"]["intents"]) == (3, 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Ayşe"},
        {"email": "nobody"},
        {"phone": 5},
        {"phone": "5" * 65},
        {"phone": CALLER, "at": -1},
        [],
        "x",
        b"{",
        b"\xff",
    ],
)
def test_a_form_without_a_contact_or_sense_is_refused(box: Box, fresh: str, body: object) -> None:
    assert lead(box, box.site_token(fresh), body)[0] == 400
    assert intents(box, fresh) == []


def test_only_the_sites_own_token_may_post_a_form(box: Box, fresh: str) -> None:
    assert lead(box, box.token(fresh, rights="admin"), {"phone": CALLER})[0] == 403
    assert lead(box, "nonsense", {"phone": CALLER})[0] == 401
    assert lead(box, box.site_token(fresh), {"phone": "5" * 70_000})[0] in (400, 413)
    for path in ("/api/v1/sites", f"/api/v1/sites/{fresh}/intents"):
        assert fetch(box.url + path, headers={"Authorization": f"Bearer {box.site_token(fresh)}"})[0] == 403


# --- a month's edge -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def midnight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A Box at half a minute before December."""
    before = DECEMBER - 30_000 - time.time_ns() // 1_000_000
    with Box(tmp_path_factory.mktemp("midnight") / "data", shift_ms=before) as running:
        yield running


def test_a_call_in_december_finds_novembers_visit(midnight: Box) -> None:
    site = midnight.add_site("antika")["public_id"]
    sid = visit(midnight, site, ts=None, st=None)
    shift = int(midnight.shift.read_text())
    set_shift(midnight, shift + MINUTE)
    visit(midnight, site, ts=None, st=None, meta={"fp": "fp_somebody_else_entirely0"})
    answer = json.loads(tell(midnight, site, fingerprint=FP)[2])
    assert (answer["status"], answer["session_id"], answer["lead_score"]) == ("matched", sid, 10)
    call = next(row for row in intents(midnight, site) if row["source"] == "call")
    assert call["at"] >= DECEMBER
    midnight.wait_projected()
    session = midnight.get(f"/api/v1/sites/{site}/sessions/{sid}", midnight.token(site))
    assert [row["id"] for row in session["intents"]] == [call["id"]]
    assert session["session"]["lead_score"] == call["lead_score_at_match"]


def test_a_call_is_there_after_the_box_was_killed(killable_box: Box) -> None:
    site = killable_box.add_site("antika")["public_id"]
    sid = visit(killable_box, site)
    token = killable_box.site_token(site)
    first = json.loads(tell(killable_box, site, token, fingerprint=FP, call_id="7")[2])
    killable_box.kill()
    killable_box.start()
    assert json.loads(tell(killable_box, site, token, fingerprint=FP, call_id="7")[2]) == first
    assert first["session_id"] == sid


def test_a_call_that_cannot_be_stored_harms_nobody_else(killable_box: Box) -> None:
    """The vault was put back from another day: what was sealed before cannot be opened."""
    site = killable_box.add_site("antika")["public_id"]
    token = killable_box.site_token(site)
    tell(killable_box, site, token, call_id="7")
    killable_box.stop()
    vault = sqlite3.connect(killable_box.data / "vault.db")
    vault.execute("update box_keys set key = zeroblob(32) where purpose = 'contact'")
    vault.commit()
    vault.close()
    killable_box.start()
    gateways = [one["pid"] for one in killable_box.status()["gateways"]]
    assert tell(killable_box, site, token, call_id="7")[0] == 503
    assert tell(killable_box, site, token, call_id="8")[0] == 200
    assert [one["pid"] for one in killable_box.status()["gateways"]] == gateways
    assert "CALL_FAULT" in killable_box.log.read_text()
