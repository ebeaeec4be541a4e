"""A list of rows with a cursor. Makes only the lines that are in sight, so ten thousand rows scroll like ten."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.message import Message

from tui.paint import Line
from tui.widgets.canvas import Canvas


class RowList(Canvas):
    """`draw` makes the line of a row. The cursor stays on its row (`chosen`) when rows are given anew."""

    DEFAULT_CSS: ClassVar[str] = "RowList { height: 1fr; }"

    class Moved(Message):
        """Another row is under the cursor."""

    def __init__(self, draw: Callable[[int, int], Line], *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._draw = draw
        self.rows: Sequence[int] = ()
        self.cursor = 0

    @property
    def chosen(self) -> int | None:
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def set_rows(self, rows: Sequence[int]) -> None:
        """Other rows, or the same in another order."""
        before = self.chosen
        self.rows = rows
        self.set_height(len(rows))
        if before is not None and before in rows:
            self.cursor = rows.index(before)
        self.cursor = max(0, min(self.cursor, len(rows) - 1))
        self._keep_in_sight()
        self.repaint()
        if self.chosen != before:
            self.post_message(self.Moved())

    def show(self, rows: Sequence[int], chosen: int | None) -> None:
        """Another list, with the cursor on one of its rows, else on the first."""
        self.rows = rows
        self.cursor = rows.index(chosen) if chosen in rows else 0
        self.set_rows(rows)
        self.post_message(self.Moved())

    def choose(self, row: int) -> None:
        if row in self.rows:
            self.move(self.rows.index(row) - self.cursor)

    def move(self, lines: int) -> None:
        """The cursor up (negative) or down, as far as there are rows."""
        target = max(0, min(self.cursor + lines, len(self.rows) - 1))
        if target != self.cursor:
            self.cursor = target
            self._keep_in_sight()
            self.repaint()
            self.post_message(self.Moved())

    def on_resize(self) -> None:
        self._keep_in_sight()
        self.repaint()

    def page(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    def count(self) -> int:
        return len(self.rows)

    def line(self, number: int, width: int) -> Line:
        return self._draw(self.rows[number], width) if number < len(self.rows) else ()

    def background(self, number: int) -> str:
        return "cursor" if number == self.cursor and self.rows else ""

    def _keep_in_sight(self) -> None:
        height = max(1, self.scrollable_content_region.height)
        top = self.scroll_offset.y
        wanted = self.cursor if self.cursor < top else self.cursor - height + 1 if self.cursor >= top + height else top
        wanted = max(0, min(wanted, len(self.rows) - height))
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, force=True)
