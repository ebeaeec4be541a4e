"""What an exchange's request tells of a call, read by the exchange's table.

Promises: any body gives an update, nothing (None), or EventRefused; never another error. Never guesses: a number or a time that
cannot be read is not told.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from opsmantik_box.adapters.telephony.refused import EventRefused
from opsmantik_box.adapters.telephony.tables import FieldMap, Told, Word, Words, load_map
from opsmantik_box.domain.calls import CallUpdate, Direction, State
from opsmantik_box.domain.days import zone
from opsmantik_box.domain.targets import e164, is_number
from opsmantik_box.domain.time import MAX_DELAY_MS

MAX_CALL_ID = 200
MAX_NUMBER = 64
MAX_FIELDS = 200
MAX_AHEAD_MS = 5 * 60_000
"""A time further in the future, or further back than 30 days, is a broken clock or a wrong zone: not told."""

Fields = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}
_OFFSET = re.compile(r"(?<=:\d\d)\s+([+-]?)(\d\d:?\d\d)$")  # in a form, the plus of +0300 may have become a space
_CONTROL = re.compile(rb"[\x00-\x1f]")


class _Event(Struct, frozen=True):
    """One request's fields, and what their reading needs."""

    table: FieldMap
    fields: Fields
    region: str
    now: int


def read_update(provider: str, body: bytes, region: str, now: int) -> CallUpdate | None:
    """What the request tells; None for nothing: an empty test, an event of something else than a call. `region` (ISO, 'TR') is for
    numbers without a country, `now` (UTC ms) the time of receipt, for events that name none. Raises EventRefused."""
    table = load_map(provider)
    event = _Event(table, _read_body(table.body, body), region, now)
    told, direction = _word(event, table.state), _word(event, table.direction) or ""
    if told is None or direction == "internal":
        return None
    state = _state(event, told)
    at = _time(event, table.times.event) or now
    number, called = _numbers(event, direction)
    return CallUpdate(
        provider=provider,
        provider_call_id=_call_id(event),
        state=state,
        at=_time(event, table.times.started) or at,
        direction=direction,
        number=number,
        number_e164=_readable(event, number),
        called_number=called,
        answered_at=_answered_at(event, state, at),
        ended_at=_ended_at(event, state, None if told == "record" else at),
        duration_sec=_duration(event) if state == "ended" else None,
    )


def _read_body(kind: str, body: bytes) -> Fields:
    plain = body.strip()
    if not plain:
        return {}
    if kind == "json" or (kind == "either" and plain.startswith(b"{")):
        return _read_json(plain)
    if _CONTROL.search(plain):  # multipart, or nothing at all
        raise EventRefused("body_not_form")
    try:
        pairs = parse_qsl(plain.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise EventRefused("body_not_form") from None
    return {name.replace("[", ".").replace("]", ""): value for name, value in pairs}  # cdr[answer_time] is cdr.answer_time


def _read_json(body: bytes) -> Fields:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise EventRefused("body_not_json") from None
    if not isinstance(found, dict):
        raise EventRefused("body_not_json")
    return cast("Fields", found)


def _find(event: _Event, path: str) -> str | None:
    """The text at a path; None when nothing was sent there. Numbers and yes/no become texts; null, lists and objects are ''."""
    if path in event.fields:
        return _text(event.fields[path])
    here: Any = event.fields
    for name in path.split("."):
        if not isinstance(here, dict) or name not in here:
            return None
        here = cast("Fields", here)[name]
    return _text(here)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return "".join(character for character in value if character.isprintable()).strip()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) and value == int(value):
        return str(int(value))
    return ""


def _first(event: _Event, paths: Iterable[str]) -> str:
    return next(filter(None, (_find(event, path) for path in paths)), "")


def _word(event: _Event, table: Words[Word]) -> Word | None:
    for path in table.fields:
        found = _find(event, path)
        if found is not None and found.lower() in table.words:
            return table.words[found.lower()]
    return None


def _call_id(event: _Event) -> str:
    found = _first(event, event.table.call_id)
    if not found:
        raise EventRefused("call_id_missing")
    if len(found) > MAX_CALL_ID:
        raise EventRefused("call_id_too_long")
    return found


def _state(event: _Event, told: Told) -> State:
    """Whether what is over was answered: as the exchange says in a word of its own, else by a time of answering or any talking."""
    if told not in ("over", "record"):
        return told
    outcome = _word(event, event.table.outcome)
    if outcome is not None:
        return "ended" if outcome == "answered" else "missed"
    return "ended" if _time(event, event.table.times.answered) or _duration(event) else "missed"


def _answered_at(event: _Event, state: State, at: int) -> int | None:
    """Only of answered calls: a menu or a queue that takes every call writes a time of answering, too."""
    if state not in ("answered", "ended"):
        return None
    return _time(event, event.table.times.answered) or (at if state == "answered" else None)


def _ended_at(event: _Event, state: State, at: int | None) -> int | None:
    return (_time(event, event.table.times.ended) or at) if state in ("missed", "ended") else None


def _numbers(event: _Event, direction: Direction) -> tuple[str, str]:
    """(the other party as sent, the line that was called). Withheld numbers are not told."""
    table = event.table
    where = {"inbound": table.inbound, "outbound": table.outbound, "": table.undirected}[direction]
    other = _first(event, where.other)[:MAX_NUMBER]
    called = next(filter(None, (_readable(event, _find(event, path) or "") for path in where.called)), "")
    return "" if other in table.withheld else other, called


def _readable(event: _Event, text: str) -> str:
    whole = f"+{text}" if event.table.plus and text.isdecimal() else text
    return e164(whole, event.region) if is_number(whole) else ""


def _duration(event: _Event) -> int | None:
    """Seconds, told as such or as 0:01:05."""
    parts = _first(event, event.table.duration).split(":")
    if len(parts) > 3 or not all(part.isascii() and part.isdecimal() and len(part) <= 6 for part in parts):
        return None
    seconds = 0
    for part in parts:
        seconds = seconds * 60 + int(part)
    return seconds


def _time(event: _Event, paths: Iterable[str]) -> int | None:
    times, text = event.table.times, _first(event, paths)
    found = read_time(text, times.unit, times.zone) if text else None
    return found if found is not None and event.now - MAX_DELAY_MS <= found <= event.now + MAX_AHEAD_MS else None


def read_time(text: str, unit: str, zone_name: str) -> int | None:
    """UTC milliseconds of digits in `unit`, of ISO 8601 (also with a space), or of RFC 2822; None for what is none of them."""
    if text.isascii() and text.isdecimal():
        return int(text) * 1000 // _PER_SECOND[unit] if len(text) <= 18 else None
    try:
        moment = _moment(text)
        local = moment if moment.tzinfo else moment.replace(tzinfo=zone(zone_name))
        return (local - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(_OFFSET.sub(lambda found: (found[1] or "+") + found[2], text))
    except ValueError:
        from email.utils import parsedate_to_datetime

        return parsedate_to_datetime(text)
