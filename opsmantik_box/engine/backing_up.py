"""Backups, the engine's part: has them made and verified by a helper, and keeps in the ledger what lies where and was read back.

What is kept decides which signals may be trimmed, so nothing is written down that a helper did not see.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from opsmantik_box import __version__
from opsmantik_box.domain.backups import TRUSTED_MS, Backup, Kept, Order, moment
from opsmantik_box.domain.schedules import HOUR_MS
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.jobs import SQL, Outcome, Turn
from opsmantik_box.errors import BoxError

HELPER = "opsmantik_box.ops.backup_errand"
RECENT_MS = 20 * HOUR_MS
"""What was backed up and verified within this time is not backed up again when another place failed."""
NO_PLACE = "No place for backups is named under [backup] in box.toml (docs/backups.md)."


class BackupFailed(BoxError):
    """{problems}"""


class Asked(Struct, frozen=True):
    """What may be told by hand: other settings than the service was started with, and to begin anew where backups are gone."""

    backup: Backup | UnsetType = UNSET
    start_over: bool = False


class Lying(Struct, frozen=True):
    """A backup as the ledger knows it."""

    place: str
    name: str
    is_elsewhere: bool
    made_at: int
    last_seq: int
    bytes: int
    verified_at: int | None
    problem: str


async def back_up(turn: Turn, arguments: dict[str, Any]) -> Outcome:
    """To every place that has no verified one of today. Raises BackupFailed: then it is tried again."""
    return await _run(turn, arguments, make=True)


async def verify_backups(turn: Turn, arguments: dict[str, Any]) -> Outcome:
    """The newest backup of every place is fetched and restored, whole."""
    return await _run(turn, arguments, make=False)


async def _run(turn: Turn, arguments: dict[str, Any], *, make: bool) -> Outcome:
    asked = msgspec.convert(arguments, Asked)
    told = turn.service.keeping.backup if asked.backup is UNSET else asked.backup
    lying, now = list_backups(turn), turn.now()
    places = [label for label in told.places if not make or arguments or not _is_fresh(label, lying, now)]
    if places:
        expected = [] if asked.start_over else sorted({one.place for one in lying})
        order = Order(str(turn.core.folder.root), told, __version__, places, make, expected, _trusted(turn, now))
        kept = [msgspec.convert(one, Kept) for one in await turn.errand(HELPER, order)]
        _write(turn, kept, {one.name for one in lying})
        problems = [one.problem for one in kept if one.problem]
        if problems:
            raise BackupFailed(problems="; ".join(problems))
    return _outcome(list_backups(turn))


def _is_fresh(label: str, lying: list[Lying], now: int) -> bool:
    return any(one.place == label and one.verified_at and one.made_at > now - RECENT_MS for one in lying)


def _trusted(turn: Turn, now: int) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for place, _, _, name, size in all_rows(turn.core.ledger.db, SQL["list_backed_up_months"], (now - TRUSTED_MS,)):
        found.setdefault(place, {})[name] = size
    return found


def list_backups(turn: Turn) -> list[Lying]:
    """What lies where as far as the ledger knows, newest first."""
    return [Lying(row[0], row[1], bool(row[2]), *row[3:]) for row in all_rows(turn.core.ledger.db, SQL["list_backups"])]


def _write(turn: Turn, kept: list[Kept], known: set[str]) -> None:
    db, now = turn.core.ledger.db, turn.now()
    with turn.core.minding(now), turn.core.ledger.transaction():
        for one in (one for one in kept if one.name):
            told = {name: getattr(one, name) for name in Lying.__struct_fields__}
            db.execute(SQL["save_backup"], told | {"is_elsewhere": int(one.is_elsewhere)})
            for read in one.months:
                db.execute(SQL["save_backed_up_month"], msgspec.structs.asdict(read) | {"place": one.place, "verified_at": now})
            gone = known - set(one.names) if one.names else set[str]()
            db.executemany(SQL["forget_backup"], [(one.place, name) for name in gone])


def _outcome(lying: list[Lying]) -> Outcome:
    """A sentence on the newest verified backup of each place."""
    verified: dict[str, Lying] = {}
    for one in lying:
        if one.verified_at:
            verified.setdefault(one.place, one)
    told = [f"{one.place}: {moment(one.made_at)}, signals up to {one.last_seq}" for one in verified.values()]
    details = {"places": [msgspec.to_builtins(one) for one in verified.values()]}
    return Outcome(f"Verified: {'; '.join(told)}." if told else NO_PLACE, details)
