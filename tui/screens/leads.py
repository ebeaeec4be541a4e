"""Queue, All, Mine, Missed: one list at a time with its lead opened beside or below it, and, where there is room, the day, the team and the
sites. Shows; what keys do to a lead is work.py.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget

from tui.desk import Desk
from tui.model.lead import Lead
from tui.model.pages import Detail, SiteReport
from tui.model.queue import EMPTY, NEEDS_SOMEBODY, Arrangement, Board, Filter, List, keep_in_place
from tui.model.urgency import Band
from tui.paint import Line, rule, wrap
from tui.speech import Speech
from tui.views import detail as detail_view
from tui.views import frame, panels, rows
from tui.widgets.canvas import Canvas, Ink
from tui.widgets.rows import RowList

PANES = ("list", "lead", "hours", "team", "look", "events")
"""The parts keys can move in; those below the list are shown where there is room."""
WIDE, TALL = 140, 44
"""From here on the lead stands beside the list; and there is room for panels below."""


class LeadsView(Container):
    """The lists. `listing` is the one that is shown; `filter` holds for all."""

    DEFAULT_CSS: ClassVar[str] = "LeadsView { height: 1fr; }"

    def __init__(self, desk: Desk, speech: Speech, hidden: Sequence[str] = ()) -> None:
        super().__init__(id="leads")
        self._desk, self.speech, self.hidden = desk, speech, hidden
        self.rows = RowList(self._row, id="rows")
        self.body = Canvas(id="lead-lines")
        self._filter_line, self._heads, self._title, self._team_line = (
            Canvas(id=name) for name in ("filter", "heads", "lead-title", "team-line")
        )
        self._list, self._lead = Vertical(id="list"), Vertical(id="lead")
        self._panels = {name: Canvas(id=name, classes="panel") for name in ("hours", "team", "look", "events")}
        self.listing: List = "queue"
        self.pane = PANES[0]
        self.filter = Filter()
        self.is_muted = False
        self.arranged: Arrangement = EMPTY
        self.marked: set[int] = set()
        self.opened: Detail | None = None
        self.number_of: Callable[[Lead], str] = lambda _: ""
        self.reports: dict[str, SiteReport] = {}
        self._board, self._changes = Board(), -1
        self._cursors: dict[List, int | None] = {}
        self._columns = rows.NARROW

    def compose(self) -> ComposeResult:
        with Horizontal(id="upper"):
            with self._list:
                yield self._filter_line
                yield self._heads
                yield self.rows
            with self._lead:
                yield self._title
                yield self.body
                yield self._team_line
        with Horizontal(id="panels"):
            for name in ("hours", "team", "look"):
                yield self._panels[name]
        yield self._panels["events"]

    @property
    def chosen(self) -> Lead | None:
        number = self.rows.chosen
        return None if number is None else self._desk.store.shown(number)

    @property
    def is_wide(self) -> bool:
        return self.app.size.width >= WIDE

    # --- panes --------------------------------------------------------------------------------------------------------------------

    def panes(self) -> dict[str, Widget]:
        """What is in sight, with its frame; at the list there are always two."""
        shown: dict[str, Widget] = {"list": self._heads if not self.is_wide else self._list, "lead": self._lead}
        return shown | (dict(self._panels) if self.has_class("tall") else {})

    def choose_pane(self, name: str) -> None:
        """The keys that move, move in this one."""
        self.pane = name if name in self.panes() else PANES[0]
        for one, frame_of in self.panes().items():
            frame_of.set_class(one == self.pane != PANES[0], "pane")

    def move(self, lines: int) -> None:
        if self.pane == PANES[0]:
            self.rows.move(lines)
        else:
            (self.body if self.pane == "lead" else self._panels[self.pane]).scroll_lines(lines)

    # --- arranging ----------------------------------------------------------------------------------------------------------------

    def choose_list(self, listing: List) -> None:
        """Another list; each has its own cursor."""
        if listing != self.listing:
            self._cursors[self.listing] = self.rows.chosen
            self.listing = listing
            self.rows.show_rows(self.arranged.lists[listing], self._cursors.get(listing))

    def set_filter(self, chosen: Filter) -> None:
        self.filter = chosen
        self.marked.clear()
        self._changes = -1
        self.put_in_order(keep=False)

    @property
    def is_stale(self) -> bool:
        """Has anything changed, or has time moved a row?"""
        until = self.arranged.until
        return self._desk.store.changes != self._changes or (until is not None and self._desk.now() >= until)

    def put_in_order(self, *, keep: bool = True) -> None:
        """Puts every row where it belongs now; that under the cursor stays on its line."""
        store = self._desk.store
        self._changes = store.changes
        self.arranged = self._board.arrange(store.all_shown(), store.site, self.filter, self._desk.now(), store.me)
        order = self.arranged.lists[self.listing]
        at_top = self.rows.cursor == 0 and not self.marked
        kept = self.rows.chosen if keep and not at_top else None
        if at_top:
            self.rows.cursor = 0
        self.rows.set_rows(keep_in_place(order, kept if kept is not None else self.rows.chosen if keep else None, self.rows.cursor))
        self.marked &= set(self.arranged.places)

    def count_urgent(self) -> int:
        return self.arranged.count("queue", *NEEDS_SOMEBODY)

    # --- drawing ------------------------------------------------------------------------------------------------------------------

    def fit(self) -> None:
        """The layout for this size of terminal."""
        size = self.app.size
        self.set_class(self.is_wide, "wide")
        self.set_class(self.is_wide and size.height >= TALL, "tall")
        self.set_class(not self.is_wide and size.height >= 34, "roomy")
        self.choose_pane(self.pane)

    def redraw(self) -> None:
        """Everything that is not as it was drawn."""
        self._columns = rows.fitted(self.rows.scrollable_content_region.width or self.app.size.width, self.hidden)
        self._draw_frame()
        self.rows.repaint()
        self._draw_lead()
        if self.has_class("tall"):
            self._draw_panels()

    def _draw_frame(self) -> None:
        store, width, say = self._desk.store, self._filter_line.size.width, self.speech
        site = store.sites.get(self.filter.site)
        self._filter_line.show([frame.filter_line(self.filter, site, len(self.rows.rows), width, say, muted=self.is_muted)])
        self._heads.show([rows.head_line(self._columns, say)])
        if self.is_wide:
            urgent = {
                name: self.arranged.count("queue", band)
                for name, band in (("late", Band.LATE), ("running", Band.RUNNING), ("due", Band.DUE))
            }
            Ink.set_title(self._list, say("leads.title", list=say(f"tab.{self.listing}"), **urgent))

    def _row(self, number: int, width: int) -> Line:
        store, say = self._desk.store, self.speech
        lead, spot = store.shown(number), self.arranged.places.get(number)
        if lead is None or spot is None:
            return ()
        shown = rows.cells(
            lead, store.site(lead.site_id), spot, self._desk.now(), store.me, say, is_pending=store.is_pending(number)
        )
        line = rows.row_line(shown, spot.band, self._columns, is_marked=number in self.marked)
        return line if self._desk.link.is_live else tuple((text, "dim") for text, _ in line)

    def open_now(self) -> detail_view.Opened | None:
        """The lead under the cursor with what was read of it."""
        lead, store = self.chosen, self._desk.store
        if lead is None:
            return None
        read = self.opened if self.opened is not None and self.opened.lead.lead == lead.id else None
        return detail_view.Opened(lead, store.site(lead.site_id), read, self.number_of(lead), store.me)

    def _draw_lead(self) -> None:
        opened, now, say = self.open_now(), self._desk.now(), self.speech
        title, body = self._title, self.body
        width = body.size.width
        name = say("leads.none") if opened is None else detail_view.title(opened, now, say)
        if self.is_wide:
            Ink.set_title(self._lead, name)
            lines = self._empty_lines(width) if opened is None else detail_view.full_lines(opened, width, now, say)
        else:
            title.show([rule(name, title.size.width, "key" if self.pane == "lead" else "frame")])
            lines = self._empty_lines(width) if opened is None else self._lead_lines(opened, width)
            self._team_line.show([rule(self._team_text(), title.size.width)])
        body.show(lines)

    def _lead_lines(self, opened: detail_view.Opened, width: int) -> list[Line]:
        """In short; all of it once Enter has made room."""
        lines = detail_view.full_lines if self.has_class("opened") else detail_view.short_lines
        return lines(opened, width, self._desk.now(), self.speech)

    def _empty_lines(self, width: int) -> list[Line]:
        """Why there is no row, and what to do."""
        text = self.speech(f"leads_empty.{self.listing}") if self._desk.store.sites else self.speech("sites.none")
        text = text if self._desk.store.me is not None else self.speech("leads.not_read")
        return [((f" {part}", "dim"),) for part in wrap(text, max(20, width - 2))]

    def _team_text(self) -> str:
        store = self._desk.store
        return frame.presence_text(self._desk.present, store.leads, store.sites, store.me, self._desk.now(), self.speech)

    def _draw_panels(self) -> None:
        store, now, say = self._desk.store, self._desk.now(), self.speech
        for name, panel in self._panels.items():
            Ink.set_title(panel, say(f"panel.{name}"))
        self._panels["hours"].show(panels.hours_lines(list(self.reports.values()), now, say))
        self._panels["team"].show(panels.team_lines(self._desk.present, store, now, say))
        self._panels["look"].show(panels.look_lines(self._desk, self.arranged, say))
        self._panels["events"].show(panels.event_lines(list(store.events), store, say))

    # --- keys ---------------------------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        """Marks the row under the cursor, or takes the mark off; then the next one."""
        number = self.rows.chosen
        if number is not None:
            self.marked ^= {number}
            self.rows.move(1)
            self.rows.repaint()

    def marked_leads(self) -> list[Lead]:
        found = [self._desk.store.shown(number) for number in self.rows.rows if number in self.marked]
        return [lead for lead in found if lead is not None]
