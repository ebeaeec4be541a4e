"""Health, alerts and deliveries of a real Box: what each token sees of it, and what a key does to an alert."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from textual.pilot import Pilot

from opsmantik_box.clock import monotonic, system_clock
from tests.console.test_live import operator, until
from tests.harness import Box
from tui.app import Console
from tui.model.watch import DeliveryPage, JobList
from tui.net.client import Refused
from tui.screens.main import MainScreen
from tui.widgets.rows import RowList

pytestmark = pytest.mark.anyio
OF_THE_BOX, OF_THE_SITE = 700_001, 700_002
SECONDS = 20


class Seen(NamedTuple):
    """A Box with an alert of its own and one of its site, and who sees what."""

    box: Box
    admin: str
    operator: str


@pytest.fixture(scope="module")
def seen(box: Box) -> Seen:
    """The alerts are of codes that no rule looks at there: they stay as they are."""
    site = box.add_site("antika")
    add = "insert into alerts (id, kind, site_id, at, text, last_at, level, since) values (?, ?, ?, ?, ?, 9, 'alarm', 5)"
    with closing(sqlite3.connect(box.data / "ledger.db", timeout=10)) as ledger, ledger:
        ledger.execute(add, (OF_THE_BOX, "SITE_SILENT", None, 3, "Nobody is heard."))
        ledger.execute(add, (OF_THE_SITE, "CLOCK_STEP", site["id"], 2, "It went back [/nope."))
    box.send(site["public_id"], ea="view")
    return Seen(box, box.token(site["public_id"], rights="admin"), box.token(site["public_id"], rights="operate"))


async def test_an_alert_is_acknowledged_and_silenced_for_everybody(seen: Seen, tmp_path: Path):
    url = seen.box.url
    async with operator(url, seen.admin, tmp_path / "1") as (admin, _), operator(url, seen.operator, tmp_path / "2") as (other, _):
        assert [one.id for one in other.alerts.standing(other.now())] == [OF_THE_SITE]
        assert {one.id for one in admin.alerts.standing(admin.now())} >= {OF_THE_BOX, OF_THE_SITE}
        told = await other.alert("silence", OF_THE_SITE, until=other.now() + 60_000)
        assert told.is_silent(other.now())
        await other.alert("acknowledge", OF_THE_SITE)
        await until(lambda: (one := admin.alerts.get(OF_THE_SITE)) and one.state == "acknowledged", "the stream tells the others")
        assert OF_THE_SITE not in {one.id for one in admin.alerts.standing(admin.now())}
        with pytest.raises(Refused) as refused:
            await other.alert("acknowledge", OF_THE_BOX)
        assert refused.value.status == 404


async def test_the_machine_is_shown_to_who_sees_it(seen: Seen, tmp_path: Path):
    async with operator(seen.box.url, seen.admin, tmp_path / "1") as (admin, _):
        told = await admin.ask_health()
        assert told.box is not None
        assert told.box.disk.total_bytes > told.box.disk.free_bytes > 0
        assert told.box.months
        assert told.box.gateways[0].connected
        assert len(admin.rates.told) == 1
        jobs = await admin.client.get("/api/v1/jobs", JobList)
        assert {"retention", "expire_tokens"} <= {one.name for one in jobs.jobs}
        assert (await admin.client.get("/api/v1/deliveries", DeliveryPage)).deliveries == []
    async with operator(seen.box.url, seen.operator, tmp_path / "2") as (other, _):
        told = await other.ask_health()
        assert told.box is None
        assert len(told.sites) == 1
        assert not other.rates.told


@asynccontextmanager
async def screen(seen: Seen, token: str, folder: Path) -> AsyncIterator["Shown"]:
    app = Console(seen.box.url, token, system_clock, {"HOME": str(folder), "LANG": "C.UTF-8"})
    async with app.run_test(size=(120, 50)) as pilot:
        yield Shown(app, pilot)


class Shown:
    """A console on a real Box."""

    def __init__(self, app: Console, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    def text(self) -> str:
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    async def shows(self, *texts: str) -> str:
        """What stands there once all of these do."""
        deadline = monotonic() + SECONDS
        while not all(text in self.text() for text in texts):
            assert monotonic() < deadline, f"{texts} not within {SECONDS} s:\n{self.text()}"
            await self.pilot.pause(0.02)
        return self.text()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)


async def test_the_screens_show_what_the_box_tells(seen: Seen, tmp_path: Path):
    async with screen(seen, seen.admin, tmp_path) as shown:
        await shown.shows("LIVE")
        await shown.press("6")
        text = await shown.shows("Accepted", "Disk", "Backup", "retention", "antika")
        assert "DEGRADED" in text
        assert "Nobody is heard." in text
        await shown.press("7")
        await shown.shows("site is silent", "the clock jumped")
        await shown.press("9")
        await shown.shows("No lane is switched on")


async def test_a_token_that_does_not_see_the_box_is_told_so(seen: Seen, tmp_path: Path):
    async with screen(seen, seen.operator, tmp_path) as shown:
        await shown.shows("LIVE")
        await shown.press("6")
        text = await shown.shows("tokens that see the Box", "antika")
        assert "Accepted" not in text
        await shown.press("9")
        await shown.shows("Deliveries are for tokens that see the Box")
        await shown.press("7")
        assert "the Box" not in (await shown.shows("the clock jumped")).split("─")[0]


async def test_a_key_acknowledges_what_is_under_the_cursor(seen: Seen, tmp_path: Path):
    async with screen(seen, seen.admin, tmp_path) as shown:
        await shown.shows("LIVE")
        await shown.press("7")
        await shown.shows("the clock jumped")
        main = next(one for one in shown.app.screen_stack if isinstance(one, MainScreen))
        rows = main.query_one("#alerts-rows", RowList)
        rows.choose(OF_THE_BOX)
        await shown.press("a")
        await shown.shows("You know of it: site is silent", "knows since")
