"""Hooks as commands, the owner's alone. A secret is in the answer that makes it, and in no other."""

from typing import TYPE_CHECKING, Any

import msgspec

from opsmantik_box.engine.asking import Arguments, command
from opsmantik_box.engine.hooks import NewHook

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service


@command
def add_hook(service: "Service", arguments: Arguments) -> dict[str, Any]:
    site = service.directory.find_site(arguments["site"])
    return service.hooks.add(site, msgspec.convert(arguments, NewHook), service.clock())


@command
def list_hooks(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:  # noqa: ARG001 - as every command
    return service.hooks.list()


@command
def rotate_hook(service: "Service", arguments: Arguments) -> dict[str, Any]:
    """A second secret (and key) beside the first; both are good until the rotation is finished."""
    key, basic = arguments.get("key") or "", arguments.get("basic") or ""
    return service.hooks.rotate(int(arguments["id"]), key, basic, service.clock())


@command
def finish_hook_rotation(service: "Service", arguments: Arguments) -> dict[str, Any]:
    service.hooks.finish_rotation(int(arguments["id"]), service.clock())
    return {}


@command
def remove_hook(service: "Service", arguments: Arguments) -> dict[str, Any]:
    service.hooks.remove(int(arguments["id"]), service.clock())
    return {}
