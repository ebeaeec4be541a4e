"""Passwords as commands: the owner sets them, anyone may try one, and whoever has a token may give it back."""

from typing import TYPE_CHECKING, Any

from opsmantik_box.engine.asking import ANYONE, Arguments, Asker, command, command_for
from opsmantik_box.errors import TooManyTries, WrongPassword
from opsmantik_box.link.messages import TokensChanged

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service


@command
async def set_password(service: "Service", arguments: Arguments) -> dict[str, Any]:
    """Of a user; tokens that were given for the password before are revoked."""
    revoked = await service.logins.set_password(arguments["user"], arguments["password"], service.clock())
    service.audience.tell(TokensChanged())
    return {"revoked": revoked}


@command_for(ANYONE)
async def log_in(service: "Service", _: Asker, arguments: Arguments) -> dict[str, Any]:
    """`address`: whom a limit counts, as the gateway knows it."""
    email, password, address, name = (str(arguments[key]) for key in ("email", "password", "address", "name"))
    try:
        return await service.logins.log_in(email, password, address, name, service.clock())
    except (WrongPassword, TooManyTries) as refused:
        service.refusals.note([(0, f"login_{'wrong' if isinstance(refused, WrongPassword) else 'limited'}", 1)])
        raise


@command_for("read")
def log_out(service: "Service", asker: Asker, arguments: Arguments) -> dict[str, Any]:  # noqa: ARG001 - it needs no more than who asks
    """The token this is asked with opens nothing any more."""
    service.directory.revoke_token(asker.token, service.clock(), by=asker.on_record)
    service.audience.tell(TokensChanged())
    return {}
