"""What the Box answers to the console's questions: the queue, a lead's detail, a visit, the numbers. Pure; unknown keys are left alone."""

from typing import Any

from msgspec import Struct, field

from opsmantik_box.domain.work import Claim, Outcome, Reminder
from tui.model.lead import Contact, Lead, Tried
from tui.model.sites import Site


class Person(Struct, frozen=True):
    id: int
    name: str


class TriedTold(Struct, frozen=True):
    """An attempt. `call`: the row it was made on."""

    at: int
    outcome: Outcome
    who: str = ""
    again_at: int | None = None
    call: int | None = None


class WorkDone(Struct, frozen=True):
    """The work on a lead: how many attempts and notes, the last attempt, who has it."""

    version: int = 0
    claim: Claim | None = None
    claimed_by: str = ""
    reminder: Reminder | None = None
    attempts: int = 0
    last_attempt: TriedTold | None = None
    first_attempt_at: int | None = None
    notes: int = 0


class LeadTold(Struct, frozen=True):
    """A lead of /queue. What else it says follows from these, by the rules both sides share."""

    lead: int
    site_id: str
    contacts: list[Contact]
    work: WorkDone = WorkDone()
    contact_count: int = 0

    def as_lead(self) -> Lead:
        done, last = self.work, self.work.last_attempt
        return Lead(
            id=self.lead, site_id=self.site_id, contacts=tuple(sorted(self.contacts, key=lambda one: (one.at, one.id))),
            contact_count=self.contact_count, version=done.version, claim=done.claim, claimed_by=done.claimed_by, reminder=done.reminder,
            attempts=done.attempts, notes=done.notes, first_attempt_at=done.first_attempt_at,
            last_attempt=Tried(last.at, last.outcome, last.who, last.again_at) if last else None,
        )  # fmt: skip


class QueuePage(Struct, frozen=True):
    """The first screen in one answer. `feed`: where the stream goes on; `now`: the Box's clock."""

    now: int
    feed: str
    me: Person
    people: list[Person]
    sites: list[Site]
    leads: list[LeadTold]
    cut: bool = False


class Noted(Struct, frozen=True):
    at: int
    note: str
    who: str = ""


class Said(Struct, frozen=True):
    """A line of the trail."""

    at: int
    call: int
    from_status: str | None
    to_status: str | None
    who: str = ""
    amount: int | None = None
    currency: str | None = None
    note: str = ""


class Visit(Struct, frozen=True, kw_only=True):
    """A session, as much of it as is shown."""

    id: str
    created_at: int
    entry_page: str = ""
    exit_page: str = ""
    page_views: int = 0
    intents: int = 0
    scroll_pct: int = 0
    total_duration_sec: int = 0
    lead_score: int = 0
    fired: list[str] = field(default_factory=list[str])
    attribution_source: str = ""
    gclid: str | None = None
    wbraid: str | None = None
    gbraid: str | None = None
    click_at: int | None = None
    utm_campaign: str | None = None
    keyword: str | None = None
    device_type: str = ""
    browser: str = ""
    city: str | None = None
    district: str | None = None
    referrer_host: str | None = None
    consent: str = ""
    is_bot: bool = False
    bot_reason: str | None = None

    @property
    def click_id(self) -> str:
        return self.gclid or self.wbraid or self.gbraid or ""

    @property
    def place(self) -> str:
        return self.district or self.city or ""


class Step(Struct, frozen=True, kw_only=True):
    """One event of a visit."""

    created_at: int
    url: str = ""
    event_action: str = ""
    event_category: str = ""
    event_label: str | None = None
    event_value: float | None = None


class Detail(Struct, frozen=True):
    """Everything that happened to a lead, newest first; `steps` are the visit's events, oldest first, read beside it."""

    lead: LeadTold
    attempts: list[TriedTold] = field(default_factory=list[TriedTold])
    notes: list[Noted] = field(default_factory=list[Noted])
    verdicts: list[Said] = field(default_factory=list[Said])
    session: Visit | None = None
    earlier: list[Visit] = field(default_factory=list[Visit])
    steps: list[Step] = field(default_factory=list[Step])


class Timeline(Struct, frozen=True):
    events: list[Step]


class Bucket(Struct, frozen=True):
    sessions: int = 0
    with_click: int = 0
    assisted: int = 0
    intents: int = 0
    phone: int = 0
    whatsapp: int = 0
    form: int = 0
    visitors: int = 0
    calls: int = 0
    sealed: int = 0
    sealed_value: int = 0
    conversions_accepted: int = 0

    def __add__(self, other: "Bucket") -> "Bucket":
        return Bucket(*(getattr(self, name) + getattr(other, name) for name in Bucket.__struct_fields__))


class Google(Struct, frozen=True):
    clicks: int | None = None
    google_conversions: float | None = None
    cost: int | None = None
    as_of: int | None = None
    currency: str | None = None


class SiteLine(Struct, frozen=True, rename={"first": "from", "last": "to"}):
    """The line of one site's days."""

    site_id: str
    first: str
    last: str
    timezone: str = "UTC"
    ads: Bucket = Bucket()
    all: Bucket = Bucket()
    other_paid: Bucket = Bucket()
    bots: Bucket = Bucket()
    internal: Bucket = Bucket()
    google: Google = Google()


class Hour(Struct, frozen=True):
    start: int
    sessions: int
    intents: int


class SiteReport(SiteLine, frozen=True, rename={"first": "from", "last": "to"}):
    """The report of one site's days."""

    avg_duration_sec: float | None = None
    bounce_rate: float | None = None
    by_device: dict[str, int] = field(default_factory=dict[str, int])
    by_source: dict[str, int] = field(default_factory=dict[str, int])
    by_hour: list[Hour] = field(default_factory=list[Hour])
    reconciliation: dict[str, Any] = field(default_factory=dict[str, Any])
    settled_at: int = 0


class Lines(Struct, frozen=True):
    sites: list[SiteLine]
    feed: str = ""


def total(lines: list[SiteLine]) -> SiteLine:
    """All sites in one line; Google's clicks as far as they are known."""
    clicks = [one.google.clicks for one in lines if one.google.clicks is not None]
    ads, everything = sum((one.ads for one in lines), Bucket()), sum((one.all for one in lines), Bucket())
    paid, bots = sum((one.other_paid for one in lines), Bucket()), sum((one.bots for one in lines), Bucket())
    internal = sum((one.internal for one in lines), Bucket())
    first, last = min((one.first for one in lines), default=""), max((one.last for one in lines), default="")
    google = Google(sum(clicks) if clicks else None)
    return SiteLine("", first, last, ads=ads, all=everything, other_paid=paid, bots=bots, internal=internal, google=google)
