"""Identities: reading those a tracker sends, and making those it does not send. Pure: the same input always gives the same id.

An id that is not well formed is absent, never an error: an unreadable id must not cost a signal.
"""

import hashlib
import re

SLOT_MS = 10_000
"""Old trackers re-send after ten seconds, or from beforeunload while the first is in flight."""


def event_id(text: str | None) -> bytes | None:
    """The 16 bytes of a UUID of any version, in any case, with or without hyphens; None when it is none."""
    if not text:
        return None
    if len(text) == 36 and text[8::5].startswith("----"):
        text = text.replace("-", "")
    try:
        value = bytes.fromhex(text) if len(text) == 32 else b""
    except ValueError:
        return None
    return value if len(value) == 16 else None


def uuid_text(value: bytes) -> str:
    """16 bytes as a UUID with hyphens, lower case."""
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def site_id_text(text: str | None) -> str | None:
    """A site's public id in its one spelling (UUID v4, hyphens, lower case); None when it is malformed."""
    value = event_id(text)
    return uuid_text(value) if value and _is_v4(value) else None


def _is_v4(value: bytes) -> bool:
    return value[6] >> 4 == 4 and value[8] >> 6 == 2


def session_id(site_id: int, sid: str | int | None, fingerprint: str, event: bytes) -> bytes:
    """A session's 16 bytes. A UUID v4 stands for itself; another text gives a UUID derived from (site, text); nothing gives one
    derived from (site, fingerprint, event id): a session of this one signal."""
    text = "" if sid is None else str(sid)
    value = event_id(text)
    if value and _is_v4(value):
        return value
    if text:
        return _derive(b"sid", site_id, text.encode("utf-8", "replace"))
    return _derive(b"alone", site_id, fingerprint.encode("utf-8", "replace"), event)


_WEAK = re.compile(r"[0-9a-z]{1,7}", re.IGNORECASE | re.ASCII)


def is_weak(fingerprint: str) -> bool:
    """Is it an old tracker's canvas hash, which identical phones share?"""
    return bool(_WEAK.fullmatch(fingerprint))


def _derive(kind: bytes, site_id: int, *parts: bytes) -> bytes:
    """A UUID that says of itself that it was made up (version 8, RFC 9562), so that it never equals a tracker's own v4."""
    value = bytearray(_hash(16, kind, site_id, *parts))
    value[6] = value[6] & 0x0F | 0x80
    value[8] = value[8] & 0x3F | 0x80
    return bytes(value)


def _hash(size: int, kind: bytes, site_id: int, *parts: bytes) -> bytes:
    """Lengths go in before the parts: no two lists of parts read the same."""
    digest = hashlib.blake2b(b"%s:%d" % (kind, site_id), digest_size=size)
    for part in parts:
        digest.update(b":%d:" % len(part))
        digest.update(part)
    return digest.digest()


def legacy_event_ids(site_id: int, sid: bytes | str, body: bytes, received_at: int) -> list[bytes]:
    """The ids of a signal that brought none: hash(site, sid, body, ten-second slot) of this slot, then of the two before. Any of
    them known makes it a duplicate, so a copy within 20 seconds is one, wherever the slots' edges fall."""
    session = sid if isinstance(sid, bytes) else sid.encode("utf-8", "replace")
    slot = received_at // SLOT_MS
    return [_hash(16, b"event", site_id, session, body, b"%d" % (slot - back)) for back in range(3)]


def payload_hash(payload: bytes) -> bytes:
    """8 bytes that tell two signals of one id apart. The payload holds no `st`: sending again does not change it."""
    return hashlib.blake2b(payload, digest_size=8).digest()
