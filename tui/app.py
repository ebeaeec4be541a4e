"""The application: themes, the terminal, who is logged in. What is seen and done is on its screens."""

import asyncio
import os
import select
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from textual.app import App, SystemCommand
from textual.screen import Screen

from opsmantik_box.clock import Clock
from opsmantik_box.texts import language_of
from tui.desk import Desk
from tui.model.commands import SCREENS
from tui.net.client import Client
from tui.net.kept import Kept
from tui.net.places import config_folder, state_folder
from tui.plugins import read_plugins
from tui.screens.first_run import FirstRun
from tui.screens.main import MainScreen
from tui.screens.messages import Announce, Chosen, LoggedIn
from tui.settings import THEMES, Settings, keep_token, read_settings, write_settings
from tui.speech import Speech
from tui.terminal import QuietDriver, notification
from tui.themes import DARK, LIGHT, read_themes
from tui.widgets.canvas import Ink

LAST_RESORT_SECONDS = 3.0


class Console(App[int]):
    """`url` and `token`: the Box and what opens it; without a token the first screen asks. `environment`: whose folders and language."""

    CSS_PATH = str(Path(__file__).with_name("console.tcss"))
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(self, url: str, token: str, clock: Clock, environment: dict[str, str] | None = None) -> None:
        self._environment = dict(os.environ) if environment is None else environment
        self.config, self.state = config_folder(self._environment), state_folder(self._environment)
        self.settings, *wrong = read_settings(self.config)
        own, of_themes = read_themes(self.config)
        self._plugins, of_plugins = read_plugins(self.config)
        self._wrong = next(filter(None, (*wrong, of_themes, of_plugins)), "")
        no_color = "NO_COLOR" in self._environment
        super().__init__(driver_class=QuietDriver if os.name == "posix" else None, ansi_color=True if no_color else None)
        self._url, self._token, self._clock = url, token, clock
        self._client: Client | None = None
        self.animation_level = "none"
        for theme in (DARK, LIGHT, *own):
            self.register_theme(theme)
        self._themes = tuple(dict.fromkeys((*THEMES, *(theme.name for theme in own))))
        self._apply(self.settings)

    @property
    def speech(self) -> Speech:
        return Speech(self.settings.language or language_of(self._environment))

    def _apply(self, settings: Settings) -> None:
        self.settings = settings
        self.theme = settings.theme if settings.theme in self.available_themes else DARK.name
        Ink.ascii_only = settings.ascii or not is_utf8(self._environment)
        self.set_class(Ink.ascii_only, "-ascii")

    def on_mount(self) -> None:
        if not self.is_headless:
            for name in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(name, self._end)
            self.set_interval(1.0, self._look_at_terminal)
        if self._token:
            self._open()
        else:
            self.push_screen(FirstRun(self.speech, self._url))

    def _look_at_terminal(self) -> None:
        """Ends when nobody is at its other end any more, though no signal says so: reading from it would turn in circles. (Asked for no
        event, poll tells of a hang-up alone.)"""
        hung_up = select.poll()
        hung_up.register(0, 0)
        if hung_up.poll(0):
            self._end()

    def _end(self) -> None:
        """Told to. A terminal that has vanished takes no goodbye any more: nothing waits for it."""
        self.exit()
        asyncio.get_running_loop().call_later(LAST_RESORT_SECONDS, os._exit, 1)

    async def on_unmount(self) -> None:
        """The screens are gone, and with them who asks."""
        if self._client is not None:
            await self._client.close()

    def _open(self) -> None:
        """The main screen, for this Box and token, with the language and columns of now."""
        self._client = Client(self._url, self._token)
        desk = self.make_desk(self._client, Kept(self.state), self._clock)
        screen = MainScreen(desk, self.speech, self.settings, self._themes, self._plugins)
        self.push_screen(screen)
        if self._wrong:
            screen.tell(self._wrong, "hot")

    def make_desk(self, client: Client, kept: Kept, clock: Clock) -> Desk:
        """Tests give one that has been told something already."""
        return Desk(client, kept, clock)

    def get_system_commands(self, screen: Screen[Any]) -> Iterator[SystemCommand]:
        """What the palette offers: every screen, and the way out."""
        if isinstance(screen, MainScreen):
            for name in (*SCREENS, "help", "settings"):
                title = self.speech(f"tab.{name}" if name in SCREENS else f"key.{name}")
                yield SystemCommand(title, self.speech("key.screens"), partial(screen.show_screen, name))
        yield SystemCommand(self.speech("key.quit"), "ctrl+q", self.exit)

    def on_logged_in(self, event: LoggedIn) -> None:
        self._url, self._token = event.url, event.token
        keep_token(self.config, event.url, event.token)
        self.pop_screen()
        self._open()

    def on_announce(self, event: Announce) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.write(notification(event.text, self._environment.get("TERM", "")))

    def on_chosen(self, event: Chosen) -> None:
        """Kept, and in force: a new screen with the old cursor would be more to go wrong than a line that is drawn anew."""
        try:
            changed = msgspec.convert(msgspec.to_builtins(self.settings) | {event.name: event.value}, Settings)
        except msgspec.ValidationError as problem:
            self._main().tell(str(problem), "hot")
            return
        write_settings(self.config, changed)
        self._apply(changed)
        self._main().adopt(changed, self.speech)

    def _main(self) -> MainScreen:
        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, MainScreen))


def is_utf8(environment: dict[str, str]) -> bool:
    """Does the terminal's locale have more than ASCII?"""
    told = next(filter(None, (environment.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    return "utf" in told.lower()
