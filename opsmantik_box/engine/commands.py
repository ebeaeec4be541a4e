"""What can be asked of the engine by name: a table. Each takes the arguments of one Command and answers plain data."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opsmantik_box.domain.site_entry import read_entry
from opsmantik_box.engine.directory import describe_site
from opsmantik_box.errors import BoxError, LedgerPoisoned, UsageError
from opsmantik_box.link.messages import Command, Done, Failed, SiteChanged, TokensChanged

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

Arguments = dict[str, Any]
_COMMANDS: dict[str, Callable[["Service", Arguments], Any]] = {}


def command(run: Callable[["Service", Arguments], Any]) -> Callable[["Service", Arguments], Any]:
    """Puts a function into the table, under its own name."""
    _COMMANDS[run.__name__] = run
    return run


def run_command(service: "Service", asked: Command) -> Done | Failed:
    """Never raises for what was asked; only what poisons the ledger passes through."""
    try:
        run = _COMMANDS.get(asked.name)
        if run is None:
            raise UsageError(problem=f"The engine knows no command {asked.name!r}.")
        return Done(asked.rid, run(service, asked.arguments))
    except LedgerPoisoned:
        raise
    except BoxError as error:
        return Failed(asked.rid, type(error).__name__, str(error), error.exit_code)
    except (KeyError, TypeError, ValueError) as error:
        return Failed(asked.rid, "UsageError", f"{asked.name}: {error}", UsageError.exit_code)


@command
def add_site(service: "Service", arguments: Arguments) -> dict[str, Any]:
    return add_sites(service, {"sites": [arguments]})[0]


@command
def add_sites(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:
    news = [read_entry(fields) for fields in arguments["sites"]]
    added = service.directory.add_sites(news, service.clock())
    for site in added:
        service.tell(SiteChanged(site))
    return [describe_site(site) for site in added]


@command
def list_sites(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:
    return service.directory.list_sites(service.clock(), service.last_signal)


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
    service.tell(TokensChanged())
    return {}


@command
def create_token(service: "Service", arguments: Arguments) -> dict[str, Any]:
    site = service.directory.find_site(arguments["site"]) if arguments.get("site") is not None else None
    rights, name = arguments.get("rights") or "read", arguments.get("name") or ""
    return service.directory.create_token(service.clock(), arguments.get("user"), site, rights, name)


@command
def list_tokens(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:
    return service.directory.list_tokens()


@command
def revoke_token(service: "Service", arguments: Arguments) -> dict[str, Any]:
    service.directory.revoke_token(int(arguments["id"]), service.clock())
    service.tell(TokensChanged())
    return {}


@command
def status(service: "Service", arguments: Arguments) -> dict[str, Any]:
    return service.status()


@command
def retry_quarantined(service: "Service", arguments: Arguments) -> dict[str, Any]:
    core = service.core
    stored, still = core.acceptance.retry_quarantined(service.clock(), core.projector.cursor)
    service.wake()
    return {"retried": stored + still, "stored": stored, "still": still}
