"""Serves the tracker's scripts: a small ASGI callable, no framework. Reads each file once; the same answer for every origin.

`/ux-core.js` has a short life in caches, so that a corrected tracker is everywhere within minutes; pages outlive it: the name never
changes. `/ux-core.<version>.js` is that version for ever, for pages that name its hash; one that never was is a 404. Never writes.
"""

import gzip
import hashlib
from collections.abc import Iterable

from opsmantik_box.gateway.answers import Headers
from opsmantik_box.gateway.asgi import HeaderMap, Receive, Scope, Send, answer_with, header_map
from opsmantik_box.scripts import Script

PREFIX = "/ux-"
MAX_AGE = 300
"""Seconds a browser or a cache may keep the newest tracker without asking."""
FOREVER = "public, max-age=31536000, immutable"
FOR_EVERYONE: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"Accept-Encoding"),
]


class Served:
    """One script as it is answered, plain or packed."""

    def __init__(self, script: Script) -> None:
        lasting = FOREVER if script.version else f"public, max-age={MAX_AGE}, stale-if-error=86400"
        self._lasting = (b"cache-control", lasting.encode())
        digest = hashlib.sha256(script.body).hexdigest()[:32]
        self._forms = {b"": (script.body, f'"{digest}"'), b"gzip": (gzip.compress(script.body, mtime=0), f'"{digest}-gzip"')}

    def answer(self, headers: HeaderMap) -> tuple[int, Headers, bytes]:
        """Status, headers and body for a browser that sends these."""
        coding = b"gzip" if takes_gzip(headers.get(b"accept-encoding", b"")) else b""
        body, tag = self._forms[coding]
        about: Headers = [*FOR_EVERYONE, self._lasting, (b"etag", tag.encode())]
        if is_known(headers.get(b"if-none-match", b""), tag.encode()):
            return 304, about, b""
        about += [(b"content-type", b"text/javascript; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        return 200, [*about, (b"content-encoding", coding)] if coding else about, body


class Scripts:
    """The ASGI callable for everything below PREFIX. GET and HEAD; anything else 405."""

    def __init__(self, scripts: Iterable[Script]) -> None:
        self._served = {f"/{script.name}": Served(script) for script in scripts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request; a body it may have is not read."""
        if scope["method"] not in ("GET", "HEAD"):
            await answer_with(send, 405, [(b"allow", b"GET, HEAD"), (b"content-length", b"0")])
        elif scope["path"] not in self._served:
            await answer_with(send, 404, [*FOR_EVERYONE, (b"cache-control", b"no-store"), (b"content-length", b"0")])
        else:
            status, headers, body = self._served[scope["path"]].answer(header_map(scope["headers"]))
            await answer_with(send, status, headers, body if scope["method"] == "GET" else b"")


def takes_gzip(accepted: bytes) -> bool:
    """Whether an Accept-Encoding names gzip without refusing it (RFC 9110, 12.5.3)."""
    codings = (part.replace(b" ", b"").lower().partition(b";") for part in accepted.split(b","))
    return any(name == b"gzip" and quality.rstrip(b".0") != b"q=" for name, _, quality in codings)


def is_known(told: bytes, tag: bytes) -> bool:
    """Whether the browser already has this (RFC 9110, 13.1.2: weak comparison, `*` matches)."""
    return any(one.strip().removeprefix(b"W/") in (tag, b"*") for one in told.split(b","))
