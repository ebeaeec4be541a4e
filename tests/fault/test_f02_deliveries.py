"""F2, deliveries: the engine is killed after a receiver took a message, before that was written down. It comes once more, and is known
by its text."""

from tests.fault.live import live_box, wait_until
from tests.fault.test_f02_named_points import KILL_AT
from tests.harness import fetch
from tests.stand_ins import CHAT, TOKEN, Telegram, receiver

SECRET = "a-secret-of-the-cron-job"


def test_after_delivery() -> None:
    with receiver(Telegram) as server:
        env = {
            "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": CHAT, "CRON_SECRET": SECRET, "OPSMANTIK_TELEGRAM_API_URL": server.url,
            "OPSMANTIK_NOTIFY_ALLOWED_NETWORKS": "127.0.0.0/8",
        }  # fmt: skip
        with live_box(env=env) as live:
            assert live.box.stop() == 0
            live.box.env[KILL_AT] = "after_delivery:1"
            live.start()
            process = live.box.process
            assert process is not None
            assert fetch(f"{live.box.url}/api/test-notification", b"", {"Authorization": f"Bearer {SECRET}"})[0] == 200
            wait_until(lambda: process.poll() is not None, "dying after the delivery", 30)
            assert (process.returncode, len(server.accepted)) == (-9, 1)
            del live.box.env[KILL_AT]
            live.start()
            wait_until(lambda: len(server.accepted) == 2, "the second copy", 30)
            assert server.accepted[0] == server.accepted[1]
            wait_until(lambda: live.box.call("list_deliveries")["deliveries"][0]["state"] == "delivered", "its end", 30)
            live.stop_and_check()
