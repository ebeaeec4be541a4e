"""Draws docs/console.svg, the README's picture: a real console on a real Box, with an afternoon told over the real wire.

python -m tests.console.picture
"""

import asyncio
import json
import re
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from opsmantik_box.clock import monotonic, shifted_clock, system_clock
from opsmantik_box.domain.days import day_of, moment
from tests.harness import ROOT, Box, fetch
from tui.app import Console
from tui.model.lead import Kind
from tui.screens.main import MainScreen

SIZE = (100, 30)
ZONE = "Europe/Istanbul"
SITES = ("antika", "nakliyat", "hali", "dis-klinik", "cilingir")
WA, TEL = ("whatsapp", "https://wa.me/905325550143"), ("phone_call", "tel:+902125550142")


class Afternoon:
    """Tells a Box what happened, so many minutes ago."""

    def __init__(self, box: Box, now: int) -> None:
        self._box, self._now = box, now
        self._sites = {name: box.add_site(name, f"{name}.example")["public_id"] for name in SITES}
        self._hooks = {name: box.call("add_hook", site=site, provider="verimor") for name, site in self._sites.items()}
        self._tokens = {name: box.site_token(site) for name, site in self._sites.items()}
        self.tokens: list[str] = []
        for who in ("op-1", "op-2"):
            box.call("add_user", email=f"{who}@agency.example", name=who)
            for site in self._sites.values():
                box.call("grant", user=f"{who}@agency.example", site=site, rights="operate")
            self.tokens.append(box.call("create_token", user=f"{who}@agency.example", rights="operate")["token"])

    def visit(
        self,
        name: str,
        ago: float,
        tap: tuple[str, str] | None,
        *,
        ad: bool = True,
        far: bool = False,
        pages: tuple[str, ...] = ("/",),
    ) -> dict[str, str]:
        """A visitor looks at pages, and may tap."""
        sid, meta, query = str(uuid.uuid4()), {"fp": f"fp_{uuid.uuid4().hex[:16]}", "district": "Kadikoy"}, ""
        if ad:
            query = f"?gclid=EAIaIQ{uuid.uuid4().hex[:14]}"
        at = self._now - int(ago * 60_000) - 90_000
        steps: list[dict[str, Any]] = [{"u": page, "ea": "view"} for page in pages]
        steps += [{"u": pages[-1], "ea": "scroll_depth", "el": "90%", "ev": 90}] if far else []
        steps += [{"u": pages[-1], "ec": "conversion", "ea": tap[0], "el": tap[1]}] if tap else []
        for number, step in enumerate(steps, 1):
            told = {
                **step,
                "u": f"https://{name}.example{step['u']}{query if number == 1 else ''}",
                "ts": at + 90_000 * number // len(steps),
            }
            self._box.send(
                self._sites[name],
                host=f"{name}.example",
                sid=sid,
                meta=meta,
                st=self._now,
                id=str(uuid.uuid4()),
                r="https://www.google.com/",
                **told,
            )
        return {"sid": sid, "fingerprint": meta["fp"]}

    def missed(self, name: str, ago: float, number: str) -> None:
        """The exchange tells of a call that nobody answered."""
        stamps = {word: self._stamp(ago + more) for word, more in (("start_stamp", 0.3), ("answer_stamp", 0.3), ("end_stamp", 0))}
        told = {
            "event_type": "hangup",
            "direction": "inbound",
            "caller_id_number": number,
            "destination_number": "02125550142",
            "call_uuid": str(uuid.uuid4()),
            "duration": "14",
            "answered": "false",
            "sip_hangup_disposition": "caller",
            "hangup_cause": "ORIGINATOR_CANCEL",
            **stamps,
        }
        hook = self._hooks[name]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = fetch(f"{self._box.url}/hooks/call/{hook['id']}/{hook['secret']}", urlencode(told).encode(), headers)
        assert answer[0] == 200, answer

    def form(self, name: str, ago: float, phone: str, who: dict[str, str]) -> None:
        told = {
            "phone": phone,
            "name": "Ayşe",
            "form": "randevu",
            "page": f"https://{name}.example/randevu",
            "at": self._now - int(ago * 60_000),
            **who,
        }
        headers = {"Authorization": f"Bearer {self._tokens[name]}", "Content-Type": "application/json"}
        assert fetch(f"{self._box.url}/api/v1/leads", told, headers)[0] == 200

    def ask(self, path: str, body: dict[str, Any], who: int = 0) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Content-Type": "application/json"}
        status, _, answer = fetch(f"{self._box.url}/api/v1{path}", body, headers)
        assert status == 200, answer
        return json.loads(answer)

    def newest(self, name: str) -> dict[str, Any]:
        return self._box.get(f"/api/v1/sites/{self._sites[name]}/intents?limit=1", self.tokens[0])["intents"][0]

    def clicks(self, name: str, clicks: int) -> None:
        done = self._box.cli("clicks", "set", "--site", name, "--day", day_of(self._now, ZONE), "--clicks", clicks)
        assert done.returncode == 0, done.stderr

    def _stamp(self, ago: float) -> str:
        at = datetime.fromtimestamp(self._now / 1000, UTC) + timedelta(hours=3) - timedelta(minutes=ago)
        return f"{at:%Y-%m-%d %H:%M:%S}"


def tell(box: Box, now: int) -> Afternoon:
    """An afternoon of five sites."""
    day = Afternoon(box, now)
    for name, clicks in zip(SITES, (52, 31, 24, 15, 8), strict=True):
        day.clicks(name, clicks)
        for _ in range(clicks // 4):
            day.visit(name, 200, None)
    day.visit("hali", 160, TEL, ad=False)
    day.ask(f"/intents/{day.newest('hali')['id']}/verdict", {"status": "junk", "version": 1})
    day.visit("antika", 150, WA, far=True)
    sold = {"status": "confirmed", "version": 1, "sale_amount": 250_000, "currency": "TRY"}
    day.ask(f"/intents/{day.newest('antika')['id']}/verdict", sold)
    day.visit("hali", 24, WA, far=True, pages=("/", "/yikama"))
    day.ask(f"/intents/{day.newest('hali')['id']}/attempt", {"outcome": "whatsapp_sent"}, 1)
    day.visit("cilingir", 11, TEL)
    day.form("dis-klinik", 4.4, "+90 555 444 77 10", day.visit("dis-klinik", 4.5, None, far=True, pages=("/", "/randevu")))
    day.visit("antika", 2.3, TEL, far=True, pages=("/", "/antika-alan-yerler", "/iletisim"))
    day.missed("antika", 2.0, "05321230143")
    day.missed("nakliyat", 7.2, "05417762008")
    day.visit("antika", 0.6, WA, far=True, pages=("/gumus",))
    day.ask(f"/intents/{day.newest('antika')['id']}/claim", {}, 1)
    box.wait_projected()
    return day


async def draw(box: Box, token: str, folder: Path) -> str:
    """The first screen, with the missed call opened."""
    app = Console(box.url, token, shifted_clock(box.shift), {"HOME": str(folder), "LANG": "C.UTF-8"})
    async with app.run_test(size=SIZE) as pilot:
        screen = next(one for one in app.screen_stack if isinstance(one, MainScreen))
        deadline = monotonic() + 30
        while (
            screen.leads.opened is None
            or screen.leads.chosen is None
            or screen.leads.chosen.score < 80
            or screen.leads.chosen.kind is not Kind.MISS
        ):
            assert monotonic() < deadline, app.screen
            await pilot.pause(0.1)
            leads = [screen.desk.store.leads[number] for number in screen.leads.rows.rows]
            for lead in leads:
                if lead.kind is Kind.MISS and lead.score >= 80:
                    screen.leads.rows.choose(lead.id)
        await pilot.pause(3)
        screen.draw()
        await pilot.pause()
        return app.export_screenshot(title="opsmantik-box console", simplify=True)


def main() -> None:
    wanted = moment(day_of(system_clock(), ZONE), 14 * 60 + 31, ZONE)
    with tempfile.TemporaryDirectory() as where, Box(Path(where) / "data", shift_ms=wanted - system_clock()) as box:
        day = tell(box, wanted)
        picture = asyncio.run(draw(box, day.tokens[0], Path(where)))
    (ROOT / "docs" / "console.svg").write_text(without_fonts(picture))


def without_fonts(picture: str) -> str:
    """A picture that fetches nothing from anybody."""
    return re.sub(r"@font-face \{.*?\}\n", "", picture, flags=re.DOTALL)


if __name__ == "__main__":
    main()
