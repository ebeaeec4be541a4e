"""Users with passwords: setting one, and what is given for one. Hashes lie in the vault and never leave this process.

Promises: a wrong e-mail address and a wrong password are the same answer after the same work; tries are limited before any is done; a new
password revokes every token that an older one was given for. Nothing here is logged, and nothing but the result is on record.
"""

from typing import Any

from opsmantik_box.domain.logins import TOKEN_MS, Tries, plain, read_password
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.directory import SQL, Directory
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.engine.passwords import Passwords
from opsmantik_box.engine.vault import Vault, new_token
from opsmantik_box.errors import TooManyTries, WrongPassword


class Logins:
    """One for an engine. Raises LedgerFull, LedgerPoisoned, Unavailable besides what its methods say."""

    def __init__(self, ledger: Ledger, vault: Vault, directory: Directory) -> None:
        self._ledger, self._db, self._vault, self._directory = ledger, ledger.db, vault, directory
        self._passwords, self._tries = Passwords(), Tries()

    async def set_password(self, who: str, password: str, now: int) -> int:
        """How many tokens it revoked. Who had tried too often may try again. Raises NotFound, UsageError."""
        user_id, email = self._directory.find_user(who)
        kept = await self._passwords.hash(read_password(password))
        with self._ledger.transaction():
            revoked = len(all_rows(self._db, SQL["revoke_logins_of"], (now, user_id)))
            self._directory.record(now, "password set", None, email)
            self._vault.keep_password(user_id, kept, now)
        self._tries.forgive(email, "")
        return revoked

    async def log_in(self, email: str, password: str, address: str, name: str, now: int) -> dict[str, Any]:
        """A token for a month. `address`: from where, as it is counted. Raises WrongPassword, TooManyTries, UsageError."""
        if not self._tries.begin(email, address, now):
            raise TooManyTries
        user = self._find(email)
        kept = self._vault.password_of(user[0]) if user else None
        if not await self._passwords.holds(kept, plain(password)) or user is None or not self._is_still(user, kept):
            raise WrongPassword
        self._tries.forgive(email, address)
        user_id, email, called = user
        token, expires_at = new_token(), now + TOKEN_MS
        row = (name, self._vault.hash_token(token), user_id, now, expires_at)
        with self._ledger.transaction():
            token_id = self._db.execute(SQL["add_login"], row).get
            self._directory.record(now, "logged in", None, str(token_id), by=email)
        return {"token": token, "expires_at": expires_at, "user": {"id": user_id, "name": called}}

    def _find(self, email: str) -> tuple[int, str, str] | None:
        """(id, e-mail address, how they are called)."""
        return next(iter(all_rows(self._db, SQL["find_login"], (email.strip(),))), None)

    def _is_still(self, user: tuple[int, str, str], kept: str | None) -> bool:
        """Neither the person nor the password changed while the thread was comparing."""
        return self._find(user[1]) == user and self._vault.password_of(user[0]) == kept
