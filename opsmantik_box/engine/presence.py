"""Who is there: whoever has a stream open at a gateway, or has said within a minute at which lead he is. Kept nowhere.

Every gateway is told all of it, a moment after each change; who may see whom is decided there, as for every hint.
"""

import asyncio
from collections.abc import Callable

from msgspec import Struct

from opsmantik_box.domain.presence import TOLD_MS, Person
from opsmantik_box.engine.asking import Asker
from opsmantik_box.link.messages import Present

TOGETHER_SEC = 0.1


class _Here(Struct):
    """A person, the lead he is at, since when, and until when that counts."""

    asker: Asker
    since: int
    site_id: int = 0
    lead: int = 0
    until: int = 0


class Presence:
    """`tell`: every gateway."""

    def __init__(self, tell: Callable[[object], None]) -> None:
        self._tell = tell
        self._watching: dict[object, dict[int, Asker]] = {}
        self._here: dict[int, _Here] = {}
        self._told = Present([])
        self._saying = False

    def watch(self, peer: object, askers: list[Asker], now: int) -> None:
        """These people (and no others) have a stream open at this gateway. Who closes his last one is gone."""
        before = self._watchers()
        self._watching[peer] = {asker.user_id: asker for asker in askers if asker.user_id is not None}
        for number in before.keys() - self._watchers().keys():
            self._here.pop(number, None)
        self.look(now)

    def be_at(self, asker: Asker, user_id: int, site_id: int, lead: int, now: int) -> None:
        """Says where he is (0, 0: at no lead); for a minute."""
        here = self._here.setdefault(user_id, _Here(asker, now))
        if (here.site_id, here.lead) != (site_id, lead):
            here.site_id, here.lead, here.since = site_id, lead, now
        here.asker, here.until = asker, now + TOLD_MS
        self.look(now)

    def look(self, now: int) -> None:
        """Whose minute is over is at no lead, or gone; what changed is told. At every beat."""
        watching = self._watchers()
        for number, asker in watching.items():
            self._here.setdefault(number, _Here(asker, now)).asker = asker
        for number, here in list(self._here.items()):
            if here.until <= now and number not in watching:
                del self._here[number]
            elif here.until <= now and here.lead:
                here.site_id, here.lead, here.since = 0, 0, now
        if not self._saying and self.everybody() != self._told:
            self._saying = True
            asyncio.get_running_loop().call_later(TOGETHER_SEC, self._say)

    def everybody(self) -> Present:
        """For a gateway that comes, too."""
        return Present([
            Person(number, here.asker.name, tuple(here.asker.rights), here.site_id, here.lead, here.since)
            for number, here in sorted(self._here.items())
        ])  # fmt: skip

    def _watchers(self) -> dict[int, Asker]:
        return {number: asker for askers in self._watching.values() for number, asker in askers.items()}

    def _say(self) -> None:
        self._saying, self._told = False, self.everybody()
        self._tell(self._told)
