"""Hashes of passwords (argon2id), made and compared in a thread of their own: the loop that answers trackers never waits for one.

One at a time, so that the memory they take stays one's; who finds too many waiting is asked to come later. The thread sees a password
and a hash and nothing else: no database, no names. Nothing here is logged.
"""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from opsmantik_box.errors import Unavailable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MEMORY_KIB, ROUNDS, LANES = 19 * 1024, 2, 1
"""OWASP's for argon2id: 19 MiB, 40 ms of a small VPS's core."""
MOST_WAITING = 8


class Passwords:
    """One for an engine. Its thread begins with the first password."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "passwords")
        self._waiting = 0
        self._hasher: PasswordHasher | None = None
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        """What is kept of it. Raises Unavailable."""
        return await self._apart("", password)

    async def holds(self, kept: str | None, password: str) -> bool:
        """Is this the password of the hash? Takes as long for nobody's (None), which no password is. Raises Unavailable."""
        return bool(await self._apart(kept or "nobody", password)) and kept is not None

    async def _apart(self, kept: str, password: str) -> str:
        if self._waiting >= MOST_WAITING:
            raise Unavailable(reason="too many passwords wait to be compared")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, kept, password)
        finally:
            self._waiting -= 1

    def _work(self, kept: str, password: str) -> str:
        """In the thread: a new hash without one to compare with; else the hash itself when it is that password's, and '' if not."""
        from argon2 import PasswordHasher  # 4 MB: only for Boxes that have passwords
        from argon2.exceptions import Argon2Error, InvalidHashError

        if self._hasher is None:
            self._hasher = PasswordHasher(ROUNDS, MEMORY_KIB, LANES)
            self._nobodys = self._hasher.hash(secrets.token_hex())
        if not kept:
            return self._hasher.hash(password)
        compared = self._nobodys if kept == "nobody" else kept
        try:
            self._hasher.verify(compared, password)
        except (Argon2Error, InvalidHashError):
            return ""
        return compared
