"""What a tracker sent, and what the rules read out of it before anything is known of its session.

`WireSignal` is one signal as sent (shapes: docs/wire.md). `Signal` is the same after reading: checked, masked, cut, and with every
rule evaluated that needs no state. The gateway reads; the engine decides (domain/decisions.py) and stores both.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from opsmantik_box.domain.arrivals import Report


class WireSignal(Struct):
    """One signal as it came. Absent is None (or an empty Raw); nothing is checked yet but the JSON types."""

    s: str | None = None
    u: str | None = None
    sid: str | int | None = None
    sm: str | None = None
    ec: str | None = None
    ea: str | None = None
    el: str | int | float | bool | None = None
    ev: Raw = Raw(b"")
    r: str | None = None
    meta: dict[str, Any] | None = None
    id: str | None = None
    ts: int | float | None = None
    st: int | float | None = None


class WireBody(WireSignal):
    """A request body: one signal, or (`e` present) up to twenty of one site, each decoded by itself."""

    v: int | None = None
    e: list[Raw] | None = None


class Payload(Struct, omit_defaults=True):
    """What the ledger keeps of a signal as sent: after masking and the allow-list, without `s` and `st`."""

    u: str
    sid: str | None = None
    sm: str | None = None
    ec: str | None = None
    ea: str | None = None
    el: str | None = None
    ev: float | None = None
    r: str | None = None
    meta: dict[str, Any] | None = None
    id: str | None = None
    ts: int | None = None


class Click(Struct, frozen=True, array_like=True, gc=False):
    """A click id. `in_url` is false when only `meta` carried it (old trackers repeat it for ever)."""

    kind: str
    id: str
    in_url: bool


class Tap(Struct, frozen=True, array_like=True, gc=False):
    """A contact attempt: `action` phone, whatsapp or form; `target` normalised (`tel:+90…`, `wa:+90…`, `tel:unknown`)."""

    action: str
    target: str
    stamp: str = ""
    position: str = ""


class Signal(Struct, frozen=True, array_like=True, gc=False):
    """A read signal. Times in UTC milliseconds; `fired` are `scoring.Rule` bits and `rank` is an `attribution.Rank`, both of this
    signal alone, without what only its visitor's past can tell."""

    sid: bytes
    at: int
    received_at: int
    month_hint: str
    category: str
    fired: int
    rank: int
    fingerprint: str
    weak: bool
    address_prefix: str
    is_view: bool
    click: Click | None = None
    tap: Tap | None = None
    campaign: dict[str, str] | None = None
    referrer_host: str = ""
    device: str = ""
    browser: str = ""
    bot_reason: str = ""
    internal: bool = False
    consent: str = ""
    city: str = ""
    district: str = ""
    scroll_pct: int = 0
    active_sec: int = 0
    sent_at: int | None = None


class Arrival(Struct, frozen=True, array_like=True, gc=False):
    """A signal on its way to the ledger. `event_ids`: its id (16 bytes) and, for trackers that send none, the ids it would have had in
    the two ten-second slots before; any of them known makes it a duplicate. `payload_hash` covers the signal without `st`. `report` is what
    its tracker told of itself, if it did."""

    event_ids: list[bytes]
    payload_hash: bytes
    payload: bytes
    signal: Signal
    report: Report | None = None


decode_payload = msgspec.json.Decoder(Payload).decode
encode_arrival = msgspec.msgpack.Encoder().encode
decode_arrival = msgspec.msgpack.Decoder(Arrival).decode
