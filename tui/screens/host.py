"""What the meaning of keys needs of the screen they come from, and what it remembers of what was done."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from msgspec import Struct

from tui.desk import Desk
from tui.model.lead import Lead
from tui.screens.bottom import Typing
from tui.speech import Speech
from tui.widgets.menu import Question


class Host(Protocol):
    """The screen the keys come from."""

    desk: Desk
    speech: Speech

    def chosen_lead(self) -> Lead | None: ...
    def marked_leads(self) -> Sequence[Lead]: ...
    def unmark(self) -> None: ...
    def ask(self, question: Question) -> None: ...
    def type(self, typing: Typing) -> None: ...
    def say(self, sentence: str, /, **values: object) -> None: ...
    def start(self, work: Awaitable[None]) -> None: ...
    def redraw(self) -> None: ...
    def copy(self, digits: str) -> None: ...


Back = Callable[[], Awaitable[None]]


class Did(Struct, frozen=True):
    """Something that may be taken back. `words` say what it was; `actions` are the keys of what is sent for it."""

    words: str
    back: Back
    actions: frozenset[str] = frozenset()
