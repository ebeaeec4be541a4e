"""Exchanges' tables: which field of a request means what (`*.toml` beside this file, each with what is documented and what assumed).

An exchange that is not here yet is a new table, not new code.
"""

from functools import cache
from importlib.resources import files
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import Struct, field

PROVIDERS = ("verimor", "netgsm", "bulutfon", "twilio", "telnyx", "generic")

Told = Literal["ringing", "answered", "missed", "ended", "over", "record"]
"""What an event's word says: a state (*ended* is answered and over), *over* (whether it was answered is to be found out), or
*record*: over, told by a record written afterwards, whose own time is not the call's end."""
Way = Literal["inbound", "outbound", "internal"]
Outcome = Literal["answered", "missed"]
Word = TypeVar("Word")


class Words(Struct, Generic[Word], frozen=True, forbid_unknown_fields=True):
    """The first of `fields` whose text is one of `words` (lower case; '' means: sent, and empty)."""

    fields: tuple[str, ...] = ()
    words: dict[str, Word] = {}


class Numbers(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the other party stands, and the line that was called; the first that is not empty."""

    other: tuple[str, ...] = ()
    called: tuple[str, ...] = ()


class Times(Struct, frozen=True, forbid_unknown_fields=True):
    """Where times stand. Digits are counted in `unit`; a date without an offset is in `zone`. `event` is the event's own time."""

    unit: Literal["s", "ms", "us"] = "ms"
    zone: str = "UTC"
    event: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


class FieldMap(Struct, frozen=True, forbid_unknown_fields=True):
    """One exchange's table. A field is a path: `data.payload.from`. An event whose state is no word of the table, and a call between
    two extensions (`internal`), give no update. `plus`: numbers carry their country and no plus. `withheld`: numbers that are none."""

    body: Literal["form", "json", "either"]
    call_id: tuple[str, ...]
    state: Words[Told]
    times: Times
    direction: Words[Way] = field(default_factory=Words[Way])
    outcome: Words[Outcome] = field(default_factory=Words[Outcome])
    inbound: Numbers = Numbers()
    outbound: Numbers = Numbers()
    undirected: Numbers = Numbers()
    duration: tuple[str, ...] = ()
    plus: bool = False
    withheld: tuple[str, ...] = ()


@cache
def load_map(provider: str) -> FieldMap:
    """The table of one of PROVIDERS."""
    assert provider in PROVIDERS
    return msgspec.toml.decode((files(__package__ or "") / f"{provider}.toml").read_bytes(), type=FieldMap)
