"""Lines on the terminal: the one place where text becomes cells.

Promises: every text goes through `safe_text` (and `as_ascii` where asked for) and is drawn as it is, never read as markup; only cells that
changed are sent again. A widget here shows lines that somebody else made.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.paint import Line, as_ascii, fit_line, line_width, safe_text

LOOKS = (
    "plain", "brand", "head", "label", "dim", "strong", "frame", "key", "tab", "chosen", "marked", "cursor",
    "fresh", "warm", "hot", "late", "due", "good", "mine",
)  # fmt: skip
"""How a span may look; console.tcss says how that is."""


class Ink:
    """How text is drawn on this terminal."""

    ascii_only: ClassVar[bool] = False

    @classmethod
    def text(cls, raw: str) -> str:
        """What may be drawn of a text."""
        return as_ascii(safe_text(raw)) if cls.ascii_only else safe_text(raw)

    @classmethod
    def set_title(cls, widget: Widget, raw: str) -> None:
        """The title of a widget's border: nothing in it is markup. Setting it draws the whole widget anew: only when it is another."""
        title = Content(cls.text(raw))
        if widget.border_title != title.markup:
            widget.border_title = title


class Canvas(ScrollView, can_focus=False):
    """Shows lines. Subclasses that have very many make them on demand (`line`, `count`)."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"canvas--{look}" for look in LOOKS}
    DEFAULT_CSS = "Canvas { height: 1; overflow: hidden hidden; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[Line] = ()
        self._drawn: dict[int, Line] = {}

    # --- what it shows ------------------------------------------------------------------------------------------------------------

    def show(self, lines: Sequence[Line]) -> None:
        """These, from now on."""
        self._lines = lines
        self.repaint()

    def count(self) -> int:
        return len(self._lines)

    def line(self, number: int, width: int) -> Line:  # noqa: ARG002
        return self._lines[number] if 0 <= number < len(self._lines) else ()

    def background(self, number: int) -> str:  # noqa: ARG002
        """The look that lies under a whole line."""
        return ""

    # --- how it comes to the terminal ---------------------------------------------------------------------------------------------

    def repaint(self) -> None:
        """Draws anew what is not as it was drawn."""
        height = self.scrollable_content_region.height
        self.set_height(self.count())
        for y in range(height):
            fresh, drawn = self._fitted(y), self._drawn.get(y, ())
            if fresh != drawn:
                begin, end = difference(drawn, fresh)
                self.refresh(Region(begin, y, end - begin, 1))

    def render_line(self, y: int) -> Strip:
        line = self._drawn[y] = self._fitted(y)
        return Strip([Segment(text, self._style(look)) for text, look in line], self.scrollable_content_region.width)

    def _fitted(self, y: int) -> Line:
        """The line at a height of the window, exactly as wide as that, and as the terminal will show it. The look under it is part of it:
        a line that only changes its background has changed."""
        width, number = self.scrollable_content_region.width, y + self.scroll_offset.y
        under = self.background(number)
        line = self.line(number, width) if number < self.count() else ()
        return tuple((Ink.text(text), f"{look}|{under}") for text, look in fit_line(line, width))

    def _style(self, looks: str) -> Style:
        look, _, under = looks.partition("|")
        style = self.get_component_rich_style(f"canvas--{look or 'plain'}")
        return style + self.get_component_rich_style(f"canvas--{under}", partial=True) if under else style

    def notify_style_update(self) -> None:
        self._drawn.clear()
        super().notify_style_update()

    def set_height(self, lines: int) -> None:
        """How far one may scroll. The layout does not depend on it, so it is not made anew."""
        self.set_reactive(Canvas.virtual_size, Size(self.size.width, lines))  # pyright: ignore[reportArgumentType]  # a descriptor

    def scroll_lines(self, lines: int) -> None:
        """Up (negative) or down."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)


def difference(old: Line, new: Line) -> tuple[int, int]:
    """From which cell to which two lines of one width differ; all of it where characters are not as wide as cells."""
    before, after = _cells(old), _cells(new)
    if len(before) != len(after) or any(cell_len(text) != len(text) for text, _ in new):
        return 0, max(line_width(old), line_width(new))
    differing = [number for number, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    return (differing[0], differing[-1] + 1) if differing else (0, 0)


def _cells(line: Line) -> list[tuple[str, str]]:
    return [(char, look) for text, look in line for char in text]
