"""Hands on what waits, oldest first, as long as main takes it. What main refused for good is parked; everything else comes again.

At least once to main, which knows the ids: an answer that was lost on the way costs one request more, and counts nothing twice.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable

import structlog

from opsmantik_box.clock import Clock
from opsmantik_box.domain.relaying import Envelope, Known, Verdict, Verdicts, is_final
from opsmantik_box.relay.line import Line, LineDown
from opsmantik_box.relay.outbox import Outbox

SITES_SEC = 60.0
"""How often main is asked for its sites while nothing is to be handed on."""
PAUSE_SEC = (1.0, 60.0)
"""After the first failure, and at most; half of it is chance."""
MOST_PAUSE_SEC = 300
"""However long main asks to wait."""
MAX_ANSWER = 300
SKEW_MS = 60_000

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Forwarder:
    """One for the relay's life. `reached` is whether main answered the last time."""

    def __init__(self, line: Line, outbox: Outbox, clock: Clock) -> None:
        self._line, self._outbox, self._clock = line, outbox, clock
        self.reached: bool = False
        self._failures = 0

    async def ask_sites(self) -> Known:
        """Main's sites, and kept. Raises LineDown."""
        known, told = await asyncio.to_thread(self._line.ask_sites)
        self._outbox.keep_sites(told, self._clock())
        return known

    async def run(self, learn: Callable[[Known], None]) -> None:
        """Until cancelled. Raises LedgerPoisoned."""
        while True:
            self._outbox.arrived.clear()
            try:
                if not await self._turn():
                    learn(await self.ask_sites())
                    self._note(True)
                    self._outbox.rest()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._outbox.arrived.wait(), SITES_SEC)
            except LineDown as error:
                self._note(False, str(error))
                await asyncio.sleep(self._pause(error.wait))

    async def _turn(self) -> bool:
        """One request to main; False when nothing waits. Raises LineDown, LedgerFull, LedgerPoisoned."""
        waiting = self._outbox.waiting()
        if not waiting:
            return False
        sent_at = self._clock()
        verdicts = await asyncio.to_thread(self._line.hand_on, [envelope for _, envelope in waiting])
        later = self._settle(waiting, verdicts, sent_at)
        if later:
            raise LineDown(f"it asks to come later ({later[0].status})")
        self._note(True)
        return True

    def _settle(self, waiting: list[tuple[int, Envelope]], verdicts: Verdicts, sent_at: int) -> list[Verdict]:
        """What is to come again."""
        judged = [(no, verdict) for (no, _), verdict in zip(waiting, verdicts.results, strict=True)]
        parked = [(one.status, said(one), no) for no, one in judged if is_final(one.status)]
        now = self._clock()
        self._outbox.settle((no for no, one in judged if one.status == 200), parked, now, verdicts.at - (sent_at + now) // 2)
        if parked:
            log.warning("main refused envelopes for good: they are parked", envelopes=len(parked), first=parked[0][1])
        return [one for _, one in judged if one.status != 200 and not is_final(one.status)]

    def _note(self, reached: bool, problem: str = "") -> None:
        if not reached:
            self._failures += 1
            self._outbox.note_failure(self._clock(), problem)
        if reached != self.reached or (not reached and self._failures == 1):
            log.info("main is reached") if reached else log.warning(problem)
        if reached:
            self._failures = 0
        self.reached = reached

    def _pause(self, asked: int) -> float:
        """Seconds until main is tried again."""
        longest = min(PAUSE_SEC[0] * 2 ** min(self._failures - 1, 10), PAUSE_SEC[1])
        return max(min(asked, MOST_PAUSE_SEC), longest * (0.5 + random.random() / 2))  # noqa: S311 - no secret


def said(verdict: Verdict) -> str:
    """Main's words, for a person."""
    return bytes(verdict.body).decode(errors="replace")[:MAX_ANSWER]
