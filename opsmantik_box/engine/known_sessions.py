"""What is known of the sessions that are being visited, so that a decision needs no look at a month file."""

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager

from opsmantik_box.domain.decisions import Known

Key = tuple[int, bytes]
"""(site id, session id)."""

LIMIT = 10_000


class KnownSessions:
    """A cache that never forgets a session whose newest signal is not in its month file yet: nobody else would know it."""

    def __init__(self, find: Callable[[int, bytes], Known | None], limit: int = LIMIT) -> None:
        self._find, self._limit = find, limit
        self._known: OrderedDict[Key, Known] = OrderedDict()
        self.contacted: set[Key] = set()
        """Sessions that a call or a posted form was matched with: those rows follow their session as its own intents do."""
        self.awaited: set[tuple[int, str]] = set()
        """(site id, fingerprint or target) of calls without a visit: it may arrive after them."""
        self._deciding: Mapping[Key, Known] = {}

    def get(self, key: Key) -> Known | None:
        """What is known of a session, from memory or from its month; None for a new one."""
        return self._deciding.get(key) or self._known.get(key) or self._find(*key)

    @contextmanager
    def deciding(self, overlay: Mapping[Key, Known]) -> Generator[None]:
        """Within the transaction of a batch: what it decided is known too."""
        self._deciding = overlay
        try:
            yield
        finally:
            self._deciding = {}

    def merge(self, overlay: dict[Key, Known], projected: int) -> None:
        """Take over what a committed batch decided. `projected`: every signal up to this one is in its month file."""
        known = self._known
        for key, value in overlay.items():
            known[key] = value
            known.move_to_end(key)
        while len(known) > self._limit:
            oldest = next(iter(known))
            if known[oldest].last_seq > projected:
                break
            known.popitem(last=False)

    def forget(self, keys: Iterable[Key]) -> None:
        """They were erased: who comes again with such an id begins anew."""
        for key in keys:
            self._known.pop(key, None)
            self.contacted.discard(key)

    def forget_month(self, month: str) -> None:
        """A closed month takes nothing more: who comes back to a session of it begins anew, in another month."""
        self._known = OrderedDict((key, known) for key, known in self._known.items() if known.month != month)
