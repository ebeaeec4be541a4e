"""`/hooks/call/{hook_id}/{secret}` against a whole Box, with the samples of tests/data/telephony and the senders' own libraries."""

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook
from twilio.request_validator import RequestValidator

from opsmantik_box.domain.rates import HOOK_GUESSES
from tests.harness import ROOT, Answer, Box, fetch
from tests.tracker import wait_until

SAMPLES = ROOT / "tests" / "data" / "telephony"
PUBLIC = "https://box.example"
TAKEN, NOT_FOUND = b'{"ok":true,"status":"taken"}', b'{"ok":false,"score":null,"message":"Not found"}'


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A Box that knows what the world calls it. Its clock stands at the samples' day, so that their times are believed."""
    day = int(datetime(2026, 11, 20, 12, 5, tzinfo=UTC).timestamp() * 1000)
    shift = day - time.time_ns() // 1_000_000
    with Box(tmp_path_factory.mktemp("hooks") / "data", env={"OPSMANTIK_PUBLIC_URL": PUBLIC}, shift_ms=shift or 1) as running:
        yield running


@pytest.fixture
def fresh(box: Box) -> str:
    return box.add_site(str(uuid.uuid4()), "antika.example")["public_id"]


def now(box: Box) -> float:
    """The Box's time, in seconds."""
    return time.time() + int(box.shift.read_text()) / 1000


def add(box: Box, site: str, provider: str, **more: Any) -> dict[str, Any]:
    return box.call("add_hook", site=site, provider=provider, **more)


def path_of(hook: dict[str, Any]) -> str:
    return f"/hooks/call/{hook['id']}/{hook['secret']}"


def post(box: Box, hook: dict[str, Any], body: bytes, **headers: str) -> tuple[int, bytes]:
    status, _, answer = fetch(box.url + path_of(hook), body, named(headers), "POST")
    return status, answer


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes().strip()


def calls(box: Box, site: str) -> list[dict[str, Any]]:
    """The site's calls with all that a reader may see of them."""
    done = box.cli("sql", "-", "--site", site, "--json", stdin="select * from calls where source = 'call' order by id")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- Verimor, unsigned ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_verimors_test_of_an_address_is_answered_2xx_and_is_no_call(box: Box, fresh: str, body: bytes) -> None:
    hook = add(box, fresh, "verimor")
    assert post(box, hook, body) == (200, TAKEN)
    assert calls(box, fresh) == []


@pytest.mark.parametrize(
    "order",
    ["ringing answer hangup", "hangup answer ringing", "answer hangup hangup ringing ringing", "hangup ringing answer hangup"],
)
def test_the_events_of_a_call_are_one_call_in_any_order(box: Box, fresh: str, order: str) -> None:
    hook = add(box, fresh, "verimor")
    for word in order.split():
        assert post(box, hook, sample(f"verimor_{word}.form")) == (200, TAKEN)
    (call,) = calls(box, fresh)
    shown = (
        "call_state",
        "direction",
        "duration_sec",
        "called_number",
        "masked_number",
        "provider",
        "status",
        "matched_session_id",
    )
    assert [call[name] for name in shown] == ["ended", "inbound", 65, "+902123205062", "+90 532 *** 45 67", "verimor", None, None]
    assert call["ended_at"] - call["answered_at"] == 65_000


def test_a_call_finds_the_tap_before_it(box: Box, fresh: str) -> None:
    at = int(datetime(2026, 11, 20, 11, 59, 53, tzinfo=UTC).timestamp() * 1000)  # 15:00 in Istanbul, seven seconds before
    sid, sent_at = str(uuid.uuid4()), int(now(box) * 1000)
    told = box.send(fresh, sid=sid, ec="conversion", ea="phone_call", el="tel:+902123205062", ts=at, st=sent_at)
    assert told["status"] == "synced"
    hook = add(box, fresh, "verimor")
    for word in ("ringing", "answer", "hangup"):
        post(box, hook, sample(f"verimor_{word}.form"))
    (call,) = calls(box, fresh)
    assert (call["matched_session_id"], call["match_how"], call["lead_score_at_match"]) == (sid, "number", 50)
    assert call["match_likelihood"] > 0.95


def test_missed_outbound_internal(box: Box, fresh: str) -> None:
    hook = add(box, fresh, "verimor")
    for name in ("verimor_missed", "verimor_outbound", "verimor_internal"):
        assert post(box, hook, sample(f"{name}.form"))[0] == 200
    assert [(call["call_state"], call["direction"]) for call in calls(box, fresh)] == [
        ("missed", "inbound"),
        ("missed", "outbound"),
    ]


@pytest.mark.parametrize(
    ("provider", "name", "count"),
    [("netgsm", "netgsm_cdr.json", 1), ("bulutfon", "bulutfon_hangup.json", 1), ("bulutfon", "bulutfon_hangup_old.form", 1),
     ("bulutfon", "bulutfon_fax.json", 0), ("netgsm", "netgsm_dtmf.json", 0), ("generic", "generic_ended.json", 1)],
)  # fmt: skip
def test_other_exchanges_are_read_too(box: Box, fresh: str, provider: str, name: str, count: int) -> None:
    hook = add(box, fresh, provider, mode="secret_url")
    for _ in range(2):
        assert post(box, hook, sample(name)) == (200, TAKEN)
    assert len(calls(box, fresh)) == count


def test_an_answer_takes_less_than_fifty_milliseconds(box: Box, fresh: str) -> None:
    hook, took = add(box, fresh, "verimor"), list[float]()
    for number in range(40):
        body = sample("verimor_hangup.form").replace(b"358c20bc", b"%08d" % number)
        begun = time.perf_counter()
        assert post(box, hook, body)[0] == 200
        took.append(time.perf_counter() - begun)
    assert sorted(took)[37] < 0.05
    assert len(calls(box, fresh)) == 40


# --- who may --------------------------------------------------------------------------------------------------------------------------


def test_a_wrong_secret_and_no_such_hook_are_the_same_404(box: Box, fresh: str) -> None:
    hook = add(box, fresh, "verimor")
    body = sample("verimor_hangup.form")
    wrong = [path_of(hook)[:-1], path_of(hook) + "x", f"/hooks/call/{hook['id']}/", f"/hooks/call/999999/{hook['secret']}", "/hooks/",
             f"/hooks/call/x/{hook['secret']}", f"/hooks/call/{'9' * 30}/x", f"{path_of(hook)}/more", f"/hooks/sms/{hook['id']}/x",
             f"/hooks/call/{hook['id']}/%00%ff", f"/hooks/call/{hook['id']}/{add(box, fresh, 'verimor')['secret']}"]  # fmt: skip
    for path in wrong:
        status, _, answer = fetch(box.url + path, body, {}, "POST")
        assert (status, answer) == (404, NOT_FOUND), path
    assert calls(box, fresh) == []
    assert fetch(box.url + path_of(hook))[0] == 405
    wait_until(lambda: box.status()["refusals_today"].get("hook_secret_wrong", 0) >= len(wrong), "counted")


def test_a_hook_may_be_for_some_networks_only(box: Box, fresh: str) -> None:
    hook = add(box, fresh, "verimor", networks=["185.15.40.0/24"])
    body = sample("verimor_hangup.form")
    assert post(box, hook, body)[0] == 403
    assert post(box, hook, body, X_Forwarded_For="185.15.41.7")[0] == 403
    assert post(box, hook, body, X_Forwarded_For="185.15.40.7, 9.9.9.9")[0] == 403
    assert calls(box, fresh) == []
    assert post(box, hook, body, X_Forwarded_For="9.9.9.9, 185.15.40.7")[0] == 200


def test_http_basic_is_asked_for_when_it_is_set(box: Box, fresh: str) -> None:
    hook = add(box, fresh, "bulutfon", basic="bulut:fön:1")
    body = sample("bulutfon_hangup.json")
    status, headers, _ = fetch(box.url + path_of(hook), body, {}, "POST")
    assert (status, headers["www-authenticate"][:5]) == (401, "Basic")
    for pair, expected in (("bulut:fon", 401), ("bulut:fön:1", 200)):
        told = "Basic " + base64.b64encode(pair.encode()).decode()
        assert post(box, hook, body, Authorization=told)[0] == expected


def test_a_hook_is_changed_without_a_gap(box: Box, fresh: str) -> None:
    hook = add(box, fresh, "generic", mode="hmac", key="first")
    body = sample("generic_ringing.form")

    def ask(one: dict[str, Any], key: str) -> int:
        return post(box, one, body, X_Signature=hmac.digest(key.encode(), body, "sha256").hex())[0]

    second = box.call("rotate_hook", id=hook["id"], key="second")
    assert [ask(one, key) for one in (hook, second) for key in ("first", "second", "third")] == [200, 200, 401] * 2
    box.call("finish_hook_rotation", id=hook["id"])
    assert [ask(hook, "second"), ask(second, "first"), ask(second, "second")] == [404, 401, 200]
    box.call("remove_hook", id=hook["id"])
    assert ask(second, "second") == 404
    assert len(calls(box, fresh)) == 1


# --- signed -----------------------------------------------------------------------------------------------------------------------


def test_standard_webhooks_by_its_own_library(box: Box, fresh: str) -> None:
    hook = add(box, fresh, "generic")
    body, at = sample("generic_ended.json"), now(box)

    def ask(sent: bytes, message: str, seconds: float = at) -> int:
        signature = Webhook(hook["key"]).sign(message, datetime.fromtimestamp(seconds, UTC), body.decode())
        return post(box, hook, sent, webhook_id=message, webhook_timestamp=str(int(seconds)), webhook_signature=signature)[0]

    assert [ask(body, "m1"), ask(body, "m1"), ask(body, "m2")] == [200, 200, 200]
    assert [ask(body + b" ", "m3"), ask(body, "m3", at - 310), ask(body, "m3", at + 310)] == [401, 401, 401]
    assert post(box, hook, body)[0] == 401
    assert len(calls(box, fresh)) == 1
    refusals = box.status()["refusals_today"]
    wait_until(lambda: box.status()["refusals_today"].get("hook_signature_stale", 0) >= 2, f"counted by reason: {refusals}")


def test_twilio_by_its_own_library(box: Box, fresh: str) -> None:
    hook = add(box, fresh, "twilio", key="12345678901234567890123456789012")
    validator = RequestValidator("12345678901234567890123456789012")
    for name in ("twilio_ringing.form", "twilio_in_progress.form", "twilio_completed.form"):
        body = sample(name)
        params = dict(parse_qsl(body.decode(), keep_blank_values=True))
        signature = validator.compute_signature(PUBLIC + path_of(hook), params)
        assert post(box, hook, body, X_Twilio_Signature=signature) == (200, TAKEN)
        altered = urlencode(params | {"From": "+905320000000"}).encode()
        assert post(box, hook, altered, X_Twilio_Signature=signature)[0] == 401
        elsewhere = validator.compute_signature("https://evil.example" + path_of(hook), params)
        assert post(box, hook, body, X_Twilio_Signature=elsewhere)[0] == 401
    (call,) = calls(box, fresh)
    assert (call["call_state"], call["masked_number"], call["called_number"]) == ("ended", "+90 532 *** 45 67", "+902123205062")


def test_telnyx(box: Box, fresh: str) -> None:
    private = Ed25519PrivateKey.generate()
    hook = add(box, fresh, "telnyx", key=base64.b64encode(private.public_key().public_bytes_raw()).decode())
    for name in ("telnyx_initiated.json", "telnyx_answered.json", "telnyx_hangup.json"):
        body, stamp = sample(name), str(int(now(box)))
        signature = base64.b64encode(private.sign(f"{stamp}|".encode() + body)).decode()
        headers = {"telnyx_timestamp": stamp, "telnyx_signature_ed25519": signature}
        assert post(box, hook, body, **headers) == (200, TAKEN)
        assert post(box, hook, body.replace(b"532", b"533"), **headers)[0] == 401
        assert post(box, hook, body, **headers | {"telnyx_timestamp": str(int(stamp) - 1)})[0] == 401
    (call,) = calls(box, fresh)
    assert call["call_state"] == "ended"


# --- what is no call ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"{", b"a=1&" * 300, b'{"state":"ringing"}', b'{"a":' * 5_000, b"state=ringing&call_id=" + b"9" * 300]
)
def test_what_cannot_be_read_is_refused_in_words(box: Box, fresh: str, body: bytes) -> None:
    hook = add(box, fresh, "generic", mode="secret_url")
    status, answer = post(box, hook, body)
    assert (status, json.loads(answer)["ok"]) == (400, False)
    assert calls(box, fresh) == []


def test_size_and_coding_are_judged_as_by_sync(box: Box, fresh: str) -> None:
    hook = add(box, fresh, "generic", mode="secret_url")
    assert post(box, hook, b"x" * 70_000)[0] == 413
    assert post(box, hook, b"x", Content_Encoding="gzip")[0] == 415


# --- secrets ------------------------------------------------------------------------------------------------------------------------


def test_no_secret_is_in_a_log_or_in_the_ledger(box: Box, fresh: str) -> None:
    key = "the-key-of-this-hook-and-no-other"
    hook = add(box, fresh, "generic", mode="hmac", key=key, basic="user:the-password-of-it")
    body = sample("generic_ringing.form")
    basic = "Basic " + base64.b64encode(b"user:the-password-of-it").decode()
    good = hmac.digest(key.encode(), body, hashlib.sha256).hex()
    for headers in ({"X_Signature": good, "Authorization": basic}, {"X_Signature": "wrong", "Authorization": basic}, {}):
        post(box, hook, body, **headers)
    post(box, hook, b"{", X_Signature="wrong")
    fetch(box.url + path_of(hook) + "?again=" + hook["secret"])
    box.call("rotate_hook", id=hook["id"])
    box.kill()
    box.start()
    assert post(box, hook, body, X_Signature=good, Authorization=basic)[0] == 200
    log = box.log.read_bytes()
    ledger = b"".join(path.read_bytes() for path in box.data.rglob("*") if path.is_file() and not path.name.startswith("vault"))
    vault = b"".join(path.read_bytes() for path in box.data.glob("vault.db*"))
    for secret in (hook["secret"], key, "the-password-of-it", basic[6:]):
        assert secret.encode() not in log
        assert secret.encode() not in ledger
    assert hook["secret"].encode() not in vault
    assert b"/hooks/" not in log
    assert all(path.stat().st_mode & 0o077 == 0 for path in box.data.glob("vault.db"))


# --- the command line -----------------------------------------------------------------------------------------------------------------


def test_hooks_by_the_command_line(box: Box, fresh: str) -> None:
    made = box.cli("hook", "add", "--site", fresh, "--provider", "verimor", "--network", "127.0.0.0/8")
    found = re.fullmatch(rf"{PUBLIC}(/hooks/call/(\d+)/(\S+))\n", made.stdout)
    assert found, made
    address, number = found[1], found[2]
    assert fetch(box.url + address, b"", {}, "POST")[0] == 200
    (listed,) = [row for row in box.cli_json("hook", "list") if str(row["id"]) == number]
    assert (listed["provider"], listed["mode"], listed["networks"], listed["secrets"]) == (
        "verimor",
        "secret_url",
        ["127.0.0.0/8"],
        1,
    )
    assert found[3] not in box.cli("hook", "list").stdout
    second = box.cli_json("hook", "rotate", number)["url"].removeprefix(PUBLIC)
    assert [fetch(box.url + one, b"", {}, "POST")[0] for one in (address, second)] == [200, 200]
    assert box.cli("hook", "rotate", number, "--finish").returncode == 0
    assert [fetch(box.url + one, b"", {}, "POST")[0] for one in (address, second)] == [404, 200]
    assert box.cli("hook", "remove", number).returncode == 0
    assert fetch(box.url + second, b"", {}, "POST")[0] == 404
    assert box.cli("hook", "remove", number).returncode == 1


def test_a_key_is_read_from_a_file_and_checked(box: Box, fresh: str) -> None:
    def ask(*words: str, stdin: str = "") -> "tuple[int, str]":
        done = box.cli("hook", "add", "--site", fresh, *words, stdin=stdin)
        return done.returncode, done.stdout + done.stderr

    assert ask("--provider", "twilio")[0] == 2
    assert ask("--provider", "telnyx", "--key-file", "-", stdin="no key")[0] == 2
    assert ask("--provider", "generic", "--mode", "standard", "--key-file", "-", stdin="whsec_%%")[0] == 2
    assert ask("--provider", "verimor", "--network", "somewhere")[0] == 2
    assert ask("--provider", "bulutfon", "--basic-file", "-", stdin="nocolon")[0] == 2
    assert ask("--provider", "someone")[0] == 2
    code, told = ask("--provider", "twilio", "--key-file", "-", stdin="secret-token\n")
    assert code == 0
    assert "secret-token" not in told
    assert "whsec_" in ask("--provider", "generic")[1]


def test_answers_are_typed(box: Box, fresh: str) -> None:
    answer: Answer = fetch(box.url + path_of(add(box, fresh, "verimor")), b"", {}, "POST")
    assert answer[1]["content-type"] == "application/json"


# --- rates ----------------------------------------------------------------------------------------------------------------------------


def from_address(address: str) -> dict[str, str]:
    """As a proxy on this machine says; each address has a minute of its own."""
    return {"X-Forwarded-For": address}


def test_who_guesses_at_addresses_is_asked_to_come_later(box: Box, fresh: str) -> None:
    hook = add(box, fresh, "verimor")
    left = 60_000 - int(now(box) * 1000) % 60_000
    box.shift.write_text(str(int(box.shift.read_text()) + left))  # a minute begins
    wrong = box.url + path_of(hook | {"secret": "guessed"})
    answers = [fetch(wrong, b"", from_address("203.0.113.9"), "POST") for _ in range(HOOK_GUESSES.address + 1)]
    assert [status for status, _, _ in answers] == [404] * HOOK_GUESSES.address + [429]
    _, headers, body = answers[-1]
    assert 1 <= int(headers["retry-after"]) <= 60
    assert json.loads(body)["error"] == "Rate limit exceeded"
    wait_until(lambda: box.status()["refusals_today"].get("hook_rate_limited", 0) == 1, "the refusal's count")
    assert fetch(box.url + path_of(hook), b"", from_address("203.0.113.10"), "POST")[0] == 200
