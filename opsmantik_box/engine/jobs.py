"""Jobs: the work a Box does by itself beside its signals. One runner; what each does is in chores.py.

Promises: a job that a stopped or killed Box missed runs once when it is there again; none runs twice at a time; one that failed is
tried again, sooner than its next due time, and told of; one that hangs is ended when its lease is over. A job holds up the loop for one
slice at a time and rests between two of them, so that signals come first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from msgspec import Struct

from opsmantik_box.clock import monotonic
from opsmantik_box.domain.feed import as_json
from opsmantik_box.domain.schedules import MINUTE_MS, When, after_failure, due_at
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.errands import run_errand
from opsmantik_box.errors import BoxError, Conflict, LedgerPoisoned, NotFound
from opsmantik_box.sql import load

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

SQL = load("jobs")
REST = 3
"""A job rests three times as long as its slice took: it takes a quarter of the loop's time at most."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Outcome(NamedTuple):
    """What a job did, as a sentence and as data. `again_at`: there is more to do, then."""

    text: str
    details: Mapping[str, Any] = MappingProxyType({})
    again_at: int | None = None


class Job(NamedTuple):
    """`when` None: only by hand. `heavy`: one of these at a time. `lease_ms`: so long it may be silent."""

    name: str
    about: str
    when: When | None
    run: "Callable[[Turn, dict[str, Any]], Awaitable[Outcome]]"
    at_start: bool = False
    heavy: bool = False
    lease_ms: int = 10 * MINUTE_MS


class JobState(Struct):
    """A job as `jobs list` shows it. `queued`: it was asked for and has not begun; `progress` is what it said last; `waits_for` the job
    that must end first."""

    name: str
    about: str = ""
    next_at: int | None = None
    last_started_at: int | None = None
    last_ended_at: int | None = None
    leased_until: int | None = None
    outcome: str = ""
    result: str = ""
    details: str = "{}"
    failures: int = 0
    running: bool = False
    queued: bool = False
    progress: str = ""
    waits_for: str = ""


class Turn:
    """What a running job is given: the service, and the manners."""

    def __init__(self, service: "Service", heard: Callable[[str], None]) -> None:
        self.service, self.core = service, service.core
        self.say = heard
        self._since = monotonic()

    def now(self) -> int:
        return self.service.clock()

    async def pause(self) -> None:
        """Between two slices: others have their turn, and a rest."""
        spent = monotonic() - self._since
        await asyncio.sleep(spent * REST)
        self._since = monotonic()
        self.say("")

    async def errand(self, module: str, order: Struct) -> Any:
        """Heavy work in a process of its own. Raises BoxError."""
        try:
            return await run_errand(module, order, self.say)
        finally:
            self._since = monotonic()


class Jobs:
    """The jobs of a service. Its beat calls `tick`."""

    def __init__(self, service: "Service", jobs: Iterable[Job]) -> None:
        self._service, self._ledger = service, service.core.ledger
        self._jobs = {job.name: job for job in jobs}
        self._states = {name: JobState(name, job.about) for name, job in self._jobs.items()}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._asked: dict[str, dict[str, Any]] = {}
        self._load()

    def _load(self) -> None:
        for name, *told in all_rows(self._ledger.db, SQL["list_jobs"]):
            if name in self._jobs:
                self._states[name] = JobState(name, self._jobs[name].about, *told)

    def begin(self, now: int) -> None:
        """Once, before the first tick. Raises LedgerFull, Unavailable, LedgerPoisoned."""
        with self._ledger.transaction():
            self._ledger.db.execute(SQL["interrupt_jobs"], {"at": now})
            plans = [{"name": job.name, "next_at": job.when(now) if job.when else None} for job in self._jobs.values()]
            self._ledger.db.executemany(SQL["plan_job"], plans)
        self._load()
        for job in self._jobs.values():
            if job.at_start:
                self._states[job.name].next_at = now

    def tick(self, now: int, *, scheduled: bool) -> None:
        """Start what is due (only what was asked for by hand, when not `scheduled`), end what is not heard of any more. Raises as
        `begin`."""
        for name, task in self._tasks.items():
            leased = self._states[name].leased_until
            if leased is not None and now > leased:
                task.cancel("it was not heard of any more")
        for name, job in self._jobs.items():
            due = due_at(self._states[name].next_at, job.when, now)
            wanted = name in self._asked or (scheduled and due is not None and due <= now)
            if wanted and name not in self._tasks and not self._in_the_way(job):
                self._start(job, now)

    def _in_the_way(self, job: Job) -> str:
        """The heavy job that a heavy one waits for."""
        return next((name for name in self._tasks if self._jobs[name].heavy), "") if job.heavy else ""

    def start(self, name: str, now: int, arguments: dict[str, Any]) -> None:
        """By hand: now, or as soon as the heavy job that runs is over. Raises NotFound, Conflict when it runs already."""
        if name not in self._jobs:
            raise NotFound(kind="job", name=name, listing="jobs list")
        if name in self._tasks:
            raise Conflict(problem=f"{name} runs already. `opsmantik-box jobs list` shows how far it is.")
        self._asked[name] = arguments
        self.tick(now, scheduled=False)

    def _start(self, job: Job, now: int) -> None:
        leased = now + job.lease_ms
        with self._ledger.transaction():
            self._ledger.db.execute(SQL["start_job"], {"name": job.name, "at": now, "leased_until": leased})
        state = self._states[job.name]
        state.running, state.last_started_at, state.leased_until = True, now, leased
        state.outcome = state.result = state.progress = ""
        self._tasks[job.name] = asyncio.ensure_future(self._run(job, self._asked.pop(job.name, {})))

    async def _run(self, job: Job, arguments: dict[str, Any]) -> None:
        """Never raises: what poisons the ledger ends the service."""
        turn = Turn(self._service, lambda text: self._hear(job, text))
        try:
            outcome, failed = await job.run(turn, arguments), ""
        except asyncio.CancelledError as ended:
            if not ended.args:
                raise  # the service stops; the lease stays, and the next one finds it
            outcome, failed = Outcome(f"Failed: {ended.args[0]}."), "failed"
        except LedgerPoisoned as error:
            self._service.fail(error)
            return
        except BoxError as error:
            outcome, failed = Outcome(str(error)), "failed"
        except Exception as error:
            log.error("[JOB_FAULT]", job=job.name, exc_info=error)
            outcome, failed = Outcome(f"{type(error).__name__}: {error}"), "failed"
        finally:
            self._tasks.pop(job.name, None)
        self._end(job, outcome, failed or "done", turn.now())

    def _hear(self, job: Job, text: str) -> None:
        state = self._states[job.name]
        state.leased_until = self._service.clock() + job.lease_ms
        state.progress = text or state.progress

    def _end(self, job: Job, outcome: Outcome, how: str, now: int) -> None:
        state = self._states[job.name]
        state.running, state.leased_until, state.progress = False, None, ""
        state.outcome, state.result, state.details, state.last_ended_at = how, outcome.text, as_json(dict(outcome.details)), now
        state.failures = state.failures + 1 if how == "failed" else 0
        state.next_at = self._next(job, outcome, state.failures, now)
        (log.warning if state.failures else log.info if outcome.details else log.debug)("job", job=job.name, result=outcome.text)
        try:
            self._write(state, now)
        except LedgerPoisoned as error:
            self._service.fail(error)
        except BoxError as error:
            log.warning("a job's end is not written down; it runs again after a restart", job=job.name, problem=str(error))

    def _next(self, job: Job, outcome: Outcome, failures: int, now: int) -> int | None:
        if failures:
            return after_failure(failures, job.when, now) if job.when else None
        return outcome.again_at or (job.when(now) if job.when else None)

    def _write(self, state: JobState, now: int) -> None:
        told = {name: getattr(state, name) for name in ("name", "next_at", "outcome", "result", "details", "failures")}
        with self._ledger.transaction():
            self._ledger.db.execute(SQL["end_job"], told | {"at": now, "started_at": state.last_started_at})

    def list(self) -> list[JobState]:
        """Every job, in the order of the table."""
        now = self._service.clock()
        for name, job in self._jobs.items():
            state = self._states[name]
            state.next_at = due_at(state.next_at, job.when, now)
            state.queued = name in self._asked
            due = state.queued or (state.next_at is not None and state.next_at <= now)
            state.waits_for = self._in_the_way(job) if due and not state.running else ""
        return list(self._states.values())

    async def stop(self) -> None:
        """End what runs, without a word: the next start finds it interrupted."""
        for task in self._tasks.values():
            task.cancel()
        for task in [*self._tasks.values()]:
            with suppress(asyncio.CancelledError):
                await task
