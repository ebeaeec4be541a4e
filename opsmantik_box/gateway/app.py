"""Which callable gets a request: `/api/sync` the hot path, `/api/call-event` calls and taps, `/api/relay` relays, `/hooks/` exchanges,
`/api/stream` the stream, `/api/maintain-db` and `/api/test-notification` a cron job, `/ux-…` the tracker's scripts, `/healthz` and
`/readyz` two fixed answers, `/metrics` numbers, everything else the API.

The hot path stands in front of the API, not in it: that is faster, and a mounted one would take every method and any size.
"""

from collections.abc import Awaitable, Mapping

import msgspec

from opsmantik_box import __version__
from opsmantik_box.gateway.asgi import Application, Receive, Scope, Send, answer_with
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.static import PREFIX as SCRIPTS
from opsmantik_box.gateway.static import Scripts
from opsmantik_box.scripts import shipped_scripts

SYNC = "/api/sync"
CALL_EVENT = "/api/call-event"
RELAY = "/api/relay"
STREAM = "/api/stream"
HOOKS = "/hooks/"


class Router:
    """The ASGI application. `fixed`: by their whole path. `draining` makes it not ready, whatever the engine says."""

    def __init__(
        self, sync: Application, fixed: Mapping[str, Application], hooks: Application, api: Application, link: EngineLink
    ) -> None:
        self._sync, self._fixed, self._hooks, self._api, self._link = sync, fixed, hooks, api, link
        self._scripts = Scripts(shipped_scripts())
        self._probes: dict[str, Application] = {"/healthz": self._alive, "/readyz": self._ready}
        self.draining = False

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            path = scope["path"]
            if path == SYNC:
                return self._sync(scope, receive, send)
            if path in self._fixed:
                return self._fixed[path](scope, receive, send)
            if path.startswith(SCRIPTS):
                return self._scripts(scope, receive, send)
            if path.startswith(HOOKS):
                return self._hooks(scope, receive, send)
            if path in self._probes and scope["method"] in ("GET", "HEAD"):
                return self._probes[path](scope, receive, send)
        return self._api(scope, receive, send)

    async def _alive(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """200 as long as this process turns over."""
        await say(send, 200, {"alive": True, "version": __version__})

    async def _ready(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """200 when a signal sent now would be taken, else 503 and why not."""
        state = self._link.state
        ready = state.accepting and not self.draining
        reason = "" if ready else "stopping" if self.draining else state.reason
        lag: dict[str, object] = {"lag_signals": state.lag_signals, "lag_ms": state.lag_ms}
        await say(send, 200 if ready else 503, {"ready": ready, "reason": reason, **lag, "version": __version__})


async def say(send: Send, status: int, told: dict[str, object]) -> None:
    """A fixed answer, for probes."""
    body = msgspec.json.encode(told)
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(body)),
    ]
    if status == 503:
        headers.append((b"retry-after", b"2"))
    await answer_with(send, status, headers, body)
