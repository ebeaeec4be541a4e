"""Serves the tracker as /ux-core.js: a small ASGI callable, no framework. Reads the file once; the same answer for every origin.

It has a short life in caches, so that a corrected tracker is everywhere within minutes; pages outlive it: the name never changes.
"""

import hashlib

from opsmantik_box.gateway.answers import Headers
from opsmantik_box.gateway.asgi import Receive, Scope, Send, answer_with
from opsmantik_box.resources import tracker_script

PATH = "/ux-core.js"
MAX_AGE = 300
"""Seconds a browser or a cache may keep the tracker without asking."""


class TrackerScript:
    """The ASGI callable for PATH. GET and HEAD; anything else 405."""

    def __init__(self) -> None:
        """Reads the script. Raises FileNotFoundError when the installation is incomplete."""
        self.body = tracker_script().read_bytes()
        self.etag = f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'.encode()
        self.headers: Headers = [
            (b"access-control-allow-origin", b"*"),
            (b"cross-origin-resource-policy", b"cross-origin"),
            (b"cache-control", f"public, max-age={MAX_AGE}, stale-if-error=86400".encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"etag", self.etag),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request; a body it may have is not read."""
        if scope["method"] not in ("GET", "HEAD"):
            await answer_with(send, 405, [(b"allow", b"GET, HEAD"), (b"content-length", b"0")])
        elif self.is_known(scope["headers"]):
            await answer_with(send, 304, self.headers)
        else:
            about = [(b"content-type", b"text/javascript; charset=utf-8"), (b"content-length", b"%d" % len(self.body))]
            await answer_with(send, 200, [*about, *self.headers], self.body if scope["method"] == "GET" else b"")

    def is_known(self, headers: Headers) -> bool:
        """Whether the browser already has this version (RFC 9110, 13.1.2: weak comparison, `*` matches)."""
        told = b",".join(value for name, value in headers if name == b"if-none-match")
        return any(tag.strip().removeprefix(b"W/") in (self.etag, b"*") for tag in told.split(b","))
