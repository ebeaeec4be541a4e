"""The Box's jobs, for whoever is admin of all its sites: looked at, and started by hand. Decides nothing: the engine does."""

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, SkipValidation
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from opsmantik_box.gateway.auth import AuthedRequest
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.problems import documented

ADMIN = {"scope": "admin"}
Ask = NamedDependency[SkipValidation[EngineLink]]
Name = Annotated[str, PathParameter(max_length=60, description="The job's name, as the list shows it.")]


class JobView(Struct, frozen=True):
    """A job; times in UTC milliseconds. `outcome` of its last run: done, failed, interrupted, '' before the first and while it runs.
    `result` says in a sentence what came of it, `details` the same as data; `progress` what it said last while it runs; `queued`:
    it was asked for and begins as soon as the job it `waits_for` is over."""

    name: str
    about: str
    running: bool
    queued: bool
    outcome: str
    result: str
    details: dict[str, Any]
    progress: str
    waits_for: str
    failures: int
    next_at: int | None
    last_started_at: int | None
    last_ended_at: int | None


class JobList(Struct, frozen=True):
    """`next_month`: whether the files of the month that comes are ready, in a sentence."""

    jobs: list[JobView]
    next_month: str


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments."""


@get("/jobs", opt=ADMIN, responses=documented())
async def list_jobs(request: AuthedRequest, link: Ask) -> JobList:
    """Every job: when it ran, what came of it, when it runs next."""
    return msgspec.convert(await link.command("list_jobs", {}, request.auth.token_id), JobList)


@post("/jobs/{name:str}/run", opt=ADMIN, status_code=202, responses=documented(400, 404, 409))
async def run_job(request: AuthedRequest, link: Ask, name: Name, data: Nothing) -> JobView:  # noqa: ARG001 - the body has nothing to say
    """Start it now, or as soon as the heavy one that runs is over; 409 when it runs already."""
    return msgspec.convert(await link.command("run_job", {"name": name}, request.auth.token_id), JobView)


JOB_ROUTES: list[ControllerRouterHandler] = [list_jobs, run_job]
