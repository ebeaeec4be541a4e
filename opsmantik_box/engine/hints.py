"""Hints: what whoever watches is told at once, and nobody keeps. Late by a tenth of a second at most, and some are left out when there
are many: neither a writer nor a reader is ever held up by them."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from opsmantik_box.domain.feed import EventHint, SessionHint, as_json
from opsmantik_box.domain.ids import uuid_text
from opsmantik_box.domain.signals import Arrival, decode_payload
from opsmantik_box.engine.writing import Answer
from opsmantik_box.link.messages import Hints

TOGETHER_SEC = 0.1
MOST = 20
"""Hints of one topic that are told together."""


class HintBoard:
    """What is going to be told. `tell`: to every gateway."""

    def __init__(self, tell: Callable[[object], None]) -> None:
        self._tell = tell
        self._waiting: defaultdict[str, dict[str, tuple[int, str]]] = defaultdict(dict)

    def add(self, topic: str, site_id: int, about: str, body: str) -> None:
        """`body` is JSON in one line. A newer hint about the same thing replaces one that is not told yet."""
        waiting = self._waiting[topic]
        if len(waiting) < MOST or about in waiting:
            if not any(self._waiting.values()):
                asyncio.get_running_loop().call_later(TOGETHER_SEC, self._say)
            waiting[about] = site_id, body

    def add_accepted(self, site_id: int, arrivals: Sequence[Arrival], answers: Sequence[Answer]) -> None:
        """Signals of one request that are on disk now."""
        if len(self._waiting["event"]) >= MOST:
            return
        for arrival, answer in zip(arrivals, answers, strict=True):
            if not answer.duplicate:
                self._add_signal(site_id, arrival, answer.score)

    def _add_signal(self, site_id: int, arrival: Arrival, score: int) -> None:
        signal = arrival.signal
        session, action = uuid_text(signal.sid), decode_payload(arrival.payload).ea or "view"
        event = EventHint(
            signal.at, session, signal.category, action, score, signal.device, bool(signal.bot_reason), signal.internal
        )
        self.add("event", site_id, arrival.event_ids[0].hex(), as_json(event))
        self.add("session", site_id, f"{site_id} {session}", as_json(SessionHint(signal.at, session, score)))

    def _say(self) -> None:
        told = [(topic, *hint) for topic, waiting in self._waiting.items() for hint in waiting.values()]
        self._waiting.clear()
        self._tell(Hints(told))
