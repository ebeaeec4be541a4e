"""Whom to call back: phone numbers, names and e-mail addresses, encrypted at rest (AES-256-GCM) and found by keyed hash.

The keys lie in the vault; whoever has only the ledger has neither the numbers nor a way to look for one. What is sealed for one row
opens for no other. Nothing here is logged.
"""

import hashlib
import os
from functools import cached_property
from typing import TYPE_CHECKING

from opsmantik_box.engine.vault import Vault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_NONCE = 12


class Contacts:
    """Seals and opens what `calls` keeps of a person."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @cached_property
    def _cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 8 MB: only for Boxes that are told of calls

        return AESGCM(self._vault.box_key("contact"))

    @cached_property
    def _hash_key(self) -> bytes:
        return self._vault.box_key("contact_hash")

    def seal(self, column: str, call_id: int, text: str) -> bytes:
        """A text for that column of that row; of nothing, nothing."""
        if not text:
            return b""
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, text.encode("utf-8", "replace"), _identity(column, call_id))

    def unseal(self, column: str, call_id: int, sealed: bytes) -> str:
        """The text again. Raises cryptography's InvalidTag for what was sealed for another row, or with another Box's key."""
        if not sealed:
            return ""
        start = len(_VERSION) + _NONCE
        return self._cipher.decrypt(sealed[len(_VERSION) : start], sealed[start:], _identity(column, call_id)).decode()

    def hash_number(self, site_id: int, number: str) -> bytes | None:
        """By what a number is found on its site; another site's hash of the same number is another. None for what is no E.164
        number: an extension or a withheld number is nobody's."""
        if not number.startswith("+"):
            return None
        return hashlib.blake2b(b"%d:%s" % (site_id, number.encode("utf-8", "replace")), key=self._hash_key, digest_size=16).digest()


def _identity(column: str, call_id: int) -> bytes:
    return f"calls.{column}:{call_id}".encode()
