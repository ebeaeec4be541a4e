"""Erasing as commands, the owner's alone. They begin it and say how far it is; it takes as long as the Box is large."""

from typing import TYPE_CHECKING, Any

import msgspec

from opsmantik_box.domain.erasure import Kind
from opsmantik_box.engine.asking import COMMAND_LINE, Arguments, command

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service


@command
def find_visitor(service: "Service", arguments: Arguments) -> dict[str, Any]:
    """What erasing would erase; nothing is changed. `read_erasure` says with the id how far it is."""
    return _ask(service, arguments, only_look=True)


@command
def erase_visitor(service: "Service", arguments: Arguments) -> dict[str, Any]:
    """Begins an erasure, which will be finished from now on, whatever happens."""
    return _ask(service, arguments, only_look=False)


@command
def read_erasure(service: "Service", arguments: Arguments) -> dict[str, Any]:
    found = service.erasures.find(arguments["id"])
    return {"looked": found.looked, "signals": found.signals, "receipt": msgspec.to_builtins(found.receipt)}


@command
def list_erasures(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:  # noqa: ARG001 - as every command
    return [msgspec.to_builtins(receipt) for receipt in service.erasures.receipts()]


def _ask(service: "Service", arguments: Arguments, *, only_look: bool) -> dict[str, Any]:
    kind: Kind = msgspec.convert(arguments["kind"], Kind)
    site = service.directory.find_site(arguments["site"]) if arguments.get("site") is not None else None
    by, told = COMMAND_LINE.on_record, str(arguments["value"])
    erasure_id = service.erasures.ask(kind, told, site.id if site else None, by, only_look=only_look)
    service.erase()
    return {"id": erasure_id}
