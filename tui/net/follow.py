"""Following the stream: resumed where it broke, again and again, with pauses that grow.

Promises: every message of the feed is handed on once, in order, whatever breaks in between; the position goes on only with what was
handed on. Never gives up but for a token that opens nothing.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from tui.model.messages import TOPICS, Envelope, Message
from tui.net.client import Client, Refused, Unreachable
from tui.net.sse import Block, Reader, TooLong

FIRST_SEC, LONGEST_SEC = 0.25, 4.0
AT_ONCE = 500
"""Messages after which others get their turn."""


class Listener(Protocol):
    """Who is told."""

    def opened(self) -> None: ...

    def heard(self) -> None:
        """Anything at all, a heartbeat too."""
        ...

    def told(self, messages: Sequence[Message]) -> None: ...

    def failed(self, problem: Refused | Unreachable) -> None: ...


class Follower:
    """`position`: the last message that was handed on. `reset`: reads the page anew and returns from where to go on."""

    def __init__(
        self,
        client: Client,
        listener: Listener,
        reset: Callable[[str], Awaitable[str]],
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client, self._listener, self._reset, self._rest = client, listener, reset, rest
        self.position = ""

    async def run(self) -> None:
        """Until cancelled, or until the token is refused."""
        tries = 0
        while True:
            try:
                if not self.position:
                    self.position = await self._reset("")
                async with self._client.stream("/api/stream", self.position, topics=",".join(TOPICS)) as chunks:
                    tries = 0
                    self._listener.opened()
                    await self._read(chunks)
                problem: Refused | Unreachable = Unreachable("the stream ended")
            except (Refused, Unreachable) as found:
                problem = found
            self._listener.failed(problem)
            if isinstance(problem, Refused) and problem.status in (401, 403):
                return
            await self._rest(pause(tries, problem))
            tries += 1

    async def _read(self, chunks: AsyncIterator[bytes]) -> None:
        reader = Reader()
        async for chunk in chunks:
            self._listener.heard()
            try:
                blocks = reader.feed(chunk)
            except TooLong as problem:
                raise Unreachable("a message of the stream does not end") from problem
            for start in range(0, len(blocks), AT_ONCE):
                await self._hand_on(blocks[start : start + AT_ONCE])
                await asyncio.sleep(0)

    async def _hand_on(self, blocks: Sequence[Block]) -> None:
        messages: list[Message] = []
        for block in blocks:
            if block.event == "reset":
                self._listener.told(messages)
                messages = []
                self.position = await self._reset(_reason(block))
                continue
            if (message := read_message(block)) is not None:
                messages.append(message)
            self.position = block.id or self.position
        self._listener.told(messages)


def pause(tries: int, problem: Refused | Unreachable) -> float:
    """Seconds until the next try: doubling, never all consoles at once, and not sooner than the Box asks for."""
    asked = problem.retry_after or 0.0 if isinstance(problem, Refused) else 0.0
    longest = min(LONGEST_SEC, FIRST_SEC * 2 ** min(tries, 10))
    return max(min(asked, LONGEST_SEC), longest * random.uniform(0.5, 1.0))  # noqa: S311  # nothing secret


def read_message(block: Block) -> Message | None:
    """The message of a block; None for one that has none, or that this console cannot read."""
    if not block.data or block.event not in TOPICS:
        return None
    try:
        return Message(block.id, block.event, msgspec.json.decode(block.data, type=Envelope))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _reason(block: Block) -> str:
    try:
        return str(msgspec.json.decode(block.data).get("reason", ""))
    except (msgspec.MsgspecError, UnicodeDecodeError, AttributeError):
        return ""
