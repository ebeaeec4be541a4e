"""The desk as commands: arguments read, one transaction each, and the same answer again for the same Idempotency-Key."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from opsmantik_box.domain.desk import KEPT_MS
from opsmantik_box.domain.verdicts import MOST_AT_ONCE, Asked, Row
from opsmantik_box.domain.work import Outcome
from opsmantik_box.engine.asking import Arguments, Asker, command_for
from opsmantik_box.engine.desk import SQL, Desk
from opsmantik_box.errors import BoxError, KeyUsedBefore

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service


class OnLead(Struct, frozen=True):
    """Work on the lead of this row; `version` of the lead, when the work is based on one."""

    id: int
    version: int | None = None


class Claiming(OnLead, frozen=True):
    take_over: bool = False


class Trying(OnLead, frozen=True, kw_only=True):
    outcome: Outcome
    when: int | str | None = None


class Reminding(OnLead, frozen=True, kw_only=True):
    when: int | str


class Noting(OnLead, frozen=True, kw_only=True):
    note: str


class Undoing(Struct, frozen=True):
    id: int
    version: int


class Picking(Struct, frozen=True):
    id: int
    session: str | None
    version: int


class Being(Struct, frozen=True):
    id: int | None


class Many(Struct, frozen=True):
    verdicts: Annotated[list[Asked], Meta(min_length=1, max_length=MOST_AT_ONCE)]


@command_for("operate")
def give_verdict(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    asked = msgspec.convert(arguments, Asked)
    return _once(service, asker, arguments, "give_verdict", lambda desk: desk.judge(asked))


@command_for("operate")
def give_verdicts(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    """Many at once: a result for each, in order."""
    asked = msgspec.convert(arguments, Many).verdicts
    return _once(service, asker, arguments, "give_verdicts", lambda desk: list(map(_outcome, desk.judge_many(asked))))


@command_for("operate")
def undo_verdict(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    asked = msgspec.convert(arguments, Undoing)
    return _once(service, asker, arguments, "undo_verdict", lambda desk: desk.undo(asked.id, asked.version))


@command_for("operate")
def pick_visit(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    asked = msgspec.convert(arguments, Picking)
    return _once(service, asker, arguments, "pick_visit", lambda desk: desk.pick(asked.id, asked.session, asked.version))


@command_for("operate")
def unpick_visit(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    asked = msgspec.convert(arguments, Undoing)
    return _once(service, asker, arguments, "unpick_visit", lambda desk: desk.unpick(asked.id, asked.version))


@command_for("operate")
def claim(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    asked = msgspec.convert(arguments, Claiming)
    return _once(service, asker, arguments, "claim", lambda desk: desk.claim(asked.id, asked.version, take_over=asked.take_over))


@command_for("operate")
def release(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    asked = msgspec.convert(arguments, OnLead)
    return _once(service, asker, arguments, "release", lambda desk: desk.release(asked.id, asked.version))


@command_for("operate")
def add_attempt(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    asked = msgspec.convert(arguments, Trying)
    return _once(
        service, asker, arguments, "add_attempt", lambda desk: desk.attempt(asked.id, asked.version, asked.outcome, asked.when)
    )


@command_for("operate")
def set_reminder(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    asked = msgspec.convert(arguments, Reminding)
    return _once(service, asker, arguments, "set_reminder", lambda desk: desk.remind(asked.id, asked.version, asked.when))


@command_for("operate")
def add_note(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    asked = msgspec.convert(arguments, Noting)
    return _once(service, asker, arguments, "add_note", lambda desk: desk.note(asked.id, asked.version, asked.note))


@command_for("operate")
def reveal_number(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    asked = msgspec.convert(arguments, OnLead)
    return _once(service, asker, arguments, "reveal_number", lambda desk: desk.number(asked.id))


@command_for("operate")
def tell_presence(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    """Where somebody is, by any row of the lead; null: at none. Nothing is stored."""
    number, now = msgspec.convert(arguments, Being).id, service.clock()
    desk = _desk(service, asker, now)
    service.presence.be_at(asker, desk.person(), *((0, 0) if number is None else desk.lead_of(number)), now)
    return {}


def _desk(service: "Service", asker: Asker, now: int) -> Desk:
    return Desk(service.core.ledger, service.directory.sites, service.telling, asker, now)


def _once(service: "Service", asker: Asker, arguments: Arguments, name: str, work: Callable[[Desk], Any]) -> Any:
    """One transaction. With a `key` that this person used before for the same, nothing is done and the answer is the one of then.
    A refusal is not kept: nothing was done that could be done twice. Raises KeyUsedBefore for another question."""
    key, now, ledger = arguments.get("key"), service.clock(), service.core.ledger
    desk = _desk(service, asker, now)
    with service.core.minding(now), ledger.transaction():
        if key is None:
            return msgspec.to_builtins(work(desk))
        ledger.db.execute(SQL["forget_answers"], (now - KEPT_MS,))
        owner, question = asker.user_id or 0, _fingerprint(name, arguments)
        kept = ledger.db.execute(SQL["find_answer"], (owner, key)).fetchone()
        if kept is None:
            answer = msgspec.to_builtins(work(desk))
            ledger.db.execute(SQL["keep_answer"], (owner, key, now, question, msgspec.msgpack.encode(answer)))
            return answer
        if kept[0] != question:
            raise KeyUsedBefore
        return msgspec.msgpack.decode(kept[1])


def _fingerprint(name: str, arguments: Arguments) -> bytes:
    return hashlib.blake2b(msgspec.json.encode([name, arguments], order="sorted"), digest_size=16).digest()


def _outcome(one: Row | BoxError) -> dict[str, Any]:
    """As the API shows it: the row, or what was wrong and the row as it is."""
    if isinstance(one, Row):
        return {"row": one, "status": 200, "detail": ""}
    return {"row": one.details.get("current"), "status": one.status, "detail": str(one)}
