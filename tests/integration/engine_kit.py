"""An engine in this process on a real folder, and signals as a gateway would read them."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from opsmantik_box.domain.reading import Context, Reading, read_signal
from opsmantik_box.domain.signals import Arrival, WireSignal
from opsmantik_box.domain.site_entry import SiteEntry
from opsmantik_box.domain.sites import Site
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.directory import Directory
from opsmantik_box.engine.folder import DataFolder
from opsmantik_box.engine.telling import Telling
from opsmantik_box.engine.vault import Vault
from opsmantik_box.engine.writing import Answer, Incoming

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
NOON = 1_793_880_000_000  # 2026-11-05 12:00 UTC
DAY = 86_400_000


class Engine:
    """A Core with one site, and a clock that the test moves."""

    def __init__(self, data: Path, now: int = NOON) -> None:
        self.now = now
        self.folder = DataFolder(data)
        self.core = Core(self.folder, now)
        self.vault = Vault(self.folder.vault)
        self.directory = Directory(self.core.ledger, self.vault)
        self.telling = Telling(self.core, self.vault)
        if not self.directory.sites:
            self.directory.add_sites([SiteEntry(name="antika", domains=["antika.example"])], now)
        self.site: Site = self.directory.find_site("antika")

    def read(self, site: Site | None = None, user_agent: str = PHONE, address: str = "78.1.2.3", **fields: Any) -> Arrival:
        """A signal as it leaves the gateway. `at`: its time (default now); other fields as on the wire."""
        at = fields.pop("at", self.now)
        wire: dict[str, Any] = {"id": str(uuid.uuid4()), "u": "https://antika.example/", "ts": at, "st": self.now} | fields
        signal = msgspec.convert({name: value for name, value in wire.items() if value is not None and name != "ev"}, WireSignal)
        if wire.get("ev") is not None:
            signal.ev = msgspec.Raw(msgspec.json.encode(wire["ev"]))
        reading = read_signal(signal, site or self.site, Context(self.now, wire["st"], user_agent, address))
        assert isinstance(reading, Reading), reading
        return reading.arrival

    def accept(self, *arrivals: Arrival, site: Site | None = None) -> list[Answer]:
        return self.core.accept([Incoming((site or self.site).id, arrival) for arrival in arrivals], self.now)

    def send(self, **fields: Any) -> Answer:
        """One signal, read and accepted."""
        return self.accept(self.read(**fields), site=fields.get("site"))[0]

    def catch_up(self) -> None:
        while self.core.lag:
            self.core.catch_up(self.now)

    def sessions(self) -> list[dict[str, Any]]:
        """Every session of every open month, projected."""
        self.catch_up()
        return [row for file in self.core.months.files() for row in rows(file.db, "select * from sessions order by no")]

    def events(self) -> list[dict[str, Any]]:
        self.catch_up()
        return [row for file in self.core.months.files() for row in rows(file.db, "select * from events order by seq")]

    def calls(self) -> list[dict[str, Any]]:
        return rows(self.core.ledger.db, "select * from calls order by id")

    def close(self) -> None:
        self.vault.close()
        self.core.close()


def rows(db: Any, sql: str) -> list[dict[str, Any]]:
    cursor = db.execute(sql)
    found = cursor.fetchall()
    if not found:
        return []
    names = [column[0] for column in db.execute(sql).description]
    return [dict(zip(names, row, strict=True)) for row in found]


@contextmanager
def engine(data: Path, now: int = NOON) -> Iterator[Engine]:
    made = Engine(data, now)
    try:
        yield made
    finally:
        made.close()
