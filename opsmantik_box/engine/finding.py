"""Finding a visitor: everything in the ledger and the months that carries one of the marks, a page at a time.

It knows marks, never whom they stand for: so the same search finds somebody who is to be erased, and whoever a restored backup brought
back. Reads only. One look at every signal, because a visitor's id may stand in one where no index is.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from opsmantik_box.domain.ids import event_id, is_weak
from opsmantik_box.domain.signals import decode_arrival, decode_payload
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.known_sessions import Key
from opsmantik_box.engine.marks import SQL, Marks

PAGE = 500
"""Rows of one look: 2 to 5 ms."""
TOLD = ("fp", "fingerprint", "fp_prev")
"""Where a page may tell a visitor's id."""


class _Said(Struct, array_like=True, frozen=True, gc=False):
    """The beginning of a Signal."""

    sid: bytes
    at: int
    received_at: int
    month_hint: str
    category: str
    fired: int
    rank: int
    fingerprint: str


class _Decided(Struct, array_like=True, frozen=True, gc=False):
    """The beginning of a Decision."""

    site_id: int
    month: str
    fired: int
    rank: int
    intent: bool
    weights_version: int
    signal: _Said


decode_decided = msgspec.msgpack.Decoder(_Decided).decode


class Quarantined(NamedTuple):
    seq: int
    site_id: int
    event_id: bytes


class Seen(Struct):
    """A session that was found: its first and last moment, and the fingerprints in it ('': some signal had none)."""

    first: int
    last: int
    fingerprints: set[str]

    @property
    def strong(self) -> set[str]:
        """Those that are one visitor's each."""
        return {one for one in self.fingerprints if one and not is_weak(one)}


class Finding:
    """A search for `wanted` marks; those of what is found to be the visitor's too are added to it. `follow`: the sessions of a call are
    the caller's, unless they are a guess, and a session's fingerprint is its visitor's, if it is one and a strong one."""

    def __init__(self, core: Core, marks: Marks, wanted: set[bytes], *, follow: bool) -> None:
        self._core, self._db = core, core.ledger.db
        self._mark: Callable[[str, int, str | bytes], bytes] = lru_cache(50_000)(marks.of)
        self._mark_call = marks.of_call
        self.wanted, self._begins, self._follows = wanted, set(wanted) if follow else set[bytes](), follow
        self._clear()

    def _clear(self) -> None:
        self.sessions: dict[Key, Seen] = {}
        self.fingerprints: set[tuple[int, str]] = set()
        self.numbers: set[tuple[int, bytes]] = set()
        self.contacts: set[int] = set()
        self.records: list[int] = []
        self.signals: list[int] = []
        self.quarantined: list[Quarantined] = []
        self.guessed: set[Key] = set()
        self.looked = self._last_contact = self._last_record = 0

    @property
    def others(self) -> int:
        """Strong fingerprints in the sessions that were found which are not the visitor's."""
        there = {(key[0], one) for key, seen in self.sessions.items() for one in seen.strong}
        return sum(not self._is_wanted("fingerprint", *one) for one in there)

    def look(self) -> Iterator[None]:
        """All of it, until nothing new is found."""
        found = -1
        while found < len(self.wanted):
            self._clear()
            yield from self._look_at("scan_contacts", (0,), 1, self._take_contact)
            yield from self._look_at("scan_touches", (0, "", "", ""), 4, self._take_touch)
            yield from self._look_into_months()
            found = len(self.wanted)
            yield from self._look_at_signals()
            yield from self._look_at("scan_records", (0,), 1, self._take_record)
            self._follow()

    def _look_into_months(self) -> Iterator[None]:
        for month in self._core.months.there():
            yield from self._look_at("scan_sessions", (0,), 1, self._take_session, month)

    def finish(self) -> bool:
        """What came meanwhile, in one go; False when it told something new, and all has to be looked at again."""
        found = len(self.wanted)
        for work in (
            self._look_at("scan_contacts", (self._last_contact,), 1, self._take_contact),
            self._look_at_signals(),
            self._look_at("scan_records", (self._last_record,), 1, self._take_record),
        ):
            for _ in work:
                pass
        return found == len(self.wanted)

    def _look_at(
        self, name: str, after: tuple[Any, ...], key: int, take: Callable[[tuple[Any, ...]], None], month: str = ""
    ) -> Iterator[None]:
        """Page by page, of the ledger or a month; the first `key` columns of a row say where the next page begins."""
        while rows := self._page(month, SQL[name], (*after, PAGE)):
            for row in rows:
                take(row)
            after = rows[-1][:key]
            yield

    def _page(self, month: str, statement: str, of: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if not month:
            return all_rows(self._db, statement, of)
        with self._core.months.using(month) as db:
            return all_rows(db, statement, of)

    def _look_at_signals(self) -> Iterator[None]:
        while rows := all_rows(self._db, SQL["scan_signals"], (self.looked, PAGE)):
            for seq, site_id, decision, payload in rows:
                said = decode_decided(decision).signal
                if self._take_signal(site_id, said, payload):
                    self.signals.append(seq)
            self.looked = rows[-1][0]
            yield
        self.quarantined.clear()
        for seq, site_id, own, kept in all_rows(self._db, SQL["scan_quarantine"]):
            arrival = decode_arrival(kept)
            said, told = arrival.signal, arrival.payload
            if self._take_signal(site_id, _Said(said.sid, said.at, 0, "", "", 0, 0, said.fingerprint), told):
                self.quarantined.append(Quarantined(seq, site_id, own))

    # --- what a row says ----------------------------------------------------------------------------------------------------------

    def _take_contact(self, row: tuple[Any, ...]) -> None:
        number, site_id, phone, session, fingerprint, how, provider, call, source, stamp = row
        self._last_contact = number
        key = (site_id, event_id(session) or b"") if session else None
        if phone and phone in self.wanted:
            self.numbers.add((site_id, phone))
            if self._follows:
                self._follow_contact(site_id, key, fingerprint, guessed=how == "number")
        if key and self._is_wanted("session", *key):
            self.sessions.setdefault(key, Seen(2**62, 0, set()))
        if self._is_wanted("fingerprint", site_id, fingerprint):
            self.fingerprints.add((site_id, fingerprint))
        if not self._follows and self._came_with(site_id, provider, call, stamp if source == "form" else ""):
            self.contacts.add(number)

    def _came_with(self, site_id: int, provider: str, call: str | None, stamp: str | None) -> bool:
        return bool(call and self._mark_call(site_id, provider, call) in self.wanted) or self._is_wanted("form", site_id, stamp)

    def _follow_contact(self, site_id: int, key: Key | None, fingerprint: str | None, *, guessed: bool) -> None:
        if guessed and key:
            self.guessed.add(key)
            return
        if key:
            self._begins.add(self._mark("session", *key))
        if fingerprint and not is_weak(fingerprint):
            self.wanted.add(self._mark("fingerprint", site_id, fingerprint))
        self.wanted |= self._begins

    def _take_touch(self, row: tuple[Any, ...]) -> None:
        if self._is_wanted("fingerprint", row[0], row[1]):
            self.fingerprints.add((row[0], row[1]))

    def _take_session(self, row: tuple[Any, ...]) -> None:
        _, site_id, session, fingerprint, _, created_at, last_event_at = row
        key = (site_id, event_id(session) or b"")
        if self._is_wanted("fingerprint", site_id, fingerprint):
            self.fingerprints.add((site_id, fingerprint))
            self.wanted.add(self._mark("session", *key))
        if self._is_wanted("session", *key):
            self._see(key, created_at, last_event_at, fingerprint)

    def _take_signal(self, site_id: int, said: _Said, payload: bytes | None) -> bool:
        told = {said.fingerprint, *_told_in(payload)} if payload else {said.fingerprint}
        for one in told:
            if self._is_wanted("fingerprint", site_id, one):
                self.fingerprints.add((site_id, one))
                self.wanted.add(self._mark("session", site_id, said.sid))
        if not self._is_wanted("session", site_id, said.sid):
            return False
        self._see((site_id, said.sid), said.at, said.at, said.fingerprint)
        return True

    def _take_record(self, row: tuple[Any, ...]) -> None:
        self._last_record, site_id, session = row
        if self._is_wanted("session", site_id, event_id(session)):
            self.records.append(self._last_record)

    def _see(self, key: Key, first: int, last: int, fingerprint: str | None) -> None:
        seen = self.sessions.setdefault(key, Seen(first, last, set()))
        seen.first, seen.last = min(seen.first, first), max(seen.last, last)
        seen.fingerprints.add(fingerprint or "")

    def _follow(self) -> None:
        """From a session to its visitor. Several fingerprints in one are several people's, or nobody knows whose."""
        for key, seen in self.sessions.items():
            if len(seen.strong) == 1 and self._mark("session", *key) in self._begins:
                self.wanted.add(self._mark("fingerprint", key[0], *seen.strong))

    def _is_wanted(self, kind: str, site_id: int, value: str | bytes | None) -> bool:
        return bool(value) and self._mark(kind, site_id, value) in self.wanted


def _told_in(payload: bytes) -> list[str]:
    meta = decode_payload(payload).meta or {}
    return [value[:128] for name in TOLD if isinstance(value := meta.get(name), str)]
