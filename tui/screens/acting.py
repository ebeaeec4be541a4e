"""What keys do that are not about one lead: moving, screens, filters, search, commands. The part of the main screen that acts.

Each `action_…` is one of keys.py. Nothing here draws or asks the Box.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from msgspec.structs import replace
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from tui.desk import Desk
from tui.keys import BINDINGS
from tui.model.bells import Bells
from tui.model.commands import SCREENS, NotUnderstood, apply_command
from tui.model.queue import LISTS, Filter
from tui.plugins import environment_of, run_plugin
from tui.screens.bottom import Typing
from tui.screens.leads import PANES, LeadsView
from tui.screens.messages import Chosen
from tui.screens.pages import NumbersPage, Page
from tui.screens.work import Work
from tui.speech import Speech
from tui.widgets.menu import Question

AROUND = 8
"""Lines of a screen that do not move with its page, and those one likes to see again."""
LETTERS = "asdfgh"
"""What panes are jumped to by."""


class Acting(Screen[None]):
    """What it needs of the screen it is a part of."""

    AUTO_FOCUS: ClassVar[str | None] = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding(*one, show=False) for one in BINDINGS]

    desk: Desk
    speech: Speech
    leads: LeadsView
    work: Work
    bells: Bells
    plugins: Mapping[str, str]

    def __init__(self) -> None:
        super().__init__()
        self._view = "leads"
        self._before: list[str] = []

    @abstractmethod
    def draw(self) -> None: ...

    @abstractmethod
    def say(self, sentence: str, /, **values: object) -> None: ...

    @abstractmethod
    def ask(self, question: Question) -> None: ...

    @abstractmethod
    def label(self, letters: Mapping[str, str]) -> None:
        """Writes a letter on each pane, until what is asked is answered."""

    @abstractmethod
    def type(self, typing: Typing) -> None: ...

    @property
    def page(self) -> Page | None:
        """What is shown instead of the leads."""
        return None if self._view == "leads" else self.query_one(f"#{self._view}", Page)

    def action_move(self, lines: str) -> None:
        """'1', '-1', 'page', '-page', 'end', '-end'."""
        page = self.leads.rows.page() if self.page is None else max(1, self.app.size.height - AROUND)
        number = {"page": page, "end": 10**6}.get(lines.removeprefix("-"), 1) * (-1 if lines.startswith("-") else 1)
        (self.page or self.leads).move(number)
        self.draw()

    def action_screen(self, number: int) -> None:
        self.show_screen(SCREENS[number - 1])

    def show_screen(self, name: str) -> None:
        """A tab, help or the settings. Esc walks back."""
        now = self.leads.listing if self._view == "leads" else self._view
        if name != now:
            self._before = [*self._before[-9:], now]
            self._switch(name)

    def _switch(self, name: str) -> None:
        if name in LISTS:
            self._view = "leads"
            self.leads.choose_list(name)
        else:
            self._view = name
        self.query_one(ContentSwitcher).current = self._view
        if self.page is not None:
            self.run_worker(self.page.read, group="page", exclusive=True)
        self.call_after_refresh(self.draw)

    def action_back(self) -> None:
        """Esc: the lead that is opened, the marks, the filter, the screen before; never out."""
        if self.page is not None:
            self._switch(self._before.pop() if self._before else "queue")
        elif self.leads.pane != PANES[0]:
            self.leads.choose_pane(PANES[0])
        elif self.leads.has_class("opened"):
            self.action_enter()
        elif self.leads.marked:
            self.leads.marked.clear()
        elif self.leads.filter.is_narrow:
            self.leads.set_filter(Filter(ads=self.leads.filter.ads))
        elif self._before:
            self._switch(self._before.pop())
        self.draw()

    def action_enter(self) -> None:
        if self.page is not None:
            self.page.enter()
        else:
            self.leads.toggle_class("opened")
            self.leads.body.scroll_lines(-(10**6))
            self.call_after_refresh(self.draw)

    def action_pane(self) -> None:
        """Tab: the keys move in the next part of the screen."""
        if self.page is None:
            shown = list(self.leads.panes())
            self.leads.choose_pane(shown[(shown.index(self.leads.pane) + 1) % len(shown)])
            self.draw()

    def action_jump(self) -> None:
        """A letter on every part of the screen: it moves there; a digit is a screen, as always."""
        panes = [] if self.page is not None else list(self.leads.panes())
        letters = dict(zip(LETTERS, panes, strict=False))
        answers = [(letter, self.speech(f"pane.{name}")) for letter, name in letters.items()]
        answers += [(str(number), self.speech(f"tab.{name}")) for number, name in enumerate(SCREENS, 1)]
        self.label(letters)
        self.ask(Question(self.speech("jump.title"), tuple(answers), lambda key: self._jumped(letters, key)))

    def _jumped(self, letters: Mapping[str, str], key: str) -> None:
        if key in letters:
            self.leads.choose_pane(letters[key])
        else:
            self.action_screen(int(key))

    def action_work(self, what: str) -> None:
        """A key of screens/work.py."""
        if self._view == "leads":
            keys = {
                "claim": self.work.claim, "take_over": lambda: self.work.claim(take_over=True), "outcome": self.work.outcome,
                "seal": self.work.seal, "remind": self.work.remind, "note": self.work.note, "copy": self.work.copy, "pick": self.work.pick,
            }  # fmt: skip
            keys.get(what, lambda: self.work.judge(what))()
            self.draw()

    def action_undo(self) -> None:
        self.work.undo()

    def action_mark(self) -> None:
        if self._view == "leads":
            self.leads.mark()
            self.draw()

    def action_ads(self) -> None:
        if isinstance(self.page, NumbersPage):
            self.page.turn("A")
        else:
            self.leads.set_filter(replace(self.leads.filter, ads=not self.leads.filter.ads))
            self.draw()

    def action_turn(self, key: str) -> None:
        if isinstance(self.page, NumbersPage):
            self.page.turn(key)

    def action_care(self, what: str) -> None:
        """A key of the screens of the Box itself (screens/watch.py)."""
        if self.page is not None:
            self.page.care(what)
            self.draw()

    def action_filter(self) -> None:
        """f: one site after the other."""
        sites = ["", *self.desk.store.sites]
        now = self.leads.filter.site
        self.leads.set_filter(replace(self.leads.filter, site=sites[(sites.index(now) + 1) % len(sites)] if now in sites else ""))
        self.draw()

    def action_search(self) -> None:
        self.show_screen(self.leads.listing)
        self.type(Typing("/", lambda _: "", changed=self._search))

    def _search(self, text: str) -> None:
        """As it is typed; Esc searches for nothing."""
        self.leads.set_filter(replace(self.leads.filter, search=text))
        self.draw()

    def action_command(self) -> None:
        self.type(Typing(self.speech("command.title"), self._command))

    def _command(self, text: str) -> str:
        if text.strip() in self.plugins:
            return self._plug_in(text.strip())
        try:
            done = apply_command(text, self.leads.filter, self.desk.store.sites.values())
        except NotUnderstood as problem:
            return self.speech(problem.key, word=problem.word)
        if isinstance(done, Filter):
            self.leads.set_filter(done)
            self.show_screen(self.leads.listing)
            return ""
        word, rest = done
        if word == "quit":
            self.app.exit()
        elif word in ("lang", "theme"):
            self.choose_setting("language" if word == "lang" else word, rest)
        else:
            self.show_screen(word)
        return ""

    def _plug_in(self, name: str) -> str:
        """A command of the operator's own, with the row under the cursor."""
        row = self.leads.open_now()
        if row is None:
            return self.speech("plugin.no_row")
        self.run_worker(self._run_plugin(name, environment_of(row)), group="plugin")
        return ""

    async def _run_plugin(self, name: str, told: dict[str, str]) -> None:
        self.say("plugin.runs", name=name)
        code, line = await run_plugin(self.plugins[name], told)
        self.say("plugin.failed" if code else "plugin.done", name=name, code=code, said=line)

    def action_mute(self) -> None:
        self.say("bell.muted" if self.bells.mute(self.desk.now()) else "bell.unmuted")

    def action_help(self) -> None:
        self.show_screen("help")

    def action_settings(self) -> None:
        self.show_screen("settings")

    def choose_setting(self, name: str, value: object) -> None:
        self.app.post_message(Chosen(name, value))
