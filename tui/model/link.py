"""How the console stands with the Box: the word at the top, since when, and why. Pure."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

Word = Literal["connecting", "live", "lost", "down", "token"]
PATIENCE_MS = 30_000
"""A connection that cannot be made for longer is called down, not lost."""


class Link(Struct, frozen=True):
    """`heard_at`: when the Box last said anything, which is how old is what is shown; 0: never. `reason`: in the Box's words, or the
    network's."""

    word: Word = "connecting"
    since: int = 0
    heard_at: int = 0
    reason: str = ""

    @property
    def is_live(self) -> bool:
        return self.word == "live"


def heard(link: Link, now: int) -> Link:
    """The Box said something."""
    return replace(link, word="live", since=link.since if link.is_live else now, heard_at=now, reason="")


def failed(link: Link, now: int, reason: str, *, refused: int = 0) -> Link:
    """The connection ended, could not be made, or was refused with a status. A Box that answers no is down at once: it says why."""
    since = now if link.is_live or not link.since else link.since
    if refused in (401, 403):
        return replace(link, word="token", since=since, reason=reason)
    is_down = bool(refused) or now - since >= PATIENCE_MS
    return replace(link, word="down" if is_down else "lost", since=since, reason=reason)
