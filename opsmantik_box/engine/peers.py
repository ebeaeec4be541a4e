"""The engine's end of a link: a gateway's socket pair, or a command line on the admin socket."""

import asyncio
from typing import TYPE_CHECKING, cast

import msgspec
import structlog

from opsmantik_box.errors import BoxError
from opsmantik_box.link.framing import Unpacker, pack
from opsmantik_box.link.messages import decode_to_engine

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Peer(asyncio.Protocol):
    """Cuts what arrives into messages for the service. What is sent is written once per turn, not once per message. `shown`: the
    numbers of the tokens this peer has shown; it may ask with no other."""

    def __init__(self, service: "Service", *, is_gateway: bool) -> None:
        self._service, self.is_gateway = service, is_gateway
        self._unpacker = Unpacker()
        self._out: list[bytes | bytearray] = []
        self._transport: asyncio.WriteTransport | None = None
        self.walls = ""
        self.shown: set[int] = set()

    @property
    def is_there(self) -> bool:
        """Connected, and not gone again."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._service.audience.come(self)

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._unpacker.feed(data):
                self._service.hearing.hear(self, decode_to_engine(body))
        except (BoxError, msgspec.DecodeError) as error:
            log.error("a peer of the link is cut off", problem=str(error), gateway=self.is_gateway)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self._service.audience.leave(self)

    def send(self, message: object) -> None:
        """Queue a message for the end of this turn; a peer that is gone gets nothing."""
        if self._transport is not None:
            self._out.append(pack(message))
            self._service.audience.must_flush(self)

    def flush(self) -> None:
        """Write what is queued."""
        if self._transport is not None and self._out:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def close(self) -> None:
        """Send what is queued and hang up."""
        self.flush()
        if self._transport is not None:
            self._transport.close()
