"""Deliveries to receivers that answer, refuse, ask to wait, hang and drop: by the real courier, with the clock in the test's hand."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from standardwebhooks.webhooks import Webhook

from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.engine.asking import COMMAND_LINE, COMMANDS
from opsmantik_box.engine.outward import Outward
from opsmantik_box.engine.service import Service
from opsmantik_box.engine.waiting import Bounds
from opsmantik_box.link.courier import Mailbox
from tests.certificates import certified
from tests.harness import free_port
from tests.integration.engine_kit import Engine, rows
from tests.stand_ins import CHAT, MOVED, TOKEN, Handler, Receiver, Telegram, receiver

SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000
WAIT_SEC = 30.0
PATIENCE_SEC = 0.5
LOOPBACK = ("127.0.0.0/8",)


class Sender:
    """A service whose lanes are driven by the test: the clock goes on a second with every beat."""

    def __init__(self, data: Path, outward: Outward) -> None:
        self.data, self.outward = data, outward
        self.engine = Engine(data)
        self._serve()

    def _serve(self) -> None:
        told = msgspec.structs.replace(self.outward, allowed_networks=LOOPBACK, patience_sec=PATIENCE_SEC)
        self.service = Service(self.engine.core, self.engine.vault, lambda: self.engine.now, RateLimits(), Bounds(), outward=told)
        self.service.turns.replaying = False
        self.lanes = self.service.lanes

    def restart(self) -> None:
        """Another engine on the same folder, as after a crash: nothing of what was on the way is known."""
        self.engine.close()
        self.engine = Engine(self.data, self.engine.now)
        self._serve()

    def alarm(self, number: int = 1, code: Code = Code.PARTITION_FAULT) -> None:
        """Something goes wrong on this site (each number is another)."""
        with self.engine.core.ledger.transaction():
            self.engine.core.ledger.alerts.happened(code, f"It is <wrong> & bad, number {number}.", self.engine.now, None)
            alert = self.engine.core.ledger.alerts.open_ones()[-1]
            self.engine.core.ledger.alerts.save(msgspec.structs.replace(alert, resolved_at=self.engine.now))

    def tap(self, **fields: Any) -> None:
        self.engine.send(
            **(
                {"ea": "phone_call", "ec": "conversion", "el": "tel:+902125550142", "u": "https://antika.example/?gclid=secret"}
                | fields
            )
        )

    async def until(self, is_over: Callable[[], bool], step_ms: int = SECOND_MS) -> None:
        """Beats until it is over, with a deadline of the real clock."""
        deadline = time.monotonic() + WAIT_SEC
        while not is_over():
            assert time.monotonic() < deadline, (self.deliveries(), self.lanes.describe(self.engine.now))
            self.engine.now += step_ms
            self.lanes.tick(self.engine.now)
            for _ in range(10):
                await asyncio.sleep(0.002)

    async def drain(self, step_ms: int = SECOND_MS) -> None:
        await self.until(
            lambda: not self.states()["waiting"] and self.lanes.outbox.sent_seq >= self.engine.core.ledger.feed_seq, step_ms
        )

    def deliveries(self) -> list[dict[str, Any]]:
        return rows(self.engine.core.ledger.db, "select * from outbox order by id")

    def states(self) -> dict[str, int]:
        found = [one["state"] for one in self.deliveries()]
        return {state: found.count(state) for state in ("waiting", "delivered", "dead", "expired")}

    def command(self, name: str, **arguments: Any) -> Any:
        return COMMANDS[name].run(self.service, COMMAND_LINE, arguments)

    def close(self) -> None:
        self.lanes.close()
        self.engine.close()


def run(sender: Sender, scenario: Callable[[], Any]) -> None:
    """In a loop of its own."""

    async def inside() -> None:
        try:
            await scenario()
        finally:
            sender.lanes.close()
            while sender.lanes.courier_pid is not None:  # noqa: ASYNC110 - a process ends when it ends
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.02)

    try:
        asyncio.run(inside())
    finally:
        sender.engine.close()


@pytest.fixture
def telegram() -> Iterator[Receiver]:
    with receiver(Telegram) as server:
        yield server


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver(Handler) as server:
        yield server


def to_telegram(tmp_path: Path, server: Receiver, **more: Any) -> Sender:
    return Sender(tmp_path / "data", Outward(telegram_token=TOKEN, telegram_chat=CHAT, telegram_api=server.url, **more))


# --- Telegram ---------------------------------------------------------------------------------------------------------------------


def test_an_alarm_says_so_with_its_code_and_everything_escaped(tmp_path: Path, telegram: Receiver) -> None:
    sender = to_telegram(tmp_path, telegram)

    async def scenario() -> None:
        sender.alarm()
        await sender.drain()

    run(sender, scenario)
    [text] = telegram.accepted
    assert text.startswith("🚨 [CRITICAL] <b>PARTITION_FAULT · the Box</b>\n")
    assert "It is &lt;wrong&gt; &amp; bad" in text
    assert "→ " in text
    assert "#1 " in text


SCRIPTS = {
    "429": ["429:7"], "429 twice": ["429:2", "429:40"], "400": ["400"], "400 and 500": ["400", "500"], "500": ["500", "502", "500"],
    "hang": ["hang", "hang"], "drop": ["drop", "drop"], "all": ["429:2", "400", "500", "hang", "drop", "500", "ok"],
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_every_alarm_arrives_once_whatever_the_receiver_does_before_it_takes_it(
    tmp_path: Path, telegram: Receiver, script: list[str]
) -> None:
    sender = to_telegram(tmp_path, telegram)
    telegram.script.extend(script)

    async def scenario() -> None:
        for number in range(1, 4):
            sender.alarm(number)
        await sender.drain(5 * SECOND_MS)

    run(sender, scenario)
    assert [count_of(telegram, number) for number in range(1, 4)] == [1, 1, 1]


@pytest.mark.parametrize("how", ["accept-hang", "accept-drop"])
def test_a_second_copy_comes_only_when_the_answer_was_lost(tmp_path: Path, telegram: Receiver, how: str) -> None:
    sender = to_telegram(tmp_path, telegram)
    telegram.script.extend(["ok", how])

    async def scenario() -> None:
        for number in range(1, 4):
            sender.alarm(number)
        await sender.drain(5 * SECOND_MS)

    run(sender, scenario)
    assert [count_of(telegram, number) for number in range(1, 4)] == [1, 2, 1]
    copies = [text for text in telegram.accepted if "number 2" in text]
    assert copies[0] == copies[1], "recognisable by its code, number and time"


def count_of(server: Receiver, number: int) -> int:
    return sum(text.count(f"number {number}.") for text in server.accepted)


def test_what_telegram_asks_for_is_obeyed(tmp_path: Path, telegram: Receiver) -> None:
    sender = to_telegram(tmp_path, telegram)
    telegram.script.append("429:30")

    async def scenario() -> None:
        sender.alarm()
        await sender.until(lambda: sender.lanes.state("telegram").failures == 1)
        asked = sender.engine.now
        await sender.drain()
        assert 30 * SECOND_MS <= sender.engine.now - asked < 36 * SECOND_MS

    run(sender, scenario)
    assert len(telegram.asked) == 2


def test_a_chat_that_moved_is_followed_and_remembered(tmp_path: Path, telegram: Receiver) -> None:
    sender = to_telegram(tmp_path, telegram)
    telegram.script.append("migrate")

    async def scenario() -> None:
        sender.alarm(1)
        await sender.drain()
        sender.lanes.close()
        sender.restart()
        sender.alarm(2)
        await sender.drain()

    run(sender, scenario)
    assert [count_of(telegram, number) for number in (1, 2)] == [1, 1]
    assert [json.loads(body)["chat_id"] for _, _, body in telegram.asked] == [CHAT, str(MOVED), str(MOVED)]


def test_more_than_five_in_a_minute_come_together(tmp_path: Path, telegram: Receiver) -> None:
    sender = to_telegram(tmp_path, telegram)

    async def scenario() -> None:
        for number in range(1, 13):
            sender.alarm(number)
        await sender.drain()

    run(sender, scenario)
    assert len(telegram.accepted) <= 2
    assert telegram.accepted[0].startswith("🚨 [CRITICAL] <b>12 messages</b>")
    assert all(count_of(telegram, number) == 1 for number in range(1, 13))


def test_five_come_one_by_one_a_second_apart(tmp_path: Path, telegram: Receiver) -> None:
    sender = to_telegram(tmp_path, telegram)

    async def scenario() -> None:
        for number in range(1, 6):
            sender.alarm(number)
        started = sender.engine.now
        await sender.drain()
        assert sender.engine.now - started >= 4 * SECOND_MS

    run(sender, scenario)
    assert len(telegram.accepted) == 5


def test_only_hot_intents_are_told_and_nothing_of_who_it_was(tmp_path: Path, telegram: Receiver) -> None:
    sender = to_telegram(tmp_path, telegram, hot_score=50)

    async def scenario() -> None:
        sender.tap()
        sender.tap(ec="interaction", el="tel:+902125550143", u="https://antika.example/kalt")
        await sender.drain()

    run(sender, scenario)
    [text] = telegram.accepted
    assert "Hot intent · antika · tapped the phone" in text
    assert not [secret for secret in ("gclid", "secret", "902125550142", "fp_") if secret in text]


def test_what_is_too_late_to_call_back_is_not_told(tmp_path: Path, telegram: Receiver) -> None:
    sender = to_telegram(tmp_path, telegram, hot_score=50)
    telegram.script.extend(["500"] * 50)

    async def scenario() -> None:
        sender.tap()
        await sender.until(lambda: sender.states()["expired"] == 1, MINUTE_MS)

    run(sender, scenario)
    assert telegram.accepted == []


def test_with_nothing_switched_on_nothing_leaves(tmp_path: Path, telegram: Receiver) -> None:
    sender = Sender(tmp_path / "data", Outward(telegram_api=telegram.url, level="info", hot_score=1))

    async def scenario() -> None:
        sender.alarm()
        sender.tap()
        await sender.drain()

    run(sender, scenario)
    assert (telegram.asked, sender.data.exists()) == ([], True)


def test_what_waited_survives_a_restart_under_the_same_key(tmp_path: Path, telegram: Receiver) -> None:
    sender = to_telegram(tmp_path, telegram)
    telegram.script.append("hang")

    async def scenario() -> None:
        sender.alarm()
        await sender.until(lambda: len(telegram.asked) == 1)
        keys = [one["dedupe_key"] for one in sender.deliveries()]
        sender.lanes.close()
        sender.restart()
        await sender.drain()
        assert [one["dedupe_key"] for one in sender.deliveries()] == keys

    run(sender, scenario)
    assert count_of(telegram, 1) == 1


# --- lanes ------------------------------------------------------------------------------------------------------------------------


def test_a_lane_that_hangs_holds_up_no_other(tmp_path: Path, telegram: Receiver, hook: Receiver) -> None:
    sender = to_telegram(tmp_path, telegram)
    telegram.script.extend(["hang"] * 100)

    async def scenario() -> None:
        sender.command("add_webhook", url=f"{hook.url}/crm")
        await sender.drain()
        sender.alarm()
        sender.tap()
        await sender.until(lambda: len(hook.accepted) == 2)

    run(sender, scenario)
    assert telegram.accepted == []


def test_a_row_its_receiver_chokes_on_lets_the_others_before_and_is_given_up_at_last(tmp_path: Path, hook: Receiver) -> None:
    class Choking(Handler):
        def answer(self, word: str, headers: dict[str, str], body: bytes) -> None:
            super().answer("500" if json.loads(body)["data"].get("contact_id") == 2 else word, headers, body)

    with receiver(Choking) as server:
        sender = Sender(tmp_path / "data", Outward())

        async def scenario() -> None:
            sender.command("add_webhook", url=server.url, events=["lead.created"])
            for number in range(4):
                sender.tap(el=f"tel:+90212555010{number}", sid=f"5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a1{number}")
            await sender.until(lambda: len(server.accepted) == 3)
            await sender.until(lambda: sender.states()["dead"] == 1, HOUR_MS)
            dead = next(one for one in sender.deliveries() if one["state"] == "dead")
            assert dead["attempts"] > 5
            assert dead["last_error"] == "500"
            assert sender.command("list_deliveries", state="dead")["deliveries"][0]["id"] == dead["id"]
            assert sender.command("retry_delivery", id=dead["id"])["state"] == "waiting"

        run(sender, scenario)


# --- webhooks ---------------------------------------------------------------------------------------------------------------------


def test_webhooks_are_signed_as_the_standard_has_it(tmp_path: Path, hook: Receiver) -> None:
    sender = Sender(tmp_path / "data", Outward())
    hook.script.extend(["500"])
    made: dict[str, Any] = {}

    async def scenario() -> None:
        sender.engine.now = int(time.time() * 1000)
        made.update(sender.command("add_webhook", url=f"{hook.url}/crm", site="antika"))
        sender.tap()
        await sender.drain()

    run(sender, scenario)
    (_, first, _), (path, headers, body) = hook.asked
    told = Webhook(made["key"]).verify(body, headers)
    assert path == "/crm"
    assert told["type"] == "lead.created"
    assert told["data"]["kind"] == "phone"
    assert first["webhook-id"] == headers["webhook-id"], "the same at every attempt"
    assert not [secret for secret in ("gclid", "secret", "902125550142") if secret in body.decode()]
    assert made["key"] not in str(sender.outward)


def test_a_redirect_is_not_followed_and_gone_is_gone(tmp_path: Path, hook: Receiver) -> None:
    sender = Sender(tmp_path / "data", Outward())
    hook.script.extend(["302", "410"])

    async def scenario() -> None:
        sender.command("add_webhook", url=hook.url)
        sender.tap()
        await sender.until(lambda: sender.states()["dead"] == 1)
        assert [one["last_error"] for one in sender.deliveries()] == ["410 Gone"]

    run(sender, scenario)
    assert len(hook.asked) == 2


def test_a_dead_mans_switch_is_pinged_every_minute(tmp_path: Path, hook: Receiver) -> None:
    sender = Sender(tmp_path / "data", Outward(deadman_url=f"{hook.url}/ping/secret"))

    async def scenario() -> None:
        await sender.until(lambda: bool(hook.asked), 0)  # the courier takes a moment to start
        started = sender.engine.now
        await sender.until(lambda: len(hook.asked) >= 4, 5 * SECOND_MS)
        assert 2 * MINUTE_MS < sender.engine.now - started <= 5 * MINUTE_MS

    run(sender, scenario)
    assert {path for path, _, _ in hook.asked} == {"/ping/secret"}


# --- e-mail -----------------------------------------------------------------------------------------------------------------------


class Inbox:
    """A real mail server's handler: takes what it is given, refusing first as often as it is told to."""

    def __init__(self, refusals: int = 0) -> None:
        self.mails: list[Any] = []
        self.refusals = refusals

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - its name at aiosmtpd
        if self.refusals:
            self.refusals -= 1
            return "451 Try again later"
        self.mails.append(envelope)
        return "250 OK"


@contextmanager
def mail_server(inbox: Inbox, **options: Any) -> Iterator[int]:
    """A real one; its port."""
    port = free_port()
    server = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    server.start()
    try:
        yield port
    finally:
        server.stop()


def to_mail(tmp_path: Path, port: int, security: str, user: str = "") -> Sender:
    box = Mailbox(
        "127.0.0.1", port, security, user, "the mailbox's password" if user else "", "box@example.com", ["owner@example.com"]
    )
    return Sender(tmp_path / "data", Outward(mailbox=box))


async def one_alarm(sender: Sender) -> None:
    sender.alarm()
    await sender.drain()


def test_an_alarm_comes_by_mail_and_what_is_refused_for_now_comes_again(tmp_path: Path) -> None:
    inbox = Inbox(refusals=2)
    with mail_server(inbox) as port:
        sender = to_mail(tmp_path, port, "none")
        run(sender, lambda: one_alarm(sender))
    [mail] = inbox.mails
    told = message_from_bytes(mail.content, policy=default)
    assert mail.rcpt_tos == ["owner@example.com"]
    assert told["subject"] == "🚨 [CRITICAL] PARTITION_FAULT · the Box"
    assert told["message-id"].startswith("<email.alert.")
    assert "It is <wrong> & bad, number 1." in told.get_content()


def test_a_password_goes_over_tls_and_to_nobody_whose_certificate_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, context = certified(tmp_path)
    inbox, logins = Inbox(), list[bytes]()

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, told: Any) -> AuthResult:
        logins.append(told.password)
        return AuthResult(success=True)

    options = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": authenticate}
    with mail_server(inbox, **options) as port:
        stranger = to_mail(tmp_path / "stranger", port, "starttls", "box")

        async def refused() -> None:
            stranger.alarm()
            await stranger.until(lambda: stranger.lanes.state("email").failures == 2)
            assert "SSLCertVerificationError" in stranger.lanes.state("email").last_error

        run(stranger, refused)
        assert (logins, inbox.mails) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        known = to_mail(tmp_path / "known", port, "starttls", "box")
        run(known, lambda: one_alarm(known))
    assert (logins, len(inbox.mails)) == ([b"the mailbox's password"], 1)


def test_a_server_without_tls_gets_no_mail_that_was_to_go_over_tls(tmp_path: Path) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        sender = to_mail(tmp_path, port, "starttls", "box")

        async def refused() -> None:
            sender.alarm()
            await sender.until(lambda: sender.lanes.state("email").failures == 1)

        run(sender, refused)
    assert inbox.mails == []
