"""What a relay hands on to main: a tracker's request as it came, with what only the relay could see of it. Pure.

`POST /api/relay`, with a relay's token. The bodies are handed on byte for byte, their ids with them.
"""

from typing import Any

from msgspec import Raw, Struct

from opsmantik_box.domain.sites import Site

MAX_ENVELOPES = 100
MAX_BYTES = 1024 * 1024
"""Of one request to main."""
MAX_AGE_MS = 35 * 86_400_000
"""For so long main knows what it has: what is older could be counted twice."""
MAX_AHEAD_MS = 5 * 60_000
"""So much may the clocks of relay and main differ."""


class Envelope(Struct, frozen=True):
    """One request. `at`: when the relay received it (UTC ms); `address` is the visitor's, in full."""

    at: int
    origin: str
    address: str
    agent: str
    body: str


class Envelopes(Struct, frozen=True):
    envelopes: list[Envelope]


class Verdict(Struct, frozen=True):
    """What main says of one envelope: what it would have answered the tracker."""

    status: int
    body: Raw = Raw(b"null")


class Verdicts(Struct, frozen=True):
    """In order. `at` is main's time."""

    at: int
    results: list[Verdict]


class Known(Struct, frozen=True):
    """The sites of main, and hosts that may send for any of them."""

    sites: list[dict[str, Any]]
    allowed_origins: list[str]


def received_at(envelope: Envelope, now: int) -> int | None:
    """When the signals of an envelope were received, by main's clock; None when that is too long ago. The same at each attempt, so
    that a signal without an id is found again in its ten seconds."""
    if envelope.at < now - MAX_AGE_MS:
        return None
    return envelope.at if envelope.at <= now + MAX_AHEAD_MS else now


def is_final(status: int) -> bool:
    """Whether main will not say otherwise of this envelope, however often it is asked."""
    return 400 <= status < 500 and status not in (401, 408, 425, 429)


def read_sites(known: Known) -> list[Site]:
    """As this version knows a site. A field that a newer main tells besides is left out. Raises TypeError for one that is missing."""
    names = Site.__struct_fields__
    return [Site(**{name: fields[name] for name in names if name in fields}) for fields in known.sites]
