"""Invented visits of invented sites: pages, ad clicks, scrolling, taps, calls that are answered or missed. Pure: chance and time are given.

A visit is a list of steps in the order in which they happen. What is sent is what a tracker would send.
"""

import uuid
from random import Random
from typing import Any
from urllib.parse import quote_plus

from msgspec import Struct

MINUTE_MS = 60_000
TRACKER = {"tracker": "demo", "storage": "local", "breaker": "main", "outbox": 0}


class DemoSite(Struct, frozen=True):
    """A site that is shown: its lines are the client's own numbers."""

    name: str
    domain: str
    phone: str
    whatsapp: str
    pages: tuple[tuple[str, str], ...]
    campaigns: tuple[str, ...]


SITES = (
    DemoSite(
        "Antika Galeri", "antika.example", "+902125550142", "905325550143",
        (("/", "Antika Galeri"), ("/antika-alan-yerler", "Antika alan yerler"), ("/tablo", "Tablo"), ("/iletisim", "İletişim")),
        ("Antika alım İstanbul", "Tablo ekspertiz"),
    ),
    DemoSite(
        "Klinik Ege", "klinik-ege.example", "+902325550171", "905335550172",
        (("/", "Klinik Ege"), ("/implant", "İmplant"), ("/fiyatlar", "Fiyatlar"), ("/randevu", "Randevu")),
        ("İmplant İzmir", "Diş beyazlatma"),
    ),
    DemoSite(
        "Usta Nakliyat", "usta-nakliyat.example", "+903125550133", "905345550134",
        (("/", "Usta Nakliyat"), ("/evden-eve", "Evden eve nakliyat"), ("/teklif", "Teklif al")),
        ("Evden eve Ankara",),
    ),
)  # fmt: skip

AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
)
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SOURCES = (("ad", 46), ("organic", 34), ("social", 8), ("direct", 10), ("bot", 2))


class Step(Struct, frozen=True, order=True):
    """At this time (UTC ms) this happens: a signal of the tracker, or (`is_call`) what the exchange tells of a call."""

    at: int
    number: int
    body: dict[str, Any]
    is_call: bool = False


class Visit(Struct, frozen=True):
    """One visitor on one site."""

    site: DemoSite
    address: str
    agent: str
    steps: list[Step]

    @property
    def has_click(self) -> bool:
        """Whether the visitor came by an ad of Google's."""
        return "gclid=" in self.steps[0].body["u"]


def invent_visit(chance: Random, site: DemoSite, at: int) -> Visit:
    """A visit that begins at this time."""
    source = chance.choices([name for name, _ in SOURCES], [weight for _, weight in SOURCES])[0]
    telling = Telling(chance, site, source, at)
    telling.read()
    if source != "bot" and chance.random() < (0.34 if source == "ad" else 0.14):
        telling.reach_out()
    address = (
        f"{chance.choice((78, 85, 88, 95, 176))}.{chance.randrange(1, 255)}.{chance.randrange(1, 255)}.{chance.randrange(1, 255)}"
    )
    return Visit(site, address, BOT if source == "bot" else chance.choice(AGENTS), telling.steps)


class Telling:
    """A visit while it is being told."""

    def __init__(self, chance: Random, site: DemoSite, source: str, at: int) -> None:
        self._chance, self._site, self._at = chance, site, at
        self._sid, self._fp = self._uuid(), "fp_" + self._word(22)
        self._path, self._title = chance.choice(site.pages)
        self._query = self._landing(source)
        self._referrer = {"ad": "https://www.google.com/", "organic": "https://www.google.com.tr/"}.get(source, "")
        self.steps: list[Step] = []

    def read(self) -> None:
        """One to three pages, some of them to the end."""
        for page in range(self._chance.choice((1, 1, 2, 3))):
            if page:
                self._path, self._title = self._chance.choice(self._site.pages)
            self._signal("interaction", "view", self._title, TRACKER if not page else {})
            for depth in (50, 90):
                if self._chance.random() < 0.5:
                    self._pass(5, 40)
                    self._signal("interaction", "scroll_depth", f"{depth}%", {"scroll_pct": depth})
            self._pass(3, 60)

    def reach_out(self) -> None:
        """A tap on the number or on WhatsApp, or a form; after a tap on the number most people do call."""
        way = self._chance.choices(("phone", "whatsapp", "form"), (40, 50, 10))[0]
        stamp = {"intent_stamp": f"{self._at}-{self._uuid()}", "position": self._chance.choice(("header", "float", "body"))}
        if way == "form":
            self._signal("conversion", "form_submit", "form:teklif", stamp)
        elif way == "whatsapp":
            self._signal("conversion", "whatsapp", f"https://wa.me/{self._site.whatsapp}", stamp)
        else:
            self._signal("conversion", "phone_call", f"tel:{self._site.phone}", stamp)
            if self._chance.random() < 0.75:
                self._call()

    def _call(self) -> None:
        """It rings; three in four are answered."""
        self._pass(4, 20)
        told = {
            "call_id": self._uuid(), "direction": "inbound", "called_number": self._site.phone,
            "number": f"+9053{self._chance.randrange(10**8, 10**9 - 1)}", "started_at": self._at,
        }  # fmt: skip
        self._tell(told | {"state": "ringing", "at": self._at})
        self._pass(6, 25)
        if self._chance.random() < 0.25:
            self._tell(told | {"state": "missed", "at": self._at, "ended_at": self._at})
            return
        answered = self._at
        self._tell(told | {"state": "answered", "at": answered, "answered_at": answered})
        self._pass(30, 240)
        self._tell(told | {"state": "ended", "at": self._at, "answered_at": answered, "ended_at": self._at})

    def _landing(self, source: str) -> str:
        if source == "social":
            return "?utm_source=instagram&utm_medium=paid_social"
        if source != "ad":
            return ""
        campaign = quote_plus(self._chance.choice(self._site.campaigns))
        return f"?gclid=EAIaIQobChMI{self._word(40)}&utm_source=google&utm_medium=cpc&utm_campaign={campaign}"

    def _signal(self, category: str, action: str, label: str, meta: dict[str, Any]) -> None:
        url = f"https://www.{self._site.domain}{self._path}{self._query}"
        body = {
            "id": self._uuid(), "ts": self._at, "u": url, "sid": self._sid, "ec": category, "ea": action, "el": label, "r": self._referrer,
            "meta": {"fp": self._fp, "consent": "granted", **meta},
        }  # fmt: skip
        self.steps.append(Step(self._at, len(self.steps), body))

    def _tell(self, body: dict[str, Any]) -> None:
        self.steps.append(Step(self._at, len(self.steps), body, is_call=True))

    def _pass(self, least_sec: int, most_sec: int) -> None:
        self._at += self._chance.randrange(least_sec * 1_000, most_sec * 1_000)

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def _word(self, length: int) -> str:
        return "".join(self._chance.choices(LETTERS, k=length))


def invent_past(chance: Random, now: int, hours: int, an_hour: int) -> list[Visit]:
    """Visits of all sites in the hours before now, oldest first; each is over by now. `an_hour`: so many on each site."""
    begin = now - hours * 60 * MINUTE_MS
    visits = [invent_visit(chance, site, chance.randrange(begin, now)) for site in SITES for _ in range(hours * an_hour)]
    done = [visit for visit in visits if visit.steps[-1].at < now]
    return sorted(done, key=lambda visit: visit.steps[0].at)
