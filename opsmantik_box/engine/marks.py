"""Marks: keyed hashes by which what was erased is known again, and by nothing else. The key is the vault's.

Without the vault nobody can ask whether somebody was erased; with it one can, and learn no more than that.
"""

import hashlib

import apsw

from opsmantik_box.engine.contacts import Contacts
from opsmantik_box.engine.vault import Vault
from opsmantik_box.sql import load

SQL = load("erase")
ERASED = 0
"""What is told of a contact that was erased has this number, and is stored nowhere."""


class Marks:
    """Of identifiers of one site. `key`: which key it is (a restored vault may have another, and then no mark fits)."""

    def __init__(self, vault: Vault, contacts: Contacts) -> None:
        self._key, self._contacts = vault.box_key("erasure"), contacts
        self.key = hashlib.blake2b(b"which key", key=self._key, digest_size=8).hexdigest()

    def of(self, kind: str, site_id: int, value: str | bytes) -> bytes:
        """`kind`: fingerprint, session (16 bytes), phone (as +90…), or what a contact came with: call, form, message. A number's mark
        is the hash that calls are found by."""
        if kind == "phone":
            assert isinstance(value, str)
            return self._contacts.hash_number(site_id, value) or b""
        told = value.encode("utf-8", "replace") if isinstance(value, str) else value
        return hashlib.blake2b(b"%s:%d:%s" % (kind.encode(), site_id, told), key=self._key, digest_size=16).digest()

    def of_call(self, site_id: int, provider: str, provider_call_id: str) -> bytes:
        """An exchange's own id of a call."""
        return self.of("call", site_id, f"{provider}\0{provider_call_id}")


def is_erased(db: apsw.Connection, *marks: bytes) -> bool:
    """Was something with one of these marks erased?"""
    return any(db.execute(SQL["find_mark"], (mark,)).get is not None for mark in marks)
