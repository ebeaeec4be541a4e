"""The last lines of the screen: one that speaks, a question or a line to type in when there is one, the keys.

Promises: one thing is asked at a time, and nothing that is asked is lost: it waits for its turn. What is typed for the Box is kept as a
draft with every key, until it has been said.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from msgspec import Struct
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import Input

from tui.net.kept import Kept
from tui.speech import Speech
from tui.views.frame import keys_line
from tui.widgets.canvas import Canvas
from tui.widgets.menu import Menu, Question
from tui.widgets.prompt import Prompt


def nothing(_: str) -> None:
    """What most lines do with a text that is not finished."""


class Typing(Struct, frozen=True):
    """A line that is to be typed. `done` gets it; a sentence it returns says what is wrong, and the line stays. `name`: of its draft, for
    what goes to the Box. `changed`: told of every key; of Esc with ''."""

    title: str
    done: Callable[[str], str]
    name: str = ""
    changed: Callable[[str], None] = nothing


class Bottom(Container):
    """`is_busy`: somebody types or answers. `Free`: not any more."""

    DEFAULT_CSS: ClassVar[str] = "Bottom { height: auto; }"

    class Free(Message):
        """The keys mean what they meant."""

    def __init__(self, kept: Kept, speech: Speech) -> None:
        super().__init__(id="bottom")
        self.kept, self.speech = kept, speech
        self.menu, self.prompt = Menu(id="menu"), Prompt(id="prompt")
        self._hint, self._keys = Canvas(id="hint"), Canvas(id="keys")
        self._said, self._look = "", ""
        self._typing: Typing | None = None
        self._asked: list[Question] = []

    def compose(self) -> ComposeResult:
        yield self.menu
        yield self.prompt
        yield self._hint
        yield self._keys

    @property
    def is_busy(self) -> bool:
        return self._typing is not None or self.menu.question is not None

    def tell(self, text: str, look: str = "warm") -> None:
        """A sentence, until the next key."""
        self._said, self._look = text, look

    def hush(self) -> None:
        self._said = ""

    def redraw(self, otherwise: str, keys: Sequence[tuple[str, str]]) -> None:
        """What was said, else this; and the keys, unless others count just now."""
        said, look = (self._said, self._look) if self._said else (otherwise, "dim")
        self._hint.display = self.menu.question is None
        self._hint.show([((f" {said}", look),)])
        self._keys.show([keys_line(self._ways_out() if self.is_busy else keys, self.size.width)])

    def _ways_out(self) -> list[tuple[str, str]]:
        keep = [("Enter", self.speech("key.keep"))] if self._typing is not None else []
        return [*keep, ("Esc", self.speech("key.cancel"))]

    # --- questions ----------------------------------------------------------------------------------------------------------------

    def ask(self, question: Question) -> None:
        """At once, or when what is being typed is done."""
        if self.is_busy:
            self._asked.append(question)
        else:
            self.menu.ask(question)

    def on_menu_closed(self) -> None:
        self._next()

    def _next(self) -> None:
        if self._asked and not self.is_busy:
            self.menu.ask(self._asked.pop(0))
        self.post_message(self.Free())

    # --- typing -------------------------------------------------------------------------------------------------------------------

    def type(self, typing: Typing) -> None:
        """Begins with the draft there is."""
        self._typing = typing
        self.prompt.value = self.kept.draft(typing.name) if typing.name else ""
        self.prompt.display = True
        self.prompt.focus()
        self.prompt.cursor_position = len(self.prompt.value)
        self.tell(typing.title)

    def on_input_changed(self, event: Input.Changed) -> None:
        if self._typing is not None:
            if self._typing.name:
                self.kept.keep_draft(self._typing.name, event.value)
            self._typing.changed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        typing = self._typing
        if typing is None:
            return
        self.hush()
        if wrong := typing.done(event.value):
            self.tell(wrong, "hot")
            self.post_message(self.Free())
            return
        if typing.name:
            self.kept.keep_draft(typing.name, "")
        self._stop()

    def on_prompt_cancelled(self) -> None:
        if self._typing is not None:
            self._typing.changed("")
        self.hush()
        self._stop()

    def _stop(self) -> None:
        self._typing = None
        self.prompt.display = False
        self.screen.set_focus(None)
        self._next()
