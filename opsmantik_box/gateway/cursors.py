"""Cursors: where a page of a list ended, as an opaque word. One of one list is none of another. Nothing in it is secret."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import msgspec

from opsmantik_box.domain.pages import END_OF_TIME, Position
from opsmantik_box.domain.questions import Row
from opsmantik_box.errors import UsageError

LONGEST = 200
_decode = msgspec.msgpack.Decoder(tuple[str, int, int | str]).decode


def write_cursor(listing: str, position: Position) -> str:
    """`listing` names the list it belongs to."""
    return urlsafe_b64encode(msgspec.msgpack.encode((listing, position.at, position.key))).rstrip(b"=").decode()


def read_cursor(listing: str, text: str, kind: type[int] | type[str]) -> Position:
    """The position of a cursor of this list, whose keys are of this kind. Raises UsageError."""
    try:
        told, at, key = _decode(urlsafe_b64decode(text[:LONGEST].encode("ascii") + b"=" * (-len(text) % 4)))
    except (ValueError, msgspec.MsgspecError):
        raise UsageError(problem="cursor: it is none; use `next` of the page before") from None
    if (
        told != listing
        or not isinstance(key, kind)
        or not (0 <= at < END_OF_TIME)
        or (isinstance(key, int) and not 0 <= key < 1 << 63)
    ):
        raise UsageError(problem="cursor: it is another list's; use `next` of the page before")
    return Position(at, key)


def next_cursor(listing: str, rows: Sequence[Row], limit: int) -> str | None:
    """The cursor after the last row that is shown; None when nothing follows."""
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return write_cursor(listing, Position(last[0], last[1]))
