"""The outbox: what is to be told outside, kept in the ledger until its receiver said yes. At least once, with a key that stays the same.

Rows are made of the feed (`follow`), which is durable; a row of it that is looked at twice gives one key. Nothing is sent here."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from opsmantik_box.domain.lanes import FADING, KEEP_TRYING_MS, Attempted, LaneState
from opsmantik_box.domain.notices import Chat, FeedRow, Hook, Notice, notices_of
from opsmantik_box.domain.sites import Site
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.sql import load

SQL = load("outbox")
PAGE = 200
LATELY_MS = 86_400_000


class Due(NamedTuple):
    """A delivery whose turn it is."""

    id: int
    kind: str
    key: str
    payload: bytes
    attempts: int
    deadline: int | None
    created_at: int


class Outbox:
    """`sent_seq`: every row of the feed up to it was looked at."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._db = ledger, ledger.db
        stored: int = self._db.execute(SQL["read_sent"]).get or 0
        self.sent_seq = stored or ledger.feed_seq
        self._saved = stored

    def follow(self, chats: Sequence[Chat], hooks: Sequence[Hook], sites: Callable[[int], Site | None]) -> bool:
        """Makes deliveries of what is new in the feed; whether there is more. With nobody to tell, what is new is let go: who is switched
        on later is told from then on. Raises LedgerFull, LedgerPoisoned, Unavailable; it is then done the next time."""
        if self.sent_seq >= self._ledger.feed_seq:
            return False
        if not chats and not hooks:
            self._reach(self._ledger.feed_seq, [])
            return False
        rows = all_rows(self._db, SQL["read_feed_rows"], (self.sent_seq, PAGE))
        found = [self._row(row, sites) for row in rows]
        notices = [notice for row in found if row is not None for notice in notices_of(row, chats, hooks)]
        self._reach(rows[-1][0] if rows else self._ledger.feed_seq, notices)
        return len(rows) == PAGE

    def _row(self, row: tuple[Any, ...], sites: Callable[[int], Site | None]) -> FeedRow | None:
        """None for a row of a site that is gone."""
        _, at, topic, site_id, ref, version, body = row
        site = sites(site_id) if site_id is not None else None
        if site is None and site_id is not None:
            return None
        return FeedRow(self._ledger.epoch, at, topic, site, ref, version, json.loads(body))

    def _reach(self, seq: int, notices: Sequence[Notice]) -> None:
        """Where nothing is to be told, that is written down only now and then: looking twice does no harm."""
        if notices or seq - self._saved >= PAGE or not self._saved:
            with self._ledger.transaction():
                self.put(notices)
                self._db.execute(SQL["save_sent"], (seq,))
            self._saved = seq
        self.sent_seq = seq

    def put(self, notices: Iterable[Notice]) -> None:
        """In the caller's transaction. A notice that was put before stays as it is."""
        now_rows = [(one.lane, one.kind, one.key, one.payload, one.deadline, one.at) for one in notices]
        self._db.executemany(SQL["put_delivery"], now_rows)

    def has(self, key: str) -> bool:
        """Was there ever a delivery of this key (of the last 90 days)?"""
        return bool(self._db.execute(SQL["find_key"], (key,)).get)

    def waiting_lanes(self, now: int) -> list[str]:
        return [lane for (lane,) in all_rows(self._db, SQL["list_waiting_lanes"], (now,))]

    def due(self, lane: str, now: int, most: int) -> list[Due]:
        return [Due(*row) for row in all_rows(self._db, SQL["list_due"], (lane, now, most))]

    def mark(self, due: Due, became: Attempted, error: str, now: int) -> None:
        """In the caller's transaction."""
        told = {"id": due.id, "attempts": due.attempts + 1, "error": error, "now": now}
        self._db.execute(SQL["mark_delivery"], told | msgspec.structs.asdict(became))

    def expire(self, now: int) -> None:
        """What is too late; in the caller's transaction."""
        self._db.execute(SQL["expire_deliveries"], {"now": now, "fading": json.dumps(FADING)})

    def lanes(self) -> dict[str, LaneState]:
        return {row[0]: LaneState(*row) for row in all_rows(self._db, SQL["list_lanes"])}

    def save_lane(self, lane: LaneState) -> None:
        self._db.execute(SQL["save_lane"], msgspec.structs.asdict(lane))

    def counts(self, now: int) -> dict[str, tuple[int, int, int, int]]:
        """By lane: how many wait, were given up, were given up in the last day, got through in the last day."""
        found = all_rows(self._db, SQL["count_deliveries"], (now - LATELY_MS,))
        return {row[0]: (row[1], row[2], row[3], row[4]) for row in found}

    def retry(self, number: int, now: int) -> bool:
        """Whether there was such a delivery that was given up; in the caller's transaction."""
        return self._db.execute(SQL["retry_delivery"], (now + KEEP_TRYING_MS, number)).get is not None

    def retry_all(self, lane: str | None, now: int) -> int:
        """How many were given up and go again; in the caller's transaction."""
        return len(all_rows(self._db, SQL["retry_dead"], (now + KEEP_TRYING_MS, lane)))

    def list(self, lane: str | None, state: str | None, before: int, limit: int) -> list[dict[str, Any]]:
        """Newest first, without what they carry."""
        names = (
            "id", "lane", "kind", "key", "state", "attempts", "not_before", "deadline", "last_error", "created_at", "delivered_at",
        )  # fmt: skip
        rows = all_rows(self._db, SQL["list_deliveries"], (lane, state, before, limit))
        return [dict(zip(names, row, strict=True)) for row in rows]
