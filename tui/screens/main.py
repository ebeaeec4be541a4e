"""The console's one screen: header, tabs, a view, a line that speaks, the keys. Turns keys and news into what the views show.

Promises: what somebody types or answers is never interrupted: what arrives meanwhile waits; idle, it draws at most four times a second.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from msgspec.structs import replace
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import ContentSwitcher

from opsmantik_box.clock import monotonic
from tui.desk import Desk
from tui.keys import groups, keys_of
from tui.model.actions import Action
from tui.model.bells import Bells
from tui.model.commands import SCREENS
from tui.model.lead import Kind, Lead
from tui.model.messages import Message
from tui.model.pages import Lines, SiteReport, total
from tui.model.queue import LISTS
from tui.model.sites import Site
from tui.model.urgency import first_answers
from tui.net.client import Refused, Unreachable
from tui.paint import Line
from tui.screens.acting import LETTERS, Acting
from tui.screens.bottom import Bottom, Typing
from tui.screens.leads import LeadsView
from tui.screens.messages import Announce
from tui.screens.pages import NumbersPage, Page, SettingsPage, SitesPage, TextPage
from tui.screens.watch import AlertsPage, DeliveriesPage, HealthPage
from tui.screens.work import Work
from tui.settings import THEMES, Settings
from tui.speech import Speech
from tui.views import frame, lists
from tui.views.health import LOOKS, Word, word_of
from tui.widgets.canvas import Canvas
from tui.widgets.menu import Question

APART_SEC = 0.25
"""Between two drawings nobody asked for by a key."""
SETTLE_SEC = 0.15
"""Until the lead under a cursor that moved is read."""
PRESENCE_SEC = 45.0
SOON_SEC = 2.0
HEALTH_SEC = 15.0
"""How often the Box is asked how it is, and what is shown of it is read again."""
HEALTH_SIGNS: dict[Word, str] = {"ok": "ok", "degraded": "!", "down": "!!"}
AWAY = frozenset(("work.said_offline", "work.claim_offline", "work.undo_offline", "watch.offline", "resumed"))
"""Sentences that are true only until the Box is there and has everything."""


class MainScreen(Acting):
    """Host of the keys (screens/work.py) and watcher of the desk."""

    def __init__(
        self,
        desk: Desk,
        speech: Speech,
        settings: Settings,
        themes: Sequence[str] = THEMES,
        plugins: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.desk, self.speech, self.settings = desk, speech, settings
        self.plugins = plugins or {}
        self.work = Work(self)
        self.bells = Bells(settings.bell_score)
        self.leads = LeadsView(desk, speech, settings.hide)
        self.bottom = Bottom(desk.kept, speech)
        self.numbers, self.health = NumbersPage(desk, speech), HealthPage(desk, speech)
        self.options = SettingsPage(desk, speech, settings, themes, self.choose_setting)
        self._header, self._clock, self._tab_line = Canvas(id="header"), Canvas(id="clock"), Canvas(id="tabs")
        self._letters = [Canvas(classes="letter") for _ in LETTERS]
        self._arrived = 0
        self._drawn_at = 0.0
        self._will_draw = False
        self._lines: Lines | None = None
        self._numbers_timer: Timer | None = None
        self._away_since: int | None = None
        """When the connection had become what it was, as a sentence of AWAY was said."""

    # --- what is on it ------------------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        desk, say = self.desk, self.speech
        with Horizontal(id="top"):
            yield self._header
            yield self._clock
        yield self._tab_line
        with ContentSwitcher(initial="leads"):
            yield self.leads
            yield self.numbers
            yield self.health
            yield AlertsPage(desk, say, self)
            yield SitesPage(desk, say, self._queue_of)
            yield DeliveriesPage(desk, say, self)
            yield TextPage("help", desk, say, help_lines)
            yield self.options
        yield self.bottom
        yield from self._letters

    def on_mount(self) -> None:
        self.desk.watcher = self
        self.set_focus(None)
        self.leads.number_of = self.work.claims.number_of
        self.run_worker(self.desk.run, name="desk", exit_on_error=True)
        self.set_interval(1.0, self._tick)
        self._refresh = self.set_interval(self.settings.refresh_sec, self._read_numbers)
        self.set_interval(PRESENCE_SEC, self._tell_presence)
        self.set_interval(HEALTH_SEC, self._look)
        self.call_after_refresh(self._fit)

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self.leads.fit()
        self.set_class(self.leads.is_wide, "wide")
        if self.leads.has_class("tall") and not self.leads.reports and self._lines is not None:
            self._read_numbers()  # the panels there is room for now show more of them
        self.call_after_refresh(self.draw)

    # --- drawing ------------------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Everything that is not as it was drawn, now."""
        self._will_draw, self._drawn_at = False, monotonic()
        if self.leads.is_stale and not self.is_busy:
            self._arrived = 0
            self.leads.put_in_order()
        self._hush_away()
        self.leads.is_muted = self.bells.is_muted(self.desk.now())
        self._draw_top()
        (self.page or self.leads).redraw()
        self.bottom.redraw(self._hint(), keys_of(self._view, self.speech))

    def _draw_top(self) -> None:
        now, zone, say, width, store = self.desk.now(), self._zone(), self.speech, self.app.size.width, self.desk.store
        told = total(self._lines.sites) if self._lines and self._lines.sites else None
        answers = first_answers(store.all_shown(), store.site, now) if width >= frame.ROOMY else None
        header = frame.Header(self.desk.link, told, self._me(), self._others(), self._arrived, self.desk.unsent, answers)
        clock = frame.clock_now(now, zone)
        self._header.show([frame.header_line(header, width - len(clock), now, zone, say)])
        self._clock.show([((clock, "dim"),)])
        self._tab_line.show([frame.tabs_line(self._tabs(), self._chosen_tab(), width, say)])

    def redraw(self) -> None:
        """As soon as may be."""
        if not self._will_draw:
            self._will_draw = True
            wait = max(0.02, self._drawn_at + APART_SEC - monotonic())
            self.set_timer(wait, self.draw)

    def _tick(self) -> None:
        """A second has passed."""
        now, store = self.desk.now(), self.desk.store
        for number, spot in self.leads.arranged.places.items():
            if (
                spot.until is not None
                and (lead := store.shown(number)) is not None
                and self.bells.late_soon(lead, store.site(lead.site_id), spot, now)
            ):
                self._ring(lead, "bell.late")
        self.redraw()

    def _hint(self) -> str:
        """What to do about the row under the cursor."""
        lead = self.chosen_lead()
        if lead is None:
            return ""
        if lead.kind in (Kind.TEL, Kind.WA):
            return self.speech(f"hint.{lead.kind.name.lower()}")
        if lead.claim is None:
            return self.speech("hint.free")
        return self.speech("hint.yours" if lead.claim.by == self.desk.store.me else "hint.claimed", who=lead.claimed_by)

    def _tabs(self) -> list[frame.Tab]:
        arranged, health, alerts = self.leads.arranged, word_of(self.health.health), self.desk.alerts.standing(self.desk.now())
        counts = {name: str(len(arranged.lists[name])) for name in LISTS} | {"queue": str(self.leads.count_urgent())}
        counts |= {
            "health": self.speech(f"health.{health}") if self.app.size.width >= frame.ROOMY else HEALTH_SIGNS[health],
            "alerts": str(len(alerts) or ""),
            "sites": str(len(self.desk.store.sites)),
        }
        look = "hot" if any(one.level == "alarm" for one in alerts) else "warm"
        looks = {"health": LOOKS[health] if health != "ok" else "", "alerts": look if alerts else ""}
        return [frame.Tab(name, counts.get(name, ""), looks.get(name, "")) for name in SCREENS]

    def _chosen_tab(self) -> int:
        name = self.leads.listing if self._view == "leads" else self._view
        return SCREENS.index(name) if name in SCREENS else -1

    def _zone(self) -> str:
        """Times without a site are by the clocks of the first one."""
        return next(iter(self.desk.store.sites.values()), Site("", "")).timezone

    def _me(self) -> str:
        return self.desk.people.get(self.desk.store.me or 0, "")

    def _others(self) -> int:
        return sum(one.id != self.desk.store.me for one in self.desk.present)

    # --- what the desk says (Watcher) ---------------------------------------------------------------------------------------------

    def changed(self) -> None:
        if self._lines is None and self.desk.link.is_live:
            self._lines = Lines([])  # asked for
            self._read_numbers()
            self._look()
        self.redraw()

    def news(self, lead: Lead, message: Message) -> None:
        if self.is_busy:
            self._arrived += message.topic in ("intent", "call")
        if message.topic in ("intent", "call", "verdict"):
            self._read_numbers_soon()
        if message.topic in ("intent", "call") and self.bells.hot(lead, self.desk.now()):
            self._ring(lead, "bell.hot")
        mine = message.topic == "work" and message.told.body.get("kind") == "rang" and lead.reminder is not None
        if (
            mine
            and lead.reminder is not None
            and lead.reminder.by == self.desk.store.me
            and not self.bells.is_muted(self.desk.now())
        ):
            self._ring(lead, "bell.due")
        if self.leads.chosen is not None and self.leads.chosen.id == lead.id:
            self._open_soon()

    def refused(self, action: Action, problem: Refused) -> None:
        if action.kind == "note":
            self.desk.kept.keep_draft(f"note-{action.lead}", str(action.body["note"]))
        self.bottom.hush()  # that it was done is true no more
        self.work.conflict(action, problem)
        self.redraw()

    def _ring(self, lead: Lead, key: str) -> None:
        site = self.desk.store.site(lead.site_id)
        words = self.speech(key, how=self.speech.word("how", lead.kind), site=site.name, score=lead.score)
        if self.settings.bell:
            self.app.bell()
        if self.settings.announce:
            self.app.post_message(Announce(words))

    def _read_numbers_soon(self) -> None:
        """Once for whatever comes within two seconds."""
        if self._numbers_timer is None:
            self._numbers_timer = self.set_timer(SOON_SEC, self._read_numbers)

    def _read_numbers(self) -> None:
        self._numbers_timer = None
        self.run_worker(self._numbers, group="numbers", exclusive=True)

    async def _numbers(self) -> None:
        """The header's line, and the day by hour where that is shown."""
        try:
            self._lines = await self.desk.client.get("/api/v1/stats", Lines)
            if self.leads.has_class("tall"):
                for site in list(self.desk.store.sites)[:25]:
                    self.leads.reports[site] = await self.desk.client.get(f"/api/v1/sites/{site}/stats", SiteReport)
        except (Refused, Unreachable):
            return
        self.redraw()

    def _look(self) -> None:
        """How the Box is; and once more whatever is shown of it."""
        if self.desk.link.is_live:
            self.run_worker(self._look_now, group="health", exclusive=True)

    async def _look_now(self) -> None:
        with suppress(Refused, Unreachable):
            await self.desk.ask_health()
        if self.page is not None and self.page.reads_again:
            await self.page.read()

    # --- the lead under the cursor ------------------------------------------------------------------------------------------------

    def on_row_list_moved(self) -> None:
        if self._view == "leads":
            self._open_soon()
            self.redraw()

    def _open_soon(self) -> None:
        self.run_worker(self._open, group="detail", exclusive=True)

    async def _open(self) -> None:
        await asyncio.sleep(SETTLE_SEC)
        lead = self.leads.chosen
        if lead is None or not self.desk.link.is_live:
            return
        try:
            self.leads.opened = await self.desk.detail(lead)
        except (Refused, Unreachable):
            return
        self.redraw()
        await self.desk.at_lead(lead.head.id)

    def _tell_presence(self) -> None:
        lead = self.leads.chosen if self._view == "leads" else None
        if self.desk.link.is_live:
            self.run_worker(partial(self.desk.at_lead, lead.head.id if lead else None), group="presence", exclusive=True)

    # --- Host: what keys ask for --------------------------------------------------------------------------------------------------

    def chosen_lead(self) -> Lead | None:
        return self.leads.chosen if self._view == "leads" else None

    def marked_leads(self) -> Sequence[Lead]:
        return self.leads.marked_leads() if self._view == "leads" else []

    def unmark(self) -> None:
        self.leads.marked.clear()

    def start(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        self.run_worker(run, group="work")

    def say(self, sentence: str, /, **values: object) -> None:
        self.tell(self.speech(sentence, **values))
        self._away_since = self.desk.link.since if sentence in AWAY else None

    def tell(self, text: str, look: str = "warm") -> None:
        """A sentence in the line above the keys, until the next key."""
        self._away_since = None
        self.bottom.tell(text, look)
        self.redraw()

    def _hush_away(self) -> None:
        """What was said of a Box that is away is not said of one that is back."""
        link = self.desk.link
        if self._away_since not in (None, link.since) and link.is_live and not self.desk.unsent and not self.is_busy:
            self._away_since = None
            self.bottom.hush()

    def copy(self, digits: str) -> None:
        self.app.copy_to_clipboard(digits)

    @property
    def is_busy(self) -> bool:
        return self.bottom.is_busy

    def ask(self, question: Question) -> None:
        self.bottom.ask(question)
        self.draw()

    def type(self, typing: Typing) -> None:
        self.bottom.type(typing)
        self.draw()

    def label(self, letters: Mapping[str, str]) -> None:
        panes = self.leads.panes()
        for canvas, (letter, name) in zip(self._letters, letters.items(), strict=False):
            canvas.styles.offset = (panes[name].region.x + 1, panes[name].region.y)
            canvas.display = True
            canvas.show([((f" {letter} ", "chosen"),)])

    def on_bottom_free(self) -> None:
        for canvas in self._letters:
            canvas.display = False
        self.draw()

    # --- keys ---------------------------------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Any key clears what was said last, and renews a claim."""
        if not self.is_busy:
            self.bottom.hush()
            self.work.claims.renew()

    def _queue_of(self, site: str) -> None:
        self.leads.set_filter(replace(self.leads.filter, site=site))
        self.show_screen("queue")

    def adopt(self, settings: Settings, speech: Speech) -> None:
        """Other settings are in force from now on."""
        self.settings, self.speech = settings, speech
        self.bells.mark = settings.bell_score
        self.options.settings = settings
        for view in (self.leads, self.bottom, *self.query(Page)):
            view.speech = speech
        self.leads.hidden = settings.hide
        self._refresh.stop()
        self._refresh = self.set_interval(settings.refresh_sec, self._read_numbers)
        self.draw()


def help_lines(width: int, say: Speech) -> Sequence[Line]:
    return lists.help_lines(groups(say), width, say)
