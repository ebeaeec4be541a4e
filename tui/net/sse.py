"""Reading server-sent events: bytes in, blocks out. Pure; the rules are those of the HTML standard, as far as the Box uses them."""

from msgspec import Struct

MOST_UNREAD = 4 * 2**20
"""Bytes of one block: no message of the Box is near it."""


class TooLong(Exception):
    """A message of the stream does not end."""


class Block(Struct, frozen=True):
    """What stands between two empty lines. A block without data says a position, or nothing (a comment)."""

    id: str = ""
    event: str = ""
    data: bytes = b""
    retry_ms: int | None = None


class Reader:
    """Takes bytes as they come. A block that was cut off is never told."""

    def __init__(self) -> None:
        self._unread = b""

    def feed(self, data: bytes) -> list[Block]:
        """The blocks that are complete by now. Raises TooLong."""
        *whole, self._unread = (self._unread + data).replace(b"\r\n", b"\n").split(b"\n\n")
        if len(self._unread) > MOST_UNREAD:
            raise TooLong
        return [read_block(block) for block in whole]


def read_block(text: bytes) -> Block:
    """One block. Comments and fields it does not know say nothing."""
    fields: dict[bytes, bytes] = {}
    data: list[bytes] = []
    for line in text.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name:
            fields[name] = value
    retry = fields.get(b"retry", b"")
    return Block(
        fields.get(b"id", b"").decode("ascii", "replace"),
        fields.get(b"event", b"").decode("ascii", "replace"),
        b"\n".join(data),
        int(retry) if retry.isdigit() else None,
    )
