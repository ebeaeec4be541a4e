"""What `/api/sync` and `/api/call-event` say, as bytes: one table of bodies and one of headers. CORS headers are on every answer: a
tracker that cannot read the status cannot obey it. Nothing here looks at a request but its Origin.

An answer's head is made once for each (status, origin, reason) and kept; only length and remaining change.
"""

import re
from functools import lru_cache

import msgspec

from opsmantik_box import __version__

UNCHECKED = "unchecked"
RATE_LIMIT = 100
"""Requests a minute for each (site, address, session): what `X-RateLimit-Limit` says unless the settings do."""

Headers = list[tuple[bytes, bytes]]

_SENDABLE_ORIGIN = re.compile(rb"[!-~]{1,512}").fullmatch
_HEADER_NAMES = re.compile(rb"[a-zA-Z0-9, _-]{1,512}").fullmatch
_REASON = re.compile(r"[^a-z0-9_]+")


class Answer(msgspec.Struct, gc=False):
    """Status and body, with what the headers need: `reason` (X-CORS-Reason), what is left of the rate limit, seconds to wait; and whose
    site it was, 0 while none is known."""

    status: int
    body: bytes
    reason: str = UNCHECKED
    limit: int = RATE_LIMIT
    remaining: int = RATE_LIMIT
    retry_after: int = 0
    close: bool = False
    site_id: int = 0
    challenge: bytes = b'Bearer realm="OpsMantik Box"'


class Refused(Exception):
    """This request ends here. `counted` is the reason it is counted by; the site is 0 while none is known."""

    def __init__(self, answer: Answer, counted: str, site_id: int = 0) -> None:
        super().__init__(counted)
        self.answer, self.counted, self.site_id = answer, counted, site_id
        answer.site_id = site_id


def refusal(message: str) -> bytes:
    """The body of most refusals."""
    return msgspec.json.encode({"ok": False, "score": None, "message": message})


INVALID_JSON = refusal("Invalid JSON payload")
INVALID_SITE_ID = refusal("Invalid site_id format")
INVALID_URL = refusal("Invalid url format")
NO_SUCH_SITE = refusal("Site not found")
TOO_LARGE = refusal("Payload too large")
CODED = refusal("Unsupported content encoding")
METHOD = refusal("Method not allowed")
NOT_STORED = refusal("Database write failed")
TOO_SLOW = refusal("Request timeout")
MALFORMED = refusal("Malformed request")
HEADERS_TOO_LARGE = refusal("Request header fields too large")
NO_TOKEN = refusal("A call is told with the site's token: Authorization: Bearer")
NO_RELAY = refusal("A relay comes with its token: Authorization: Bearer")
TOO_OLD = refusal("Kept for over 35 days")
NOT_FOUND = refusal("Not found")
NOT_PROVEN = refusal("The request did not prove that it comes from the exchange")
ADDRESS = refusal("This address may not send here")
UNREADABLE = refusal("The request tells of a call in no way this hook reads")
TAKEN = b'{"ok":true,"status":"taken"}'
NOT_READ = refusal("Database read failed")
UNMATCHED = b'{"ok":true,"status":"unmatched"}'
SKIPPED = b'{"ok":true,"score":0,"status":"synced_skipped_missing_id"}'

_STORED = {
    (duplicate, score): b'{"ok":true,"score":%d,"status":"%s"}' % (score, b"duplicate" if duplicate else b"synced")
    for duplicate in (False, True)
    for score in range(101)
}


def stored(duplicate: bool, score: int) -> bytes:
    """The body for one signal that is on disk."""
    return _STORED[duplicate, score]


Result = dict[str, object]
"""What a batch's answer says of one item."""


def result(item_id: object, duplicate: bool, score: int) -> Result:
    return {"id": item_id, "ok": True, "score": score, "status": "duplicate" if duplicate else "synced"}


def skipped_result(item_id: str | None) -> Result:
    return {"id": item_id, "ok": True, "score": 0, "status": "synced_skipped_missing_id"}


def bad_result(item_id: str | None, message: str) -> Result:
    return {"id": item_id, "ok": False, "score": None, "message": message}


def many(results: list[Result], score: int) -> bytes:
    """The body for a batch, `score` being that of the last accepted signal."""
    return msgspec.json.encode({"ok": True, "score": score, "status": "synced", "results": results})


def origin_refused(reason: str) -> bytes:
    return msgspec.json.encode({"ok": False, "score": None, "error": "Origin not allowed", "reason": reason})


def limited(retry_after: int) -> bytes:
    return msgspec.json.encode({"ok": False, "score": None, "error": "Rate limit exceeded", "retryAfter": retry_after})


def matched(call_id: int, session_id: str, score: int) -> bytes:
    """The body for a tap that /api/sync has told of before."""
    return msgspec.json.encode({"ok": True, "status": "matched", "call_id": call_id, "session_id": session_id, "lead_score": score})


def unmatched(call_id: int) -> bytes:
    """The body for a call that is on disk, and came from no visit that is known."""
    return msgspec.json.encode({"ok": True, "status": "unmatched", "call_id": call_id})


def unavailable(retry_after: int = 2) -> Answer:
    """Nothing was stored; come back."""
    return Answer(503, NOT_STORED, retry_after=retry_after)


@lru_cache(maxsize=4096)
def cors(origin: bytes, reason: str) -> Headers:
    """The headers every answer carries. An origin that cannot be a header value is not sent back."""
    headers = [
        (b"vary", b"Origin"),
        (b"x-opsmantik-version", __version__.encode()),
        (b"x-cors-reason", _REASON.sub("_", reason).encode()),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"Retry-After, X-OpsMantik-Version, X-CORS-Reason, X-RateLimit-Remaining"),
    ]
    if _SENDABLE_ORIGIN(origin):
        headers.append((b"access-control-allow-origin", origin))
    return headers


@lru_cache(maxsize=4096)
def _cors_block(origin: bytes, reason: str) -> bytes:
    return render(cors(origin, reason)) + b"content-type: application/json\r\n"


def block_of(answer: Answer, origin: bytes) -> bytes:
    """All headers of an answer as they go on the wire."""
    limits = b"x-ratelimit-limit: %d\r\nx-ratelimit-remaining: %d\r\n" % (answer.limit, answer.remaining)
    block = _cors_block(origin, answer.reason) + limits + b"content-length: %d\r\n" % len(answer.body)
    return block + render(_rare(answer)) if answer.status != 200 else block


def headers_of(answer: Answer, origin: bytes) -> Headers:
    """The same, name by name; with what ends the connection, if it is to end."""
    lines = (line.partition(b": ") for line in block_of(answer, origin).split(b"\r\n")[:-1])
    closing = [(b"connection", b"close")] if answer.close else []
    return [*((name, value) for name, _, value in lines), *closing]


def _rare(answer: Answer) -> Headers:
    headers: Headers = []
    if answer.retry_after:
        headers.append((b"retry-after", b"%d" % answer.retry_after))
    if answer.status == 401:
        headers.append((b"www-authenticate", answer.challenge))
    if answer.status == 405:
        headers.append((b"allow", b"POST, OPTIONS"))
    return headers


def render(headers: Headers) -> bytes:
    """Header lines, without the empty one that ends them."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def preflight(origin: bytes, asked_headers: bytes, limit: int) -> Headers:
    """The answer to OPTIONS: what a tracker (or a site's own script) may send. Kept by the browser for two hours."""
    return [
        *cors(origin, "preflight"),
        (b"x-ratelimit-limit", b"%d" % limit),
        (b"x-ratelimit-remaining", b"%d" % limit),
        (b"access-control-allow-methods", b"POST, OPTIONS"),
        (b"access-control-allow-headers", asked_headers if _HEADER_NAMES(asked_headers) else b"Content-Type, Authorization"),
        (b"access-control-max-age", b"7200"),
    ]
