"""The relay: takes what main cannot take, survives its own death, and hands everything on; main's ledger has each signal once."""

import json
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from tests.harness import COMMAND, Box, environment, fetch, free_port, run_cli, wait_until
from tests.tracker import PHONE, set_shift
from tests.tracker import wait_until as wait_for

ORIGIN = "https://antika.example"
HOUR = 3_600_000


class Relay:
    """A relay process on a folder and a port of its own."""

    def __init__(self, folder: Path, main: str, token: str, *options: str) -> None:
        self.data, self.port, self.main, self.options = folder / "relay", free_port(), main, options
        self.url, self.log = f"http://127.0.0.1:{self.port}", folder / "relay.log"
        self.token = folder / "token"
        self.token.write_text(token)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Relay":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> "Relay":
        words = ["relay", "--main", self.main, "--token-file", str(self.token), "--data", str(self.data), "--port", str(self.port)]
        with self.log.open("ab") as log:
            command = [*COMMAND, *words, *self.options]
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment())
        wait_until(lambda: fetch(f"{self.url}/readyz")[0] == 200, "the relay is not ready", self.process, self.log)
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(20)

    def post(self, body: object, **headers: str):
        told = {
            "Content-Type": "text/plain;charset=UTF-8",
            "Origin": ORIGIN,
            "User-Agent": PHONE,
            "X-Forwarded-For": "78.190.12.34",
        }
        status, answered, content = fetch(f"{self.url}/api/sync", body, told | {k.replace("_", "-"): v for k, v in headers.items()})
        return status, answered, json.loads(content)

    def ready(self) -> dict:
        return json.loads(fetch(f"{self.url}/readyz")[2])

    def status(self) -> dict:
        return json.loads(run_cli("relay", "status", "--data", self.data, "--json").stdout)

    def wait_empty(self) -> None:
        wait_until(lambda: self.ready()["waiting"] == 0, "the relay still keeps something", self.process, self.log)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def signal_of(site: str, number: int = 0, **fields: object) -> dict:
    """One as the new tracker sends it."""
    now = now_ms()
    return {
        "s": site, "u": f"{ORIGIN}/tablo?no={number}", "sid": str(uuid.UUID(int=number // 10, version=4)),
        "ec": "interaction", "ea": "view", "id": str(uuid.uuid4()), "ts": now, "st": now,
    } | fields  # fmt: skip


@pytest.fixture
def main(tmp_path):
    with Box(tmp_path / "main") as box:
        box.site = box.add_site("antika")["public_id"]
        box.relay_token = box.call("create_token", rights="relay", name="test")["token"]
        yield box


def events_of(box: Box) -> list[dict]:
    box.wait_projected()
    found, cursor, token = [], "", box.token("antika")
    while cursor is not None:
        page = box.get(f"/api/v1/sites/{box.site}/events?limit=200{cursor and f'&cursor={cursor}'}", token)
        found, cursor = found + page["events"], page["next"]
    return found


def test_a_thousand_signals_come_through_a_dead_main_and_a_relay_that_is_killed(main, tmp_path):
    """Singly and in batches, some again as a tracker does that missed the answer; `kill -9` of the relay four times."""
    with Relay(tmp_path, main.url, main.relay_token) as relay:
        wait_for(lambda: relay.ready()["main"], "main is reached")
        main.kill()
        sent = [signal_of(main.site, number) for number in range(1_000)]
        place, told = 0, 0
        while place < len(sent):
            size = (1, 1, 20)[place % 3]
            part = sent[place : place + size]
            body = part[0] if size == 1 else {"v": 2, "s": main.site, "st": now_ms(), "e": part}
            visitor = f"78.190.{place % 250}.7"
            status, headers, answer = relay.post(body, X_Forwarded_For=visitor)
            assert (status, answer.get("status"), answer["score"]) == (200, "synced", 0), answer
            assert headers["access-control-allow-origin"] == ORIGIN
            if place % 50 < 3:
                relay.post(body, X_Forwarded_For=visitor)
            place, told = place + len(part), told + 1
            if told % 60 == 30:
                relay.stop(signal.SIGKILL)
                relay.start()
        assert relay.ready()["waiting"] >= told
        main.start()
        relay.wait_empty()
        status = relay.status()
        assert (status["waiting"], status["parked"], status["failure"]) == (0, 0, "")
    found = events_of(main)
    assert sorted(row["event_id"] for row in found) == sorted(one["id"] for one in sent)
    in_order = [row["event_id"] for row in sorted(found, key=lambda row: row["seq"])]
    assert in_order == [one["id"] for one in sent]


def test_a_relay_killed_while_it_hands_on_counts_nothing_twice(main, tmp_path):
    with Relay(tmp_path, main.url, main.relay_token) as relay:
        wait_for(lambda: relay.ready()["main"], "main is reached")
        main.kill()
        sent = [signal_of(main.site, number) for number in range(300)]
        for one in sent:
            assert relay.post(one)[0] == 200
        main.start()
        for wanted in (260, 150, 40):
            wait_until(lambda wanted=wanted: relay.ready()["waiting"] <= wanted, "nothing is handed on", relay.process, relay.log)
            relay.stop(signal.SIGKILL)
            relay.start()
        relay.wait_empty()
    assert sorted(row["event_id"] for row in events_of(main)) == sorted(one["id"] for one in sent)


def test_time_address_device_origin_and_attribution_are_those_of_the_visit(tmp_path):
    """Main comes back three hours later (its clock jumps); the tap was a minute before the relay heard of it."""
    with Box(tmp_path / "main", shift_ms=1) as main:
        main.site = main.add_site("antika")["public_id"]
        token = main.call("create_token", rights="relay", name="test")["token"]
        with Relay(tmp_path, main.url, token) as relay:
            wait_for(lambda: relay.ready()["main"], "main is reached")
            main.kill()
            before, sid = now_ms(), str(uuid.uuid4())
            tap = signal_of(
                main.site, sid=sid, u=f"{ORIGIN}/?gclid=abcdef123456", ec="conversion", ea="phone_call", el="tel:+902125550142"
            )
            assert relay.post(tap | {"ts": before - 60_000, "st": before})[0] == 200
            after = now_ms()
            set_shift(main, 3 * HOUR)
            main.start()
            relay.wait_empty()
        main.wait_projected()
        (session,) = main.get(f"/api/v1/sites/{main.site}/sessions", main.token("antika"))["sessions"]
        (intent,) = main.get(f"/api/v1/sites/{main.site}/intents", main.token("antika"))["intents"]
        (event,) = main.get(f"/api/v1/sites/{main.site}/events", main.token("antika"))["events"]
        assert before - 60_000 <= intent["at"] <= after - 60_000
        assert event["created_at"] == intent["at"]
        assert before <= event["received_at"] <= after
        assert session["ip_address"] == "78.190.12.0"
        assert (session["device_type"], session["browser"]) == ("mobile", "Safari")
        assert (session["id"], intent["attribution_at_tap"]) == (sid, "First Click (Paid)")


def test_an_old_trackers_signal_without_an_id_is_counted_once(main, tmp_path):
    """Sent again within ten seconds, to the relay both times; and handed on twice."""
    with Relay(tmp_path, main.url, main.relay_token) as relay:
        wait_for(lambda: relay.ready()["main"], "main is reached")
        main.kill()
        old = {
            "s": main.site,
            "u": f"{ORIGIN}/",
            "sid": str(uuid.uuid4()),
            "ec": "interaction",
            "ea": "view",
            "meta": {"fp": "abc12"},
        }
        for _ in range(2):
            assert relay.post(old)[0] == 200
        main.start()
        relay.wait_empty()
    assert len(events_of(main)) == 1


def test_what_main_refuses_for_good_is_parked_told_and_tried_once_more(main, tmp_path):
    with Relay(tmp_path, "http://127.0.0.1:9", main.relay_token) as relay:
        assert relay.post(signal_of(main.site))[0] == 200, "well-formed, and nobody to ask: main will judge"
        assert relay.post(signal_of(main.site), Origin="https://new.example")[0] == 200
        assert relay.post(signal_of(str(uuid.uuid4())))[0] == 200
        relay.main = main.url
        relay.stop()
        relay.start()
        relay.wait_empty()
        assert {(one["status"], one["envelopes"]) for one in relay.status()["refused"]} == {(403, 1), (404, 1)}
        done = run_cli("relay", "status", "--data", relay.data)
        assert done.returncode == 1
        assert "refused for good and parked (404)" in done.stdout
        assert len(events_of(main)) == 1
        main.call("change_site", site="antika", add_domains=["new.example"])
        relay.stop()
        relay.start()
        relay.wait_empty()
        assert {one["status"] for one in relay.status()["refused"]} == {404}
    assert len(events_of(main)) == 2


def test_with_the_sites_known_it_answers_as_main_would(main, tmp_path):
    with Relay(tmp_path, main.url, main.relay_token) as relay:
        wait_for(lambda: relay.ready()["main"], "main is reached")
        cases = (
            (signal_of(main.site), {}), (b"{", {}), (signal_of(main.site, u="antika"), {}), (signal_of("nonsense"), {}),
            (signal_of(str(uuid.uuid4())), {}), (signal_of(main.site), {"Origin": "https://evil.example"}), ({"ec": "x"}, {}),
            ({"v": 2, "s": main.site, "e": [signal_of(main.site), 7, signal_of(main.site, u="antika")]}, {}),
        )  # fmt: skip
        for body, headers in cases:
            mine, theirs = relay.post(body, **headers), main.post(body, **headers)
            theirs_body = json.loads(theirs[2])
            assert mine[0] == theirs[0]
            for name in ("status", "message", "error"):
                assert mine[2].get(name) == theirs_body.get(name)
            assert mine[1]["x-cors-reason"] == theirs[1]["x-cors-reason"]
        assert fetch(f"{relay.url}/ux-core.js")[2] == fetch(f"{main.url}/ux-core.js")[2]
        assert fetch(f"{relay.url}/healthz")[0] == 200
        assert fetch(f"{relay.url}/api/v1/sites")[0] == 404
        new = main.add_site("halı", "hali.example")["public_id"]
        assert relay.post(signal_of(new), Origin="https://hali.example")[0] == 200, "main is asked once more"


def test_sites_are_known_after_a_restart_without_main(main, tmp_path):
    with Relay(tmp_path, main.url, main.relay_token) as relay:
        wait_for(lambda: relay.ready()["main"], "main is reached")
        main.kill()
        relay.stop()
        relay.start()
        assert relay.post(signal_of(main.site), Origin="https://evil.example")[0] == 403
        assert relay.post(signal_of(main.site))[0] == 200
        assert relay.ready() | {"version": ""} == {
            "ready": True,
            "reason": "",
            "main": False,
            "waiting": 1,
            "parked": 0,
            "version": "",
        }
        main.start()


def test_only_a_relays_token_opens_the_relays_door(main):
    body = {
        "envelopes": [
            {"at": now_ms(), "origin": ORIGIN, "address": "78.190.12.34", "agent": PHONE, "body": json.dumps(signal_of(main.site))}
        ]
    }
    for token in ("", "omb_wrong", main.site_token("antika"), main.token("antika", rights="admin")):
        assert fetch(f"{main.url}/api/relay", body, {"Authorization": f"Bearer {token}"})[0] == 401
        assert fetch(f"{main.url}/api/relay", headers={"Authorization": f"Bearer {token}"})[0] == 401
    mine = {"Authorization": f"Bearer {main.relay_token}"}
    for path in ("/api/v1/sites", "/api/v1/events", "/api/stream"):
        assert fetch(f"{main.url}{path}", headers=mine)[0] in (401, 403)
    status, _, answer = fetch(f"{main.url}/api/relay", body, mine)
    assert (status, [one["status"] for one in json.loads(answer)["results"]]) == (200, [200])
    forged = {"X-Forwarded-For": "203.0.113.9", "Origin": ORIGIN}
    assert fetch(f"{main.url}/api/sync", signal_of(main.site), forged | mine)[0] == 200
    for number in [row["id"] for row in main.call("list_tokens") if row["name"] == "test"]:
        main.call("revoke_token", id=number)
    assert fetch(f"{main.url}/api/relay", body, mine)[0] == 401


def test_one_bad_envelope_stops_no_other_and_too_old_ones_are_refused(main):
    mine = {"Authorization": f"Bearer {main.relay_token}"}

    def envelope(body, at=None):
        return {"at": at or now_ms(), "origin": ORIGIN, "address": "x", "agent": "", "body": body}

    good = json.dumps(signal_of(main.site))
    bodies = [envelope("{"), envelope(good), envelope(good), envelope(good, now_ms() - 40 * 24 * HOUR), envelope("[" * 40_000)]
    told = json.loads(fetch(f"{main.url}/api/relay", {"envelopes": bodies}, mine)[2])
    assert [one["status"] for one in told["results"]] == [400, 200, 200, 410, 400]
    assert [one["body"].get("status") for one in told["results"][1:3]] == ["synced", "duplicate"]
    assert fetch(f"{main.url}/api/relay", {"envelopes": bodies * 21}, mine)[0] == 413
    assert fetch(f"{main.url}/api/relay", b"[]", mine)[0] == 400


def test_a_relay_is_limited_and_bounded(main, tmp_path):
    with Relay(tmp_path, main.url, main.relay_token, "--max-mb", "1") as relay:
        wait_for(lambda: relay.ready()["main"], "main is reached")
        main.kill()
        answers = [relay.post(signal_of(main.site, sid="5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11"))[0] for _ in range(110)]
        assert answers.count(200) == 100 or 429 in answers
        big = {"title": "x" * 200, "text": "y" * 150}
        body = {"v": 2, "s": main.site, "e": [signal_of(main.site, number, meta=big) for number in range(20)]}
        for number in range(200):
            status, headers, _ = relay.post(body, X_Forwarded_For=f"78.190.{number}.7")
            if status == 503:
                break
        assert (status, headers["retry-after"]) == (503, "60")
        assert relay.ready()["reason"] == "full"
        assert (relay.data / "outbox.db").stat().st_size < 3 * 1024 * 1024
        main.start()
        relay.wait_empty()
        wait_for(lambda: relay.ready()["ready"], "there is room again")
        assert relay.post(signal_of(main.site), X_Forwarded_For="78.1.1.1")[0] == 200


def test_two_relays_cannot_share_a_folder_and_mistakes_are_told(main, tmp_path):
    with Relay(tmp_path, main.url, main.relay_token) as relay:
        words = ("relay", "--main", main.url, "--token-file", relay.token, "--data", relay.data, "--port", free_port())
        assert run_cli(*words).returncode == 4
    assert "--main" in run_cli("relay", "--data", tmp_path / "x").stderr
    assert "token create --relay" in run_cli("relay", "--main", main.url, "--data", tmp_path / "x").stderr
    assert run_cli("relay", "status", "--data", tmp_path / "nothing").returncode == 4
    with Relay(tmp_path, main.url, "omb_wrong") as relay:
        wait_for(lambda: "token create --relay" in relay.status()["failure"], "why main does not answer")


def test_the_relay_holds_one_sqlite_and_stops_with_what_it_promised(main, tmp_path):
    with Relay(tmp_path, main.url, main.relay_token) as relay:
        maps = Path(f"/proc/{relay.process.pid}/maps").read_text()
        assert "/apsw/" in maps
        assert "_sqlite3." not in maps
        main.kill()
        assert relay.post(signal_of(main.site))[0] == 200
        assert relay.stop() == 0
        assert relay.status()["waiting"] == 1
        main.start()
