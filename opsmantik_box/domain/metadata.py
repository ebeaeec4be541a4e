"""What is kept of `meta`, by an allow-list of names, and how its numbers and texts are read. Pure. For people: docs/metadata.md.

Unknown names are dropped and told (they are counted, so that a tracker's new word is noticed); names of hardware (gpu, mem, screen)
are unknown on purpose: they would make a fingerprint of a device that was never asked.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

MAX_META = 8 * 1024
"""Bytes of JSON that are kept; more is refused."""
MAX_TEXT = 256
MAX_NAMES = 16
"""Entries of a nested object, and dropped names told of one signal."""
BIGGEST = 2**53

TEXTS: dict[str, int] = {
    "fp": 128, "fp_prev": 128, "client_sid": 64, "fingerprint": 128,
    "gclid": 512, "wbraid": 512, "gbraid": 512,
    "intent_stamp": 256, "intent_action": 64, "position": 32, "text": 160, "title": 256,
    "referrer": 2_048, "city": 128, "district": 128,
    "consent": 32, "ad_storage": 16, "analytics_storage": 16, "ad_user_data": 16, "ad_personalization": 16,
    "storage": 16, "breaker": 16, "page_view": 64, "view_id": 64, "tracker": 32, "form": 128, "widget": 64, "via": 32, "wa_ref": 32,
}  # fmt: skip
"""Texts (numbers and yes/no are kept too), by the most characters kept."""

NUMBERS = frozenset({
    "scroll_pct", "cta_hovers", "active_sec", "seq", "internal", "dup", "lost", "parked", "outbox", "depth", "attempts", "buffered",
    "denied", "visible",
})  # fmt: skip
"""Numbers, yes/no, or a count by reason (`lost`: {"quota": 2})."""

OBJECTS = frozenset({"lost", "parked", "outbox", "consent", "storage", "breaker"})
"""May also be one level of names and values."""

OURS = frozenset({"ev_raw", "u_cut"})
"""Written by the Box itself; a tracker's are not believed."""

ALLOWED = frozenset(TEXTS) | NUMBERS | OBJECTS

encode = msgspec.json.encode


class MetaTooBig(Exception):
    """More than 8 KiB are left after all unknown names were dropped."""


def keep_allowed(meta: Mapping[str, Any], clean: Callable[[str], str]) -> tuple[dict[str, Any], list[str]]:
    """What is kept, in the tracker's order, and the names that were dropped (at most 16 of them, 32 characters each)."""
    kept: dict[str, Any] = {}
    dropped: list[str] = []
    for name, value in meta.items():
        if value is None:
            continue
        allowed = _keep_value(name, value, clean) if name in ALLOWED else None
        if allowed is not None:
            kept[name] = allowed
        elif len(dropped) < MAX_NAMES:
            dropped.append(clean(name[:32]))
    return kept, dropped


def _keep_value(name: str, value: object, clean: Callable[[str], str]) -> object:
    """The value as kept, None when it is of no kind this name has. Mappings come decoded from JSON: their names are texts."""
    if isinstance(value, str):
        return clean(value)[: TEXTS.get(name, 64)]
    if isinstance(value, bool | int | float):
        return plain_number(value)
    if isinstance(value, dict) and name in OBJECTS:
        return _keep_object(value, clean)  # pyright: ignore[reportUnknownArgumentType]
    return None


def _keep_object(value: dict[Any, Any], clean: Callable[[str], str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, inner in list(value.items())[:MAX_NAMES]:
        if isinstance(inner, str):
            kept[clean(str(name)[:32])] = clean(inner)[:64]
        elif isinstance(inner, bool | int | float) and (number := plain_number(inner)) is not None:
            kept[clean(str(name)[:32])] = number
    return kept


def plain_number(value: float) -> float | bool | None:
    """A number JSON and SQLite both hold exactly enough; None for NaN, infinities and what no counter reaches."""
    return value if -BIGGEST <= value <= BIGGEST else None


def read_count(value: object, most: int) -> int:
    """A whole number from 0 to `most`; 0 when it is none. Numbers come as texts from old trackers (`"75"`, `75%`)."""
    if isinstance(value, str):
        text = value.strip().removesuffix("%")
        value = int(text) if len(text) <= 15 and text.isascii() and text.isdigit() else None
    if not isinstance(value, int | float) or not value > 0:
        return 0
    return int(value) if value <= most else most


def read_flag(value: object) -> bool:
    """Yes is true, 1, "1", "true", "yes" or the word itself ("internal")."""
    return value in _YES if isinstance(value, str) else value is True or value == 1


_YES = frozenset({"1", "true", "yes", "internal", "on"})


def read_text(value: object) -> str:
    """A text, or a number as one; '' for anything else."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= BIGGEST else ""
