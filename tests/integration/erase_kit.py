"""An engine with two sites, visitors who leave everything a Box can keep of them, and a look at every byte and row of it."""

import itertools
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from opsmantik_box.domain.calls import CallUpdate
from opsmantik_box.domain.erasure import Kind, Receipt
from opsmantik_box.domain.ids import event_id
from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.domain.site_entry import SiteEntry
from opsmantik_box.domain.sites import Site
from opsmantik_box.engine.commands import run_command
from opsmantik_box.engine.peers import Peer
from opsmantik_box.engine.service import Service
from opsmantik_box.engine.waiting import Bounds
from opsmantik_box.engine.writing import Incoming
from opsmantik_box.link.messages import Command, Done, TellCall, TellForm, Told
from tests.integration.engine_kit import NOON, Engine
from tests.months import turn_months

LINE = "+902125550142"
OTHERS_MAY_CHANGE = {"erasures", "erased_marks", "erased_counts", "audit_log", "sqlite_sequence", "ledger_identity", "partitions"}
"""Tables that say of an erasure that it was."""

Row = tuple[Any, ...]
Rows = dict[tuple[str, str], list[dict[str, Any]]]
"""(file, table) → its rows."""


class Scene(Engine):
    """`operator` works on both sites. Every visitor is a fingerprint; `click` is the click id of an ad that brought one."""

    def __init__(self, data: Path, now: int = NOON) -> None:
        super().__init__(data, now)
        self._numbers = itertools.count(1)
        self.open_service()

    def open_service(self) -> None:
        self.service = Service(self.core, self.vault, lambda: self.now, RateLimits(), Bounds())
        self.telling, self.erasures, directory = self.service.telling, self.service.erasures, self.service.directory
        if len(directory.sites) == 1:
            directory.add_sites([SiteEntry(name="fremd", domains=["antika.example"])], self.now)
            directory.add_user("op@agency.example", "op", self.now)
            for site in directory.sites.values():
                directory.grant("op@agency.example", site, "operate", self.now)
            directory.create_token(self.now, "op@agency.example", None, "operate", "")
        self.sites: list[Site] = list(directory.sites.values())
        self.line = Peer(self.service, is_gateway=False)

    # --- what happens -------------------------------------------------------------------------------------------------------------

    def visit(self, sid: str, fp: str, site: int = 0, click: str = "", **fields: Any) -> None:
        """A page view, or what `fields` say."""
        meta = ({"fp": fp} if fp else {}) | fields.pop("meta", {})
        url = "https://antika.example/" + (f"?gclid={click}" if click else "")
        arrival = self.read(self.sites[site], sid=sid, u=url, meta=meta, **fields)
        self.core.accept([Incoming(self.sites[site].id, arrival)], self.now)

    def tap(self, sid: str, fp: str, site: int = 0, click: str = "") -> int:
        """The row it became, or that was there already."""
        stamp = f"stamp-{next(self._numbers)}"
        self.visit(sid, fp, site, click, ec="conversion", ea="phone_call", el=f"tel:{LINE}", meta={"intent_stamp": stamp})
        return self.newest("calls")

    def call(self, number: str, fp: str = "", site: int = 0, message: str = "", call: str = "", state: str = "ended") -> Told:
        """An exchange tells of a call; with `fp` the site's server knows the visitor."""
        update = CallUpdate(
            provider="generic", provider_call_id=call or f"call-{next(self._numbers)}", state=state, at=self.now, number=number,
            number_e164=number, called_number=LINE, direction="inbound",
        )  # fmt: skip
        return self._told(TellCall(1, self.sites[site].id, update, fp, message))

    def form(self, sid: str, fp: str, number: str, site: int = 0, stamp: str = "") -> Told:
        """The site's server tells of a form."""
        told = TellForm(
            1, self.sites[site].id, stamp or f"form-{next(self._numbers)}", self.now, event_id(sid) or b"", fp, number,
            "ali@ornek.example", "Ali",
        )  # fmt: skip
        return self._told(told)

    def _told(self, asked: TellCall | TellForm) -> Told:
        told = self.telling.tell(asked, self.now)
        assert isinstance(told, Told)
        return told

    def work(self, name: str, number: int, **fields: Any) -> Any:
        """The operator does something about a row."""
        done = run_command(self.service, self.line, Command(1, name, {"id": number, **fields}, 1))
        assert isinstance(done, Done), done
        return done.result

    def judge(self, number: int, status: str = "real", **fields: Any) -> None:
        version = self.core.ledger.db.execute("select version from calls where id = ?", (number,)).get
        self.work("give_verdict", number, status=status, version=version, **fields)

    def work_on(self, number: int) -> None:
        """Everything there is to do about a row."""
        self.work("claim", number, key=f"key-{next(self._numbers)}")
        self.work("add_attempt", number, outcome="no_answer", key=f"key-{next(self._numbers)}")
        self.work("add_note", number, note="ruft zurück")
        self.judge(number, sale_amount=100, currency="TRY", note="kam vorbei")

    def erase(self, kind: Kind, told: str, site: int | None = None, *, only_look: bool = False) -> Receipt:
        """To its end."""
        site_id = None if site is None else self.sites[site].id
        erasure_id = self.erasures.ask(kind, told, site_id, "test", only_look=only_look)
        self.run_through()
        receipt = self.erasures.find(erasure_id).receipt
        assert receipt.state == "done"
        return receipt

    def run_through(self) -> None:
        """All that waits to be erased."""
        for _ in self.erasures.work():
            pass

    def close_months(self, days: int = 70) -> None:
        """Later, when the months until now are over and closed."""
        self.now += days * 86_400_000
        self.turn_months()

    def turn_months(self) -> None:
        """As the jobs of months do."""
        turn_months(self.core, self.now)
        self.erasures.note_seals()

    @contextmanager
    def stopped(self) -> Iterator[Path]:
        """While nobody runs: the folder. Afterwards it is started on what is there."""
        data, now, numbers = self.folder.root, self.now, self._numbers
        self.close()
        yield data
        Scene.__init__(self, data, now)
        self._numbers = numbers

    def reopen(self) -> None:
        """Stop, and start again."""
        with self.stopped():
            pass

    # --- what is there ------------------------------------------------------------------------------------------------------------

    def newest(self, table: str) -> int:
        return self.core.ledger.db.execute(f"select max(id) from {table}").get

    def left(self, *words: str | bytes) -> list[tuple[str, str]]:
        """Which of these stand in which file of the folder, as bytes."""
        files = {str(path.relative_to(self.folder.root)): path for path in self.folder.root.rglob("*") if path.is_file()}
        needles = [(word if isinstance(word, bytes) else word.encode()) for word in words]
        found = {(repr(one), name) for name, path in files.items() for one in needles if one in path.read_bytes()}
        return sorted(found)

    def rows(self) -> Rows:
        """Every row of the ledger and of all months, projected."""
        self.catch_up()
        found = dict(_rows_of("ledger.db", self.core.ledger.db))
        for month in self.core.months.there():
            with self.core.months.using(month) as db:
                found |= dict(_rows_of(month, db))
        return found


def _rows_of(file: str, db: apsw.Connection) -> Iterator[tuple[tuple[str, str], list[dict[str, Any]]]]:
    tables = [name for (name,) in db.execute("select name from sqlite_schema where type = 'table' order by name").fetchall()]
    for table in tables:
        cursor = db.execute(f"select * from {table}")
        rows = cursor.fetchall()
        names = [name for name, *_ in db.execute(f"select name from pragma_table_info('{table}')")]
        yield (file, table), [dict(zip(names, row, strict=True)) for row in rows]


def gone(before: Rows, after: Rows) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Rows that were there and are there no more, as they were; tables that tell of the erasure itself left out."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for key, rows in before.items():
        left = [repr(row) for row in after.get(key, [])]
        missing = [row for row in rows if repr(row) not in left]
        if missing and key[1] not in OTHERS_MAY_CHANGE:
            found[key] = missing
    return found


def new_rows(before: Rows, after: Rows) -> set[str]:
    """Tables with rows that were not there before, not so, or not at all."""
    return {key[1] for key, rows in after.items() if {repr(row) for row in rows} - {repr(row) for row in before.get(key, [])}}


def new_sid() -> str:
    return str(uuid.uuid4())


def visitor(number: int) -> str:
    return f"fp_{number:024x}"


def words_of(fp: str, sids: Iterable[str], *more: str) -> list[str | bytes]:
    """By what a visitor could be found in a file."""
    return [fp, *more, *sids, *(event_id(sid) or b"" for sid in sids)]


@contextmanager
def scene(data: Path, now: int = NOON) -> Iterator[Scene]:
    made = Scene(data, now)
    try:
        yield made
    finally:
        made.close()
