"""What the watch looks at, gathered once a minute, and what a rule says of it. Pure."""

import enum
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct, structs

from opsmantik_box.domain.arrivals import GOOD_RATE
from opsmantik_box.domain.audits import MOST, Audited
from opsmantik_box.domain.watch.codes import Code, Level
from opsmantik_box.domain.watch.pattern import Pattern, sure_of

HOUR_MS = 3_600_000
NOW_MS = 15 * 60_000
"""The hour of the day, when it is asked what is usual now."""


class Limits(Struct, frozen=True):
    """A site's own thresholds: its setting `watch`. `zero_expects`: how many its pattern must expect before none is a zero; `sure`:
    how many must be expected at the least before nothing is an alarm; `error_rate`, `arrival_rate` and `audit_share` (how much of a day
    may be wrong) as shares."""

    zero_expects: float = 3
    sure: float = 12
    error_rate: float = 0.05
    audit_share: float = MOST
    arrival_rate: float = GOOD_RATE


def limits_of(settings: Mapping[str, object]) -> Limits:
    """The defaults for what is not set, or cannot be read: a mistake there must not stop the watch."""
    try:
        return msgspec.convert(settings.get("watch", {}), Limits)
    except msgspec.ValidationError:
        return Limits()


class Answers(Struct, frozen=True):
    """Answers of /api/sync in the last 15 minutes; `failed`: 5xx, or taken into quarantine."""

    total: int = 0
    failed: int = 0


class Gap(Struct, frozen=True):
    """Since when nothing came of sessions (or clicks), and how sure it is that this is more than chance; None while the site has no
    pattern. `usual`: how many its pattern expects in the rule's own time."""

    since: int
    sure: float | None
    usual: float | None


class SiteFacts(Struct, frozen=True):
    """One site. Counts are of people: without bots and internal visits. `hour` is what its clocks show (0 to 23.99); `had_sessions`,
    `had_clicks`: ever. `arrival`: (accepted, lost or parked) over 24 h by its tracker's own report, None when it makes none."""

    site_id: int
    name: str
    hour: float
    limits: Limits
    sessions_last_hour: int
    sessions_last_3_hours: int
    clicks_last_3_hours: int
    sessions: Gap
    clicks: Gap
    had_sessions: bool
    had_clicks: bool
    answers: Answers = Answers()
    last_at: int | None = None
    sessions_of_day: int = 0
    intents_of_day: int = 0
    intents_expected: float | None = None
    arrival: tuple[int, int] | None = None


class LaneFacts(Struct, frozen=True):
    """A lane: since when no delivery went through (None: the last one did), and how many were given up in the last day."""

    lane: str
    failing_since: int | None
    dead: int
    last_error: str


class Expiry(Struct, frozen=True):
    """Something somebody uses that will open nothing any more."""

    what: str
    at: int


class OpenAlert(Struct, frozen=True):
    """As much of an open alert as a rule may want to know."""

    code: str
    site_id: int | None
    last_at: int


class BoxFacts(Struct, frozen=True):
    """The Box. `listening_since`: from when on it took whatever came (None: it takes nothing now). `made_at`: when the
    Box was; `backed_up_at`: when its newest verified backup was; `audits`: what the last run found wrong. Sizes in bytes, shares 0 to 1."""

    now: int
    listening_since: int | None
    sites: Sequence[SiteFacts] = ()
    answers: Answers = Answers()
    lag_ms: int = 0
    lag_signals: int = 0
    rebuilding: bool = False
    disk_used: float = 0.0
    disk_free: int = 0
    wal_bytes: int = 0
    wal_file: str = ""
    made_at: int = 0
    backed_up_at: int | None = None
    is_backed_up_elsewhere: bool = False
    failed_jobs: Sequence[str] = ()
    lanes: Sequence[LaneFacts] = ()
    expiring: Sequence[Expiry] = ()
    audits: Sequence[Audited] = ()
    quarantined: Mapping[int, int] = {}
    open: Sequence[OpenAlert] = ()

    def is_open(self, code: Code, site_id: int | None = None) -> bool:
        return self.find_open(code, site_id) is not None

    def find_open(self, code: Code, site_id: int | None = None) -> OpenAlert | None:
        return next((one for one in self.open if (one.code, one.site_id) == (code, site_id)), None)


class Finding(Struct, frozen=True):
    """Something is wrong. `covered_by`: another finding says the same, better; who hears of both is told that one only."""

    level: Level
    text: str
    since: int
    details: dict[str, float | int | str] = {}
    covered_by: Code | None = None


class Standing(enum.Enum):
    """What a rule says that finds nothing new: it is fine; it is as it was told; or it cannot tell now."""

    FINE = "fine"
    LASTS = "lasts"
    UNCLEAR = "unclear"


Outcome = Finding | Standing


def gap_of(pattern: Pattern | None, name: str, since: int, now: int, window: int, had: Callable[[int], int] | None) -> Gap:
    """A site's gap in `name` (a field of Counts). `had`: how many came from an hour (since 1970) on until `since`; None when the gap
    began otherwise than with a visit, so that the day before it says nothing. What is usual in the `window` is still usual now: at the
    end of a day the hour before it was busy."""
    if pattern is None:
        return Gap(since, None, None)
    lately = pattern.expects(name, now - NOW_MS, now) * window / NOW_MS
    usual = min(lately, pattern.expects(name, now - window, now))
    return Gap(since, sure_of(pattern, name, since, now, had), usual)


def covered(found: Outcome, by: Code) -> Outcome:
    """The same finding, which another one says better."""
    return structs.replace(found, covered_by=by) if isinstance(found, Finding) else found


def covered_by_box(facts: BoxFacts, found: Outcome, rule: Callable[[BoxFacts], Outcome], code: Code) -> Outcome:
    """Who looks after the whole Box is told once when all of it is in the same state: an alarm of `rule`, whose code is `code`."""
    box = rule(facts) if isinstance(found, Finding) else Standing.FINE
    return covered(found, code) if isinstance(box, Finding) and box.level == "alarm" else found
