"""Screens that are one list or one text: numbers, sites, help, settings (those of the Box itself: screens/watch.py). Each reads what it
shows, says what it cannot read, and draws.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container

from opsmantik_box.domain.days import day_of
from tui.desk import Desk
from tui.model.pages import Lines, SiteLine, SiteReport
from tui.model.sites import Site
from tui.net.client import Refused, Unreachable
from tui.paint import Line, wrap
from tui.settings import Settings
from tui.speech import Speech
from tui.views import lists, numbers
from tui.widgets.canvas import Canvas
from tui.widgets.rows import RowList

MOST_SITES = 8
"""Rows of sites that stand above the report of one."""
SPANS = ("today", "yesterday", "week", "month")
DAYS = {"today": (0, 0), "yesterday": (-1, -1), "week": (-6, 0), "month": (-29, 0)}


class Page(Container):
    """A screen behind a tab. `read` asks the Box for what it shows; `redraw` draws what is known."""

    DEFAULT_CSS: ClassVar[str] = "Page { height: 1fr; }"
    name_of: ClassVar[str] = ""
    reads_again: ClassVar[bool] = False
    """Does it grow old while it is shown? No message of the stream tells of it."""

    def __init__(self, desk: Desk, speech: Speech) -> None:
        super().__init__(id=self.name_of)
        self._desk, self.speech = desk, speech
        self._problem = ""

    async def read(self) -> None:
        """Asks the Box. What it refuses is said where the answer would stand."""
        self._problem = ""
        try:
            await self._read()
        except Refused as problem:
            self._problem = problem.detail
        except Unreachable as problem:
            self._problem = self.speech("page.unreachable", reason=str(problem))
        self.redraw()

    async def _read(self) -> None:
        """Nothing, unless there is something."""

    def redraw(self) -> None: ...

    def move(self, lines: int) -> None:
        """The cursor, or what is in sight."""

    def enter(self) -> None:
        """What Enter does here."""

    def care(self, what: str) -> None:
        """Acknowledge, silence, retry: where there is something to look after."""

    @property
    def zone(self) -> str:
        """Times without a site are by the clocks of the first one."""
        return next(iter(self._desk.store.sites.values()), Site("", "")).timezone

    def problem_lines(self) -> list[Line]:
        return [((f" {self._problem}", "hot"),)] if self._problem else []


class NumbersPage(Page):
    """Days in numbers: all sites, and the one under the cursor opened."""

    name_of = "numbers"

    def __init__(self, desk: Desk, speech: Speech) -> None:
        super().__init__(desk, speech)
        self.span, self.day, self.scope = "today", 0, "ads"
        self.lines: list[SiteLine] = []
        self.reports: dict[str, SiteReport] = {}

    def compose(self) -> ComposeResult:
        yield Canvas(id="numbers-head")
        yield Canvas(id="numbers-columns")
        yield RowList(self._row, id="numbers-sites")
        yield Canvas(id="numbers-report")

    @property
    def rows(self) -> RowList:
        return self.query_one("#numbers-sites", RowList)

    def days(self, timezone: str) -> tuple[str, str]:
        """First and last day, by a site's clocks."""
        today = date.fromisoformat(day_of(self._desk.now(), timezone))
        first, last = DAYS[self.span]
        return (today + timedelta(days=first + self.day)).isoformat(), (today + timedelta(days=last + self.day)).isoformat()

    async def _read(self) -> None:
        first, last = self.days(self.zone)
        told = await self._desk.client.get("/api/v1/stats", Lines, from_=first, to=last)
        self.lines, self.reports = told.sites, {}
        self.rows.set_rows(range(len(self.lines)))
        await self._read_report()

    async def _read_report(self) -> None:
        """Of the site under the cursor, once."""
        line = self._line()
        if line is None or line.site_id in self.reports:
            return
        path = f"/api/v1/sites/{line.site_id}/stats"
        self.reports[line.site_id] = await self._desk.client.get(path, SiteReport, from_=line.first, to=line.last, scope=self.scope)

    def _line(self) -> SiteLine | None:
        number = self.rows.chosen
        return self.lines[number] if number is not None and number < len(self.lines) else None

    def turn(self, key: str) -> None:
        """t: another span · left, right: a span earlier, later · A: ads or all."""
        if key == "t":
            self.span, self.day = SPANS[(SPANS.index(self.span) + 1) % len(SPANS)], 0
        elif key == "A":
            self.scope = "all" if self.scope == "ads" else "ads"
        else:
            length = DAYS[self.span][1] - DAYS[self.span][0] + 1
            self.day = min(0, self.day + (length if key == "right" else -length))
        self.run_worker(self.read, group="page", exclusive=True)

    def move(self, lines: int) -> None:
        self.rows.move(lines)
        self.run_worker(self._move_on, group="page", exclusive=True)

    async def _move_on(self) -> None:
        try:
            await self._read_report()
        except (Refused, Unreachable) as problem:
            self._problem = str(problem)
        self.redraw()

    def redraw(self) -> None:
        say, first, last = self.speech, *self.days(self.zone)
        span = first if first == last else f"{first} – {last}"
        width = self.app.size.width
        canvas, title = self.query_one("#numbers-head", Canvas), f"{say(f'span.{self.span}')} {span}"
        head = self.problem_lines() or (
            numbers.head_lines(self.lines, self.scope, title, width, say) if self.lines else self._empty()
        )
        canvas.styles.height = len(head) + 1
        canvas.show(head)
        self.query_one("#numbers-columns", Canvas).show([numbers.site_heads(say)])
        self.rows.styles.height = max(1, min(MOST_SITES, len(self.lines)))
        self.rows.repaint()
        line = self._line()
        name = self._desk.store.site(line.site_id).name if line else ""
        report = self.reports.get(line.site_id) if line else None
        self.query_one("#numbers-report", Canvas).show(numbers.report_lines(report, name, width, say) if line else [])

    def _empty(self) -> list[Line]:
        """Nothing was read yet, or there is no site to read of."""
        text = self.speech("numbers.not_read" if self._desk.store.sites else "sites.none")
        return [((f" {part}", "dim"),) for part in wrap(text, self.app.size.width - 2)]

    def _row(self, number: int, width: int) -> Line:
        line = self.lines[number]
        return numbers.site_row(line, self._desk.store.site(line.site_id).name, self.scope)


class SitesPage(Page):
    """My sites. Enter shows the queue of one."""

    name_of = "sites"

    def __init__(self, desk: Desk, speech: Speech, choose: Callable[[str], None]) -> None:
        super().__init__(desk, speech)
        self._choose, self._lines = choose, dict[str, SiteLine]()

    def compose(self) -> ComposeResult:
        yield Canvas(id="sites-heads")
        yield RowList(self._row, id="sites-rows")

    async def _read(self) -> None:
        told = await self._desk.client.get("/api/v1/stats", Lines)
        self._lines = {line.site_id: line for line in told.sites}

    def _sites(self) -> list[Site]:
        return list(self._desk.store.sites.values())

    def redraw(self) -> None:
        none = [((f" {text}", "dim"),) for text in wrap(self.speech("sites.none"), self.app.size.width - 2)]
        heads = self.query_one("#sites-heads", Canvas)
        lines = [*self.problem_lines(), *([lists.site_heads(self.speech)] if self._sites() else none)]
        heads.styles.height = len(lines)
        heads.show(lines)
        self.query_one(RowList).set_rows(range(len(self._sites())))

    def _row(self, number: int, width: int) -> Line:
        site = self._sites()[number]
        return lists.site_row(site, self._lines.get(site.id), self._desk.now(), self.speech)

    def move(self, lines: int) -> None:
        self.query_one(RowList).move(lines)

    def enter(self) -> None:
        number = self.query_one(RowList).chosen
        if number is not None:
            self._choose(self._sites()[number].id)


class TextPage(Page):
    """One text."""

    def __init__(self, name: str, desk: Desk, speech: Speech, text: Callable[[int, Speech], Sequence[Line]]) -> None:
        self.name_of = name  # pyright: ignore[reportAttributeAccessIssue]  # one class, several texts
        super().__init__(desk, speech)
        self._text = text

    def compose(self) -> ComposeResult:
        yield Canvas(classes="text")

    def redraw(self) -> None:
        canvas = self.query_one(Canvas)
        canvas.show(self._text(canvas.size.width, self.speech))

    def move(self, lines: int) -> None:
        self.query_one(Canvas).scroll_lines(lines)


class SettingsPage(Page):
    """What the operator may choose. Enter takes the next value."""

    name_of = "settings"

    def __init__(
        self, desk: Desk, speech: Speech, settings: Settings, themes: Sequence[str], change: Callable[[str, object], None]
    ) -> None:
        super().__init__(desk, speech)
        self.settings, self._change = settings, change
        self._choices = {"theme": tuple(themes)} | CHOICES

    def compose(self) -> ComposeResult:
        yield RowList(self._row, id="settings-rows")
        yield Canvas(id="settings-note")

    def redraw(self) -> None:
        self.query_one(RowList).set_rows(range(len(self._choices)))
        self.query_one(RowList).repaint()
        self.query_one("#settings-note", Canvas).show([((f" {self.speech('settings.note')}", "dim"),)])

    def _row(self, number: int, width: int) -> Line:
        name = list(self._choices)[number]
        value = getattr(self.settings, name)
        shown = self.speech("word.yes" if value else "word.no") if isinstance(value, bool) else _listed(value) or "-"
        return lists.setting_row(name, shown, width, self.speech)

    def move(self, lines: int) -> None:
        self.query_one(RowList).move(lines)

    def enter(self) -> None:
        number = self.query_one(RowList).chosen
        if number is not None:
            name, values = list(self._choices.items())[number]
            now = getattr(self.settings, name)
            self._change(name, values[(values.index(now) + 1) % len(values)] if now in values else values[0])


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


CHOICES: dict[str, tuple[object, ...]] = {
    "language": ("", "en", "tr"),
    "bell": (True, False),
    "announce": (True, False),
    "bell_score": (50, 60, 80, 90, 100),
    "refresh_sec": (15, 30, 60, 300),
    "hide": ((), ("place",), ("page",), ("place", "page")),
    "ascii": (False, True),
}
