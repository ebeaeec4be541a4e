"""A real Box and what the console makes of it: the desk alone, without a screen. Two operators, a network that breaks, a Box that dies."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.clock import monotonic, system_clock
from tests.harness import Box
from tests.integration.desk_kit import Work, feed_end, prepare, read
from tui.desk import Desk
from tui.model.actions import Action
from tui.model.lead import Lead
from tui.model.messages import Message
from tui.net.client import Client, Refused, Unreachable
from tui.net.kept import Kept

pytestmark = pytest.mark.anyio
SECONDS = 20


@pytest.fixture(scope="module")
def work(box: Box) -> Work:
    return prepare(box)


class Watcher:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.told: list[tuple[int, str]] = []
        self.refusals: list[tuple[Action, Refused]] = []

    def changed(self) -> None: ...

    def news(self, lead: Lead, message: Message) -> None:
        self.told.append((lead.id, message.topic))

    def refused(self, action: Action, problem: Refused) -> None:
        self.refusals.append((action, problem))

    def say(self, sentence: str, /, **values: object) -> None:
        self.said.append(sentence)


async def until(holds: Callable[[], Any], what: str) -> None:
    """Looks again and again, with a deadline."""
    deadline = monotonic() + SECONDS
    while not holds():
        assert monotonic() < deadline, f"not in {SECONDS} s: {what}"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def operator(url: str, token: str, folder: Path) -> AsyncIterator[tuple[Desk, Watcher]]:
    """Somebody at the console, connected."""
    watcher, client = Watcher(), Client(url, token)
    desk = Desk(client, Kept(folder), system_clock)
    desk.watcher = watcher
    running = asyncio.create_task(desk.run())
    try:
        await until(lambda: desk.link.is_live and desk.store.me, "connected")
        yield desk, watcher
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await client.close()


@asynccontextmanager
async def at_desk(work: Work, folder: Path, who: int = 0) -> AsyncIterator[tuple[Desk, Watcher]]:
    async with operator(work.box.url, work.tokens[who], folder) as there:
        yield there


async def lead_of(desk: Desk, row: int) -> Lead:
    await until(lambda: desk.store.lead_of(row), "told of the tap")
    found = desk.store.shown(desk.store.lead_of(row) or 0)
    assert found is not None
    return found


def status_in_the_ledger(work: Work, row: int) -> str:
    return read(work.box.data, "select status from calls where id = ?", row)[0][0]


async def test_a_tap_is_told_within_a_second(work: Work, tmp_path: Path):
    async with at_desk(work, tmp_path) as (desk, _):
        began = monotonic()
        row = await asyncio.to_thread(work.tap)
        lead = await lead_of(desk, row)
        assert monotonic() - began < 1 + SECONDS * 0.1  # a busy machine's due
        assert (lead.kind, lead.head.id, lead.site_id) == ("TEL", row, work.site)


async def test_what_happened_before_is_on_the_page(work: Work, tmp_path: Path):
    row = work.tap(ea="whatsapp", el="https://wa.me/905325550143")
    async with at_desk(work, tmp_path) as (desk, _):
        assert desk.store.lead_of(row)
        assert desk.people[desk.store.me or 0] == "bir antika"
        site = desk.store.site(work.site)
        assert (site.name, site.rights, site.answer_target_ms) == ("antika", "operate", 300_000)


async def test_of_two_who_claim_at_once_one_has_it_and_the_other_is_told_who(work: Work, tmp_path: Path):
    row = work.tap(ea="whatsapp", el="https://wa.me/905325550143")
    async with at_desk(work, tmp_path / "1") as (first, _), at_desk(work, tmp_path / "2", 1) as (second, _):
        leads = await lead_of(first, row), await lead_of(second, row)
        outcomes = await asyncio.gather(
            first.work("claim", leads[0], take_over=False), second.work("claim", leads[1], take_over=False), return_exceptions=True
        )
        refused = [one for one in outcomes if isinstance(one, Refused)]
        assert [one.status for one in refused] == [409]
        for desk in (first, second):
            await until(lambda desk=desk: desk.store.leads[leads[0].id].claim, "everybody sees the claim")
        assert first.store.leads[leads[0].id].claimed_by == second.store.leads[leads[0].id].claimed_by
        loser = second if isinstance(outcomes[1], Refused) else first
        await loser.work("claim", leads[0], take_over=True)
        await until(lambda: first.store.leads[leads[0].id].claim == second.store.leads[leads[0].id].claim, "taken over")


async def test_a_verdict_is_seen_at_once_and_by_everybody(work: Work, tmp_path: Path):
    row = work.tap()
    async with at_desk(work, tmp_path / "1") as (mine, watcher), at_desk(work, tmp_path / "2", 1) as (hers, _):
        lead = await lead_of(mine, row)
        await lead_of(hers, row)
        mine.decide("verdict", lead, row, status="confirmed", version=lead.head.version, sale_amount=250_000, currency="TRY")
        shown = mine.store.shown(lead.id)
        assert shown is not None
        assert (shown.head.status, mine.store.is_pending(lead.id)) == ("confirmed", True)
        await until(lambda: hers.store.leads[lead.id].head.status == "confirmed", "told the other")
        await until(lambda: not mine.unsent, "answered")
        assert hers.store.leads[lead.id].head.sale_amount == 250_000
        assert watcher.refusals == []
        assert list(mine.kept.queue.glob("*")) == []
        await mine.undo(row, mine.store.leads[lead.id].head.version)
        await until(lambda: hers.store.leads[lead.id].head.status == "intent", "told of the undoing")


async def test_who_was_slower_is_told_what_stands_and_sees_it(work: Work, tmp_path: Path):
    row = work.tap()
    async with at_desk(work, tmp_path) as (desk, watcher):
        lead = await lead_of(desk, row)
        assert work.ask(f"/intents/{row}/verdict", {"status": "junk", "version": lead.head.version}, who=1)[0] == 200
        desk.decide("verdict", lead, row, status="real", version=lead.head.version)
        await until(lambda: watcher.refusals, "refused")
        action, problem = watcher.refusals[0]
        assert (problem.status, problem.current and problem.current["status"]) == (409, "junk")
        await until(lambda: not desk.store.is_pending(lead.id), "rolled back")
        assert desk.store.leads[lead.id].head.status == "junk"
        assert action.body["status"] == "real"


async def test_attempts_notes_and_reminders_arrive_and_are_counted_once(work: Work, tmp_path: Path):
    row = work.tap(ea="whatsapp", el="https://wa.me/905325550143")
    async with at_desk(work, tmp_path / "1") as (mine, _), at_desk(work, tmp_path / "2", 1) as (hers, _):
        lead = await lead_of(mine, row)
        await lead_of(hers, row)
        mine.decide("attempt", lead, row, outcome="no_answer")
        mine.decide("note", lead, row, note="asks for a tray \x1b[2J")
        mine.decide("reminder", lead, row, when=mine.now() + 3_600_000)
        await until(lambda: hers.store.leads[lead.id].version == 3, "three pieces of work")
        await until(lambda: not mine.unsent, "answered")
        await until(lambda: mine.store.leads[lead.id].version == 3, "told back")
        for desk in (mine, hers):
            one = desk.store.leads[lead.id]
            assert (one.attempts, one.notes, one.reminder is not None) == (1, 1, True)
        detail = await hers.detail(lead)
        assert [one.outcome for one in detail.attempts] == ["no_answer"]
        assert detail.notes[0].who == "bir antika"
        assert detail.session is not None
        assert detail.steps


async def test_a_number_is_for_whoever_has_claimed_it(work: Work, tmp_path: Path):
    form = {"phone": "+90 532 555 01 43", "name": "A", "form": "teklif", "page": "https://antika.example/"}
    token = work.box.site_token(work.site)
    async with at_desk(work, tmp_path) as (desk, _):
        client = Client(work.box.url, token)
        stored = await client.post("/api/v1/leads", form, dict[str, Any])
        await client.close()
        row = stored["id"]
        lead = await lead_of(desk, row)
        with pytest.raises(Refused):
            await desk.number(row)
        await desk.work("claim", lead, take_over=False)
        assert await desk.number(row) == "+905325550143"


async def test_a_box_that_dies_costs_nothing_that_was_decided(tmp_path: Path):
    """Decided while it is away, in order, on top of each other; sent when it is back, once."""
    with Box(tmp_path / "data") as box:
        work = prepare(box)
        row = work.tap()
        async with at_desk(work, tmp_path / "state") as (desk, watcher):
            lead = await lead_of(desk, row)
            box.kill()
            await until(lambda: not desk.link.is_live, "noticed")
            with pytest.raises(Unreachable):
                await desk.work("claim", lead, take_over=False)
            for status in ("real", "confirmed"):
                shown = desk.store.shown(lead.id)
                assert shown is not None
                desk.decide("verdict", shown, row, status=status, version=shown.head.version)
            desk.decide("note", lead, row, note="while it was away")
            assert desk.unsent == 3
            await asyncio.to_thread(box.start)
            missed = await asyncio.to_thread(work.tap)
            await until(lambda: desk.link.is_live and not desk.unsent, "sent")
            assert desk.store.lead_of(missed) or await lead_of(desk, missed)
            assert watcher.refusals == []
        assert status_in_the_ledger(work, row) == "confirmed"
        assert read(box.data, "select to_status from verdicts where call_id = ? order by id", row) == [("real",), ("confirmed",)]
        assert read(box.data, "select note from notes") == [("while it was away",)]


async def test_a_console_that_ends_in_between_sends_it_the_next_time(work: Work, tmp_path: Path):
    row = work.tap()
    async with at_desk(work, tmp_path) as (desk, _):
        lead = await lead_of(desk, row)
        me = desk.store.me or 0
    action = Action(
        key="k" * 32,
        kind="verdict",
        lead=lead.id,
        contact=row,
        site_id=work.site,
        at=1,
        body={"status": "junk", "version": 1},
        box=work.box.url,
        by=me,
    )
    Kept(tmp_path).keep(action)
    status, answer = work.ask(f"/intents/{row}/verdict", action.body, key=action.key)  # sent, and the answer lost
    assert status == 200
    async with at_desk(work, tmp_path) as (desk, watcher):
        await until(lambda: not desk.unsent, "sent again")
        assert watcher.said == ["resumed"]
        assert watcher.refusals == []
        assert list(desk.kept.queue.glob("*")) == []
    assert status_in_the_ledger(work, row) == "junk"
    assert read(work.box.data, "select count(*) from verdicts where call_id = ?", row) == [(1,)]
    assert answer["version"] == 2


async def test_a_stream_that_breaks_leaves_no_gap_and_tells_nothing_twice(work: Work, tmp_path: Path):
    """Through a door that is shut again and again."""
    async with Door(work.box.port) as door, operator(f"http://127.0.0.1:{door.port}", work.tokens[0], tmp_path) as (desk, watcher):
        rows: list[int] = []
        for _ in range(5):
            rows += [await asyncio.to_thread(work.tap) for _ in range(3)]
            door.shut()
            rows += [await asyncio.to_thread(work.tap) for _ in range(2)]
            door.open()
        await until(lambda: all(desk.store.lead_of(row) for row in rows), "everything told")
        told = [lead for lead, topic in watcher.told if topic == "intent"]
        assert sorted(told) == sorted(set(told))
        assert desk._follower.position.endswith(f"-{feed_end(work.box.data)}")


async def test_a_position_that_cannot_be_continued_reads_the_page_again(work: Work, tmp_path: Path):
    async with at_desk(work, tmp_path) as (desk, watcher):
        desk._follower.position = "9-9"
        async with asyncio.timeout(SECONDS):
            await cut(desk)
            await until(lambda: watcher.said == ["reset"], "read again")
        row = await asyncio.to_thread(work.tap)
        await lead_of(desk, row)


async def cut(desk: Desk) -> None:
    """As if the network had failed."""
    http = desk.client._loaded()
    await http.aclose()
    desk.client.load()


async def test_a_token_that_opens_nothing_is_said_and_nothing_is_lost(work: Work, tmp_path: Path):
    row = work.tap()
    token = work.box.call("create_token", user="bir@antika.example", rights="operate")
    async with operator(work.box.url, token["token"], tmp_path) as (desk, _):
        lead = await lead_of(desk, row)
        work.box.call("revoke_token", id=token["id"])
        await until(lambda: desk.link.word == "token", "refused")
        desk.decide("note", lead, row, note="kept")
        assert desk.unsent == 1
    assert [json.loads(path.read_text())["body"] for path in (tmp_path / "queue").iterdir()] == [{"note": "kept"}]


class Door:
    """A port that leads to another one, while it is open."""

    def __init__(self, to: int) -> None:
        self._to, self._writers, self._open = to, set[asyncio.StreamWriter](), True
        self.port = 0

    async def __aenter__(self) -> "Door":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.shut()
        self._server.close()
        await self._server.wait_closed()

    def open(self) -> None:
        self._open = True

    def shut(self) -> None:
        self._open = False
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        behind, before = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers |= {writer, before}
        await asyncio.gather(carry(reader, before), carry(behind, writer))
        self._writers -= {writer, before}


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.transport.abort()
