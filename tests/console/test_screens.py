"""What every screen shows, as text: empty, busy, cut off, with hostile texts; at 80×24 and 200×60; in English and Turkish.

The pictures are in pictures/, one file for each state, size and language, the screens below each other. `UPDATE_PICTURES=1` draws them
anew: read the difference before it is committed.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from tests.console.kit import MINUTE, NOW, StillConsole, busy_leads, hostile_leads, queue_page, recording
from tui.model.link import Link
from tui.model.messages import Envelope, Message, Present

pytestmark = pytest.mark.anyio

PICTURES = Path(__file__).with_name("pictures")
SCREENS = {
    "1": "queue",
    "2": "all",
    "3": "mine",
    "4": "missed",
    "5": "numbers",
    "6": "health",
    "7": "alerts",
    "8": "sites",
    "9": "deliveries",
    "question_mark": "help",
    "comma": "settings",
}
SMALL, LARGE = (80, 24), (200, 60)
CASES = (
    ("empty", SMALL, "en"),
    ("busy", SMALL, "en"),
    ("degraded", SMALL, "en"),
    ("hostile", SMALL, "en"),
    ("busy", LARGE, "en"),
    ("hostile", LARGE, "en"),
    ("busy", SMALL, "tr"),
    ("degraded", LARGE, "tr"),
)


def console(state: str, folder: Path, language: str) -> StillConsole:
    leads: list[dict[str, Any]] = {"empty": [], "hostile": hostile_leads()}.get(state, busy_leads())
    text = "\x1b]52;c;aGk=\x07\u202e[/nope" if state == "hostile" else ""
    return StillConsole(queue_page(leads), folder, language, {} if state == "empty" else recording(leads, text))


def prepare(app: StillConsole, state: str) -> None:
    desk = app.main.desk
    if state == "degraded":
        desk.link = Link("lost", NOW - 12_000, NOW - 12_000, "connection refused")
        lead = desk.store.shown(12)
        assert lead is not None
        desk.decide("verdict", lead, 12, status="confirmed", version=1, sale_amount=250_000, currency="TRY")
    if state in ("busy", "hostile"):
        text = "\x9b2J[/nope" if state == "hostile" else "no signal for 3 hours"
        lead_id = next(iter(desk.store.leads))
        body = {"code": "silent_site", "text": text}
        desk.told([Message("1-9", "alert", Envelope(next(iter(desk.store.sites)), NOW - MINUTE, "1", 1, body))])
        desk.present = [Present(1, "op-1", None, None, NOW), Present(2, text, next(iter(desk.store.sites)), lead_id, NOW - MINUTE)]


async def picture(state: str, size: tuple[int, int], language: str, folder: Path) -> str:
    app = console(state, folder, language)
    parts: list[str] = []
    async with app.run_test(size=size) as pilot:
        prepare(app, state)
        await app.settle(pilot)
        for key, name in SCREENS.items():
            await pilot.press(key)
            await app.settle(pilot)
            parts.append(f"=== {name} ===\n{app.text()}")
            assert all(cell_len(line) <= size[0] for line in app.text().split("\n"))
    return "\n".join(parts) + "\n"


@pytest.mark.parametrize(
    ("state", "size", "language"), CASES, ids=lambda one: one if isinstance(one, str) else f"{one[0]}x{one[1]}"
)
async def test_a_screen_shows_what_it_showed(state: str, size: tuple[int, int], language: str, tmp_path: Path):
    drawn = await picture(state, size, language, tmp_path)
    file = PICTURES / f"{state}-{size[0]}x{size[1]}-{language}.txt"
    if os.environ.get("UPDATE_PICTURES"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(drawn)
    assert drawn == file.read_text()


async def test_the_first_run_asks_for_a_box_and_a_person(tmp_path: Path):
    app = StillConsole(None, tmp_path)
    app._token = ""
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = app.text()
    assert "Which Box, and who are you?" in text
    assert "http://127.0.0.1:9" in text
