"""Every key, pressed: what it leads to. The Box is not there, so what is decided stays under way; that it arrives is test_live.py's."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace
from textual.binding import BindingsMap
from textual.pilot import Pilot

from opsmantik_box.domain.work import Claim
from tests.console.kit import MINUTE, NOW, StillConsole, busy_leads, queue_page, recording
from tui.keys import KEYS
from tui.model.actions import Action
from tui.model.queue import Filter
from tui.net.client import Refused
from tui.screens.leads import LeadsView
from tui.screens.main import MainScreen
from tui.screens.pages import NumbersPage

pytestmark = pytest.mark.anyio


def copies(leads: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """The same leads once more, as others: with numbers of their own."""
    told = json.encode(leads).decode()
    shift = 1000 * number
    for one in leads:
        told = told.replace(f'"lead":{one["lead"]},', f'"lead":{one["lead"] + shift},').replace(
            f'"id":{one["lead"]},', f'"id":{one["lead"] + shift},'
        )
    return json.decode(told)


@asynccontextmanager
async def opened(folder: Path, size: tuple[int, int] = (80, 24)) -> AsyncIterator["Session"]:
    app = StillConsole(queue_page(busy_leads()), folder, answers=recording(busy_leads(), state="degraded"))
    async with app.run_test(size=size) as pilot:
        session = Session(app, pilot)
        await app.settle(pilot)
        yield session


class Session:
    """A console under somebody's fingers."""

    def __init__(self, app: StillConsole, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot
        self.pressed = set[str]()

    async def press(self, *keys: str) -> None:
        self.pressed |= set(keys)
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        await self.press(*(KEY_NAMES.get(char, char) for char in text))

    async def at(self, lead: int) -> None:
        """The cursor on a lead."""
        self.leads.rows.choose(lead)
        await self.pilot.pause()

    @property
    def leads(self) -> LeadsView:
        return self.app.main.leads

    @property
    def view(self) -> str:
        return self.app.main._view

    @property
    def filter(self) -> Filter:
        return self.leads.filter

    def decided(self) -> list[Action]:
        return list(self.app.main.desk.store.pending.values())

    def last(self) -> tuple[str, int, dict[str, Any]]:
        action = self.decided()[-1]
        return action.kind, action.contact, action.body

    def text(self) -> str:
        self.app.main.draw()
        return self.app.text()


KEY_NAMES = {" ": "space", ",": "comma", ".": "full_stop", "-": "minus", ":": "colon", "!": "exclamation_mark", "/": "slash"}
CASES: dict[str, Callable[["Session"], Any]] = {}


def key(name: str) -> Callable[[Callable[["Session"], Any]], Callable[["Session"], Any]]:
    """Registers what a key is tried by."""

    def register(case: Callable[["Session"], Any]) -> Callable[["Session"], Any]:
        CASES[name] = case
        return case

    return register


@pytest.mark.parametrize("name", [one.name for one in KEYS])
async def test_a_key_does_what_it_says(name: str, tmp_path: Path):
    async with opened(tmp_path) as session:
        await CASES[name](session)
        assert session.pressed & spellings(name), "the case never pressed its key"


def spellings(name: str) -> set[str]:
    """Every way a key may be called by a terminal."""
    return {keys for one in KEYS if one.name == name for keys in one.keys.split(",")}


def test_every_binding_has_a_case_that_presses_it():
    bound = {binding.key for binding in BindingsMap(MainScreen.BINDINGS).key_to_bindings.values() for binding in binding}
    assert bound == {keys for one in KEYS for keys in spellings(one.name)} | set("123456789")
    assert set(CASES) == {one.name for one in KEYS}


@pytest.mark.parametrize("name", [one.name for one in KEYS if "," in one.keys])
async def test_a_key_means_the_same_however_it_is_spelled(name: str, tmp_path: Path):
    async with opened(tmp_path) as session:
        actions = {session.app.main._bindings.key_to_bindings[keys][0].action for keys in spellings(name)}
    assert len(actions) == 1


@key("claim")
async def _claim(session: Session):
    await session.at(12)
    await session.press("c")
    await session.app.workers.wait_for_complete()
    assert "cannot be promised while offline" in session.text()


@key("take_over")
async def _take_over(session: Session):
    await session.at(13)
    await session.press("C")
    await session.app.workers.wait_for_complete()
    assert "cannot be promised while offline" in session.text()


@key("outcome")
async def _outcome(session: Session):
    await session.at(12)
    await session.press("o")
    assert "What came of it?" in session.text()
    await session.press("2")
    assert session.last() == ("attempt", 12, {"outcome": "no_answer"})
    shown = session.app.main.desk.store.shown(12)
    assert shown is not None
    assert shown.reminder is not None
    assert shown.reminder.due_at == NOW + 15 * MINUTE
    await session.press("o", "5")
    assert "Remind when?" in session.text()
    await session.press("2")
    assert session.last() == ("attempt", 12, {"outcome": "call_later", "when": NOW + 60 * MINUTE})
    await session.press("o", "1")
    assert "press R" in session.text()


@key("seal")
async def _seal(session: Session):
    await session.at(12)
    await session.press("s")
    await session.write("2.500")
    assert session.app.main.desk.kept.draft("seal-12") == "2.500"
    await session.press("enter")
    assert session.last() == ("verdict", 12, {"status": "confirmed", "version": 1, "sale_amount": 250_000, "currency": "TRY"})
    assert "2,500 TRY" in session.text()
    assert session.app.main.desk.kept.draft("seal-12") == ""


@key("junk")
async def _junk(session: Session):
    await session.at(12)
    await session.press("x")
    assert session.last() == ("verdict", 12, {"status": "junk", "version": 1})


@key("qualified")
async def _qualified(session: Session):
    await session.at(12)
    await session.press("q")
    assert session.last()[2]["status"] == "qualified"


@key("real")
async def _real(session: Session):
    await session.at(12)
    await session.press("R")
    assert session.last()[2]["status"] == "real"


@key("remind")
async def _remind(session: Session):
    await session.at(12)
    await session.press("r", "1")
    assert session.last() == ("reminder", 12, {"when": NOW + 15 * MINUTE})
    await session.press("r", "5")
    await session.write("45m")
    await session.press("enter")
    assert session.last() == ("reminder", 12, {"when": NOW + 45 * MINUTE})
    await session.press("r", "5")
    await session.write("sometime")
    await session.press("enter")
    assert "is no time like" in session.text()
    await session.press("escape")


@key("note")
async def _note(session: Session):
    await session.at(12)
    await session.press("n")
    await session.write("gumus tepsi")
    assert session.app.main.desk.kept.draft("note-12") == "gumus tepsi"
    await session.press("escape", "n", "enter")
    assert session.last() == ("note", 12, {"note": "gumus tepsi"})


@key("undo")
async def _undo(session: Session):
    await session.press("u")
    assert "Nothing to take back" in session.text()
    await session.at(12)
    await session.press("x", "u")
    assert "Take back: junk antika" in session.text()
    session.app.main.desk.failed(Refused(503, "disk full"))
    await session.press("u")
    await session.app.workers.wait_for_complete()
    assert session.decided() == []


@key("copy")
async def _copy(session: Session):
    await session.at(12)
    await session.press("y")
    assert "Claim it first" in session.text()
    store = session.app.main.desk.store
    session.app.main.work.claims._numbers[12] = "+90 532 \x1b]52;c;x\x07 555 01 43"
    await session.press("y")
    assert "Claim it first" in session.text()
    store.put(replace(store.leads[12], claim=Claim(1, NOW, NOW + MINUTE)))
    await session.press("y")
    assert "+9053252" in session.text()
    assert session.app.clipboard.lstrip("+").isdigit()


@key("pick")
async def _pick(session: Session):
    await session.at(12)
    await session.press("p")
    assert "no call with visits to pick from" in session.text()


@key("mark")
async def _mark(session: Session):
    await session.at(12)
    await session.press("space", "space")
    assert len(session.leads.marked) == 2
    await session.press("x")
    assert "Junk for 2 rows?" in session.text()
    await session.press("y")
    assert {one.body["status"] for one in session.decided()} == {"junk"}
    assert len(session.decided()) == 2
    assert session.leads.marked == set()


@key("ads")
async def _ads(session: Session):
    await session.press("A")
    assert session.filter.ads is False
    await session.press("5", "A")
    assert session.app.main.query_one(NumbersPage).scope == "all"


@key("span")
async def _span(session: Session):
    await session.press("5", "t")
    assert session.app.main.query_one(NumbersPage).span == "yesterday"


@key("earlier")
async def _earlier(session: Session):
    await session.press("5", "left")
    assert session.app.main.query_one(NumbersPage).day == -1


@key("later")
async def _later(session: Session):
    await session.press("5", "left", "left", "right")
    assert session.app.main.query_one(NumbersPage).day == -1


@key("pane")
async def _pane(session: Session):
    await session.at(12)
    await session.press("tab", "j")
    assert session.leads.pane == "lead"
    assert session.leads.rows.chosen == 12, "the keys move in the lead"
    await session.press("tab", "j")
    assert session.leads.rows.chosen != 12
    await session.press("tab", "escape")
    assert session.leads.pane == "list"


@key("jump")
async def _jump(session: Session):
    await session.press("ctrl+o")
    shown = session.text().split("\n")
    assert shown[3].startswith("  a "), "on the list's heads"
    assert sum(line.startswith(("─ s ", "  s ")) for line in shown) == 1, "on the lead's title"
    assert "Where to?" in session.text()
    await session.press("s")
    assert session.leads.pane == "lead"
    await session.press("ctrl+o", "escape")
    assert session.leads.pane == "lead"
    assert not [one for one in session.app.main.query(".letter") if one.display]
    await session.press("ctrl+o", "6")
    assert session.view == "health"


@key("search")
async def _search(session: Session):
    await session.press("slash")
    await session.write("nakl")
    assert session.leads.rows.rows == (14,)
    await session.press("enter")
    assert session.filter.search == "nakl"
    await session.press("slash")
    await session.write("!")
    await session.press("escape")
    assert session.filter.search == ""


@key("filter")
async def _filter(session: Session):
    await session.press("f")
    assert session.filter.site == next(iter(session.app.main.desk.store.sites))


@key("command")
async def _command(session: Session):
    await session.press("colon")
    await session.write("late")
    await session.press("enter")
    assert session.filter.late is True
    await session.press("colon")
    await session.write("nonsense")
    await session.press("enter")
    assert "no command nonsense" in session.text()
    await session.press("escape", "colon")
    await session.write("health")
    await session.press("enter")
    assert session.view == "health"


@key("enter")
async def _enter(session: Session):
    await session.press("8", "enter")
    assert session.view == "leads"
    assert session.filter.site == next(iter(session.app.main.desk.store.sites))
    in_short = session.app.speech("detail.not_yet")
    assert in_short not in session.text()
    await session.press("enter")
    assert session.leads.has_class("opened")
    assert in_short in session.text()


@key("mute")
async def _mute(session: Session):
    await session.press("m")
    assert "Quiet for 15 minutes" in session.text()
    await session.press("m")
    assert "Bells are on" in session.text()


@key("down")
async def _down(session: Session):
    await session.press("j", "down")
    assert session.leads.rows.cursor == 2


@key("up")
async def _up(session: Session):
    await session.press("j", "j", "k", "up")
    assert session.leads.rows.cursor == 0


@key("page_down")
async def _page_down(session: Session):
    await session.press("pagedown")
    assert session.leads.rows.cursor == session.leads.rows.page()


def in_sight(session: Session) -> bool:
    """Is the row under the cursor on the terminal, on its own line?"""
    rows = session.leads.rows
    line = rows.cursor - rows.scroll_offset.y
    drawn = "".join(text for text, _ in rows._fitted(line))
    return 0 <= line < rows.scrollable_content_region.height and bool(drawn.strip()) and drawn.rstrip() in session.app.text()


@key("page_up")
async def _page_up(session: Session):
    await session.press("pagedown", "pageup")
    assert session.leads.rows.cursor == 0


@key("top")
async def _top(session: Session):
    await session.press("G", "g")
    assert session.leads.rows.cursor == session.leads.rows.scroll_offset.y == 0
    assert in_sight(session)


@key("end")
async def _end(session: Session):
    await session.press("G")
    assert session.leads.rows.cursor == len(session.leads.rows.rows) - 1
    assert in_sight(session)


@key("back")
async def _back(session: Session):
    await session.press("5", "6", "question_mark", "escape")
    assert session.view == "health"
    await session.press("escape", "escape")
    assert session.view == "leads"
    await session.press("f", "escape", "escape", "escape")
    assert session.filter == Filter()
    assert session.app.is_running


@key("settings")
async def _settings(session: Session):
    await session.press("comma", "j", "enter")
    assert session.app.settings.language == "en"
    await session.press("enter")
    await session.pilot.pause()
    assert "Ayarlar" in session.text() or "Dil (boş: LANG)" in session.text()


@key("acknowledge")
async def _acknowledge(session: Session):
    await session.press("7", "a")
    await session.app.workers.wait_for_complete()
    assert "when it is there again" in session.text()
    await session.press("G", "a")
    assert "nothing to look after" in session.text()


@key("silence")
async def _silence(session: Session):
    await session.press("7", "z")
    assert "Tell nobody until when?" in session.text()
    await session.press("4")
    await session.write("sometime")
    await session.press("enter")
    assert "is no time like" in session.text()
    await session.press("escape", "z", "1")
    await session.app.workers.wait_for_complete()
    assert "when it is there again" in session.text()


@key("retry")
async def _retry(session: Session):
    await session.press("9")
    await session.app.settle(session.pilot)
    await session.press("e")
    assert "Only what was given up" in session.text()
    await session.press("j", "e")
    await session.app.workers.wait_for_complete()
    assert "when it is there again" in session.text()


@key("palette")
async def _palette(session: Session):
    await session.press("ctrl+p")
    await session.pilot.pause()
    assert len(session.app.screen_stack) > 2
    await session.write("Sites")
    await session.app.workers.wait_for_complete()
    await session.press("down", "enter")
    await session.pilot.pause()
    assert session.view == "sites"


@key("quit")
async def _quit(session: Session):
    await session.press("ctrl+q")
    await session.pilot.pause()
    assert not session.app.is_running or session.app._exit


@key("help")
async def _help(session: Session):
    await session.press("question_mark")
    assert "Work on a lead" in session.text()


async def test_digits_are_screens(tmp_path: Path):
    async with opened(tmp_path) as session:
        for digit, name in zip(
            "123456789", ("queue", "all", "mine", "missed", "numbers", "health", "alerts", "sites", "deliveries"), strict=True
        ):
            await session.press(digit)
            assert name in (session.view, session.leads.listing if session.view == "leads" else "")


async def test_what_was_said_of_a_box_that_is_away_goes_when_it_is_back(tmp_path: Path):
    async with opened(tmp_path) as session:
        main, desk = session.app.main, session.app.main.desk
        desk.failed(Refused(503, "disk full"))
        await session.at(12)
        await session.press("x")
        assert "queued until the Box is there" in session.text()
        desk._clock = lambda: NOW + MINUTE
        desk.heard()
        assert "queued until the Box is there" in session.text(), "it has not taken it yet"
        desk._settle(session.decided()[0])
        assert "queued until the Box is there" not in session.text()
        main.say("work.nothing_new")
        assert "It says so already." in session.text()


async def test_what_arrives_while_somebody_types_waits(tmp_path: Path):
    from tests.console.test_store import tap

    async with opened(tmp_path) as session:
        await session.at(12)
        before = session.leads.rows.rows
        await session.press("n")
        session.app.main.desk.told([tap(77), tap(78)])
        assert "+2 new" in session.text()
        assert session.leads.rows.rows == before
        await session.press("escape")
        assert 77 in session.leads.rows.rows


async def test_a_row_is_in_sight_wherever_the_cursor_goes_and_each_list_has_its_own(tmp_path: Path):
    """More rows than lines: with the lead opened, and from one list to the other."""
    many = [lead for number in range(3) for lead in copies(busy_leads(), number)]
    app = StillConsole(queue_page(many), tmp_path, answers=recording(many))
    async with app.run_test(size=(80, 24)) as pilot:
        session = Session(app, pilot)
        await app.settle(pilot)
        rows = session.leads.rows
        assert len(rows.rows) > rows.scrollable_content_region.height
        await session.press("G")
        assert in_sight(session)
        whole = rows.scrollable_content_region.height
        await session.press("enter")
        assert rows.scrollable_content_region.height < whole
        assert in_sight(session)
        await session.press("escape")
        assert rows.scrollable_content_region.height == whole
        last = rows.chosen
        await session.press("2")
        assert (rows.cursor, rows.scroll_offset.y) == (0, 0)
        await session.press("1")
        assert rows.chosen == last
        assert in_sight(session)
        for _ in range(len(rows.rows)):
            await session.press("k")
            assert in_sight(session)


async def test_a_new_lead_does_not_move_the_row_under_the_cursor(tmp_path: Path):
    from tests.console.test_store import tap

    async with opened(tmp_path) as session:
        await session.at(21)
        line = session.leads.rows.cursor
        session.app.main.desk.told([tap(77), tap(78)])
        session.app.main.draw()
        assert (session.leads.rows.chosen, session.leads.rows.cursor) == (21, line)


async def test_a_conflict_asks_whose_word_counts(tmp_path: Path):
    async with opened(tmp_path) as session:
        desk = session.app.main.desk
        await session.at(12)
        await session.press("x")
        action = session.decided()[-1]
        desk._settle(action)
        current = {
            "id": 12,
            "source": "call",
            "status": "confirmed",
            "version": 2,
            "sale_amount": 250_000,
            "currency": "TRY",
            "confirmed_by": 2,
        }
        desk._take_current(action, Refused(409, "changed", current))
        session.app.main.refused(action, Refused(409, "changed", current))
        await session.pilot.pause()
        assert "op-2 was faster" in session.text()
        assert "2,500 TRY" in session.text()
        assert "u takes it back" not in session.text(), "it was refused"
        await session.press("escape", "u")
        assert "Nothing to take back" in session.text()
        session.app.main.refused(action, Refused(409, "changed", current))
        await session.pilot.pause()
        await session.press("m")
        assert session.last() == ("verdict", 12, {"status": "junk", "version": 2})


async def test_a_note_that_was_refused_is_a_draft_again(tmp_path: Path):
    async with opened(tmp_path) as session:
        await session.at(12)
        await session.press("n")
        await session.write("long")
        await session.press("enter")
        action = session.decided()[-1]
        session.app.main.refused(action, Refused(400, "note: too long"))
        assert "note: too long" in session.text()
        assert session.app.main.desk.kept.draft("note-12") == "long"


async def test_an_amount_that_may_be_two_is_asked_again_and_stays(tmp_path: Path):
    async with opened(tmp_path) as session:
        await session.at(12)
        await session.press("s")
        await session.write("25x")
        await session.press("enter")
        assert session.app.main.bottom.prompt.value == "25x"
        assert session.decided() == []


async def test_what_is_pasted_is_one_line_without_controls(tmp_path: Path):
    from textual.events import Paste

    async with opened(tmp_path) as session:
        await session.at(12)
        await session.press("n")
        session.app.main.bottom.prompt.post_message(Paste("a\x1b]52;c;x\x07b\nc\u202ed"))
        await session.pilot.pause()
        assert session.app.main.bottom.prompt.value == "a]52;c;xb cd"


async def test_read_only_rights_work_on_nothing(tmp_path: Path):
    page = queue_page(busy_leads())
    sites = [{"id": one.id, "name": one.name, "rights": "read"} for one in page.sites]
    app = StillConsole(queue_page(busy_leads(), sites=sites), tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.settle(pilot)
        await pilot.press("x", "s", "o")
        assert app.main.desk.store.pending == {}
        assert app.main.bottom.menu.question is None
        assert "not work on it" in app.text()
