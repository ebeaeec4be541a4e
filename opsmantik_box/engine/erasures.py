"""Erasures: who is to be erased, how far that is, and the receipts. Each is searched for, erased, and scrubbed from the files, a slice at
a time between the turns of the loop; only the erasing itself is one turn, as long as the visitor's rows are many.

Promises: an erasure that was asked for is finished, also by the next start. It is `done` when no file of the data folder has a byte of
it left but keyed hashes. A ledger that was put back from before an erasure learns of it from DATA/erasures.jsonl when it is opened.
"""

import secrets
from collections.abc import Generator, Iterator
from typing import Any

import apsw
from msgspec import Struct
from msgspec.structs import replace

from opsmantik_box.clock import Clock
from opsmantik_box.disk import clear_workshop, sync_directory
from opsmantik_box.domain.erasure import Kind, Receipt, Rehashed, add_tables, decode_receipt, encode_receipt, values_of
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.erasing import Erasing
from opsmantik_box.engine.erasure_list import Entry, ErasureList
from opsmantik_box.engine.faults import point
from opsmantik_box.engine.finding import Finding
from opsmantik_box.engine.ledger import SQL as LEDGER_SQL
from opsmantik_box.engine.marks import SQL, Marks
from opsmantik_box.engine.months import SEALING
from opsmantik_box.engine.scrub import scrub
from opsmantik_box.engine.site_rows import every_site
from opsmantik_box.errors import NotFound, Unavailable, UsageError

LEFT_OVER = ("*.aside-*", "*.making*", f"*{SEALING}*")
"""Month files that were broken or not finished: all that is in them is elsewhere."""
FEW = 2_000
"""Signals behind the month files that one turn may bring up."""
LOOKS_KEPT = 20


class Erasure(Struct):
    """A row of `erasures`; `no` 0: it is only looked for. `wanted`: the marks that are searched for; `looked` of `signals`: how far
    that is. `repeated`: files from before it came back."""

    no: int
    site_id: int | None
    receipt: Receipt
    wanted: set[bytes]
    repeated: bool = False
    looked: int = 0
    signals: int = 0


class _OnlyLooked(Exception):
    """What was done is taken back."""


class Erasures:
    """One for a Box. `work` does what is to be done."""

    def __init__(self, core: Core, marks: Marks, clock: Clock) -> None:
        """Raises LedgerFull, Unavailable, LedgerPoisoned."""
        self._core, self._ledger, self._db, self.marks, self._clock = core, core.ledger, core.ledger.db, marks, clock
        self._list = ErasureList(core.folder.erasures)
        self._looks: dict[str, Erasure] = {}
        self._running: Erasure | None = None
        self._take_up_list()

    # --- asking -------------------------------------------------------------------------------------------------------------------

    def ask(self, kind: Kind, told: str, site_id: int | None, by: str, *, only_look: bool = False) -> str:
        """The id of the erasure that is going to be done. `site_id` None: on every site. Raises UsageError, LedgerFull, Unavailable."""
        sites = [site for site in every_site(self._db).values() if site_id in (None, site.id)]
        wanted = {self.marks.of(kind, site.id, one) for site in sites for one in values_of(kind, told, site.id, site.region)}
        if not wanted:
            raise UsageError(problem=f"That can be nobody's {kind}. A number is written like +905321234567.")
        name = sites[0].name if site_id is not None else None
        receipt = Receipt(secrets.token_hex(8), self._clock(), by, name, kind, min(wanted).hex())
        if only_look:
            self._looks[receipt.id] = Erasure(0, site_id, receipt, wanted)
            for old in list(self._looks)[:-LOOKS_KEPT]:
                del self._looks[old]
        else:
            with self._core.minding(receipt.at), self._ledger.transaction():
                self._add(receipt, site_id, wanted, repeated=False)
                self._audit(receipt, "erasure asked for", site_id)
        return receipt.id

    def _add(self, receipt: Receipt, site_id: int | None, wanted: set[bytes], *, repeated: bool) -> None:
        told = encode_receipt(receipt).decode()
        number = self._db.execute(SQL["add_erasure"], (receipt.id, site_id, receipt.state, int(repeated), told)).get
        self._add_marks(number, wanted)

    def _add_marks(self, number: int, wanted: set[bytes]) -> None:
        self._db.executemany(SQL["add_mark"], [(mark, number) for mark in sorted(wanted)])

    def _save(self, erasure: Erasure) -> None:
        told = encode_receipt(erasure.receipt).decode()
        self._db.execute(SQL["save_erasure"], (erasure.receipt.state, told, erasure.no))

    def _audit(self, receipt: Receipt, action: str, site_id: int | None) -> None:
        self._db.execute(LEDGER_SQL["audit"], (self._clock(), receipt.by, action, site_id, receipt.id, "{}"))

    def find(self, erasure_id: str) -> Erasure:
        """How far it is. Raises NotFound."""
        if erasure_id in self._looks:
            return self._looks[erasure_id]
        if self._running and self._running.receipt.id == erasure_id:
            return self._running
        row = self._db.execute(SQL["find_erasure"], (erasure_id,)).fetchone()
        if row is None:
            raise NotFound(kind="erasure", name=erasure_id, listing="privacy erasures")
        return self._read(row)

    def receipts(self) -> list[Receipt]:
        """Every receipt, newest first."""
        return [self._read(row).receipt for row in all_rows(self._db, SQL["list_erasures"])]

    def _read(self, row: tuple[Any, ...]) -> Erasure:
        number, site_id, repeated, receipt = row
        wanted = {mark for (mark,) in all_rows(self._db, SQL["list_marks"], (number,))}
        return Erasure(number, site_id, decode_receipt(receipt), wanted, bool(repeated))

    # --- after a restore ----------------------------------------------------------------------------------------------------------

    def _take_up_list(self) -> None:
        """What the list knows and this ledger does not is done once more."""
        known = {erasure_id for (erasure_id,) in all_rows(self._db, SQL["list_erasure_ids"])}
        news = [entry for entry in self._list.read() if entry.id not in known]
        if not news:
            return
        strange = sum(entry.key != self.marks.key for entry in news)
        with self._ledger.transaction():
            for entry in news:
                self._take_up(entry)
            if strange:
                text = f"The vault is not the one of {strange} erasures: they cannot be repeated."
                self._ledger.alert(Code.ERASURES_NOT_REPEATED, text, self._clock())

    def _take_up(self, entry: Entry) -> None:
        site = every_site(self._db).get(entry.site_id or 0)
        state = "finding" if entry.key == self.marks.key else "done"
        receipt = Receipt(entry.id, entry.at, entry.by, site.name if site else None, entry.kind, entry.mark, state)
        self._add(receipt, entry.site_id, set(map(bytes.fromhex, entry.marks)), repeated=True)

    def repeat(self) -> None:
        """Every erasure there was is to be done once more: files from before came back. Raises LedgerFull, Unavailable."""
        with self._core.minding(self._clock()), self._ledger.transaction():
            for row in all_rows(self._db, SQL["list_erasures"]):
                receipt = replace(decode_receipt(row[3]), state="finding")
                self._db.execute(SQL["repeat_erasure"], (encode_receipt(receipt).decode(), row[0]))

    @property
    def waits(self) -> bool:
        """Is there anything to do?"""
        return bool(self._next())

    # --- doing --------------------------------------------------------------------------------------------------------------------

    def work(self) -> Iterator[None]:
        """All there is to do, a slice at a time. Raises LedgerPoisoned; LedgerFull, Unavailable, MonthDamaged: then it is begun anew."""
        while together := self._next():
            self._running = together[0]
            try:
                yield from self._do(together)
            finally:
                self._running = None

    def _next(self) -> list[Erasure]:
        """A look; else all that is to be repeated, in one go; else the oldest erasure. None of these: nothing."""
        looks = [one for one in self._looks.values() if one.receipt.state == "finding"]
        waiting = [self._read(row) for row in all_rows(self._db, SQL["list_open_erasures"])]
        repeated = [one for one in waiting if one.repeated]
        for one in repeated[1:]:
            repeated[0].wanted |= one.wanted
        return looks[:1] or repeated or waiting[:1]

    def _do(self, together: list[Erasure]) -> Iterator[None]:
        first = together[0]
        found = yield from self._find(first)
        erasing = self._erase(together, found)
        if not first.no:
            return
        for month in [name[7:14] for name in first.receipt.tables if name.startswith("months/")]:
            yield from self._erase_sealed(erasing, month)
            yield from self._scrub_month(month)
        yield from scrub(self._core.folder.ledger, self._core.vfs, lambda: self._core.is_alone(None, self._clock()))
        point("erasure_scrubbed")
        while not clear_workshop(self._core.folder.root):
            yield  # a backup that was begun before holds copies of the files as they were
        self._finish(together)

    def _find(self, erasure: Erasure) -> Generator[None, None, Finding]:
        """Ends in a turn in which everything is known and every signal is in its month."""
        follow = not erasure.repeated and erasure.receipt.state == "finding"
        found = Finding(self._core, self.marks, erasure.wanted, follow=follow)
        while True:
            for _ in found.look():
                erasure.looked, erasure.signals = found.looked, self._ledger.last_seq()
                yield
            while self._core.lag > FEW:
                yield
            while self._core.lag and not self._core.full:
                self._core.catch_up(self._clock())
            if self._core.full:
                raise Unavailable(reason="the disk is full")
            if found.finish():
                return found
            yield

    def _erase(self, together: list[Erasure], found: Finding) -> Erasing:
        """The ledger and the open months, at once. An erasure that is only looked for is taken back."""
        first, now = together[0], self._clock()
        timezones = {site.id: site.timezone for site in every_site(self._db).values()}
        with self._core.minding(now):
            erasing = Erasing(self._core, found, timezones, now, again=first.receipt.state == "erasing")
            erasing.look_into_months()
            try:
                with self._ledger.transaction():
                    erasing.erase(self.marks, lambda: self._remember(together))
                    self._note(first, erasing, found)
            except _OnlyLooked:
                return erasing
            point("erasure_in_ledger")
            self._core.sessions.forget(found.sessions)
            for month in erasing.months:
                if self._core.months.held(month):
                    self._erase_from(erasing, month)
        return erasing

    def _remember(self, together: list[Erasure]) -> None:
        """In the list first: what the ledger says is erased must be there for the next restore."""
        first = together[0]
        if first.no:
            for one in together:
                self._add_marks(one.no, one.wanted)
            if not first.repeated:
                told, marks = first.receipt, sorted(mark.hex() for mark in first.wanted)
                self._append(Entry(told.id, told.at, told.by, first.site_id, told.kind, told.mark, marks, self.marks.key))
            point("erasure_listed")

    def _append(self, entry: Entry) -> None:
        try:
            self._list.add(entry)
        except OSError as error:
            raise Unavailable(reason=f"erasures.jsonl cannot be written ({error.strerror})") from error

    def _note(self, erasure: Erasure, erasing: Erasing, found: Finding) -> None:
        """What the receipt says. Raises _OnlyLooked."""
        guessed, told = len(found.guessed - found.sessions.keys()), erasure.receipt
        tables = add_tables(told.tables, erasing.tables)
        state = "erasing" if erasure.no else "done"
        erasure.receipt = replace(
            told, state=state, tables=tables, guessed=max(told.guessed, guessed), others=max(told.others, found.others)
        )
        if not erasure.no:
            raise _OnlyLooked
        self._unseal(erasure, erasing)
        self._save(erasure)

    def _unseal(self, erasure: Erasure, erasing: Erasing) -> None:
        """Sealed months that are going to change have no hash from now on, in one commit with the receipt that tells of it."""
        for month in erasing.months:
            if before := self._hash(month):
                self._ledger.unseal_partition(month)
                erasure.receipt = replace(erasure.receipt, rehashed=[*erasure.receipt.rehashed, Rehashed(month, before)])

    def _hash(self, month: str) -> str | None:
        return self._db.execute(SQL["read_hash"], (month,)).get

    def _erase_from(self, erasing: Erasing, month: str) -> None:
        erasing.erase_from(month)
        point("erasure_in_month")

    def _erase_sealed(self, erasing: Erasing, month: str) -> Iterator[None]:
        """The rows of a month that was sealed and is opened for it, to be sealed anew by its job; a reader of it is waited for."""
        months = self._core.months
        while erasing.months.get(month) and months.held(month) is None:
            try:
                with self._core.minding(self._clock()):
                    months.unseal(month, self._clock())
                    self._erase_from(erasing, month)
            except apsw.BusyError:
                yield

    def _scrub_month(self, month: str) -> Iterator[None]:
        """What is sealed is a copy of the rows that are left."""
        if self._core.months.held(month):
            path = self._core.folder.months / f"{month}.db"
            yield from scrub(path, self._core.vfs, lambda: self._core.is_alone(month, self._clock()))

    def _finish(self, together: list[Erasure]) -> None:
        removed = self._remove_left_over()
        first, now = together[0], self._clock()
        first.receipt = replace(first.receipt, tables=add_tables(first.receipt.tables, {name: {"file": 1} for name in removed}))
        with self._core.minding(now), self._ledger.transaction():
            for one in together:
                one.receipt = replace(one.receipt, state="done", done_at=now)
                self._save(one)
                self._audit(one.receipt, "erasure repeated" if one.repeated else "visitor erased", one.site_id)

    def note_seals(self) -> None:
        """Months that were changed are sealed anew: what their SHA-256 is now belongs in the receipts. Raises LedgerFull, Unavailable."""
        with self._core.minding(self._clock()), self._ledger.transaction():
            for erasure in map(self._read, all_rows(self._db, SQL["list_erasures"])):
                told = [replace(one, after=one.after or self._hash(one.month)) for one in erasure.receipt.rehashed]
                if told != erasure.receipt.rehashed:
                    erasure.receipt = replace(erasure.receipt, rehashed=told)
                    self._save(erasure)

    def _remove_left_over(self) -> list[str]:
        folder = self._core.folder.months
        left = [path for pattern in LEFT_OVER for path in sorted(folder.glob(pattern))]
        for path in left:
            path.unlink()
        if left:
            sync_directory(folder)
        return [f"months/{path.name}" for path in left]
