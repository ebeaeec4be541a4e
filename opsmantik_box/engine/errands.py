"""Errands: heavy work in a process of its own, which reads live files like any reader, writes copies only, and answers over a pipe.
The engine's end."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from msgspec import Struct

from opsmantik_box.errors import BoxError
from opsmantik_box.link.errands import decode_from_helper
from opsmantik_box.link.framing import Unpacker, pack
from opsmantik_box.link.messages import Done, Failed, refused_with


class HelperDied(BoxError):
    """The helper {module} ended with exit code {code} before it was done; its last words are in the log."""


async def run_errand(module: str, order: Struct, say: Callable[[str], None]) -> Any:
    """The result of `python -m module` for this order. `say` hears how far it is. Cancelling it kills the helper.

    Raises the BoxError it failed with, HelperDied."""
    pipe = asyncio.subprocess.PIPE
    helper = await asyncio.create_subprocess_exec(sys.executable, "-m", module, stdin=pipe, stdout=pipe)
    assert helper.stdin is not None
    assert helper.stdout is not None
    try:
        with suppress(OSError, RuntimeError):  # it is dead already (uvloop's word for that is RuntimeError): its end tells
            helper.stdin.write(bytes(pack(order)))
        return await _listen(module, helper, helper.stdout, say)
    finally:
        helper.stdin.close()
        if helper.returncode is None:
            helper.kill()
            await helper.wait()


async def _listen(module: str, helper: asyncio.subprocess.Process, out: asyncio.StreamReader, say: Callable[[str], None]) -> Any:
    unpacker = Unpacker()
    while data := await out.read(1 << 16):
        for body in unpacker.feed(data):
            told = decode_from_helper(body)
            if isinstance(told, Failed):
                raise refused_with(told)
            if isinstance(told, Done):
                return told.result
            say(told.text)
    raise HelperDied(module=module, code=await helper.wait())
