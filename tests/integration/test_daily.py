"""The daily message of a running Box: yesterday's numbers, once, however often the job runs and the Box starts."""

import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.harness import Box, wait_until
from tests.stand_ins import CHAT, TOKEN, Telegram, receiver

ZONE = "Europe/Istanbul"


def shift_to(day: int, hour: int) -> int:
    """So far to shift a clock, for it to be this hour of a day of November."""
    return int(datetime(2026, 11, day, hour, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000) - time.time_ns() // 1_000_000


def told_at_nine(data: Path, url: str, shift_ms: int) -> Box:
    env = {
        "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": CHAT, "OPSMANTIK_TELEGRAM_API_URL": url,
        "OPSMANTIK_NOTIFY_ALLOWED_NETWORKS": "127.0.0.0/8", "OPSMANTIK_NOTIFY_DAILY_HOUR": "9",
    }  # fmt: skip
    return Box(data, env=env, shift_ms=shift_ms)


def test_a_box_without_a_site_tells_nothing(tmp_path: Path) -> None:
    with receiver(Telegram) as server, told_at_nine(tmp_path / "data", server.url, shift_to(10, 9)) as box:
        assert box.run_job("tell_day")["result"] == "There was nothing to tell."
        box.add_site("antika")
        assert box.run_job("tell_day")["result"] == "2026-11-09 was told."


def test_yesterday_is_told_once(tmp_path: Path) -> None:
    with receiver(Telegram) as server:
        box = told_at_nine(tmp_path / "data", server.url, shift_to(10, 7))
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
            box.shift.write_text(str(shift_to(11, 12)))
            assert box.process is not None
            wait_until(lambda: any("Yesterday" in text for text in server.accepted), "the message", box.process, box.log)
        told = [text for text in server.accepted[before:] if "Yesterday" in text]
        assert len(told) == 1
        assert "antika: 3 ads sessions → 1 intents (1 phone, 0 WhatsApp) → 0 sealed so far." in told[0]
        assert "Nobody came to: leer." in told[0]
        with box:
            assert box.run_job("tell_day")["result"] == "There was nothing to tell."
        assert sum("Yesterday" in text for text in server.accepted) == 1
