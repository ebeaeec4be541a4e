"""The line to main: blocking HTTP, one connection a request, called in a thread. Knows nothing of disks; never logs a token."""

import http.client
import ssl
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from opsmantik_box.domain.relaying import Envelope, Envelopes, Known, Verdicts
from opsmantik_box.errors import BoxError

Told = TypeVar("Told")

PATH = "/api/relay"
SECONDS = 20
ASK_SECONDS = 3
"""A tracker waits while main is asked for a site."""
MAX_ANSWER = 16 * 1024 * 1024

_verdicts = msgspec.json.Decoder(Verdicts).decode
_known = msgspec.json.Decoder(Known).decode


class LineDown(BoxError):
    """Main does not take anything now: {problem}"""

    def __init__(self, problem: str, retry_after: int = 0) -> None:
        super().__init__(problem=problem)
        self.wait = retry_after


class Line:
    """To one main, with one token."""

    def __init__(self, main: str, token: str) -> None:
        self._parts, self._token = urlsplit(main), token
        self._tls = ssl.create_default_context() if self._parts.scheme == "https" else None

    def hand_on(self, envelopes: list[Envelope]) -> Verdicts:
        """What main says of each, in order. Raises LineDown."""
        verdicts = read_answer(_verdicts, self._ask("POST", msgspec.json.encode(Envelopes(envelopes)), SECONDS))
        if len(verdicts.results) != len(envelopes):
            raise LineDown("it answered for another number of envelopes than it was sent")
        return verdicts

    def ask_sites(self) -> tuple[Known, bytes]:
        """The sites of main, also as they were told. Raises LineDown."""
        told = self._ask("GET", None, ASK_SECONDS)
        return read_answer(_known, told), told

    def _ask(self, method: str, body: bytes | None, seconds: float) -> bytes:
        try:
            connection = self._connect(seconds)
            try:
                headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
                connection.request(method, PATH, body, headers)
                answer = connection.getresponse()
                content = answer.read(MAX_ANSWER)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise LineDown(f"{self._parts.netloc} cannot be reached ({str(error) or type(error).__name__})") from None
        if answer.status != 200:
            wait = answer.headers.get("Retry-After", "")
            raise LineDown(explained(answer.status), int(wait) if wait.isdecimal() else 0)
        return content

    def _connect(self, seconds: float) -> http.client.HTTPConnection:
        host = self._parts.hostname or ""
        if self._tls is not None:
            return http.client.HTTPSConnection(host, self._parts.port, timeout=seconds, context=self._tls)
        return http.client.HTTPConnection(host, self._parts.port, timeout=seconds)


def read_answer(decode: Callable[[bytes], Told], content: bytes) -> Told:
    """Raises LineDown for what no Box says."""
    try:
        return decode(content)
    except (msgspec.MsgspecError, UnicodeError):
        raise LineDown("its answer is none of a Box; is --main right?") from None


def explained(status: int) -> str:
    """A status in words, with what to do."""
    known = {
        401: "it does not know the relay's token (401): `opsmantik-box token create --relay` on main makes one",
        404: "it knows no relays (404): is --main right, and as new as this relay?",
        413: "it takes no request this large (413): is a proxy in front of it?",
    }
    return known.get(status, f"it answered {status}")
