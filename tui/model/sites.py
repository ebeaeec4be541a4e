"""A site as the console needs it: its name, its clocks, when somebody is there to answer. Pure."""

from functools import cached_property

from msgspec import Struct, field

from opsmantik_box.domain.opening import Hours, hours_of

ANSWER_TARGET_MS = 5 * 60_000
"""Within which somebody is to be answered, unless the site says otherwise."""
RIGHTS = ("read", "operate", "admin")


class Site(Struct, frozen=True, dict=True):
    """As /queue lists it."""

    id: str
    name: str
    domains: list[str] = field(default_factory=list[str])
    timezone: str = "Europe/Istanbul"
    currency: str = "TRY"
    rights: str = "read"
    answer_target_ms: int = ANSWER_TARGET_MS
    opening_hours: dict[str, str] | None = None

    @cached_property
    def hours(self) -> Hours:
        return hours_of({} if self.opening_hours is None else {"opening_hours": self.opening_hours}, self.timezone)

    @property
    def may_operate(self) -> bool:
        return self.rights in RIGHTS[1:]


UNKNOWN = Site("", "?")
"""Stands in for a site that has just been taken from this token."""
