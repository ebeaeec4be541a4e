"""Every route and every command, with every id of another tenant: the same answer as for what does not exist, in the same time.

A route or command that is added has to be told here how it is asked (BODIES, ARGUMENTS); one without a declared scope fails."""

import asyncio
import http.client
import json
import re
import sqlite3
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from litestar import get
from litestar.connection import ASGIConnection

from opsmantik_box.clock import system_clock
from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.engine.asking import ANYONE, COMMANDS, CRON, OWNER, RIGHTS
from opsmantik_box.engine.commands import run_command
from opsmantik_box.engine.peers import Peer
from opsmantik_box.engine.service import Service
from opsmantik_box.engine.waiting import Bounds
from opsmantik_box.errors import BoxError, Forbidden, NoSuchAlert, NoSuchIntent, Unauthorized
from opsmantik_box.gateway.api import ROUTES
from opsmantik_box.gateway.auth import guard_with
from opsmantik_box.link.client import EngineClient
from opsmantik_box.link.messages import Command, Done, Failed, TokenFound
from tests.harness import Box
from tests.integration.engine_kit import Engine

ROUNDS, FEW = 1_200, 200
WITHIN = 0.10
MY_SID, THEIR_SID = "5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11", "6b8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11"
BODIES: dict[str, dict[str, Any]] = {
    "/intents/{number:int}/verdict": {"status": "junk", "version": 1},
    "/intents/{number:int}/undo": {"version": 1},
    "/intents/{number:int}/pick": {"session": None, "version": 1},
    "/intents/{number:int}/unpick": {"version": 1},
    "/intents/{number:int}/claim": {"take_over": True},
    "/intents/{number:int}/release": {},
    "/intents/{number:int}/attempt": {"outcome": "reached"},
    "/intents/{number:int}/reminder": {"when": "1h"},
    "/intents/{number:int}/note": {"note": "x"},
    "/presence": {"lead": "NUMBER"},
    "/verdicts": {"verdicts": [{"id": "NUMBER", "status": "junk", "version": 1}]},
    "/leads": {"phone": "+905321234567"},
    "/login": {"email": "nobody@mein.example", "password": "nobody's password"},
    "/logout": {},
    "/jobs/{name:str}/run": {},
    "/deliveries/{number:int}/retry": {},
    "/alerts/{number:int}/acknowledge": {},
    "/alerts/{number:int}/silence": {"until": "2h"},
}
"""What a POST route is asked with. NUMBER becomes the row's."""
ARGUMENTS: dict[str, dict[str, Any]] = {
    "give_verdict": {"status": "junk", "version": 1},
    "undo_verdict": {"version": 1},
    "pick_visit": {"session": None, "version": 1},
    "unpick_visit": {"version": 1},
    "claim": {"take_over": True},
    "release": {},
    "add_attempt": {"outcome": "reached"},
    "set_reminder": {"when": "1h"},
    "add_note": {"note": "x"},
    "reveal_number": {},
    "tell_presence": {},
    "acknowledge_alert": {},
    "silence_alert": {"until": "2h"},
}
ALERTS_FROM = 500_000
"""An alert of each tenant has this number more than its tap."""
IN_BULK = {"give_verdicts"}
OF_NO_ROW = {"log_in", "log_out", "read_health", "read_metrics"}
ANYONES = {"/login"}
"""Asked without a token: all there is of that kind."""
OF_ONESELF = {"/logout"}
"""Changed by who may only read: nothing but what is his own."""
OF_THE_BOX = {"list_jobs", "run_job", "list_deliveries", "retry_delivery"}
"""Nobody's who is not admin of every site."""
ROWS_OF_THE_BOX = {"/deliveries/{number:int}/retry"}
"""The same, as routes with a row's number."""
OF_CRON = {"maintain_db", "test_notification"}


class Operation(NamedTuple):
    method: str
    path: str

    def filled(self, site: str, sid: str, number: int) -> tuple[str, bytes | None]:
        number += ALERTS_FROM * self.path.startswith("/alerts/")
        path = self.path.replace("{site:str}", site).replace("{sid:str}", sid).replace("{number:int}", str(number))
        path = path.replace("{name:str}", "close_month")
        body = json.dumps(BODIES[self.path]).replace('"NUMBER"', str(number)).encode() if self.method == "POST" else None
        return f"/api/v1{path}", body


OPERATIONS = [Operation(next(iter(one.http_methods)), path) for one in ROUTES for path in one.paths]  # type: ignore[union-attr]
WITH_ID = [
    one
    for one in OPERATIONS
    if (re.search(r"\{(site|sid|number):", one.path) or "NUMBER" in str(BODIES.get(one.path))) and one.path not in ROWS_OF_THE_BOX
]
OURS = [name for name, entry in COMMANDS.items() if entry.scope not in (OWNER, CRON)]


class Tenants(NamedTuple):
    """Two tenants of one Box. `mine` and `theirs`: public id, session, row of the tap."""

    box: Box
    mine: tuple[str, str, int]
    theirs: tuple[str, str, int]
    token: str
    number: int
    line: http.client.HTTPConnection

    def ask(self, operation: Operation, whose: tuple[str, str, int], token: str = "") -> tuple[int, dict[str, Any]]:
        path, body = operation.filled(*whose)
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        self.line.request(operation.method, path, body, headers)
        answer = self.line.getresponse()
        return answer.status, json.loads(answer.read())


@pytest.fixture(scope="module")
def tenants(box: Box) -> Iterator[Tenants]:
    mine, theirs = box.add_site("mein"), box.add_site("fremd")
    for row, name, sid in ((mine, "mein", MY_SID), (theirs, "fremd", THEIR_SID)):
        box.send(row["public_id"], sid=sid, ea="phone_call", el="tel:+905321234567", host=f"{name}.example")
    box.wait_projected()
    token = box.token("mein", rights="admin")
    number = next(one["id"] for one in box.call("list_tokens") if one["rights"] == "admin")
    line = http.client.HTTPConnection("127.0.0.1", box.port)
    rows = {site: box.get(f"/api/v1/sites/{site}/intents", box.token(site))["intents"][0]["id"] for site in _ids(mine, theirs)}
    add_alerts(box, {row["id"]: rows[row["public_id"]] for row in (mine, theirs)})
    yield Tenants(
        box, (mine["public_id"], MY_SID, rows[mine["public_id"]]), (theirs["public_id"], THEIR_SID, rows[theirs["public_id"]]),
        token, number, line,
    )  # fmt: skip
    line.close()


def add_alerts(box: Box, taps: dict[int, int]) -> None:
    """One for each site, of a code that no rule looks at there: it stays open."""
    add = "insert into alerts (id, kind, site_id, at, text, last_at, level) values (?, 'CLOCK_STEP', ?, 1, 'x', 1, 'warning')"
    with closing(sqlite3.connect(box.data / "ledger.db", timeout=10)) as ledger, ledger:
        ledger.executemany(add, [(ALERTS_FROM + tap, site) for site, tap in taps.items()])


def _ids(*sites: dict[str, Any]) -> list[str]:
    return [site["public_id"] for site in sites]


def nobodys() -> tuple[str, str, int]:
    return str(uuid.uuid4()), str(uuid.uuid4()), 987_654_321


# --- declared ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_every_route_declares_its_scope_and_is_asked_here(operation: Operation) -> None:
    [handler] = [one for one in ROUTES if operation.path in one.paths and operation.method in one.http_methods]  # type: ignore[union-attr]
    scope = handler.opt.get("scope")  # type: ignore[union-attr]
    assert scope == ANYONE if operation.path in ANYONES else scope in (*RIGHTS, "send")
    assert operation.method == "GET" or operation.path in BODIES
    assert operation.method == "GET" or operation.path in OF_ONESELF or scope != "read", "who may only read changes nothing"


def test_a_route_that_declares_nothing_is_nobodys() -> None:
    @get("/")
    async def careless() -> None: ...

    async def found(_: str) -> TokenFound:
        return TokenFound(0, 1, "admin", [1])

    connection = ASGIConnection[Any, Any, Any, Any]({"type": "http", "headers": [(b"authorization", b"Bearer x")]})  # type: ignore[arg-type]
    with pytest.raises(Forbidden, match="nobody's"):
        asyncio.run(guard_with(found)(connection, careless))  # type: ignore[arg-type]


def test_every_command_declares_its_scope_and_is_asked_here() -> None:
    assert {entry.scope for entry in COMMANDS.values()} <= {OWNER, ANYONE, CRON, *RIGHTS}
    assert set(OURS) == set(ARGUMENTS) | IN_BULK | OF_NO_ROW | OF_THE_BOX
    assert [name for name, entry in COMMANDS.items() if entry.scope == ANYONE] == ["log_in", "read_metrics"]
    assert {name for name, entry in COMMANDS.items() if entry.scope == CRON} == OF_CRON


# --- routes -----------------------------------------------------------------------------------------------------------------------


def test_there_is_something_to_find(tenants: Tenants) -> None:
    """Else a 404 would prove nothing: their own operator gets another answer."""
    theirs = tenants.box.token("fremd", rights="admin")
    for operation in WITH_ID:
        status, told = tenants.ask(operation, tenants.theirs, theirs)
        assert status in (200, 409, 400), operation
        assert 404 not in [one["status"] for one in told.get("results", ())]


@pytest.mark.parametrize("operation", WITH_ID, ids=" ".join)
def test_what_is_anothers_is_what_is_not_there(tenants: Tenants, operation: Operation) -> None:
    missing = tenants.ask(operation, nobodys())
    assert missing[0] == 404 or [one["status"] for one in missing[1]["results"]] == [404]
    mine, theirs, before = tenants.mine, tenants.theirs, tenants.box.call("list_audit")
    for whose in (theirs, (theirs[0], *mine[1:])):
        if "{site" in operation.path or whose == theirs:
            assert tenants.ask(operation, whose) == missing, whose
    if "{site" in operation.path and operation.path.count("{") > 1:
        on_mine = tenants.ask(operation, (mine[0], *nobodys()[1:]))
        assert on_mine[0] == 404
        assert tenants.ask(operation, (mine[0], *theirs[1:])) == on_mine
    assert tenants.box.call("list_audit") == before


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.path not in ANYONES], ids=" ".join)
def test_nobody_asks_without_a_token_or_with_a_lesser_right(tenants: Tenants, operation: Operation) -> None:
    [handler] = [one for one in ROUTES if operation.path in one.paths and operation.method in one.http_methods]  # type: ignore[union-attr]
    needed = handler.opt["scope"]  # type: ignore[union-attr]
    lesser = {"read": ["send"], "operate": ["send", "read"], "send": ["read", "admin"], "admin": ["send", "read", "operate"]}[
        needed
    ]
    tokens = {right: tenants.box.token("mein", rights=right) for right in RIGHTS} | {"send": tenants.box.site_token("mein")}
    assert tenants.ask(operation, tenants.mine, "wrong")[0] == 401
    assert [tenants.ask(operation, tenants.mine, tokens[right])[0] for right in lesser] == [403] * len(lesser)


@pytest.mark.parametrize("operation", WITH_ID, ids=" ".join)
def test_the_time_tells_nothing_either(tenants: Tenants, operation: Operation) -> None:
    """Medians of alternating questions: whatever else the machine does meets both alike. A busy machine needs more of them; a
    difference that is there stays, however many are asked."""
    took: dict[bool, list[int]] = {True: [], False: []}
    missing, medians = nobodys(), (0.0, 0.0)
    for number in range(2 * ROUNDS):
        foreign = bool(number % 4 in (0, 3))
        started = time.perf_counter_ns()
        tenants.ask(operation, tenants.theirs if foreign else missing)
        took[foreign].append(time.perf_counter_ns() - started)
        if number % FEW == FEW - 1:
            medians = statistics.median(took[True]), statistics.median(took[False])
            if abs(medians[0] - medians[1]) / max(medians) < WITHIN:
                return
    raise AssertionError(medians)


# --- commands ---------------------------------------------------------------------------------------------------------------------


def command(tenants: Tenants, name: str, arguments: dict[str, Any]) -> Any:
    client = EngineClient(tenants.box.data)
    try:
        return client.call(name, arguments, tenants.number)
    except BoxError as refused:
        return type(refused), str(refused)
    finally:
        client.close()


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_the_engine_itself_refuses_a_foreign_row(tenants: Tenants, name: str) -> None:
    missing = command(tenants, name, ARGUMENTS[name] | {"id": 987_654_321})
    more = ALERTS_FROM if "alert" in name else 0
    assert missing[0] is (NoSuchAlert if more else NoSuchIntent)
    assert command(tenants, name, ARGUMENTS[name] | {"id": tenants.theirs[2] + more}) == missing
    assert command(tenants, name, ARGUMENTS[name] | {"id": tenants.mine[2] + more}) != missing


def test_the_engine_itself_refuses_foreign_rows_among_many(tenants: Tenants) -> None:
    asked = [{"id": number, "status": "junk", "version": 1} for number in (tenants.theirs[2], 987_654_321)]
    first, second = command(tenants, "give_verdicts", {"verdicts": asked})
    assert first == second
    assert first["status"] == 404


@pytest.mark.parametrize("name", sorted(OF_THE_BOX))
def test_the_engine_itself_refuses_what_is_of_the_whole_box_to_the_admin_of_some_sites(tenants: Tenants, name: str) -> None:
    assert command(tenants, name, {"name": "close_month", "id": 1})[0] is Forbidden


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - set(OURS)))
def test_what_is_the_owners_is_refused_to_every_token(tenants: Tenants, name: str) -> None:
    assert command(tenants, name, {"site": "mein", "id": 1, "user": "x", "grace_ms": 0})[0] is Forbidden


def test_a_token_that_is_nobodys_asks_nothing(tenants: Tenants) -> None:
    assert command(tenants._replace(number=987_654), "claim", {"id": tenants.mine[2]})[0] is Unauthorized


def test_a_gateways_word_is_not_believed(tmp_path: Path) -> None:
    """It may ask for tokens it has shown; not as the owner, and not with a number it made up."""
    engine = Engine(tmp_path / "data", system_clock())
    service = Service(engine.core, engine.vault, lambda: engine.now, RateLimits(), Bounds())
    service.directory.add_user("op@antika.example", "", engine.now)
    service.directory.grant("op@antika.example", engine.site, "operate", engine.now)
    made = service.directory.create_token(engine.now, "op@antika.example", None, "operate", "")
    engine.send(ea="phone_call", el="tel:+905321234567")
    gateway = Peer(service, is_gateway=True)
    for number in (0, made["id"]):
        answer = run_command(service, gateway, Command(1, "claim", {"id": 1}, number))
        assert isinstance(answer, Failed)
        assert answer.error == "Forbidden"
    gateway.shown.add(made["id"])
    assert isinstance(run_command(service, gateway, Command(1, "claim", {"id": 1}, made["id"])), Done)
    engine.close()
