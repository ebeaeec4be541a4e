"""What the console's tests share: a day of leads as the Box would tell them, and a console that shows them without a Box behind it."""

from pathlib import Path
from typing import Any

import msgspec
from textual.pilot import Pilot

from opsmantik_box.clock import Clock
from tests.console.told import DAY, HOUR, MINUTE, NOW, SITES, of_the_box, site_id
from tui.app import Console
from tui.desk import Desk
from tui.model.pages import Detail, Lines, QueuePage, SiteReport
from tui.model.watch import AlertPage
from tui.net.client import Client, Refused, Unreachable
from tui.net.kept import Kept
from tui.screens.main import MainScreen

VISIT = "5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11"
HOSTILE = (
    "\x1b]52;c;aGFja2Vk\x07",
    "\x1b[2J\x1b[31m",
    "\x9b31mC1",
    "\u202egnitseretni\u202c",
    "[/nope",
    "[red]bold[/]",
    "a\x00b\x08\x7f",
    "tek\u200dsa\ufe0ftir\U0001f600",
    "x\u0301\u0301\u0301\u0301",
    "\x1bP0;1|17/ab\x1b\\",
    "\u2066iso\u2069",
    "end\r\nSet-Cookie: a",
)


def contact(number: int, site: str, at: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "lead_id": number,
        "site_id": site_id(site),
        "at": at,
        "source": "click",
        "intent_action": "phone",
        "intent_target": "tel:+902125550142",
        "status": "intent",
        "version": 1,
        "lead_score_at_match": 60,
        "score_breakdown": {"conversion": 50, "interaction": 10},
        "attribution_at_tap": "First Click (Paid)",
        "attribution_rank_at_tap": 1,
        "intent_page_url": f"https://{site}.example/iletisim",
        **more,
    }


def lead(number: int, site: str, at: int, work: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "lead": number,
        "site_id": site_id(site),
        "contacts": [contact(number, site, at, **more)],
        "work": work or {},
        "contact_count": 1,
    }


def tap_body(number: int, at: int = NOW, score: int = 60) -> dict[str, Any]:
    """What the stream tells of a WhatsApp tap."""
    return {
        "id": number,
        "lead": number,
        "at": at,
        "action": "whatsapp",
        "target": "wa:+905325550143",
        "page": f"https://antika.example/{number}",
        "position": "",
        "session": VISIT,
        "session_month": "2026-11-01",
        "score": score,
        "breakdown": {"conversion": 50},
        "attribution": "First Click (Paid)",
        "rank": 1,
        "device": "mobile",
        "is_bot": False,
        "is_internal": False,
    }


def missed(number: str, **more: Any) -> dict[str, Any]:
    told = {
        "source": "call",
        "call_state": "missed",
        "direction": "inbound",
        "status": None,
        "masked_number": number,
        "intent_target": None,
    }
    return told | more


def busy_leads() -> list[dict[str, Any]]:
    """One of each kind, in every band."""
    held = {"by": 2, "since": NOW - 12_000, "until": NOW + 9 * MINUTE}
    whatsapp = {"intent_action": "whatsapp", "intent_target": "wa:+905325550143"}
    ninety = {
        "lead_score_at_match": 90,
        "score_breakdown": {"conversion": 50, "interaction": 10, "returning_ad_user": 25, "google_referrer": 5},
    }
    return [
        lead(11, "dis-klinik", NOW - 292_000, source="form", intent_target="form:teklif", masked_number="+90 555 *** 77 10"),
        lead(
            12,
            "antika",
            NOW - 130_000,
            ended_at=NOW - 130_000,
            match_likelihood=0.96,
            match_how="number",
            **missed("+90 532 *** 01 43"),
            **ninety,
        ),
        lead(13, "antika", NOW - 38_000, {"version": 1, "claim": held, "claimed_by": "op-2"}, **whatsapp, lead_score_at_match=80),
        lead(
            14,
            "nakliyat",
            NOW - 2 * HOUR,
            {
                "version": 2,
                "attempts": 1,
                "last_attempt": {"at": NOW - HOUR, "outcome": "call_later", "who": "op-1"},
                "reminder": {"by": 1, "due_at": NOW - 2 * MINUTE},
            },
            attribution_at_tap="Ads Assisted",
            attribution_rank_at_tap=4,
            lead_score_at_match=75,
            **missed("+90 541 *** 20 08"),
        ),
        lead(15, "antika", NOW - 11 * MINUTE, attribution_at_tap="Organic", attribution_rank_at_tap=6),
        lead(
            16,
            "hali",
            NOW - 24 * MINUTE,
            {"version": 1, "attempts": 1, "last_attempt": {"at": NOW - 20 * MINUTE, "outcome": "whatsapp_sent", "who": "op-1"}},
            **whatsapp,
            click_id_kind="gclid",
            click_at=NOW - 2 * DAY,
            lead_score_at_match=85,
            score_breakdown={"conversion": 50},
        ),
        lead(
            17,
            "antika",
            NOW - 63 * MINUTE,
            source="call",
            call_state="ended",
            answered_at=NOW - 63 * MINUTE,
            status=None,
            direction="inbound",
            masked_number="+90 212 *** 44 00",
            match_likelihood=0.92,
            match_how="number",
        ),
        lead(18, "cilingir", NOW - 130 * MINUTE, lead_score_at_match=40, score_breakdown={"conversion": 50}),
        lead(
            19,
            "antika",
            NOW - 4 * HOUR,
            **whatsapp,
            status="confirmed",
            version=2,
            sale_amount=250_000,
            currency="TRY",
            lead_score_at_match=80,
        ),
        lead(20, "hali", NOW - 5 * HOUR, status="junk", version=2, lead_score_at_match=10, score_breakdown={}),
        lead(21, "hali", NOW - 9 * MINUTE, **missed("+90 533 *** 11 22")),
    ]


def hostile_leads() -> list[dict[str, Any]]:
    """Whatever a stranger can put into a page's address, a name, a note or a place."""
    return [
        lead(
            100 + number,
            "antika",
            NOW - 60_000 - number,
            source="form",
            masked_name=text,
            masked_number=text,
            intent_page_url=f"https://antika.example/{text}",
            intent_target=f"form:{text}",
            note=text,
            attribution_at_tap="First Click (Paid)",
        )
        for number, text in enumerate(HOSTILE)
    ]


def queue_page(leads: list[dict[str, Any]], **more: Any) -> QueuePage:
    hours = {"mon-sun": "00:00-24:00"}
    sites = [
        {"id": site_id(name), "name": name, "domains": [f"{name}.example"], "rights": "operate", "opening_hours": hours}
        for name in SITES
    ]
    told = {
        "now": NOW,
        "feed": "1-1",
        "me": {"id": 1, "name": "op-1"},
        "people": [{"id": 1, "name": "op-1"}, {"id": 2, "name": "op-2"}],
        "sites": sites,
    }
    return msgspec.convert(told | {"leads": leads} | more, QueuePage)


def detail_of(told: dict[str, Any], text: str = "") -> Detail:
    """What the Box says of a lead that is opened."""
    visit = {
        "id": VISIT,
        "created_at": NOW - 250_000,
        "entry_page": f"https://antika.example/antika-alan-yerler{text}",
        "page_views": 2,
        "attribution_source": "First Click (Paid)",
        "gclid": "EAIaIQobChMIqEGA",
        "click_at": NOW - 250_000,
        "device_type": "mobile",
        "browser": "Safari",
        "district": text or "Kadikoy",
        "referrer_host": "google.com",
        "consent": "granted",
        "utm_campaign": text or "kis-antika",
    }
    steps = [
        {
            "created_at": NOW - 250_000,
            "url": f"https://antika.example/antika-alan-yerler{text}",
            "event_action": "view",
            "event_category": "interaction",
        },
        {
            "created_at": NOW - 200_000,
            "url": "https://antika.example/",
            "event_action": "scroll_depth",
            "event_category": "interaction",
            "event_label": text or "50%",
        },
        {
            "created_at": NOW - 150_000,
            "url": "https://antika.example/iletisim",
            "event_action": "view",
            "event_category": "interaction",
        },
        {
            "created_at": NOW - 140_000,
            "url": "https://antika.example/iletisim",
            "event_action": "phone",
            "event_category": "conversion",
            "event_label": "tel:+902125550142",
        },
    ]
    notes = [{"at": NOW - MINUTE, "note": text or "asks for a silver tray", "who": text or "op-2"}]
    return msgspec.convert(
        {
            "lead": told,
            "session": visit,
            "steps": steps,
            "notes": notes,
            "attempts": [],
            "verdicts": [],
            "earlier": [{"id": "x", "created_at": NOW - 3 * DAY, "page_views": 2, "attribution_source": "Ads Assisted"}],
        },
        Detail,
    )


def bucket(sessions: int, intents: int, phone: int, sealed: int) -> dict[str, int]:
    return {
        "sessions": sessions,
        "with_click": sessions,
        "intents": intents,
        "phone": phone,
        "whatsapp": intents - phone,
        "sealed": sealed,
    }


def lines() -> Lines:
    """The numbers of each site's today."""
    told = [
        {
            "site_id": site_id(name),
            "from": "2026-11-21",
            "to": "2026-11-21",
            "timezone": "Europe/Istanbul",
            "ads": bucket(113 - 10 * n, 18 - 3 * n, 5, 1),
            "all": bucket(297 - 10 * n, 31 - 3 * n, 13, 2),
            "bots": bucket(37, 2, 1, 0),
            "google": {"clicks": 130 - 10 * n},
        }
        for n, name in enumerate(SITES)
    ]
    return msgspec.convert({"sites": told}, Lines)


def report(name: str = "antika") -> SiteReport:
    midnight = NOW - NOW % HOUR - 14 * HOUR
    told = {
        "site_id": site_id(name),
        "from": "2026-11-21",
        "to": "2026-11-21",
        "timezone": "Europe/Istanbul",
        "ads": bucket(113, 18, 5, 1),
        "by_hour": [
            {"start": midnight + hour * HOUR, "sessions": hour, "intents": [0, 2, 4, 3, 1, 5, 3][hour % 7]} for hour in range(24)
        ],
        "by_source": {"First Click (Paid)": 98, "Ads Assisted": 15},
        "by_device": {"mobile": 80, "desktop": 33},
        "avg_duration_sec": 42.0,
        "bounce_rate": 0.3,
        "reconciliation": {
            "buckets": {"repeated_clicks": 4, "never_reached": "unknown", "bots": 6},
            "differences": [
                {"from": "google_clicks", "to": "sessions_with_click", "from_count": 130, "to_count": 98, "reason": "why"}
            ],
        },
    }
    return msgspec.convert(told, SiteReport)


class Recorded(Client):
    """Answers what was recorded; everything else cannot be reached. For drawing: what is sent is tested against a real Box."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__("http://127.0.0.1:9", "token")
        self._answers = answers

    def load(self) -> None: ...

    async def get(self, path: str, answer: type[Any], **query: Any) -> Any:
        if path not in self._answers:
            raise Unreachable("nobody listens there")
        if isinstance(self._answers[path], Refused):
            raise self._answers[path]
        return msgspec.convert(self._answers[path], answer)

    async def post(self, path: str, body: Any, answer: type[Any], key: str | None = None) -> Any:
        raise Unreachable("nobody listens there")


def recording(leads: list[dict[str, Any]], text: str = "", state: str = "busy") -> dict[str, Any]:
    """What a Box with these leads answers to the console's questions."""
    answers: dict[str, Any] = {"/api/v1/stats": msgspec.to_builtins(lines())} | of_the_box(state, text)
    if state == "empty":
        return answers | {"/api/v1/stats": {"sites": []}}
    for name in SITES:
        answers[f"/api/v1/sites/{site_id(name)}/stats"] = msgspec.to_builtins(report(name))
        answers[f"/api/v1/sites/{site_id(name)}/sessions/{VISIT}"] = {
            "events": msgspec.to_builtins(detail_of(busy_leads()[1], text).steps)
        }
    for one in leads:
        told = msgspec.to_builtins(detail_of(one, text)) | {"lead": one, "steps": []}
        answers[f"/api/v1/sites/{one['site_id']}/intents/{one['contacts'][0]['id']}"] = told
    return answers


class StillDesk(Desk):
    """A desk whose Box says nothing more: what it shows is what it was given."""

    async def run(self) -> None:
        return None


class StillConsole(Console):
    """A console that shows a page, as if the Box had just told it; without one, as if it had not been reached yet."""

    def __init__(
        self, page: QueuePage | None, folder: Path, language: str = "en", answers: dict[str, Any] | None = None, **more: str
    ) -> None:
        environment = {"HOME": str(folder), "LANG": f"{language}_XX.UTF-8", "TERM": "xterm-256color"} | more
        super().__init__("http://127.0.0.1:9", "token", lambda: NOW, environment)
        self._page, self._answers = page, answers or {}

    def make_desk(self, client: Client, kept: Kept, clock: Clock) -> Desk:
        desk = StillDesk(Recorded(self._answers), kept, clock)
        if self._page is not None:
            desk.take_page(self._page)
            desk.alerts.load(msgspec.convert(self._answers.get("/api/v1/alerts", {"alerts": []}), AlertPage).alerts)
            desk.heard()
        return desk

    @property
    def main(self) -> MainScreen:
        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, MainScreen))

    async def settle(self, pilot: Pilot[Any]) -> None:
        """Until every reading was answered and everything is drawn."""
        await pilot.pause()
        await self.workers.wait_for_complete()
        self.main.draw()
        await pilot.pause()

    def text(self) -> str:
        """What stands on the terminal."""
        return "\n".join(strip.text.rstrip() for strip in self.screen._compositor.render_strips())
