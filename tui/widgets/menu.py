"""A question that one key answers, asked in the lines above the keys. Nothing else is covered by it."""

from collections.abc import Callable
from typing import ClassVar

from msgspec import Struct
from textual import events
from textual.message import Message

from tui.paint import Line, Span, width_of
from tui.widgets.canvas import Canvas


class Question(Struct, frozen=True):
    """`answers`: (key, what it means). `done` is called with the key; Esc answers nothing."""

    title: str
    answers: tuple[tuple[str, str], ...]
    done: Callable[[str], None]


class Menu(Canvas, can_focus=True):
    """Asks one question; takes every key while it does."""

    DEFAULT_CSS: ClassVar[str] = "Menu { height: auto; max-height: 4; display: none; }"

    class Closed(Message):
        """It was answered, or not."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self.question: Question | None = None

    def ask(self, question: Question) -> None:
        self.question = question
        self.display = True
        self.styles.height = len(question_lines(question, self.app.size.width))
        self.show(question_lines(question, self.app.size.width))
        self.focus()

    def close(self) -> None:
        self.question = None
        self.display = False

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        question = self.question
        pressed = event.character or event.key
        if question is None or (event.key != "escape" and pressed not in dict(question.answers)):
            return
        self.close()
        self.screen.set_focus(None)
        if event.key != "escape":
            question.done(pressed)
        self.post_message(self.Closed())


def question_lines(question: Question, width: int) -> list[Line]:
    """The title, and the answers in as many lines as they need."""
    lines: list[Line] = []
    spans: list[Span] = [(f" {question.title} ", "warm")]
    left = width - width_of(spans[0][0])
    for key, words in question.answers:
        wide = width_of(f" {key} {words} ")
        if wide > left:
            lines.append(tuple(spans))
            spans, left = [], width
        spans += [(f" {key}", "key"), (f" {words} ", "")]
        left -= wide
    return [*lines, tuple(spans)]
