"""Frames on a stream socket: four bytes of length (big-endian), then one msgpack message."""

from collections.abc import Iterator

import msgspec

from opsmantik_box.errors import BoxError

HEADER = 4
MAX_FRAME = 16 * 1024 * 1024

_encode_into = msgspec.msgpack.Encoder().encode_into


class BrokenFrame(BoxError):
    """The other end of the link sent a frame of {size} bytes; at most {limit} are allowed."""


def pack(message: object) -> bytearray:
    """One message as a frame."""
    frame = bytearray(HEADER)
    _encode_into(message, frame, HEADER)
    frame[:HEADER] = (len(frame) - HEADER).to_bytes(HEADER, "big")
    return frame


class Unpacker:
    """Cuts a byte stream into frames. Feed it what arrived; it yields every complete body, in order."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises BrokenFrame; the stream is then unusable."""
        buffer = self._held + data if self._held else data
        start, end = 0, len(buffer)
        while end - start >= HEADER:
            size = int.from_bytes(buffer[start : start + HEADER], "big")
            if size > MAX_FRAME:
                raise BrokenFrame(size=size, limit=MAX_FRAME)
            if end - start - HEADER < size:
                break
            yield bytes(buffer[start + HEADER : start + HEADER + size])
            start += HEADER + size
        self._held = bytearray(buffer[start:])
