"""A running Box that tells people outside: asked for a test message over HTTP, and seen at the command line."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.harness import Box, fetch, wait_until
from tests.stand_ins import CHAT, TOKEN, Handler, Receiver, Telegram, receiver

SECRET = "a-secret-of-the-cron-job"


class Told(NamedTuple):
    box: Box
    telegram: Receiver
    hook: Receiver


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A Box with a Telegram chat, told to it as others name these settings."""
    data = tmp_path_factory.mktemp("notified") / "data"
    with receiver(Telegram) as telegram, receiver(Handler) as hook:
        env = {
            "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": CHAT, "CRON_SECRET": SECRET, "OPSMANTIK_TELEGRAM_API_URL": telegram.url,
            "OPSMANTIK_NOTIFY_ALLOWED_NETWORKS": "127.0.0.0/8",
        }  # fmt: skip
        with Box(data, env=env) as running:
            running.add_site("antika")
            yield Told(running, telegram, hook)


def ask(box: Box, secret: str, method: str = "POST") -> int:
    body = b"" if method == "POST" else None
    return fetch(f"{box.url}/api/test-notification", body, {"Authorization": f"Bearer {secret}"}, method)[0]


def until(told: Told, accepted: int, server: Receiver) -> None:
    assert told.box.process is not None
    wait_until(lambda: len(server.accepted) >= accepted, "a message", told.box.process, told.box.log)


def test_a_test_message_comes_to_who_knows_the_secret(told: Told) -> None:
    assert [ask(told.box, "wrong"), ask(told.box, SECRET, "GET"), ask(told.box, SECRET)] == [401, 405, 200]
    until(told, 1, told.telegram)
    assert told.telegram.accepted[0].startswith("ℹ️ [INFO] <b>Test</b>")


def test_without_a_lane_there_is_nothing_to_test(tmp_path) -> None:
    with Box(tmp_path / "data", env={"CRON_SECRET": SECRET}) as box:
        assert ask(box, SECRET) == 409


def test_a_webhook_is_made_told_and_listed_without_its_address(told: Told) -> None:
    made = json.loads(told.box.cli("webhook", "add", f"{told.hook.url}/a-secret-path", "--json").stdout)
    assert made["key"].startswith("whsec_")
    site = told.box.call("list_sites")[0]["public_id"]
    assert told.box.send(site, ea="phone_call", ec="conversion", el="tel:+902125550142")["status"] == "synced"
    until(told, 1, told.hook)
    listed = told.box.cli("webhook", "list", "--json").stdout
    assert "127.0.0.1" in listed
    assert "a-secret-path" not in listed
    token = told.box.token("antika", rights="admin")
    status, _, body = fetch(f"{told.box.url}/api/v1/deliveries?lane=webhook:1", headers={"Authorization": f"Bearer {token}"})
    page = json.loads(body)
    assert (status, [one["kind"] for one in page["deliveries"]]) == (200, ["lead"])
    assert {one["lane"]: one["state"] for one in page["lanes"]} == {"telegram": "ok", "webhook:1": "ok"}
    assert "lead" in told.box.cli("deliveries", "list").stdout
    told.box.cli("webhook", "remove", "1")
    assert told.box.call("list_webhooks") == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/", "http://crm.example/x"]
)
def test_an_address_inside_the_house_is_refused(box: Box, url: str) -> None:
    done = box.cli("webhook", "add", url)
    assert done.returncode == 2
    assert url not in done.stderr


def test_nothing_of_a_secret_is_in_the_log(told: Told) -> None:
    log = told.box.log.read_text()
    assert not [secret for secret in (TOKEN, SECRET, "a-secret-path", "902125550142") if secret in log]
