"""What lies in a backup comes out as it was, or not at all."""

import gzip
import hashlib
import os
from pathlib import Path
from random import Random

import pytest

from opsmantik_box.ops.packing import BLOCK, MARK, SALT, Unreadable, object_name, pack, read_key, unpack

KEY, OTHER = bytes(range(32)), bytes(32)
SIZES = [0, 1, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17]


def content(size: int, *, noise: bool = True) -> bytes:
    return Random(size).randbytes(size) if noise else b"same " * (size // 5 + 1)


@pytest.mark.parametrize("key", [None, KEY], ids=["open", "sealed"])
@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_what_is_packed_comes_out_as_it_was(tmp_path: Path, size: int, noise: bool, key: bytes | None) -> None:
    source, packed, out = (tmp_path / name for name in ("source", "packed", "out"))
    source.write_bytes(content(size, noise=noise))
    told = pack(source, packed, key)
    assert told == hashlib.sha256(source.read_bytes()).hexdigest() == unpack(packed, out, key)
    assert out.read_bytes() == source.read_bytes()


def test_without_a_key_any_gunzip_opens_it(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(content(5000))
    pack(tmp_path / "source", tmp_path / "packed", None)
    assert gzip.decompress((tmp_path / "packed").read_bytes()) == content(5000)


def packed(tmp_path: Path, size: int = 3 * BLOCK) -> bytes:
    (tmp_path / "source").write_bytes(content(size))
    pack(tmp_path / "source", tmp_path / "packed", KEY)
    return (tmp_path / "packed").read_bytes()


def refused(tmp_path: Path, damaged: bytes, key: bytes | None = KEY) -> str:
    (tmp_path / "damaged").write_bytes(damaged)
    with pytest.raises(Unreadable) as caught:
        unpack(tmp_path / "damaged", tmp_path / "out", key)
    return str(caught.value)


def frames(whole: bytes) -> list[bytes]:
    """The frames of a sealed file, with their lengths."""
    at, found = len(MARK) + SALT, []
    while at < len(whole):
        size = 4 + int.from_bytes(whole[at : at + 4], "big")
        found.append(whole[at : at + size])
        at += size
    return found


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    assert "another key" in refused(tmp_path, packed(tmp_path), OTHER)
    refused(tmp_path, packed(tmp_path), None)


@pytest.mark.parametrize("at", [0, 3, 7, 25, 30, 5000, -1, -17])
def test_a_changed_byte_is_noticed(tmp_path: Path, at: int) -> None:
    whole = bytearray(packed(tmp_path))
    whole[at] ^= 1
    refused(tmp_path, bytes(whole))


def test_frames_cannot_be_left_out_moved_or_repeated(tmp_path: Path) -> None:
    whole = packed(tmp_path)
    head, parts = whole[: len(MARK) + SALT], frames(whole)
    assert len(parts) >= 3
    for order in (parts[:-1], parts[1:], [parts[1], parts[0], *parts[2:]], [parts[0], *parts], [*parts, parts[-1]], []):
        refused(tmp_path, head + b"".join(order))


def test_a_cut_file_is_noticed(tmp_path: Path) -> None:
    whole = packed(tmp_path)
    for length in (0, 3, 21, 24, 1000, len(whole) - 1):
        refused(tmp_path, whole[:length])
    gz = gzip.compress(content(5000))
    refused(tmp_path, gz[:-9], None)


def test_the_same_file_is_sealed_differently_each_time_and_called_the_same(tmp_path: Path) -> None:
    assert packed(tmp_path) != packed(tmp_path)
    sha256 = hashlib.sha256(content(10)).hexdigest()
    assert object_name(sha256, KEY) == object_name(sha256, KEY) != object_name(sha256, OTHER)
    assert sha256 not in object_name(sha256, KEY)
    assert sha256 in object_name(sha256, None)


def test_a_key_is_hexadecimal() -> None:
    key = os.urandom(32)
    assert read_key(key.hex()) == key
    assert read_key("") is None
