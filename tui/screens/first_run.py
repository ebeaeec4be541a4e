"""The first screen of somebody the console does not know yet: where the Box is, and who he is. A token works as well as a password."""

import asyncio
from contextlib import suppress
from typing import ClassVar

from msgspec import Struct
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Input

from tui.net.client import Client, Refused, Unreachable
from tui.paint import typed_text
from tui.screens.messages import LoggedIn
from tui.speech import Speech
from tui.widgets.canvas import Canvas

FIELDS = ("url", "email", "password", "token")


class Opened(Struct):
    """What a login answers."""

    token: str


class FirstRun(Screen[None]):
    """Enter goes on; on the last field, or with a token, it logs in."""

    AUTO_FOCUS: ClassVar[str | None] = "#field-email"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, speech: Speech, url: str) -> None:
        super().__init__()
        self._speech, self._url = speech, url

    def compose(self) -> ComposeResult:
        yield Canvas(id="first-title")
        with Vertical(id="first"):
            for name in FIELDS:
                yield Canvas(id=f"label-{name}", classes="field")
                yield Input(
                    value=self._url if name == "url" else "",
                    password=name in ("password", "token"),
                    id=f"field-{name}",
                    compact=True,
                )
        yield Canvas(id="first-note")

    def on_mount(self) -> None:
        say = self._speech
        for field in self.query(Input):
            field.cursor_blink = False
        self.query_one("#first-title", Canvas).show([((" OPSMANTIK ", "brand"), (f"  {say('first.title')}", ""))])
        for name in FIELDS:
            self.query_one(f"#label-{name}", Canvas).show([((say(f"first.{name}"), "label"),)])
        self._note(say("first.note"), "dim")

    def _note(self, text: str, look: str = "hot") -> None:
        self.query_one("#first-note", Canvas).show([((f" {text}", look),)])

    def _value(self, name: str) -> str:
        return typed_text(self.query_one(f"#field-{name}", Input).value).strip()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Complete as soon as there is a token, or both an address and a password."""
        if self._value("token") or (self._value("email") and self._value("password")):
            self.run_worker(self._enter, exclusive=True)
        else:
            self.focus_next()

    async def _enter(self) -> None:
        url = self._value("url").rstrip("/")
        self._note(self._speech("first.asking", url=url), "dim")
        try:
            token = self._value("token") or await self._log_in(url)
            await self._look(url, token)
        except Refused as problem:
            self._note(problem.detail)
        except Unreachable as problem:
            self._note(self._speech("first.unreachable", url=url, reason=str(problem)))
        else:
            self.post_message(LoggedIn(url, token))

    async def _log_in(self, url: str) -> str:
        client = Client(url, "")
        await asyncio.to_thread(client.load)
        try:
            asked = {"email": self._value("email"), "password": self._value("password"), "name": "console"}
            return (await client.post("/api/v1/login", asked, Opened)).token
        finally:
            await client.close()

    async def _look(self, url: str, token: str) -> None:
        """Does the token open anything? Raises Refused, Unreachable."""
        client = Client(url, token)
        await asyncio.to_thread(client.load)
        try:
            await client.get("/api/v1/sites", dict[str, object])
        finally:
            with suppress(OSError):
                await client.close()
