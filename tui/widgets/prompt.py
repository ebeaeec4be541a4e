"""The line one types in. What is typed is a draft until the Box has it."""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tui.paint import typed_text


class Prompt(Input):
    """One line. `Cancelled`: Esc. Takes no control character, however it is pasted."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]
    DEFAULT_CSS: ClassVar[str] = "Prompt { display: none; }"

    class Cancelled(Message):
        """Nothing is to be done."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled())

    def insert_text_at_cursor(self, text: str) -> None:
        super().insert_text_at_cursor(typed_text(text))

    def _on_paste(self, event: events.Paste) -> None:
        """The whole text, on one line."""
        event.stop()
        event.prevent_default()
        self.insert_text_at_cursor(event.text)
