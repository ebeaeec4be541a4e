"""An alert's life: it opens once, is raised when it gets worse, is repeated on a schedule while nobody says that he knows, and resolves
itself. Pure: the alert before, what the rule says now, the alert after."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from opsmantik_box.domain.watch.codes import Code, Level, advice_on, graver
from opsmantik_box.domain.watch.facts import Finding, Outcome, Standing

CALM_MS = 2 * 60_000
"""It must be fine for so long before it counts as over."""
REPEATS_MS: dict[Level, tuple[int, ...]] = {
    "info": (),
    "warning": (24 * 3_600_000,),
    "alarm": (3_600_000, 4 * 3_600_000, 12 * 3_600_000, 24 * 3_600_000),
}
"""How long after it was told the first time, the second … it is told again; the last goes on for ever."""

Change = Literal["opened", "repeated", "raised", "acknowledged", "silenced", "resolved"]
State = Literal["open", "acknowledged", "resolved"]
TOLD_AGAIN: tuple[Change, ...] = ("opened", "repeated", "raised", "resolved")
"""Changes that are news; the others are somebody's own doing."""


class Alert(Struct, frozen=True):
    """As it stands in the ledger. Times in UTC milliseconds; `told_at`: when it was told last, `tellings` how often."""

    code: str
    site_id: int | None
    level: Level
    text: str
    since: int
    opened_at: int
    last_at: int
    id: int = 0
    times: int = 1
    details: dict[str, float | int | str] = {}
    covered_by: str | None = None
    told_at: int = 0
    tellings: int = 0
    calm_since: int | None = None
    acknowledged_at: int | None = None
    acknowledged_by: str | None = None
    silenced_until: int | None = None
    resolved_at: int | None = None
    version: int = 1

    @property
    def state(self) -> State:
        if self.resolved_at is not None:
            return "resolved"
        return "acknowledged" if self.acknowledged_at is not None else "open"

    def is_silenced(self, now: int) -> bool:
        return self.silenced_until is not None and now < self.silenced_until


class AlertBody(Struct, frozen=True):
    """An alert as it is shown and told (topic `alert`); `change` is empty where it is only shown. The site stands beside it."""

    id: int
    code: str
    level: Level
    state: State
    text: str
    advice: str
    since: int
    opened_at: int
    last_at: int
    times: int
    resolved_at: int | None
    acknowledged_at: int | None
    acknowledged_by: str | None
    silenced_until: int | None
    version: int
    covered_by: str | None = None
    change: Change | Literal[""] = ""


def body_of(alert: Alert, change: Change | Literal[""] = "") -> AlertBody:
    shown = {name: getattr(alert, name) for name in AlertBody.__struct_fields__ if name not in ("advice", "change")}
    return AlertBody(**shown, advice=advice_on(alert.code), change=change)


def open_alert(code: Code, site_id: int | None, found: Finding, now: int, silenced_until: int | None = None) -> Alert:
    """A new one; it is told now. Who silenced the one before has silenced this one too."""
    return Alert(
        code, site_id, found.level, found.text, found.since, now, now, details=found.details, covered_by=found.covered_by,
        told_at=now, tellings=1, silenced_until=silenced_until,
    )  # fmt: skip


def follow(alert: Alert, outcome: Outcome, now: int) -> tuple[Alert, Change | None]:
    """An open alert after what its rule says now, and the change that is to be told, if there is one."""
    if outcome is Standing.UNCLEAR:
        return alert, None
    if outcome is Standing.FINE:
        return _calm(alert, now)
    if isinstance(outcome, Finding):
        alert = _found_again(alert, outcome, now)
        if graver(alert.level, outcome.level) != alert.level:
            return _raised(alert, outcome, now), "raised"
    return _repeated(replace(alert, calm_since=None), now)


def _calm(alert: Alert, now: int) -> tuple[Alert, Change | None]:
    since = alert.calm_since if alert.calm_since is not None and alert.calm_since <= now else now
    if now - since < CALM_MS:
        return replace(alert, calm_since=since), None
    return replace(alert, calm_since=since, resolved_at=now, version=alert.version + 1), "resolved"


def _found_again(alert: Alert, found: Finding, now: int) -> Alert:
    return replace(
        alert, text=found.text, details=found.details, covered_by=found.covered_by, last_at=now, times=alert.times + 1,
        since=min(alert.since, found.since), calm_since=None,
    )  # fmt: skip


def _raised(alert: Alert, found: Finding, now: int) -> Alert:
    """Worse than what somebody said he knows."""
    return replace(
        alert, level=found.level, told_at=now, tellings=1, acknowledged_at=None, acknowledged_by=None, version=alert.version + 1
    )


def _repeated(alert: Alert, now: int) -> tuple[Alert, Change | None]:
    schedule = REPEATS_MS[alert.level]
    if not schedule or alert.acknowledged_at is not None or alert.is_silenced(now):
        return alert, None
    if now - alert.told_at < schedule[min(alert.tellings, len(schedule)) - 1]:
        return alert, None
    return replace(alert, told_at=now, tellings=alert.tellings + 1, version=alert.version + 1), "repeated"


def acknowledge(alert: Alert, by: str, now: int) -> Alert:
    """Somebody knows; it is not repeated any more, unless it gets worse."""
    return replace(alert, acknowledged_at=now, acknowledged_by=by, version=alert.version + 1)


def silence(alert: Alert, until: int | None) -> Alert:
    """It, and what opens of its kind on its site, is told to nobody until then; None ends that."""
    return replace(alert, silenced_until=until, version=alert.version + 1)
