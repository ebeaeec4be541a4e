"""What the Box says of itself: alerts, its health, its jobs, what it tells outside, its sites' trackers. Pure; unknown keys are left alone.

Promises: an alert told twice, or late, changes nothing: the higher version stands; however many are told, MOST_ALERTS are kept.
"""

from collections import deque
from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct, field

from tui.model.messages import Message

MOST_ALERTS = 300
MOST_SAMPLES = 120
"""Readings of the rate that the small curve is drawn of."""
APART_MS = 10_000
State = Literal["open", "acknowledged", "resolved"]
LEVELS = ("info", "warning", "alarm")
STATES: tuple[State, ...] = ("open", "acknowledged", "resolved")


class Alert(Struct, frozen=True, kw_only=True):
    """Something that is wrong, or was. Without a site it is the Box itself. `covered_by`: another one says the same, better."""

    id: int
    site_id: str | None = None
    code: str = ""
    level: str = "warning"
    state: State = "open"
    text: str = ""
    advice: str = ""
    since: int = 0
    last_at: int = 0
    times: int = 1
    resolved_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_by: str | None = None
    silenced_until: int | None = None
    covered_by: str | None = None
    version: int = 0

    @property
    def degrades(self) -> bool:
        """Is the Box, or a site, not as it should be because of it?"""
        return self.state != "resolved" and self.level in LEVELS[1:]

    def is_silent(self, now: int) -> bool:
        return self.silenced_until is not None and self.silenced_until > now


class AlertPage(Struct, frozen=True):
    alerts: list[Alert]


class Alerts:
    """All that are known, by number."""

    def __init__(self) -> None:
        self._known: dict[int, Alert] = {}

    def put(self, alert: Alert) -> None:
        known = self._known.get(alert.id)
        if known is None or alert.version >= known.version:
            self._known[alert.id] = alert
        if len(self._known) > MOST_ALERTS:
            for one in self.shown()[MOST_ALERTS:]:
                del self._known[one.id]

    def load(self, alerts: Iterable[Alert]) -> None:
        """A page read anew: it replaces everything."""
        self._known = {one.id: one for one in alerts}

    def take(self, message: Message) -> Alert | None:
        """One that the stream tells; None when it cannot be read."""
        try:
            alert = msgspec.convert(message.told.body | {"site_id": message.told.site_id}, Alert)
        except msgspec.ValidationError:
            return None  # of a newer Box than this console
        self.put(alert)
        return alert

    def get(self, number: int) -> Alert | None:
        return self._known.get(number)

    def shown(self) -> list[Alert]:
        """Open ones first, then those somebody knows of, then what is over; the newest of each first."""
        return sorted(self._known.values(), key=lambda one: (STATES.index(one.state), -one.since, -one.id))

    def standing(self, now: int) -> list[Alert]:
        """Those nobody has taken note of: what the tab counts."""
        return [one for one in self.shown() if one.state == "open" and not one.is_silent(now)]

    def degrading(self) -> list[Alert]:
        """Why the Box is not OK, the gravest first."""
        return sorted((one for one in self.shown() if one.degrades), key=lambda one: -LEVELS.index(one.level))


class Latency(Struct, frozen=True):
    p50: float | None = None
    p99: float | None = None
    answers: int = 0


class File(Struct, frozen=True):
    bytes: int = 0
    wal_bytes: int = 0


class Month(Struct, frozen=True, kw_only=True):
    month: str
    state: str = ""
    bytes: int = 0
    wal_bytes: int = 0
    behind: int = 0
    sealed: bool = False


class Disk(Struct, frozen=True):
    free_bytes: int = 0
    total_bytes: int = 0


class Memory(Struct, frozen=True):
    engine_bytes: int | None = None
    courier_bytes: int | None = None
    available_bytes: int | None = None
    total_bytes: int | None = None


class Backup(Struct, frozen=True):
    verified_at: int | None = None
    is_elsewhere: bool = False


class Gateway(Struct, frozen=True, kw_only=True):
    number: int = 0
    walls: str = ""
    connected: bool = False


class Lane(Struct, frozen=True, kw_only=True):
    """All deliveries to one destination."""

    lane: str
    state: str = "ok"
    waiting: int = 0
    dead: int = 0
    delivered_24h: int = 0
    last_delivered_at: int | None = None
    paused_until: int | None = None
    last_error: str = ""


class BoxTold(Struct, frozen=True, kw_only=True):
    """The machine's numbers; for who sees the Box."""

    started_at: int = 0
    error_rate: float | None = None
    accepted_per_sec: float = 0.0
    latency_ms: Latency = Latency()
    queue_signals: int = 0
    queue_bytes: int = 0
    ledger: File = File()
    vault: File = File()
    months: list[Month] = field(default_factory=list[Month])
    disk: Disk = Disk()
    memory: Memory = Memory()
    gateways: list[Gateway] = field(default_factory=list[Gateway])
    backup: Backup = Backup()
    lanes: list[Lane] = field(default_factory=list[Lane])
    refusals_today: dict[str, int] = field(default_factory=dict[str, int])
    quarantined: int = 0


class SiteTold(Struct, frozen=True, kw_only=True):
    """What the watch says of a site; null where there is too little to say."""

    site_id: str
    sessions_last_hour: int = 0
    gclid_last_3_hours: int = 0
    error_rate: float | None = None
    expected_last_hour: float | None = None
    last_signal_at: int | None = None


class HealthTold(Struct, frozen=True, kw_only=True):
    """`box` is null for a token that does not see it."""

    version: str = ""
    accepting: bool = True
    reason: str = ""
    lag_signals: int = 0
    lag_ms: int = 0
    sites: list[SiteTold] = field(default_factory=list[SiteTold])
    box: BoxTold | None = None


class Job(Struct, frozen=True, kw_only=True):
    """`outcome` of its last run; '' before the first. Times in UTC milliseconds."""

    name: str
    about: str = ""
    running: bool = False
    queued: bool = False
    outcome: str = ""
    result: str = ""
    progress: str = ""
    failures: int = 0
    next_at: int | None = None
    last_started_at: int | None = None
    last_ended_at: int | None = None


class JobList(Struct, frozen=True):
    jobs: list[Job]
    next_month: str = ""


class Delivery(Struct, frozen=True, kw_only=True):
    id: int
    lane: str
    kind: str = ""
    state: str = ""
    attempts: int = 0
    not_before: int = 0
    last_error: str = ""
    created_at: int = 0
    delivered_at: int | None = None


class DeliveryPage(Struct, frozen=True):
    lanes: list[Lane]
    deliveries: list[Delivery]


class Tracker(Struct, frozen=True, kw_only=True):
    """How a site's signals arrive, by what its trackers say of themselves; `arrival_rate` is null for those that say nothing."""

    site_id: str
    arrival_rate: float | None = None
    version: str | None = None
    accepted: int = 0
    lost: dict[str, int] = field(default_factory=dict[str, int])
    parked: dict[str, int] = field(default_factory=dict[str, int])


class TrackerList(Struct, frozen=True):
    trackers: list[Tracker]


class Rates:
    """How many signals a second were accepted, each time the Box was asked since this console was opened: (when, rate)."""

    def __init__(self) -> None:
        self.told: deque[tuple[int, float]] = deque(maxlen=MOST_SAMPLES)

    def add(self, at: int, rate: float) -> None:
        """Whoever looks twice in a moment does not make the curve longer."""
        if not self.told or at - self.told[-1][0] >= APART_MS:
            self.told.append((at, rate))
