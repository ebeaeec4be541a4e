"""Errands: heavy work that the engine has done in a process of its own, so that its loop never waits. The helper's end of the pipes.

One order comes in on standard input, what is said goes out on standard output, both as frames. A helper that is left alone (its
standard input ends) is gone at once: an engine that was killed leaves nobody behind.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from opsmantik_box.errors import BoxError
from opsmantik_box.link.framing import Unpacker, pack
from opsmantik_box.link.messages import Done, Failed

NICE = 19
"""Signals are taken by another process, and come first."""

Order = TypeVar("Order", bound=Struct)
Say = Callable[[str], None]


class Said(Struct, frozen=True, array_like=True, tag=1):
    """How far it is, in words."""

    text: str


FromHelper = Said | Done | Failed
decode_from_helper = msgspec.msgpack.Decoder(FromHelper).decode


def serve_errand(kind: type[Order], run: Callable[[Order, Say], Any]) -> int:
    """Reads the order, runs it, tells what came of it; the process's exit code."""
    with suppress(PermissionError):  # a service manager may refuse it
        os.nice(NICE)
    order = msgspec.msgpack.decode(_read_frame(), type=kind)
    threading.Thread(target=_leave_with_the_engine, daemon=True).start()
    try:
        answer: FromHelper = Done(0, run(order, lambda text: _send(Said(text))))
    except BoxError as error:
        answer = Failed(0, type(error).__name__, str(error), error.exit_code)
    except OSError as error:
        answer = Failed(0, "BoxError", f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), 1)
    _send(answer)
    return 0


def _read_frame() -> bytes:
    unpacker = Unpacker()
    while data := os.read(0, 1 << 16):
        for body in unpacker.feed(data):
            return body
    raise SystemExit(1)


def _leave_with_the_engine() -> None:
    while os.read(0, 1 << 16):
        pass
    os._exit(1)


def _send(message: FromHelper) -> None:
    """To the engine; without one, this ends as `_leave_with_the_engine` does, whichever of them notices first."""
    try:
        sys.stdout.buffer.write(pack(message))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(1)
