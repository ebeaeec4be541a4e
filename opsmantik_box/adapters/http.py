"""HTTP to the outside world: one request to an address that was looked up, judged, and is then the one connected to.

Promises: no redirect is followed, no proxy of the environment is used, no more than 64 KB of an answer is read, and the whole takes no
longer than it is given. Never logs an address or what was sent.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Mapping
from typing import NamedTuple

import httpx2

from opsmantik_box import __version__
from opsmantik_box.domain.addresses import Networks
from opsmantik_box.domain.outside import Place, choose_address, read_place

MOST_READ = 64 * 1024
AGENT = f"OpsMantik-Box/{__version__}"


class Answer(NamedTuple):
    """Status, headers (lower case), and as much of the body as was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unreachable(Exception):
    """The receiver gave no answer. The message says why, without the address."""


async def resolve(place: Place, allowed: Networks) -> str:
    """The address to connect to. Raises UsageError when it may not be reached, Unreachable when the name is not known now."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(f"the name cannot be looked up ({error.strerror or error})") from None
    return choose_address(place.scheme, [str(address[0]) for *_, address in found], allowed)


class Http:
    """`allowed`: networks inside the house that the owner allows; `patience`: seconds a request may take in all."""

    def __init__(self, allowed: Networks, patience: float) -> None:
        self._allowed, self._patience = allowed, patience
        self._tls = ssl.create_default_context()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Raises UsageError for an address that may not be reached, Unreachable when there was no answer."""
        return await self._within(self._send("POST", read_place(url), body, headers))

    async def get(self, url: str) -> Answer:
        """As `post`."""
        return await self._within(self._send("GET", read_place(url), b"", {}))

    async def _within(self, request: Awaitable[Answer]) -> Answer:
        try:
            async with asyncio.timeout(self._patience):
                return await request
        except TimeoutError:
            raise Unreachable(f"no answer within {self._patience:g} s") from None
        except httpx2.HTTPError as error:
            raise Unreachable(_reason(error)) from None

    async def _send(self, method: str, place: Place, body: bytes, headers: Mapping[str, str]) -> Answer:
        address = await resolve(place, self._allowed)
        host = f"[{address}]" if ":" in address else address
        told = {"host": place.authority, "user-agent": AGENT, **headers}
        async with (
            httpx2.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=False, timeout=self._patience) as client,
            client.stream(
                method,
                f"{place.scheme}://{host}:{place.port}{place.target}",
                content=body,
                headers=told,
                extensions={"sni_hostname": place.host},
            ) as answer,
        ):
            read = bytearray()
            async for part in answer.aiter_raw():
                read += part
                if len(read) >= MOST_READ:
                    break
            return Answer(answer.status_code, dict(answer.headers), bytes(read[:MOST_READ]))


def _reason(error: httpx2.HTTPError) -> str:
    """In words that hold no address: the class says it all. A system that lets nothing out says EPERM."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PermissionError):
            return "the system lets no connection out (systemd: IPAddressAllow)"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
