"""Server-sent events as bytes: each made once, for all who are told it. JSON has no bare line ends, so a message is one `data:` line."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from opsmantik_box.domain.feed import BOX, FeedPosition
from opsmantik_box.domain.presence import PersonView
from opsmantik_box.link.messages import State

RETRY_MS = 2_000
"""How long a reader that was cut off waits before it comes again."""

_encode = msgspec.json.Encoder().encode


class Message(NamedTuple):
    """`seq` is 0 for a hint. `site_id`: None for everyone, BOX for who sees the Box."""

    seq: int
    topic: str
    site_id: int | None
    data: bytes


class FeedData(Struct, frozen=True):
    """`data` of a row of the feed: `ref` is the row's id (of an intent, a call …) and `version` its version, `body` what the topic says.
    `site_id` is null when it is about the Box itself."""

    site_id: str | None
    at: int
    ref: str
    version: int
    body: Raw


class HintData(Struct, frozen=True):
    """`data` of a hint."""

    site_id: str
    body: Raw


def feed_message(row: Sequence[Any], epoch: int, site: str | None) -> Message:
    """A row of read_feed; `site` is the public id, None for the Box's own."""
    seq, at, topic, site_id, ref, version, body = row
    data = _encode(FeedData(site, at, ref, version, Raw(body.encode())))
    return Message(seq, topic, site_id or BOX, b"id: %d-%d\nevent: %s\ndata: %s\n\n" % (epoch, seq, topic.encode(), data))


def hint_message(topic: str, site_id: int, site: str, body: str) -> Message:
    """A hint as the engine told it."""
    return Message(0, topic, site_id, _message(topic, _encode(HintData(site, Raw(body.encode())))))


def health_message(state: State) -> Message:
    """How the Box is, for everyone."""
    told = {name: getattr(state, name) for name in State.__struct_fields__}
    return Message(0, "health", None, _message("health", _encode({"body": told})))


def presence_message(people: Sequence[PersonView]) -> Message:
    """Who is there, as one who is told sees it."""
    return Message(0, "presence", None, _message("presence", _encode({"body": {"people": people}})))


def opening(position: FeedPosition) -> bytes:
    """The first thing a reader is told: where it is, so that it misses nothing even when it is cut off before the first message."""
    return b"retry: %d\nid: %s\n\n" % (RETRY_MS, str(position).encode())


def reset(position: FeedPosition, reason: str) -> bytes:
    """What was read so far cannot be continued: read the page again. The stream goes on from `position`."""
    told = {"reason": reason, "feed": str(position)}
    return b"id: %s\n" % told["feed"].encode() + _message("reset", _encode(told))


def heartbeat(position: FeedPosition) -> bytes:
    """A comment, and how far the feed is: a reader of a quiet site does not fall behind what is kept."""
    return b": \nid: %s\n\n" % str(position).encode()


def _message(topic: str, data: bytes) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (topic.encode(), data)
