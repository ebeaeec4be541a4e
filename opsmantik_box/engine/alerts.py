"""Alerts in the ledger: what is wrong, one row each, and one message of the feed for each change, in the same commit.

Raised where something happens (`Ledger.alert`, in the caller's transaction), or found by the watch (watchtower.py). What they mean and
when they are told again: domain/watch/."""

import json
from collections.abc import Callable
from typing import Any

import apsw
import msgspec

from opsmantik_box.domain.feed import as_json
from opsmantik_box.domain.watch.alerts import Alert, Change, body_of, open_alert
from opsmantik_box.domain.watch.codes import ABOUT, Code
from opsmantik_box.domain.watch.facts import Finding
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.sql import load

SQL = load("alerts")
_COLUMNS = (
    "code", "site_id", "level", "text", "since", "opened_at", "last_at", "id", "times", "details", "covered_by", "told_at", "tellings",
    "calm_since", "acknowledged_at", "acknowledged_by", "silenced_until", "resolved_at", "version",
)  # fmt: skip

AddFeed = Callable[[int, str, int | None, int, str, int], int]


class Alerts:
    """Every method that changes something is called inside a transaction of the ledger. `add_feed` is the ledger's."""

    def __init__(self, db: apsw.Connection, add_feed: AddFeed) -> None:
        self._db, self._add_feed = db, add_feed

    def open_ones(self) -> list[Alert]:
        """What is wrong now, oldest first."""
        return [_alert(row) for row in all_rows(self._db, SQL["list_open"])]

    def find(self, number: int) -> Alert | None:
        return next((_alert(row) for row in all_rows(self._db, SQL["find_alert"], (number,))), None)

    def happened(self, code: Code, text: str, now: int, site_id: int | None) -> None:
        """Something went wrong just now: told the first time, then counted."""
        known = all_rows(self._db, SQL["find_open"], (code, site_id))
        if not known:
            self.open(code, site_id, Finding(ABOUT[code].level, text, now), now)
            return
        alert = _alert(known[0])
        self.save(msgspec.structs.replace(alert, text=text, last_at=now, times=alert.times + 1, calm_since=None))

    def open(self, code: Code, site_id: int | None, found: Finding, now: int) -> Alert:
        """A new one; told, unless its kind is silenced."""
        silenced = self._db.execute(SQL["find_silence"], (code, site_id)).get
        alert = open_alert(code, site_id, found, now, silenced if silenced is not None and silenced > now else None)
        alert = msgspec.structs.replace(alert, id=self._db.execute(SQL["add_alert"], _row(alert)).get)
        self.tell(alert, "opened", now)
        return alert

    def save(self, alert: Alert) -> None:
        """As it is now."""
        self._db.execute(SQL["save_alert"], _row(alert))

    def change(self, alert: Alert, change: Change, now: int) -> None:
        """As it is now, and told."""
        self.save(alert)
        self.tell(alert, change, now)

    def tell(self, alert: Alert, change: Change, now: int) -> None:
        """The message of the feed."""
        self._add_feed(now, "alert", alert.site_id, alert.id, as_json(body_of(alert, change)), alert.version)


def _alert(row: tuple[Any, ...]) -> Alert:
    fields = dict(zip(_COLUMNS, row, strict=True))
    return Alert(**fields | {"details": json.loads(fields["details"])})


def _row(alert: Alert) -> dict[str, Any]:
    return msgspec.structs.asdict(alert) | {"details": json.dumps(alert.details)}
