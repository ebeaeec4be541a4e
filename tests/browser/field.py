"""What a test of the tracker stands in: a Box behind a proxy that does wrong, a site's pages, and what the database holds of them."""

import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from opsmantik_box.scripts import head_stub
from opsmantik_box.snippet import Snippet, page_lines
from tests.browser.chromium import Chromium, Tab, Visitor, wait_for
from tests.browser.pages import HOST, Pages, document
from tests.browser.proxy import FaultyProxy
from tests.harness import Box

UNLIMITED = {f"OPSMANTIK_RATES_{name}_PER_MINUTE": "1000000" for name in ("SESSION", "ADDRESS", "SIGNALS")}
"""What a test sends in seconds, visitors send in hours. Refusals are the proxy's to make."""
PHONE, WHATSAPP = "tel:+902125550142", "https://wa.me/905325550143"
LINKS = f"""<p><a id="tel" href="{PHONE}">0212 555 01 42</a> <a id="wa" href="{WHATSAPP}">WhatsApp</a></p>"""
QUIET = f"""<a id="quiet" href="{PHONE}" onclick="return false">0212 555 01 42</a>
<a id="quiet-wa" href="{WHATSAPP}" onclick="return false">WhatsApp</a>"""
"""Links that lead nowhere, for many taps: after two or three, Chromium asks what to do with `tel:` and takes no input meanwhile."""
EVENTS = "select e.*, s.id as sid from events e join sessions s on s.no = e.session_no where e.site_id = ?"
OUTBOX = "opsmantik_outbox_v2:"


class Site:
    """One site of the Box: its pages carry its snippet, its rows are read from the Box's files."""

    def __init__(self, box: Box, proxy: FaultyProxy, pages: Pages, browser: Chromium, name: str = "") -> None:
        self.box, self.proxy, self.pages, self.browser = box, proxy, pages, browser
        row = box.add_site(name or str(uuid.uuid4()), HOST.partition(".")[2])
        self.public_id: str = row["public_id"]
        self.number: int = row["id"]
        self._visitors: list[Visitor] = []

    def snippet(self, consent: str = "granted", **more: Any) -> Snippet:
        """What `site snippet` is made of: `page_lines` of it for a page, `gtm`, `csp` for other places."""
        return Snippet(self.proxy.url, self.public_id, consent, stub=head_stub(), **more)

    def put(self, path: str = "/", body: str = LINKS, *, head: str | None = None, policy: str = "", **snippet: Any) -> str:
        """A page with the snippet (or another head) and a content security policy; its address."""
        headers = {"Content_Security_Policy": policy} if policy else {}
        return self.pages.put(path, document(page_lines(self.snippet(**snippet)) if head is None else head, body), **headers)

    def visitor(self) -> Visitor:
        self._visitors.append(self.browser.visitor())
        return self._visitors[-1]

    def open(self, body: str = LINKS, query: str = "", **options: Any) -> Tab:
        """Somebody new opens the site's page, and its tracker has begun."""
        return started(self.visitor().tab(self.put("/", body, **options) + query))

    def rows(self) -> list[dict[str, Any]]:
        """Every event the Box has of this site, in the order of the ledger."""
        self.box.wait_projected()
        found: list[dict[str, Any]] = []
        for month in sorted((self.box.data / "months").glob("????-??.db")):
            found.extend(read(month, EVENTS, self.number))
        return sorted(found, key=lambda row: row["seq"])

    def intents(self) -> list[dict[str, Any]]:
        """Every tap and form the Box counts."""
        self.box.wait_projected()
        return list(read(self.box.data / "ledger.db", "select * from calls where site_id = ? order by id", self.number))

    def arrivals(self) -> dict[str, Any]:
        """What the Box says of this site's trackers."""
        (mine,) = self.box.get("/api/v1/trackers", self.box.token(self.public_id))["trackers"]
        return mine

    def labels(self) -> Counter[str]:
        """How often each label is stored."""
        return Counter(row["event_label"] for row in self.rows())

    def wait_rows(self, count: int, seconds: float = 20, **wanted: str) -> list[dict[str, Any]]:
        """Until so many rows are there (`event_action="view"`: of those). AssertionError when there are more, or too few in time."""

        def look() -> list[dict[str, Any]] | None:
            found = [row for row in self.rows() if all(row[name] == value for name, value in wanted.items())]
            return found if len(found) >= count else None

        found = wait_for(look, f"{count} rows {wanted or ''} (there are {len(self.rows())})", seconds)
        assert len(found) == count, [(row["event_action"], row["event_label"]) for row in found]
        return found

    def close(self) -> None:
        for visitor in self._visitors:
            visitor.leave()


def read(file: Path, query: str, *values: object) -> Iterator[dict[str, Any]]:
    """Rows as the database holds them; an event's id as text, its metadata as an object."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        for row in database.execute(query, values):
            told = dict(row)
            if "event_id" in told and isinstance(told["event_id"], bytes):
                told["event_id"] = str(uuid.UUID(bytes=told["event_id"]))
            if "metadata" in told:
                told["metadata"] = json.loads(told["metadata"] or "{}")
            yield told


def started(tab: Tab) -> Tab:
    """The page's tracker is there."""
    tab.wait("!!window.opmantik && typeof opmantik.send === 'function'")
    return tab


def held(tab: Tab) -> list[dict[str, Any]]:
    """The envelopes in the visitor's outbox, the oldest first."""
    return sorted((json.loads(value) for key, value in tab.storage().items() if key.startswith(OUTBOX)), key=lambda one: one["ts"])


def wait_empty(tab: Tab, seconds: float = 30) -> None:
    """Until the outbox is."""
    tab.wait(f"!Object.keys(localStorage).some((key) => key.startsWith('{OUTBOX}'))", seconds)
