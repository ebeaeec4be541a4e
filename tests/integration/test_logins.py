"""Users with passwords: a token for one, as little as possible for a wrong one."""

import json
import sqlite3
import statistics
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.domain.logins import TOKEN_MS, TRIES_OF_EMAIL, WINDOW_MS
from opsmantik_box.engine.passwords import LANES, MEMORY_KIB, ROUNDS
from tests.follower import Follower
from tests.harness import Box, fetch

PASSWORD = "dört kelimelik bir parola"
SITE = "antika"


@pytest.fixture(scope="module")
def prepared(box: Box) -> Box:
    box.add_site(SITE)
    return box


def person(box: Box, rights: str = "operate", password: str = PASSWORD) -> str:
    """A new user of the site, with a password; the e-mail address."""
    email = f"op-{uuid.uuid4().hex[:8]}@antika.example"
    box.call("add_user", email=email, name="Op")
    box.call("grant", user=email, site=SITE, rights=rights)
    if password:
        told = box.cli("user", "password", email, "--stdin", stdin=f"{password}\n")
        assert told.returncode == 0, told.stderr
    return email


def log_in(box: Box, email: str, password: str = PASSWORD, **more: Any) -> tuple[int, dict[str, Any]]:
    headers = {"X-Forwarded-For": more.pop("address", f"10.{uuid.uuid4().bytes[0]}.{uuid.uuid4().bytes[0]}.7")}
    status, _, body = fetch(f"{box.url}/api/v1/login", {"email": email, "password": password, **more}, headers)
    return status, json.loads(body)


def get(box: Box, token: str, path: str = "/sites") -> int:
    return fetch(f"{box.url}/api/v1{path}", headers={"Authorization": f"Bearer {token}"})[0]


def test_a_password_gives_a_token_for_a_month_that_may_what_its_person_may(prepared: Box) -> None:
    email = person(prepared, "read")
    status, told = log_in(prepared, f" {email.upper()} ", name="laptop")
    assert status == 200, told
    assert (told["user"]["name"], get(prepared, told["token"])) == ("Op", 200)
    [mine] = prepared.get("/api/v1/sites", told["token"])["sites"]
    assert mine["rights"] == "read"
    [row] = [one for one in prepared.cli_json("token", "list") if one["user"] == email]
    assert (row["name"], row["expires_at"], row["revoked_at"]) == ("laptop", told["expires_at"], None)
    assert abs(row["expires_at"] - row["created_at"] - TOKEN_MS) < 1_000
    actions = [(one["action"], one["actor"]) for one in prepared.cli_json("audit", "--limit", 2)]
    assert actions == [("logged in", email), ("password set", "command line")]


def test_whatever_is_wrong_the_answer_is_the_same(prepared: Box) -> None:
    email, without = person(prepared), person(prepared, password="")
    wrong = [
        log_in(prepared, email, "bir başka parola daha"), log_in(prepared, without), log_in(prepared, "nobody@antika.example"),
        log_in(prepared, email, "x"), log_in(prepared, email, PASSWORD.upper()), log_in(prepared, "' or 1=1 --"),
    ]  # fmt: skip
    assert [status for status, _ in wrong] == [401] * len(wrong)
    assert len({json.dumps(told) for _, told in wrong}) == 1


@pytest.mark.parametrize(
    "body", [{}, [], {"email": "a@b"}, {"email": "a@b", "password": ""}, {"email": 1, "password": PASSWORD},
             {"email": "a@b", "password": "x" * 900}, {"email": "a" * 300, "password": PASSWORD}],
)  # fmt: skip
def test_what_is_no_login_is_a_400_that_quotes_nothing(prepared: Box, body: object) -> None:
    status, _, answer = fetch(f"{prepared.url}/api/v1/login", body)
    assert status == 400
    assert PASSWORD.encode() not in answer


def test_the_time_does_not_tell_who_is_there(prepared: Box) -> None:
    """Somebody with a password, somebody without one, and nobody: the same work. Medians of alternating questions."""
    people = [(person(prepared), []), (person(prepared, password=""), []), ("nobody@antika.example", [])]
    log_in(prepared, people[0][0])
    for number in range(3 * (TRIES_OF_EMAIL - 1)):
        email, took = people[number % 3]
        started = time.perf_counter()
        assert log_in(prepared, email, "yanlış bir parola")[0] == 401
        took.append(time.perf_counter() - started)
    fastest = [min(took) for _, took in people]
    assert max(fastest) < 1.5 * min(fastest), [statistics.median(took) for _, took in people]


def test_a_person_gives_his_token_back(prepared: Box) -> None:
    email = person(prepared, "read")
    tokens = [log_in(prepared, email)[1]["token"] for _ in range(2)]
    status, _, body = fetch(f"{prepared.url}/api/v1/logout", {}, {"Authorization": f"Bearer {tokens[0]}"})
    assert (status, json.loads(body)) == (200, {})
    assert [get(prepared, token) for token in tokens] == [401, 200]
    assert prepared.cli_json("audit", "--limit", 1)[0]["actor"] == email
    assert fetch(f"{prepared.url}/api/v1/logout", {}, {"Authorization": f"Bearer {prepared.site_token(SITE)}"})[0] == 403


def test_a_new_password_revokes_what_the_old_one_gave_and_nothing_else(prepared: Box) -> None:
    email = person(prepared)
    given = [log_in(prepared, email)[1]["token"] for _ in range(2)]
    made = prepared.call("create_token", user=email, rights="read")["token"]
    with Follower(prepared, given[0], again=False) as follower:
        follower.wait(lambda: bool(follower.of("health")), "it is live")
        told = prepared.cli("user", "password", email, "--stdin", stdin="yepyeni bir parola\n")
        assert "2 tokens" in told.stdout
        follower.wait(lambda: follower.ended, "it is cut off")
    assert [get(prepared, token) for token in (*given, made)] == [401, 401, 200]
    assert [log_in(prepared, email)[0], log_in(prepared, email, "yepyeni bir parola")[0]] == [401, 200]


def test_who_is_removed_logs_in_no_more_also_as_a_namesake(prepared: Box) -> None:
    email = person(prepared)
    prepared.call("remove_user", user=email)
    assert log_in(prepared, email)[0] == 401
    prepared.call("add_user", email=email)
    assert log_in(prepared, email)[0] == 401


@pytest.mark.parametrize("told", ["", "kısa", "x" * 201])
def test_a_password_that_cannot_be_one_changes_nothing(prepared: Box, told: str) -> None:
    email = person(prepared)
    refused = prepared.cli("user", "password", email, "--stdin", stdin=f"{told}\n")
    assert (refused.returncode, "10 to 200 characters" in refused.stderr) == (2, True)
    assert log_in(prepared, email)[0] == 200


def test_a_password_is_set_while_the_service_does_not_run(tmp_path: Path) -> None:
    with Box(tmp_path / "data") as box:
        box.add_site(SITE)
        email = person(box)
        box.stop()
        assert box.cli("user", "password", email, "--stdin", stdin="kapalıyken kondu\n").returncode == 0
        box.start()
        assert log_in(box, email, "kapalıyken kondu")[0] == 200
        assert box.cli("user", "password", "nobody@x.example", "--stdin", stdin="kapalıyken kondu\n").returncode == 1


def test_wrong_ones_are_limited_counted_and_over_with_the_window(tmp_path: Path) -> None:
    shift = WINDOW_MS - int(time.time() * 1000) % WINDOW_MS + 1_000  # the beginning of a window
    with Box(tmp_path / "data", shift_ms=shift) as box:
        box.add_site(SITE)
        email = person(box)
        for number in range(TRIES_OF_EMAIL):
            assert log_in(box, email, "yanlış bir parola")[0] == 401, number
        status, told = log_in(box, email)
        assert (status, "quarter of an hour" in told["detail"]) == (429, True)
        assert log_in(box, person(box))[0] == 200
        box.call("set_password", user=email, password=PASSWORD)
        assert log_in(box, email)[0] == 200, "a new password ends the waiting"
        for _ in range(TRIES_OF_EMAIL):
            log_in(box, email, "yanlış bir parola")
        assert log_in(box, email)[0] == 429
        box.shift.write_text(str(shift + WINDOW_MS))
        assert log_in(box, email)[0] == 200
        deadline = time.monotonic() + 20
        while box.status()["refusals_today"].get("login_limited") != 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert box.status()["refusals_today"] == {"login_wrong": 2 * TRIES_OF_EMAIL, "login_limited": 2}


def test_a_token_for_a_password_ends_after_a_month(tmp_path: Path) -> None:
    with Box(tmp_path / "data", shift_ms=1) as box:
        box.add_site(SITE)
        token = log_in(box, person(box))[1]["token"]
        box.shift.write_text(str(TOKEN_MS - 60_000))
        assert get(box, token) == 200
        box.shift.write_text(str(TOKEN_MS + 1_000))
        box.call(
            "revoke_token", id=box.call("create_token", user=box.call("list_users")[0]["email"])["id"]
        )  # nothing is remembered
        assert get(box, token) == 401


def test_nothing_of_a_password_lies_about(tmp_path: Path) -> None:
    """Not in the ledger, not in the log; in the vault as argon2id of at most 20 MiB."""
    assert MEMORY_KIB <= 20 * 1024
    with Box(tmp_path / "data", env={"OPSMANTIK_LOG_LEVEL": "debug"}) as box:
        box.add_site(SITE)
        email = person(box)
        token = log_in(box, email)[1]["token"]
        log_in(box, email, "yanlış-bir-parola-7431")
        fetch(f"{box.url}/api/v1/login", {"email": email, "password": "yanlış-bir-parola-7431", "name": 5})
        log = box.log.read_text()
    vault = sqlite3.connect(tmp_path / "data" / "vault.db")
    [(kept,)] = vault.execute("select hash from passwords").fetchall()
    vault.close()
    assert kept.startswith(f"$argon2id$v=19$m={MEMORY_KIB},t={ROUNDS},p={LANES}$")
    written = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()) + log.encode()
    for secret in (PASSWORD, "yanlış-bir-parola-7431", token):
        assert secret.encode() not in written


def test_signals_are_taken_while_passwords_are_compared(prepared: Box) -> None:
    """The loop waits for no password: beside three who log in over and over, a signal takes less than a comparison does."""
    email, site, over, compared = person(prepared), prepared.call("list_sites")[0]["public_id"], threading.Event(), list[float]()

    def log_in_again_and_again() -> None:
        while not over.is_set():
            started = time.perf_counter()
            assert log_in(prepared, email)[0] == 200
            compared.append(time.perf_counter() - started)

    racing = [threading.Thread(target=log_in_again_and_again) for _ in range(3)]
    for one in racing:
        one.start()
    took: list[float] = []
    for _ in range(60):
        started = time.perf_counter()
        prepared.send(site, id=str(uuid.uuid4()))
        took.append(time.perf_counter() - started)
    over.set()
    for one in racing:
        one.join()
    assert statistics.median(took) < min(compared)
