"""Secrets. Only the engine opens this file, and nothing in it leaves the process: it is asked, it answers yes or no."""

import hashlib
import os
import secrets
from pathlib import Path

from opsmantik_box.engine.connections import OTHER_CACHE_MB, all_rows, open_database
from opsmantik_box.engine.migrations import migrate
from opsmantik_box.sql import load

SQL = load("commands")
HOOKS = load("hooks")


class Vault:
    """An open vault: the key that tokens are hashed with."""

    def __init__(self, path: Path, vfs: str | None = None) -> None:
        """Raises ForeignFile, NewerSchema, apsw.Error."""
        self._db = open_database(path, synchronous="full", cache_mb=OTHER_CACHE_MB, vfs=vfs)
        path.chmod(0o600)
        migrate(self._db, "vault", path)
        key = self._db.execute(SQL["read_token_key"]).get
        if key is None:
            key = os.urandom(32)
            self._db.execute(SQL["write_token_key"], (key,))
        self._token_key: bytes = key

    def hash_token(self, token: str) -> bytes:
        """What the ledger keeps of a token: useless without this file."""
        return hashlib.blake2b(token.encode(), key=self._token_key, digest_size=32).digest()

    def box_key(self, purpose: str) -> bytes:
        """32 bytes of the Box's own for this purpose, made when they are first asked for."""
        key = self._db.execute(HOOKS["read_box_key"], (purpose,)).get
        if key is None:
            key = os.urandom(32)
            self._db.execute(HOOKS["write_box_key"], (purpose, key))
        return key

    def keep_password(self, user_id: int, kept: str, now: int) -> None:
        """The hash of a person's password; the one before is forgotten."""
        self._db.execute(SQL["keep_password"], (user_id, kept, now))

    def password_of(self, user_id: int) -> str | None:
        """Its hash."""
        return self._db.execute(SQL["find_password"], (user_id,)).get

    def passwords(self) -> dict[int, int]:
        """Who has one, and since when."""
        return dict(all_rows(self._db, SQL["list_passwords"]))

    def drop_password(self, user_id: int) -> None:
        """Of somebody who is removed."""
        self._db.execute(SQL["drop_password"], (user_id,))

    def add_hook_key(self, hook_id: int, kind: str, secret: str, now: int) -> None:
        """What an exchange signs with (`signature`), or 'user:password' (`basic`)."""
        self._db.execute(HOOKS["add_key"], (hook_id, kind, secret, now))

    def hook_keys(self, hook_id: int, kind: str) -> tuple[str, ...]:
        """Newest first."""
        return tuple(secret for _, secret in all_rows(self._db, HOOKS["list_keys"], (hook_id, kind)))

    def keep_newest_keys(self, hook_id: int, kind: str, kept: int) -> None:
        """Older keys of this kind are not believed any more."""
        for key_id, _ in all_rows(self._db, HOOKS["list_keys"], (hook_id, kind))[kept:]:
            self._db.execute(HOOKS["drop_key"], (key_id,))

    def close(self) -> None:
        self._db.close()


def new_token() -> str:
    """A token: 256 bits, with a prefix that secret scanners can look for."""
    return "omb_" + secrets.token_urlsafe(32)
