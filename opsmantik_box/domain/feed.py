"""What a message of the feed says: all that a screen shows, because the session may not be in its month file yet. Pure."""

import msgspec
from msgspec import Struct


class IntentBody(Struct, frozen=True):
    """A new intent. Times in UTC milliseconds; `score` after the tap; `page` without masked values."""

    id: int
    at: int
    action: str
    target: str
    page: str
    position: str
    session: str
    session_month: str
    score: int
    breakdown: dict[str, int]
    attribution: str
    device: str
    is_bot: bool
    is_internal: bool


class AlertBody(Struct, frozen=True):
    """Something is wrong: its kind (a word a program may match) and the sentence a person reads."""

    kind: str
    text: str


def as_json(body: IntentBody | AlertBody | dict[str, int]) -> str:
    """As JSON text, as it lies in a column."""
    return msgspec.json.encode(body).decode()
