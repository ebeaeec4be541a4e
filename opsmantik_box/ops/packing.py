"""How a file lies in a backup: compressed (any gunzip opens it), and sealed in frames when there is a key.

Sealed is AES-256-GCM over frames of a megabyte, each with its number and whether it is the last: a frame that is changed, moved, repeated
or missing is noticed, at the end too. Every file has a key of its own, derived from the owner's and 16 random bytes at its beginning.
Promises: constant memory; what was not packed with this key is never taken for something else.
"""

import hashlib
import hmac
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from opsmantik_box.errors import BoxError

BLOCK = 1024 * 1024
LEVEL = 1
"""Three times smaller at 80 MB/s; higher levels cost more than they save."""
MARK = b"OMBX1"
SALT, LENGTH, TAG = 16, 4, 16
GZIP = 31
"""zlib's name for gzip's frame."""


class Unreadable(BoxError):
    """{file} cannot be opened: {problem}"""


def read_key(text: str) -> bytes | None:
    """The owner's key: 64 hexadecimal digits (checked where settings are read). None without one."""
    return bytes.fromhex(text) if text else None


def object_name(sha256: str, key: bytes | None) -> str:
    """What a file of this content is called. With a key it tells nothing of the content to who has not got it."""
    known = sha256 if key is None else hmac.new(key, bytes.fromhex(sha256), hashlib.sha256).hexdigest()
    return f"objects/{known}.gz{'.enc' * (key is not None)}"


def pack(source: Path, target: Path, key: bytes | None) -> str:
    """Writes `target`; the SHA-256 of `source`. Raises OSError."""
    sha256 = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as out:
        squeezed = _compressed(_blocks(file), sha256.update)
        for part in squeezed if key is None else _sealed(squeezed, key):
            out.write(part)
        out.flush()
        os.fsync(out.fileno())
        for done in (file, out):  # what is read once must not push out what signals need
            os.posix_fadvise(done.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return sha256.hexdigest()


def unpack(source: Path, target: Path, key: bytes | None) -> str:
    """Writes `target`; its SHA-256. Raises Unreadable, OSError."""
    sha256 = hashlib.sha256()
    try:
        with source.open("rb") as file, target.open("wb") as out:
            for part in _expanded(_blocks(file) if key is None else _opened(file, key)):
                sha256.update(part)
                out.write(part)
            out.flush()
            os.fsync(out.fileno())
    except InvalidTag:
        raise Unreadable(file=source.name, problem="it is damaged, or was made with another key") from None
    except (zlib.error, ValueError) as error:
        raise Unreadable(file=source.name, problem=str(error)) from None
    return sha256.hexdigest()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def _compressed(blocks: Iterable[bytes], see: Callable[[bytes], None]) -> Iterator[bytes]:
    squeeze = zlib.compressobj(LEVEL, wbits=GZIP)
    for block in blocks:
        see(block)
        yield squeeze.compress(block)
    yield squeeze.flush()


def _expanded(parts: Iterable[bytes]) -> Iterator[bytes]:
    expand = zlib.decompressobj(wbits=GZIP)
    for part in parts:
        yield expand.decompress(part, BLOCK)
        while expand.unconsumed_tail:
            yield expand.decompress(expand.unconsumed_tail, BLOCK)
    if not expand.eof:
        raise ValueError("it ends too early")


def _sealed(parts: Iterable[bytes], key: bytes) -> Iterator[bytes]:
    salt = os.urandom(SALT)
    cipher, number, waiting = _cipher(key, salt), 0, bytearray()
    yield MARK + salt
    for part in parts:
        waiting += part
        while len(waiting) > BLOCK:
            yield _frame(cipher, number, bytes(waiting[:BLOCK]), last=False)
            del waiting[:BLOCK]
            number += 1
    yield _frame(cipher, number, bytes(waiting), last=True)


def _frame(cipher: AESGCM, number: int, plain: bytes, *, last: bool) -> bytes:
    sealed = cipher.encrypt(_nonce(number, last=last), plain, None)
    return len(sealed).to_bytes(LENGTH, "big") + sealed


def _opened(file: BinaryIO, key: bytes) -> Iterator[bytes]:
    head = file.read(len(MARK) + SALT)
    if not head.startswith(MARK) or len(head) < len(MARK) + SALT:
        raise ValueError("it was not encrypted by this Box")
    cipher, number = _cipher(key, head[len(MARK) :]), 0
    length = file.read(LENGTH)
    while length:
        size = int.from_bytes(length, "big")
        if size > BLOCK + TAG:
            raise InvalidTag
        sealed, length = file.read(size), file.read(LENGTH)
        yield cipher.decrypt(_nonce(number, last=not length), sealed, None)
        number += 1
    if not number:
        raise ValueError("it ends too early")


def _nonce(number: int, *, last: bool) -> bytes:
    """Never twice under one file's key."""
    return number.to_bytes(11, "big") + bytes([last])


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"opsmantik-box backup").derive(key))
