"""Asking the Box over HTTP. One class of error for what it refuses, one for when it cannot be reached.

Promises: the token goes into the header and nowhere else; every question ends (TIMEOUT_SEC). Decides nothing.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    import httpx2

TIMEOUT_SEC = 10.0
SILENCE_SEC = 40.0
"""The stream says something every 15 s: who is silent for longer is not there any more."""

Answer = TypeVar("Answer")


class Refused(Exception):
    """The Box answered no. `detail` says why, in its words; `current` is what stands now, when that is the reason."""

    def __init__(self, status: int, detail: str, current: dict[str, Any] | None = None, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.current, self.retry_after = status, detail, current, retry_after

    @property
    def may_pass(self) -> bool:
        """Is asking again later the thing to do, with another token perhaps?"""
        return self.status >= 500 or self.status in (401, 408, 429)


class Unreachable(Exception):
    """The Box cannot be reached, or does not speak as a Box."""


class _Problem(msgspec.Struct):
    detail: str = ""
    current: dict[str, Any] | None = None


class Client:
    """A connection to one Box with one token. `load` before the first question: the library takes longer to import than to ask."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url.rstrip("/"), token
        self._http: httpx2.AsyncClient | None = None
        self._errors: type[Exception] = OSError

    def load(self) -> None:
        """Takes a moment; may run in a thread."""
        library = import_module("httpx2")
        self._errors = library.HTTPError
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        proxied = self.url.startswith("https:")
        self._http = library.AsyncClient(
            base_url=self.url, timeout=library.Timeout(TIMEOUT_SEC), headers=headers, trust_env=proxied
        )

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def get(self, path: str, answer: type[Answer], **query: Any) -> Answer:
        """What a GET answers. Raises Refused, Unreachable."""
        params = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        return _decode(await self._ask("GET", path, params=params), answer)

    async def post(self, path: str, body: Mapping[str, Any], answer: type[Answer], key: str | None = None) -> Answer:
        """What a POST answers. Raises Refused, Unreachable."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return _decode(await self._ask("POST", path, content=msgspec.json.encode(body), headers=headers), answer)

    async def _ask(self, method: str, path: str, **more: Any) -> bytes:
        http = self._loaded()
        try:
            answer = await http.request(method, path, **more)
        except self._errors as problem:
            raise Unreachable(_said(problem)) from problem
        if answer.status_code != 200:
            raise _refusal(answer, answer.content)
        return answer.content

    @asynccontextmanager
    async def stream(self, path: str, last: str, **query: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Bytes as they come. Raises Refused, Unreachable, also while it is read."""
        http = self._loaded()
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        timeout = import_module("httpx2").Timeout(TIMEOUT_SEC, read=SILENCE_SEC)
        try:
            async with http.stream("GET", path, params=query, headers=headers, timeout=timeout) as answer:
                if answer.status_code != 200:
                    raise _refusal(answer, await answer.aread())
                yield answer.aiter_raw()
        except self._errors as problem:
            raise Unreachable(_said(problem)) from problem

    def _loaded(self) -> "httpx2.AsyncClient":
        if self._http is None:
            self.load()
        assert self._http is not None
        return self._http


def _decode(body: bytes, answer: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(body, type=answer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise Unreachable(f"the answer is not a Box's: {problem}") from problem


def _refusal(answer: "httpx2.Response", body: bytes) -> Refused:
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        problem = _Problem()
    wait = answer.headers.get("retry-after", "")
    return Refused(
        answer.status_code, problem.detail or answer.reason_phrase, problem.current, float(wait) if wait.isdigit() else None
    )


def _said(problem: Exception) -> str:
    """What a person understands of a failed connection."""
    return str(problem) or type(problem).__name__
