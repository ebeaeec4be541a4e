"""A whole Box with a site and two operators of it, and what a bystander reads of its ledger."""

import json
import sqlite3
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from tests.harness import Box, fetch

Answer = tuple[int, dict[str, Any]]


class Work(NamedTuple):
    """A Box with a site and two operators of it."""

    box: Box
    site: str
    tokens: tuple[str, str]

    def tap(self, **fields: object) -> int:
        """The row of a new tap of a new visitor."""
        sid = str(uuid.uuid4())
        sent = {"sid": sid, "ea": "phone_call", "el": "tel:+902125550142", "meta": {"fp": f"fp_{uuid.uuid4().hex[:16]}"}} | fields
        assert self.box.send(self.site, **sent)["status"] == "synced"
        return newest(self.box.data, "select max(id) from calls")

    def ask(self, path: str, body: object = None, who: int = 0, key: str = "", method: str = "POST") -> Answer:
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        told = None if method == "GET" else body if body is not None else {}
        status, _, answer = fetch(f"{self.box.url}/api/v1{path}", told, headers, method)
        return status, json.loads(answer)

    def verdict(self, row: int, status: str, version: int, **more: object) -> Answer:
        return self.ask(f"/intents/{row}/verdict", {"status": status, "version": version, **more})


def read(data: Path, sql: str, *bindings: object) -> list[tuple[Any, ...]]:
    """Rows of the ledger, as a bystander sees them."""
    ledger = sqlite3.connect(f"file:{data}/ledger.db?mode=ro", uri=True)
    try:
        return ledger.execute(sql, bindings).fetchall()
    finally:
        ledger.close()


def newest(data: Path, sql: str) -> int:
    return read(data, sql)[0][0]


def feed(data: Path, after: int = 0) -> list[tuple[str, str, int, dict[str, Any]]]:
    rows = read(data, "select topic, ref, version, body from feed where seq > ? order by seq", after)
    return [(topic, ref, version, json.loads(body)) for topic, ref, version, body in rows]


def feed_end(data: Path) -> int:
    return newest(data, "select coalesce(max(seq), 0) from feed")


def prepare(box: Box, name: str = "antika") -> Work:
    site = box.add_site(name, f"{name}.example")["public_id"]
    tokens = []
    for who in ("bir", "iki"):
        email = f"{who}@{name}.example"
        box.call("add_user", email=email, name=f"{who} {name}")
        box.call("grant", user=email, site=site, rights="operate")
        tokens.append(box.call("create_token", user=email, rights="operate")["token"])
    return Work(box, site, (tokens[0], tokens[1]))
