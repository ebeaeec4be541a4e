"""A Box under everything at once, in any order: signals, calls, verdicts and work, and whatever can happen to a disk. After every step the
disk is compared with what everybody was told."""

import os
import shutil
import tempfile
import unittest
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from opsmantik_box.errors import LedgerFull, LedgerPoisoned
from tests.fault.desk_steps import LINE, DeskSteps
from tests.fault.invariants import Stored, check, check_equals_refold, check_ledger, scratch
from tests.fault.lab import Lab
from tests.fault.traffic import Sent
from tests.fault.vfs import times
from tests.months import turn_months

EXAMPLES = int(os.environ.get("FAULT_EXAMPLES", "60"))
LAST_DAY = 1_796_256_000_000
"""2026-12-03: ids of October are forgotten a few days later, and a signal may then be stored again."""


class QuietBox(DeskSteps):
    """A Box on a sound disk: send, late, again, something else under the same id; tell calls, judge, work, pick (desk_steps.py);
    project, tick, kill, restart."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self._place = Path(tempfile.mkdtemp(dir=scratch(), prefix="machine-"))
        self.lab = Lab(self._place, seed)
        self.stored: set[tuple[str, bytes]] = set()
        self.hire()
        self.deliver([self.lab.visitors.signal(self.lab.now) for _ in range(12)])
        self.tell_call(0, LINE, "", "ringing", self.lab.now)

    @rule(count=st.integers(1, 6), late=st.booleans(), ago=st.sampled_from([0, 0, 0, 30, 1_200, 80_000]))
    def send(self, count: int, late: bool, ago: int) -> None:
        """`ago`: seconds that they lay in the outbox of a phone."""
        changes = {"sm": "2026-09-01"} if late and self.lab.now < 1_793_491_200_000 else {}
        self.deliver([self.lab.visitors.signal(self.lab.now - ago * 1_000, **changes) for _ in range(count)])

    @precondition(lambda self: self.lab.client.sent)
    @rule(picks=st.lists(st.integers(0, 10_000), min_size=1, max_size=4))
    def send_again(self, picks: list[int]) -> None:
        sent = list(self.lab.client.sent.values())
        self.deliver([sent[pick % len(sent)][0] for pick in picks])

    @precondition(lambda self: self.lab.client.acknowledged)
    @rule(pick=st.integers(0, 10_000))
    def send_something_else_under_a_known_id(self, pick: int) -> None:
        keys = list(self.lab.client.acknowledged)
        one = self.lab.client.sent[keys[pick % len(keys)]][0]
        other = Sent(one.site, one.body | {"ea": "heartbeat", "ec": "system"}, one.user_agent, one.address)
        assert [answer.duplicate for answer in self.deliver([other]) or []] in ([True], [])

    def deliver(self, signals: list[Sent]) -> object:
        if self.lab.core.full:
            return None
        if self.lab.core.projector.rebuilding:
            self.lab.catch_up()
        before = dict(self.lab.client.acknowledged)
        try:
            answers = self.lab.deliver(signals)
        except LedgerFull:
            assert self.lab.client.acknowledged == before
            return None
        told = set(before)
        for signal, answer in zip(signals, answers, strict=True):
            assert answer.duplicate or signal.key not in told, "accepted as new what was acknowledged before"
            told.add(signal.key)
        return answers

    @rule(limit=st.integers(1, 12))
    def project(self, limit: int) -> None:
        if not self.lab.core.full:
            self.lab.core.catch_up(self.lab.now, limit)

    @rule(seconds=st.sampled_from([1, 30, 3_600, 86_400, 9 * 86_400, -3_600, -9 * 86_400]))
    def tick(self, seconds: int) -> None:
        self.lab.now = min(LAST_DAY, self.lab.now + seconds * 1_000)
        self.latest = max(self.latest, self.lab.now)
        if not self.lab.core.full:
            turn_months(self.lab.core, self.lab.now)

    @rule()
    def be_killed(self) -> None:
        self.lab.kill()
        self._restart()

    @rule()
    def restart(self) -> None:
        self.lab.stop()
        self._restart()

    def _restart(self) -> None:
        check(self.lab.root, self.lab.client)
        self.lab.start()
        self.lab.look(caught_up=True)

    @invariant()
    def what_was_promised_is_there(self) -> None:
        if hasattr(self, "lab"):
            stored = {(one.site, one.event_id) for one in self.stored_now()}
            assert self.stored <= stored
            self.stored = set(self.lab.client.acknowledged)
            assert self.told <= self.news((0, 0, 0)), "I1: what was answered at the desk is gone"

    def stored_now(self) -> list[Stored]:
        return check_ledger(self.lab.core.ledger.db, self.lab.root / "ledger.db", self.lab.client)

    def teardown(self) -> None:
        if not hasattr(self, "lab"):
            return
        try:
            if self.lab.left:  # a step failed between two engines: its own error is the one to read
                return
            self.lab.disk.room = None
            self.lab.core.recover()
            self.lab.catch_up()
            self.lab.stop()
            check(self.lab.root, self.lab.client, caught_up=True)
            check_equals_refold(self.lab.root)
        finally:
            self.lab.disk.watch = lambda _kind, _path: None
            self.lab.disk.unplug()
            shutil.rmtree(self._place)


class WholeBox(QuietBox):
    """The same on a disk of the worst kind: it loses power, is damaged, full, fails to sync. After every step the disk itself is looked
    at."""

    @rule()
    def rest(self) -> None:
        if not self.lab.core.full:
            self.lab.core.rest(self.lab.now)

    @rule()
    def lose_power(self) -> None:
        self.lab.lose_power()
        self._restart()

    @rule(pick=st.integers(0, 9), how=st.sampled_from(["scribble", "header", "cut", "empty", "delete", "delete without its wal"]))
    def damage_a_month(self, pick: int, how: str) -> None:
        months = [file.month for file in self.lab.core.months.files()]
        self.lab.kill()
        if months:
            damage(self.lab.month(months[pick % len(months)]), how, self.lab.random)
        self.lab.start()
        self.lab.look(caught_up=True)

    @precondition(lambda self: not self.lab.core.full)
    @rule(room=st.integers(0, 30), count=st.integers(1, 6), stays=st.sampled_from([True, False, False]))
    def fill_the_disk(self, room: int, count: int, stays: bool) -> None:
        self.lab.disk.room = room
        self.deliver([self.lab.visitors.signal(self.lab.now) for _ in range(count)])
        if not self.lab.core.full:
            self.lab.core.catch_up(self.lab.now)
        if not stays:
            self.make_room()

    @rule()
    def make_room(self) -> None:
        self.lab.disk.room = None
        assert self.lab.core.recover()

    @precondition(lambda self: not self.lab.core.full)
    @rule(once=st.booleans())
    def fail_to_sync_the_ledger(self, once: bool) -> None:
        """The engine stops; whether the batch is on the disk is unknown until it is opened again, and nobody was told."""
        self.lab.disk.fail_sync = times(1 if once else None, lambda path: path.name == "ledger.db-wal")
        before = dict(self.lab.client.acknowledged)
        try:
            self.lab.send(2)
        except LedgerPoisoned:
            assert self.lab.client.acknowledged == before
            self.lab.lose_power()
            self._restart()
        else:
            raise AssertionError("a failed sync was taken for a success")

    def stored_now(self) -> list[Stored]:
        return self.lab.look()


def damage(path: Path, how: str, random: Random) -> None:
    """What happens to files."""
    if not path.exists():
        return
    content = bytearray(path.read_bytes())
    match how:
        case "scribble":
            at = random.randrange(len(content)) if content else 0
            content[at : at + 3_000] = random.randbytes(min(3_000, max(0, len(content) - at)))
        case "header":
            content[:100] = random.randbytes(100)
        case "cut":
            del content[random.randrange(len(content) + 1) :]
        case "empty":
            content.clear()
        case _:
            path.unlink()
    if not how.startswith("delete"):
        path.write_bytes(content)
    if how == "delete":
        path.with_name(path.name + "-wal").unlink(missing_ok=True)


def played(machine: type[QuietBox], examples: int) -> type[unittest.TestCase]:
    machine.TestCase.settings = settings(
        max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    return machine.TestCase


TestQuietBox, TestWholeBox = played(QuietBox, EXAMPLES), played(WholeBox, EXAMPLES // 2)
