"""The daily message of a running Box: yesterday's numbers, once, however often the job runs and the Box starts."""

import time
from pathlib import Path

from opsmantik_box.domain.days import day_bounds, day_of
from tests.harness import Box, wait_until
from tests.stand_ins import CHAT, TOKEN, Telegram, receiver

ZONE = "Europe/Istanbul"


def at_noon_of_tomorrow() -> int:
    """So far to shift a clock."""
    now = time.time_ns() // 1_000_000
    return day_bounds(day_of(now, ZONE), ZONE)[1] + 12 * 3_600_000 - now


def test_yesterday_is_told_once(tmp_path: Path) -> None:
    with receiver(Telegram) as server:
        env = {
            "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": CHAT, "OPSMANTIK_TELEGRAM_API_URL": server.url,
            "OPSMANTIK_NOTIFY_ALLOWED_NETWORKS": "127.0.0.0/8", "OPSMANTIK_NOTIFY_DAILY_HOUR": "9",
        }  # fmt: skip
        box = Box(tmp_path / "data", env=env, shift_ms=1)
        with box:
            site = box.add_site("antika")["public_id"]
            box.add_site("leer")
            for number in range(3):
                box.send(
                    site, sid=f"5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a1{number}", u="https://antika.example/?gclid=EAIaIQobChMI8pXr"
                )
            box.send(site, ea="phone_call", ec="conversion", el="tel:+902125550142", sid="5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a10")
            box.wait_projected()
            before = len(server.accepted)
            box.shift.write_text(str(at_noon_of_tomorrow()))
            assert box.process is not None
            wait_until(lambda: any("Yesterday" in text for text in server.accepted), "the message", box.process, box.log)
        told = [text for text in server.accepted[before:] if "Yesterday" in text]
        assert len(told) == 1
        assert "antika: 3 ads sessions → 1 intents (1 phone, 0 WhatsApp) → 0 sealed so far." in told[0]
        assert "Nobody came to: leer." in told[0]
        with box:
            assert box.cli_json("jobs", "run", "tell_day")["result"] == "There was nothing to tell."
        assert sum("Yesterday" in text for text in server.accepted) == 1
