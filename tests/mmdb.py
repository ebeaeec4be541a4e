"""Writes tiny databases in MaxMind's format (maxmind.github.io/MaxMind-DB): what tests of places need, and no more."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARKER = b"\xab\xcd\xefMaxMind.com"
BUILT = 1_793_000_000
UINT16, UINT32, UINT64 = 5, 6, 9
"""What the format calls them; the C reader insists on each."""


def write_mmdb(file: Path, networks: Mapping[str, Any], kind: str = "GeoLite2-City", version: int = 6, built: int = BUILT) -> Path:
    """A database of these networks (no two of which overlap) and their records. IPv4 lies under ::/96, as everywhere."""
    nodes: list[list[Any]] = [[None, None]]
    data, places = bytearray(), list[int]()
    for number, (network, record) in enumerate(networks.items()):
        places.append(len(data))
        data += encode(record)
        _insert(nodes, _bits(network, version), number)
    empty = len(nodes)
    tree = b"".join(_number(child, empty, places) for node in nodes for child in node)
    about = {
        "node_count": (UINT32, empty), "record_size": (UINT16, 24), "ip_version": (UINT16, version), "database_type": kind,
        "languages": ["en"], "binary_format_major_version": (UINT16, 2), "binary_format_minor_version": (UINT16, 0),
        "build_epoch": (UINT64, built), "description": {"en": "test"},
    }  # fmt: skip
    file.write_bytes(tree + bytes(16) + bytes(data) + MARKER + encode(about))
    return file


def place(city: str, province: str = "", country: str = "TR") -> dict[str, Any]:
    """A record as GeoLite2-City has it."""
    record: dict[str, Any] = {"city": {"names": {"en": city}}, "country": {"iso_code": country}}
    return record | ({"subdivisions": [{"names": {"en": province}}]} if province else {})


def _bits(network: str, version: int) -> str:
    found = ipaddress.ip_network(network)
    before = 96 if found.version == 4 and version == 6 else 0
    bits = f"{int(found.network_address):0{found.max_prefixlen}b}"[: found.prefixlen]
    return "0" * before + bits


def _insert(nodes: list[list[Any]], bits: str, number: int) -> None:
    at = 0
    for bit in map(int, bits[:-1]):
        if nodes[at][bit] is None:
            nodes.append([None, None])
            nodes[at][bit] = ("node", len(nodes) - 1)
        at = nodes[at][bit][1]
    nodes[at][int(bits[-1])] = ("record", number)


def _number(child: tuple[str, int] | None, empty: int, places: list[int]) -> bytes:
    kind, number = child or ("node", empty)
    return (number if kind == "node" else empty + 16 + places[number]).to_bytes(3, "big")


def encode(value: Any) -> bytes:
    """A value of the data section; a number comes with its kind."""
    if isinstance(value, str):
        text = value.encode()
        return _control(2, len(text)) + text
    if isinstance(value, Mapping):
        return _control(7, len(value)) + b"".join(encode(key) + encode(one) for key, one in value.items())
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(encode, value))
    kind, number = value
    digits = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return _control(kind, len(digits)) + digits


def _control(kind: int, size: int) -> bytes:
    """The byte before a value (two for the kinds above 7, another for sizes from 29 to 284)."""
    extended = bytes([kind - 7]) if kind > 7 else b""
    head, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytes([((0 if kind > 7 else kind) << 5) | head]) + extended + more
