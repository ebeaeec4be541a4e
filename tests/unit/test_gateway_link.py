"""The gateway's end of the link, over a real socket pair; the other end is played by the test, message by message."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from opsmantik_box.domain.signals import Arrival, Signal
from opsmantik_box.domain.sites import Site
from opsmantik_box.errors import NotFound, Unavailable
from opsmantik_box.gateway.link import MAX_SIGNALS, EngineLink
from opsmantik_box.link import messages as m
from opsmantik_box.link.framing import Unpacker, pack

SITE = Site(7, "3f2b8a52-98f4-4a63-b9ad-0c1d62a4f0aa", "antika", ["antika.example"], [], "UTC", "TR", "TRY", "granted", [], [], {})
SIGNAL = Signal(bytes(16), 1, 1, "", "interaction", 0, 0, "", False, "", True)
ARRIVAL = Arrival([bytes(16)], bytes(8), b"{}", SIGNAL)


class Engine:
    """The other end: reads what was asked, says what the test wants said."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._unpacker = reader, writer, Unpacker()
        self._read: list[Any] = []

    async def hear(self) -> Any:
        while not self._read:
            data = await asyncio.wait_for(self._reader.read(1 << 16), 5)
            assert data, "the link ended"
            self._read += map(m.decode_to_engine, self._unpacker.feed(data))
        return self._read.pop(0)

    async def say(self, *messages: object) -> None:
        self._writer.write(b"".join(map(pack, messages)))
        await self._writer.drain()

    def hang_up(self) -> None:
        self._writer.close()


def linked(scenario: Callable[[EngineLink, Engine, list[str]], Awaitable[None]]) -> None:
    """Runs a scenario with a link, its other end, and what the link called."""

    async def run() -> None:
        called: list[str] = []
        link = EngineLink(lambda: called.append("drain"), lambda: called.append("lost"))
        ours, theirs = socket.socketpair()
        await asyncio.get_running_loop().create_unix_connection(lambda: link, sock=ours)
        engine = Engine(*await asyncio.open_unix_connection(sock=theirs))
        try:
            await asyncio.wait_for(scenario(link, engine, called), 20)
        finally:
            link.close()
            engine.hang_up()

    asyncio.run(run())


def submit(link: EngineLink, count: int = 1) -> Awaitable[Any]:
    return link.submit(7, "1.2.3.4", bytes(16), False, [ARRIVAL] * count)


async def turn() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_answers_in_any_order_reach_those_who_asked() -> None:
    async def scenario(link: EngineLink, engine: Engine, _called: list[str]) -> None:
        first, second = submit(link), submit(link)
        asked = [await engine.hear(), await engine.hear()]
        assert asked[0].arrivals == [ARRIVAL]
        await engine.say(m.Limited(asked[1].rid, 9), m.Accepted(asked[0].rid, [(True, 35)], 4))
        assert (await first).results == [(True, 35)]
        assert (await second).retry_after == 9

    linked(scenario)


def test_more_than_may_wait_is_refused_at_once_and_room_is_given_back() -> None:
    async def scenario(link: EngineLink, engine: Engine, _called: list[str]) -> None:
        waiting = [submit(link, 20) for _ in range(MAX_SIGNALS // 20)]
        refused = await submit(link)
        assert (refused.reason, refused.retry_after > 0) == ("busy", True)
        asked = await engine.hear()
        await engine.say(m.Accepted(asked.rid, [(False, 0)] * 20, 1))
        await waiting[0]
        more = submit(link, 20)
        assert not more.done()  # type: ignore[attr-defined]

    linked(scenario)


def test_when_the_link_ends_everything_that_waits_is_answered() -> None:
    async def scenario(link: EngineLink, engine: Engine, called: list[str]) -> None:
        stored = submit(link)
        questions = [
            asyncio.ensure_future(ask)
            for ask in (link.ask_site(SITE.public_id), link.ask_token("t"), link.command("status", {}, 1))
        ]
        for _ in range(4):
            await engine.hear()
        engine.hang_up()
        assert (await stored).reason == "stopping"
        for question in questions:
            with pytest.raises(Unavailable):
                await question
        assert called == ["lost"]
        assert not link.state.accepting
        assert (await submit(link)).reason == "stopping"

    linked(scenario)


def test_one_question_for_all_who_ask_for_the_same_site_at_once() -> None:
    async def scenario(link: EngineLink, engine: Engine, _called: list[str]) -> None:
        asking = [asyncio.ensure_future(link.ask_site(SITE.public_id)) for _ in range(50)]
        asked = await engine.hear()
        await engine.say(m.SiteFound(asked.rid, SITE))
        assert await asyncio.gather(*asking) == [SITE] * 50
        again = asyncio.ensure_future(link.ask_site(SITE.public_id))
        assert (await engine.hear()).rid == asked.rid + 1
        again.cancel()

    linked(scenario)


def test_a_token_is_kept_until_tokens_change() -> None:
    async def scenario(link: EngineLink, engine: Engine, _called: list[str]) -> None:
        asking = asyncio.ensure_future(link.ask_token("secret"))
        await engine.say(m.TokenFound((await engine.hear()).rid, 1, "send", [7]))
        assert (await asking).site_ids == [7]
        assert (await link.ask_token("secret")).site_ids == [7]
        await engine.say(m.TokensChanged())
        await turn()
        asking = asyncio.ensure_future(link.ask_token("secret"))
        await engine.say(m.TokenFound((await engine.hear()).rid, 0, "", []))
        assert (await asking).rights == ""

    linked(scenario)


def test_an_answer_older_than_a_change_of_tokens_is_not_kept() -> None:
    """Both arrive in one piece: the answer is the asker's, and nobody else's."""

    async def scenario(link: EngineLink, engine: Engine, _called: list[str]) -> None:
        asking = asyncio.ensure_future(link.ask_token("secret"))
        await engine.say(m.TokenFound((await engine.hear()).rid, 1, "read", [7]), m.TokensChanged())
        assert (await asking).site_ids == [7]
        asking = asyncio.ensure_future(link.ask_token("secret"))
        await engine.say(m.TokenFound((await engine.hear()).rid, 0, "", []))
        assert (await asking).rights == ""

    linked(scenario)


def test_who_listens_hears_of_what_the_link_knows_already() -> None:
    async def scenario(link: EngineLink, engine: Engine, _called: list[str]) -> None:
        heard: list[object] = []
        link.listen(m.Fed, lambda told: heard.append((told, link.feed)))
        link.listen(m.Hints, heard.append)
        await engine.say(m.Fed(2, 5, 9), m.Hints([("event", 7, "{}")]))
        await turn()
        assert heard == [(m.Fed(2, 5, 9), m.Fed(2, 5, 9)), m.Hints([("event", 7, "{}")])]

    linked(scenario)


def test_a_token_longer_than_any_is_nobodys_without_asking() -> None:
    async def scenario(link: EngineLink, _engine: Engine, _called: list[str]) -> None:
        assert (await link.ask_token("x" * 10_000)).rights == ""

    linked(scenario)


def test_refusals_are_told_together() -> None:
    async def scenario(link: EngineLink, engine: Engine, _called: list[str]) -> None:
        for _ in range(3):
            link.count(0, "json_malformed")
        link.count(7, "ev_unreadable")
        assert sorted((await engine.hear()).refusals) == [(0, "json_malformed", 3), (7, "ev_unreadable", 1)]

    linked(scenario)


def test_what_the_engine_announces_is_known() -> None:
    async def scenario(link: EngineLink, engine: Engine, called: list[str]) -> None:
        await engine.say(m.SiteChanged(SITE), m.Months([("2026-11", "2026-11.db")]), m.State(True, "", 3, 4), m.Drain())
        await asyncio.wait_for(link.announced.wait(), 5)
        await turn()
        assert link.sites == {SITE.public_id: SITE}
        assert link.sites_by_id == {7: SITE}
        assert link.months == [("2026-11", "2026-11.db")]
        assert (link.state.accepting, link.state.lag_signals) == (True, 3)
        assert called == ["drain"]
        await engine.say(m.SiteChanged(SITE, removed=True), m.State(False, "full", 0, 0))
        await turn()
        assert (link.state.reason, link.sites) == ("full", {})

    linked(scenario)


def test_a_refused_command_raises_the_engines_error_in_its_words() -> None:
    async def scenario(link: EngineLink, engine: Engine, _called: list[str]) -> None:
        asking = asyncio.ensure_future(link.command("revoke_token", {"id": 9}, 1))
        asked = await engine.hear()
        assert (asked.name, asked.arguments) == ("revoke_token", {"id": 9})
        await engine.say(m.Failed(asked.rid, "NotFound", "There is no token '9'.", 1))
        with pytest.raises(NotFound, match="There is no token '9'"):
            await asking

    linked(scenario)
