"""The feed on the engine's side: what gateways are told of it, when rows go, and hints that are never too many."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from opsmantik_box.domain.feed import KEPT_MS
from opsmantik_box.domain.signals import Arrival
from opsmantik_box.engine.feed import BATCH, Feed
from opsmantik_box.engine.hints import MOST, HintBoard
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.link.messages import Fed, Hints
from tests.integration.engine_kit import NOON, Engine

TAP = {"ec": "conversion", "ea": "phone_call", "el": "tel:+905321234567"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db", NOON)
    yield opened
    opened.close()


def add(ledger: Ledger, count: int, at: int) -> None:
    with ledger.transaction():
        for number in range(count):
            ledger.add_feed(at, "work", 1, number, "{}")


def add_and_fail(ledger: Ledger) -> None:
    ledger.add_feed(NOON, "work", 1, 1, "{}")
    ledger.add_feed(NOON, "event", 1, 1, "{}")


def kept(ledger: Ledger) -> list[int]:
    return [seq for (seq,) in ledger.db.execute("select seq from feed order by seq")]


def test_what_was_committed_is_news_once(ledger: Ledger) -> None:
    feed = Feed(ledger)
    assert (feed.ends(), feed.news()) == (Fed(1, 1, 0), None)
    add(ledger, 3, NOON)
    assert (feed.news(), feed.news(), feed.ends()) == (Fed(1, 1, 3), None, Fed(1, 1, 3))


def test_what_was_rolled_back_is_no_news_and_leaves_no_gap(ledger: Ledger) -> None:
    feed = Feed(ledger)
    add(ledger, 1, NOON)
    feed.news()
    with pytest.raises(apsw.ConstraintError), ledger.transaction():
        add_and_fail(ledger)
    assert feed.news() is None
    with ledger.transaction():
        ledger.db.execute("savepoint one")
        ledger.add_feed(NOON, "work", 1, 1, "{}")
        ledger.db.execute("rollback to one")
    assert (feed.news(), ledger.feed_seq) == (None, 1)
    add(ledger, 1, NOON)
    assert (feed.news(), kept(ledger)) == (Fed(1, 1, 2), [1, 2])


def test_a_row_is_announced_as_gone_before_it_goes(ledger: Ledger) -> None:
    feed = Feed(ledger)
    add(ledger, 3, NOON)
    add(ledger, 2, NOON + 1)
    now = NOON + 1 + KEPT_MS
    feed.trim(now)
    assert (feed.news(), kept(ledger)) == (Fed(1, 4, 5), [1, 2, 3, 4, 5])
    feed.trim(now)
    assert (feed.news(), kept(ledger)) == (None, [4, 5])


def test_a_number_is_never_given_again_not_even_when_no_row_is_left(tmp_path: Path) -> None:
    for seq in (1, 2):
        ledger = Ledger(tmp_path / "ledger.db", NOON)
        feed = Feed(ledger)
        assert feed.ends() == Fed(1, seq, seq - 1)
        add(ledger, 1, NOON)
        for _ in range(2):
            feed.trim(NOON + 1 + KEPT_MS)
        assert (feed.ends(), kept(ledger)) == (Fed(1, seq + 1, seq), [])
        ledger.close()


def test_many_old_rows_go_a_part_at_a_time(ledger: Ledger) -> None:
    feed = Feed(ledger)
    add(ledger, 2 * BATCH + 1, NOON)
    add(ledger, 1, NOON + KEPT_MS)
    left: list[int] = []
    for _ in range(5):
        feed.trim(NOON + KEPT_MS + 1)
        left.append(len(kept(ledger)))
    assert left == [2 * BATCH + 2, BATCH + 2, 2, 1, 1]


def test_a_row_of_the_future_holds_back_those_behind_it(ledger: Ledger) -> None:
    """A clock that was wrong for a while: rows stay longer, and none goes before one that was added earlier."""
    feed = Feed(ledger)
    for at in (NOON, NOON + KEPT_MS, NOON):
        add(ledger, 1, at)
    feed.trim(NOON + KEPT_MS)
    feed.trim(NOON + 1 + KEPT_MS)
    feed.trim(NOON + 1 + KEPT_MS)
    assert kept(ledger) == [2, 3]


def test_a_quarantined_signals_row_is_news_too(engine: Engine) -> None:
    feed = Feed(engine.core.ledger)
    arrival = engine.read(**TAP)
    engine.core.ledger.db.execute("create temp trigger t before insert on calls begin select raise(fail, 'no'); end")
    engine.accept(arrival, engine.read())
    told = feed.news()
    assert told is not None
    assert engine.core.ledger.db.execute("select topic, seq from feed").fetchall() == [("alert", told.newest)]


# --- hints ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path / "data")
    yield made
    made.core.close()
    made.vault.close()


def hinted(play: Callable[[HintBoard], None]) -> list[tuple[str, int, str]]:
    """What is told, all at once, of what was played."""
    told: list[Hints] = []

    async def run() -> None:
        said = asyncio.Event()
        play(HintBoard(lambda hints: (told.append(hints), said.set())))  # type: ignore[arg-type, func-returns-value]
        await asyncio.wait_for(said.wait(), 5)

    asyncio.run(run())
    assert len(told) == 1
    return told[0].hints


def hints_of(engine: Engine, *turns: list[Arrival]) -> list[str]:
    """The topics of what is told of accepted signals."""

    def play(board: HintBoard) -> None:
        for arrivals in turns:
            board.add_accepted(engine.site.id, arrivals, engine.accept(*arrivals))

    return [topic for topic, _, _ in hinted(play)]


def test_hints_of_several_turns_are_told_together_and_no_more_than_so_many(engine: Engine) -> None:
    topics = hints_of(engine, *([engine.read(sid=str(uuid.uuid4())) for _ in range(size)] for size in (10, 500, 3)))
    assert (topics.count("event"), topics.count("session")) == (MOST, MOST)


def test_a_session_in_which_much_happens_is_one_hint(engine: Engine) -> None:
    sid = str(uuid.uuid4())
    topics = hints_of(engine, *([engine.read(sid=sid) for _ in range(size)] for size in (3, 2)))
    assert (topics.count("event"), topics.count("session")) == (5, 1)


def test_a_duplicate_is_no_hint(engine: Engine) -> None:
    arrival = engine.read()
    assert hints_of(engine, [arrival], [arrival]) == ["event", "session"]


def test_many_events_leave_room_for_other_hints(engine: Engine) -> None:
    def play(board: HintBoard) -> None:
        arrivals = [engine.read() for _ in range(50)]
        board.add_accepted(engine.site.id, arrivals, engine.accept(*arrivals))
        board.add("presence", engine.site.id, "op-1", '{"who":"op-1"}')

    assert ("presence", engine.site.id, '{"who":"op-1"}') in hinted(play)


def test_the_feed_takes_no_other_topic(ledger: Ledger) -> None:
    with pytest.raises(apsw.ConstraintError), ledger.transaction():
        ledger.add_feed(NOON, "event", 1, 1, "{}")
