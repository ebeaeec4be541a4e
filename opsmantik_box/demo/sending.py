"""Sends invented visits to a Box, as trackers and exchanges do: over HTTP, and nothing else. Blocking."""

import heapq
import http.client
import json
from collections.abc import Callable, Iterable
from random import Random
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from opsmantik_box.clock import Clock
from opsmantik_box.demo.visitors import SITES, Step, Visit, invent_visit
from opsmantik_box.errors import BoxError

MOST_AT_ONCE = 20
SECONDS = 20


class DemoFailed(BoxError):
    """The demo's Box does not take what is sent: {problem}"""


class Known(Struct, frozen=True):
    """What a demo site is called in this Box: its public id, and where its exchange tells of calls."""

    public_id: str
    hook: str


class Sender:
    """One connection, kept open. `sites`: by domain."""

    def __init__(self, url: str, sites: dict[str, Known], clock: Clock) -> None:
        parts = urlsplit(url)
        self._line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
        self._sites, self._clock = sites, clock
        self.signals = self.calls = 0

    def send_past(self, visits: Iterable[Visit], told: Callable[[int], None]) -> None:
        """Whole visits, each in as few requests as it takes; `told` hears how many were sent. Raises DemoFailed."""
        for number, visit in enumerate(visits, 1):
            signals = [step for step in visit.steps if not step.is_call]
            for start in range(0, len(signals), MOST_AT_ONCE):
                self.send(visit, signals[start : start + MOST_AT_ONCE])
            for step in visit.steps:
                if step.is_call:
                    self.send(visit, [step])
            told(number)

    def send(self, visit: Visit, steps: list[Step]) -> None:
        """Signals of one visit together, or one event of a call. Raises DemoFailed."""
        known = self._sites[visit.site.domain]
        if steps[0].is_call:
            self._post(known.hook, steps[0].body, {"Content-Type": "application/json"})
            self.calls += 1
            return
        body = {"v": 2, "s": known.public_id, "st": self._clock(), "e": [step.body for step in steps]}
        origin = f"https://www.{visit.site.domain}"
        headers = {"Content-Type": "text/plain", "Origin": origin, "User-Agent": visit.agent, "X-Forwarded-For": visit.address}
        self._post("/api/sync", body, headers)
        self.signals += len(steps)

    def _post(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> None:
        try:
            self._line.request("POST", path, json.dumps(body).encode(), headers)
            answer = self._line.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._line.close()
            raise DemoFailed(problem=str(error) or type(error).__name__) from None
        if answer.status != 200:
            raise DemoFailed(problem=f"{answer.status} {said[:200].decode(errors='replace')}")

    def close(self) -> None:
        self._line.close()


def go_on(sender: Sender, chance: Random, clock: Clock, stop: Event, every_sec: float) -> None:
    """New visits at a human pace, one in `every_sec` on average, each step when it happens; until `stop`. Raises DemoFailed."""
    due: list[tuple[Step, int, Visit]] = []
    number, next_at = 0, clock()
    while not stop.is_set():
        now = clock()
        if now >= next_at:
            visit = invent_visit(chance, chance.choice(SITES), now)
            for step in visit.steps:
                number += 1
                heapq.heappush(due, (step, number, visit))
            next_at = now + int(chance.expovariate(1 / every_sec) * 1_000)
        while due and due[0][0].at <= now:
            step, _, visit = heapq.heappop(due)
            sender.send(visit, [step])
        soonest = min(next_at, due[0][0].at if due else next_at)
        stop.wait(max(0.01, (soonest - clock()) / 1_000))
