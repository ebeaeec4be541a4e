"""What every screen shows, as text: empty, busy, cut off, with hostile texts; at 80×24 and 200×60; in English and Turkish.

The pictures are in pictures/, one file for each state, size and language, the screens below each other. `UPDATE_PICTURES=1` draws them
anew: read the difference before it is committed.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from tests.console.kit import MINUTE, NOW, StillConsole, busy_leads, hostile_leads, queue_page, recording
from tests.console.told import standing_alerts
from tui.model.commands import SCREENS as COMMAND_SCREENS
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
STATES = ("empty", "busy", "degraded", "hostile")
SIZES = ((80, 24), (200, 60))
LANGUAGES = ("en", "tr")
BAD = "\x1b]52;c;aGk=\x07\u202e[/nope"


def console(state: str, folder: Path, language: str) -> StillConsole:
    """`empty`: a Box that was made a minute ago, and a token that does not see it whole."""
    leads: list[dict[str, Any]] = {"empty": [], "hostile": hostile_leads()}.get(state, busy_leads())
    page = queue_page(leads, sites=[], people=[]) if state == "empty" else queue_page(leads)
    return StillConsole(page, folder, language, recording(leads, BAD if state == "hostile" else "", state))


async def prepare(app: StillConsole, state: str) -> None:
    """What the stream has told meanwhile; of `degraded`: how the Box was before the line broke."""
    desk = app.main.desk
    for rate in (3, 5, 4, 8, 12, 9, 12.5) if state != "empty" else ():
        desk.rates.told.append((0, rate))
    await desk.ask_health()
    if state in ("busy", "hostile"):
        name = "\x9b2J[/nope" if state == "hostile" else "op-2"
        told = standing_alerts(BAD if state == "hostile" else "")[0]
        body = {key: value for key, value in told.items() if key != "site_id"} | {"change": "opened"}
        desk.told([Message("1-9", "alert", Envelope(told["site_id"], NOW - MINUTE, "31", 1, body))])
        lead_id = next(iter(desk.store.leads))
        desk.present = [Present(1, "op-1", None, None, NOW), Present(2, name, next(iter(desk.store.sites)), lead_id, NOW - MINUTE)]


def cut_off(app: StillConsole) -> None:
    """The line breaks; what is decided then waits."""
    desk = app.main.desk
    desk.link = Link("lost", NOW - 12_000, NOW - 12_000, "connection refused")
    lead = desk.store.shown(12)
    assert lead is not None
    desk.decide("verdict", lead, 12, status="confirmed", version=1, sale_amount=250_000, currency="TRY")


async def picture(state: str, size: tuple[int, int], language: str, folder: Path) -> str:
    """All screens one after the other; of `degraded` health comes twice: as the Box is, and without it."""
    app = console(state, folder, language)
    parts: list[str] = []
    async with app.run_test(size=size) as pilot:
        await app.settle(pilot)
        await prepare(app, state)
        if state == "degraded":
            parts.append(await drawn(app, pilot, "6", "health, before the line broke"))
            cut_off(app)
        parts += [await drawn(app, pilot, key, name) for key, name in SCREENS.items()]
    return "\n".join(parts) + "\n"


async def drawn(app: StillConsole, pilot: Pilot[Any], key: str, name: str) -> str:
    """A screen behind its key; no line is longer than the terminal is wide."""
    await pilot.press(key)
    await app.settle(pilot)
    text = app.text()
    assert all(cell_len(line) <= app.size.width for line in text.split("\n"))
    return f"=== {name} ===\n{text}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", STATES)
async def test_a_screen_shows_what_it_showed(state: str, size: tuple[int, int], language: str, tmp_path: Path):
    shown = await picture(state, size, language, tmp_path)
    file = PICTURES / f"{state}-{size[0]}x{size[1]}-{language}.txt"
    if os.environ.get("UPDATE_PICTURES"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(shown)
    assert shown == file.read_text()


def test_no_picture_is_left_of_a_case_that_is_not_drawn():
    cases = {f"{state}-{size[0]}x{size[1]}-{language}.txt" for state in STATES for size in SIZES for language in LANGUAGES}
    assert {path.name for path in PICTURES.iterdir()} == cases


def test_every_screen_is_in_the_pictures():
    assert set(SCREENS.values()) == {*COMMAND_SCREENS, "help", "settings"}


async def test_the_first_run_asks_for_a_box_and_a_person(tmp_path: Path):
    app = StillConsole(None, tmp_path)
    app._token = ""
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = app.text()
    assert "Which Box, and who are you?" in text
    assert "http://127.0.0.1:9" in text
