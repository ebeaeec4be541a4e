"""The runner of jobs, in this process, on a clock that the test moves."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.clock import monotonic
from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.domain.schedules import ALARM_AFTER, DAY_MS, HOUR_MS, MINUTE_MS, every
from opsmantik_box.engine.jobs import Job, Jobs, JobState, Outcome, Turn
from opsmantik_box.engine.service import Service
from opsmantik_box.engine.waiting import Bounds
from opsmantik_box.errors import Conflict, NotFound, UsageError
from tests.integration.engine_kit import Engine

NIGHTLY = every(DAY_MS, HOUR_MS)
Run = Callable[[Turn, dict[str, Any]], Awaitable[Outcome]]


class House:
    """A service on a folder whose jobs are the test's own. `ran` counts their runs."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.ran: list[str] = []
        self.open()

    def open(self, now: int | None = None) -> None:
        self.engine = Engine(self._data) if now is None else Engine(self._data, now)
        self.service = Service(self.engine.core, self.engine.vault, lambda: self.engine.now, RateLimits(), Bounds())

    def jobs(self, *jobs: Job) -> Jobs:
        made = Jobs(self.service, jobs)
        made.begin(self.engine.now)
        return made

    def job(self, name: str = "sweep", run: Run | None = None, **more: Any) -> Job:
        async def counted(turn: Turn, arguments: dict[str, Any]) -> Outcome:
            self.ran.append(name)
            return await run(turn, arguments) if run else Outcome("Swept.")

        return Job(name, "for a test", more.pop("when", NIGHTLY), counted, **more)

    def state(self, jobs: Jobs, name: str = "sweep") -> JobState:
        return next(one for one in jobs.list() if one.name == name)

    async def pass_time(self, jobs: Jobs, by: int = 0, turns: int = 5) -> None:
        self.engine.now += by
        jobs.tick(self.engine.now, scheduled=True)
        for _ in range(turns):
            await asyncio.sleep(0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "data")
    yield made
    made.engine.close()


async def fail(_turn: Turn, _arguments: dict[str, Any]) -> Outcome:
    raise UsageError(problem="The broom is broken.")


async def hang(_turn: Turn, _arguments: dict[str, Any]) -> Outcome:
    await asyncio.Event().wait()
    raise AssertionError


def test_a_job_runs_when_it_is_due_and_not_before(house: House) -> None:
    async def story() -> None:
        jobs = house.jobs(house.job())
        await house.pass_time(jobs, HOUR_MS)
        assert house.ran == []
        await house.pass_time(jobs, 13 * HOUR_MS)
        await house.pass_time(jobs, HOUR_MS)
        assert house.ran == ["sweep"]
        state = house.state(jobs)
        assert (state.outcome, state.result, state.running, state.next_at) == ("done", "Swept.", False, NIGHTLY(house.engine.now))

    asyncio.run(story())


def test_what_a_stopped_box_missed_is_done_once(house: House) -> None:
    async def story() -> None:
        house.jobs(house.job())
        house.engine.close()
        house.open(house.engine.now + 9 * DAY_MS)
        jobs = house.jobs(house.job())
        for _ in range(3):
            await house.pass_time(jobs, MINUTE_MS)
        assert house.ran == ["sweep"]

    asyncio.run(story())


def test_a_job_that_was_cut_off_by_a_kill_runs_again(house: House) -> None:
    async def story() -> None:
        jobs = house.jobs(house.job(run=hang))
        await house.pass_time(jobs, 14 * HOUR_MS)
        assert house.state(jobs).running
        await jobs.stop()
        house.engine.close()
        house.open(house.engine.now + MINUTE_MS)
        again = house.jobs(house.job())
        assert house.state(again).outcome == "interrupted"
        await house.pass_time(again)
        assert house.state(again).outcome == "done"

    asyncio.run(story())


def test_a_job_never_runs_twice_at_a_time(house: House) -> None:
    async def story() -> None:
        jobs = house.jobs(house.job(run=hang, when=every(MINUTE_MS)))
        for _ in range(5):
            await house.pass_time(jobs, MINUTE_MS)
        with pytest.raises(Conflict, match="runs already"):
            jobs.start("sweep", house.engine.now, {})
        assert house.ran == ["sweep"]
        await jobs.stop()

    asyncio.run(story())


def test_of_two_heavy_jobs_one_waits_and_says_for_which(house: House) -> None:
    async def story() -> None:
        over = asyncio.Event()

        async def copy(turn: Turn, _: dict[str, Any]) -> Outcome:
            await over.wait()
            return Outcome("Copied.")

        jobs = house.jobs(house.job("copy", copy, heavy=True), house.job("look", heavy=True), house.job("sweep"))
        jobs.start("copy", house.engine.now, {})
        jobs.start("look", house.engine.now, {})
        jobs.start("sweep", house.engine.now, {})
        await house.pass_time(jobs)
        assert house.ran == ["copy", "sweep"]
        assert (house.state(jobs, "look").queued, house.state(jobs, "look").waits_for) == (True, "copy")
        over.set()
        await house.pass_time(jobs)
        await house.pass_time(jobs)
        assert house.ran == ["copy", "sweep", "look"]

    asyncio.run(story())


def test_a_job_that_fails_is_tried_again(house: House) -> None:
    async def story() -> None:
        jobs = house.jobs(house.job(run=fail))
        jobs.start("sweep", house.engine.now, {})
        for _ in range(40):
            await house.pass_time(jobs, MINUTE_MS)
        assert 3 <= len(house.ran) <= 5
        assert house.state(jobs).result == "The broom is broken."
        assert house.state(jobs).failures >= ALARM_AFTER

    asyncio.run(story())


def test_a_mistake_in_a_job_stops_the_job_only(house: House) -> None:
    async def stumble(_turn: Turn, _arguments: dict[str, Any]) -> Outcome:
        raise ZeroDivisionError("oh")

    async def story() -> None:
        jobs = house.jobs(house.job(run=stumble))
        jobs.start("sweep", house.engine.now, {})
        await house.pass_time(jobs)
        assert house.state(jobs).outcome == "failed"
        assert not house.engine.send().duplicate

    asyncio.run(story())


def test_a_job_that_hangs_is_ended_when_its_lease_is_over(house: House) -> None:
    async def story() -> None:
        jobs = house.jobs(house.job(run=hang, lease_ms=5 * MINUTE_MS))
        jobs.start("sweep", house.engine.now, {})
        await house.pass_time(jobs, 4 * MINUTE_MS)
        assert house.state(jobs).running
        await house.pass_time(jobs, 2 * MINUTE_MS)
        assert (house.state(jobs).running, house.state(jobs).outcome) == (False, "failed")
        assert "not heard of" in house.state(jobs).result

    asyncio.run(story())


def test_a_job_that_is_heard_of_keeps_its_lease(house: House) -> None:
    async def story() -> None:
        async def talk(turn: Turn, _: dict[str, Any]) -> Outcome:
            for number in range(10):
                house.engine.now += 4 * MINUTE_MS
                turn.say(f"step {number}")
                await turn.pause()
            return Outcome("Done talking.")

        jobs = house.jobs(house.job(run=talk, lease_ms=5 * MINUTE_MS))
        jobs.start("sweep", house.engine.now, {})
        while house.state(jobs).running:
            await house.pass_time(jobs)
        assert house.state(jobs).result == "Done talking."

    asyncio.run(story())


def test_a_job_rests_three_times_as_long_as_it_works(house: House) -> None:
    async def story() -> None:
        async def work(turn: Turn, _: dict[str, Any]) -> Outcome:
            for _ in range(5):
                until = monotonic() + 0.004
                while monotonic() < until:
                    pass
                await turn.pause()
            return Outcome("Worked.")

        jobs = house.jobs(house.job(run=work))
        started, idle = monotonic(), 0
        jobs.start("sweep", house.engine.now, {})
        while house.state(jobs).running:
            await asyncio.sleep(0.0005)
            idle += 1
        assert monotonic() - started >= 5 * 4 * 0.004 * 0.9
        assert idle >= 10, "others had their turns in between"

    asyncio.run(story())


def test_nothing_scheduled_runs_in_an_engine_that_serves_one_command(house: House) -> None:
    async def story() -> None:
        jobs = house.jobs(house.job("sweep"), house.job("look"))
        house.engine.now += 9 * DAY_MS
        jobs.tick(house.engine.now, scheduled=False)
        jobs.start("look", house.engine.now, {"why": "by hand"})
        await asyncio.sleep(0)
        assert house.ran == ["look"]

    asyncio.run(story())


def test_a_job_there_is_not_is_said_to_be_none(house: House) -> None:
    with pytest.raises(NotFound, match="jobs list"):
        house.jobs(house.job()).start("swep", house.engine.now, {})
