"""What a cron job elsewhere may ask for: `POST /api/maintain-db` and the like, with `Authorization: Bearer $CRON_SECRET`.

Promises: the engine compares the secret, and does what is asked; without the right secret nothing is learnt, not even whether one is
set. Stores nothing, decides nothing.
"""

import msgspec

from opsmantik_box.errors import BoxError, Forbidden, Unauthorized
from opsmantik_box.gateway.asgi import Receive, Scope, Send, answer_with, discard
from opsmantik_box.gateway.auth import bearer_token
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.problems import HEADERS, WrongMethod, as_asgi

COMMANDS = {"/api/maintain-db": "maintain_db", "/api/test-notification": "test_notification"}
"""Address → command of the engine. None takes arguments."""
CRON = "cron"


class Maintenance:
    """The ASGI application of these addresses."""

    def __init__(self, link: EngineLink) -> None:
        self._link = link

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await discard(receive)
        try:
            done = await self._run(scope)
        except BoxError as error:
            await answer_with(send, *as_asgi(error))
            return
        headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
        body = msgspec.json.encode(done)
        length = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await answer_with(send, 200, [*headers, *length], body)

    async def _run(self, scope: Scope) -> object:
        if scope["method"] != "POST":
            raise WrongMethod(method="POST")
        shown = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        found = await self._link.ask_token(bearer_token(shown))
        if not found.rights:
            raise Unauthorized
        if found.rights != CRON:
            raise Forbidden(has=found.rights, needs=CRON)
        return await self._link.command(COMMANDS[scope["path"]], {}, found.token_id)
