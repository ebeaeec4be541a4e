"""What can be asked of the engine by name: a table. Each takes the arguments of one Command and answers plain data."""

from collections.abc import Awaitable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from opsmantik_box.domain.site_entry import SiteChange, read_entry
from opsmantik_box.engine import (
    alert_commands,
    delivery_commands,
    desk_commands,
    erase_commands,
    health,
    hook_commands,
    job_commands,
    login_commands,
    metrics,
)
from opsmantik_box.engine.ad_numbers import AdClicks, ClientCounts, add_ad_clicks, add_client_counts
from opsmantik_box.engine.asking import COMMANDS, Arguments, admit_asker, command
from opsmantik_box.engine.directory import describe_site
from opsmantik_box.engine.months import MonthGone
from opsmantik_box.errors import BoxError, LedgerPoisoned, NotFound, UsageError
from opsmantik_box.link.messages import Command, Done, Failed, Months, SiteChanged, TokensChanged

if TYPE_CHECKING:
    from opsmantik_box.engine.peers import Peer
    from opsmantik_box.engine.service import Service

Told = TypeVar("Told")
ALSO = (
    alert_commands, delivery_commands, desk_commands, erase_commands, health, hook_commands, job_commands, login_commands, metrics,
)  # fmt: skip
"""Modules that put commands of theirs into the table."""
WRONG = (BoxError, KeyError, TypeError, ValueError)
"""What is said to who asked."""


def run_command(service: "Service", peer: "Peer", asked: Command) -> Done | Failed | Awaitable[Done | Failed]:
    """The answer, or what it comes from later. Never raises for what was asked; only what poisons the ledger passes through."""
    try:
        entry = COMMANDS.get(asked.name)
        if entry is None:
            raise UsageError(problem=f"The engine knows no command {asked.name!r}.")
        result = entry.run(service, admit_asker(service, peer, asked.token, entry.scope), asked.arguments)
    except WRONG as error:
        return _failed(asked, error)
    return _answer_later(asked, result) if isawaitable(result) else Done(asked.rid, result)


async def _answer_later(asked: Command, result: Awaitable[Any]) -> Done | Failed:
    try:
        return Done(asked.rid, await result)
    except WRONG as error:
        return _failed(asked, error)


def _failed(asked: Command, error: Exception) -> Failed:
    if isinstance(error, LedgerPoisoned):
        raise error
    if isinstance(error, BoxError):
        current = msgspec.to_builtins(error.details.get("current"))
        return Failed(asked.rid, type(error).__name__, str(error), error.exit_code, current)
    return Failed(asked.rid, "UsageError", f"{asked.name}: {error}", UsageError.exit_code)


@command
def add_site(service: "Service", arguments: Arguments) -> dict[str, Any]:
    return add_sites(service, {"sites": [arguments]})[0]


@command
def add_sites(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:
    news = [read_entry(fields) for fields in arguments["sites"]]
    added = service.directory.add_sites(news, service.clock())
    for site in added:
        service.audience.tell(SiteChanged(site))
    service.audience.tell(TokensChanged())  # who was admin of every site is so no longer
    return [describe_site(site) for site in added]


@command
def change_site(service: "Service", arguments: Arguments) -> dict[str, Any]:
    site = service.directory.find_site(arguments["site"])
    changed = service.directory.change_site(site, _converted(arguments, SiteChange), service.clock())
    service.audience.tell(SiteChanged(changed))
    return describe_site(changed)


@command
def list_sites(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:
    return service.directory.list_sites(service.clock(), service.turns.last_signal)


@command
def find_site(service: "Service", arguments: Arguments) -> dict[str, Any]:
    return describe_site(service.directory.find_site(arguments["site"]))


@command
def add_user(service: "Service", arguments: Arguments) -> dict[str, Any]:
    return service.directory.add_user(arguments["email"], arguments.get("name") or "", service.clock())


@command
def list_users(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:
    return service.directory.list_users()


@command
def grant(service: "Service", arguments: Arguments) -> dict[str, Any]:
    site = service.directory.find_site(arguments["site"])
    service.directory.grant(arguments["user"], site, arguments["rights"], service.clock())
    service.audience.tell(TokensChanged())
    return {}


@command
def create_token(service: "Service", arguments: Arguments) -> dict[str, Any]:
    site = service.directory.find_site(arguments["site"]) if arguments.get("site") is not None else None
    rights, name = arguments.get("rights") or "read", arguments.get("name") or ""
    if rights == "relay":
        return service.directory.create_relay_token(service.clock(), name)
    return service.directory.create_token(service.clock(), arguments.get("user"), site, rights, name)


@command
def list_tokens(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:
    return service.directory.list_tokens()


@command
def revoke_token(service: "Service", arguments: Arguments) -> dict[str, Any]:
    service.directory.revoke_token(int(arguments["id"]), service.clock())
    service.audience.tell(TokensChanged())
    return {}


@command
def rotate_token(service: "Service", arguments: Arguments) -> dict[str, Any]:
    return service.directory.rotate_token(int(arguments["id"]), int(arguments["grace_ms"]), service.clock())


@command
def remove_user(service: "Service", arguments: Arguments) -> dict[str, Any]:
    site = service.directory.find_site(arguments["site"]) if arguments.get("site") is not None else None
    service.directory.remove_user(arguments["user"], site, service.clock())
    service.audience.tell(TokensChanged())
    return {}


@command
def list_rights(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:
    return service.directory.list_rights()


@command
def list_audit(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:
    site = service.directory.find_site(arguments["site"]) if arguments.get("site") is not None else None
    return service.directory.list_audit(site, arguments.get("user"), int(arguments.get("limit") or 100))


@command
def tell_ad_clicks(service: "Service", arguments: Arguments) -> dict[str, Any]:
    """Google's numbers: rows of AdClicks, each with its site. All or none."""
    rows: list[dict[str, Any]] = arguments["rows"]
    sites = {row["site"]: service.directory.find_site(row["site"]) for row in rows}
    told = [(sites[row["site"]], _converted(row, AdClicks)) for row in rows]
    add_ad_clicks(service.core.ledger, told, service.clock())
    return {"rows": len(told)}


@command
def tell_client_counts(service: "Service", arguments: Arguments) -> dict[str, Any]:
    """What the client counted himself on a day."""
    site = service.directory.find_site(arguments["site"])
    add_client_counts(service.core.ledger, site, _converted(arguments, ClientCounts), service.clock())
    return {}


@command
def status(service: "Service", arguments: Arguments) -> dict[str, Any]:
    return service.status()


@command
def retry_quarantined(service: "Service", arguments: Arguments) -> dict[str, Any]:
    core = service.core
    stored, still = core.acceptance.retry_quarantined(service.clock(), core.projector.cursor)
    service.turns.wake()
    return {"retried": stored + still, "stored": stored, "still": still}


@command
def rebuild_month(service: "Service", arguments: Arguments) -> dict[str, Any]:
    """A month's file is folded again from the ledger; it reads as long as that takes as far as it is. Raises NotFound."""
    month, now = str(arguments["month"]), service.clock()
    if month not in service.core.months.there():
        raise NotFound(kind="month", name=month, listing="doctor")
    if service.core.ledger.is_trimmed(month):
        raise MonthGone(month=month, problem="cannot be mended")
    with service.core.minding(now):
        service.core.replace_month(month, now, "it is folded again by `verify --repair`")
    service.audience.tell(Months(service.core.months.names()))
    service.turns.wake()
    return {"month": month}


def _converted(fields: Arguments, kind: type[Told]) -> Told:
    """Loose fields as what they must be; those it has no place for are left out. Raises UsageError."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise UsageError(problem=str(error)) from None
