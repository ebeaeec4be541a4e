"""A command line's end of the link: asks the running engine, or starts one for the length of the command. Blocking."""

import os
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from opsmantik_box.errors import NotRunning
from opsmantik_box.link.framing import Unpacker, pack
from opsmantik_box.link.messages import Command, Done, Failed, decode_to_gateway, refused_with

ANSWER_SEC = 60
START_SEC = 120
"""A ledger with a long tail is replayed before the first command."""


NOT_STARTED = Failed(0, "BoxError", "The engine did not start; `opsmantik-box doctor` says more.", 1)


class EngineClient:
    """One connection to DATA/admin.sock."""

    def __init__(self, data: Path) -> None:
        """Raises NotRunning."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(ANSWER_SEC)
        self._unpacker = Unpacker()
        self._data = data
        try:
            self._socket.connect(os.fspath(data / "admin.sock"))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            self._socket.close()
            raise NotRunning(data=data) from error

    def call(self, name: str, arguments: Mapping[str, Any] | None = None, token: int = 0) -> Any:
        """The result of a command (engine/commands.py). Raises the BoxError the engine answered with, NotRunning when it ended."""
        self._socket.sendall(pack(Command(1, name, dict(arguments or {}), token)))
        while data := self._socket.recv(1 << 16):
            for body in self._unpacker.feed(data):
                answer = decode_to_gateway(body)
                if isinstance(answer, Done):
                    return answer.result
                if isinstance(answer, Failed):
                    raise refused_with(answer)
        raise NotRunning(data=self._data)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def engine_for(data: Path, *options: str) -> Generator[EngineClient]:
    """The engine that runs on this data folder, else one of our own (with these options) that ends with the block.

    Raises NotRunning, or what kept the engine from starting."""
    try:
        client = EngineClient(data)
    except NotRunning:
        with _own_engine(data, options) as client:
            yield client
    else:
        try:
            yield client
        finally:
            client.close()


@contextmanager
def _own_engine(data: Path, options: Sequence[str]) -> Generator[EngineClient]:
    """It ends when its standard input does: also when we are killed."""
    command = [sys.executable, "-m", "opsmantik_box.engine", "--data", os.fspath(data), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **_as_owner(data)) as engine:
        assert engine.stdout is not None
        first = engine.stdout.readline()
        if first.strip() != "ready":
            engine.wait(START_SEC)
            raise refused_with(msgspec.json.decode(first, type=Failed) if first.startswith("[") else NOT_STARTED)
        client = EngineClient(data)
        try:
            yield client
        finally:
            client.close()
            assert engine.stdin is not None
            engine.stdin.close()
            engine.wait(ANSWER_SEC)


def _as_owner(data: Path) -> dict[str, Any]:
    """Root starts the engine as whom the folder belongs to, so that the service can read what it writes."""
    owner = data.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 and owner.st_uid else {}
