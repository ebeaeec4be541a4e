"""Client addresses: whose they are behind proxies, and how little of one is kept. Pure and cached.

No full address leaves the gateway but as a rate bucket's key, and none is ever stored: sessions keep the prefix only.
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

LOOPBACK = ("127.0.0.0/8", "::1/128")
"""The proxies trusted unless the configuration says otherwise."""
UNREADABLE = "unreadable"
"""The bucket of what has no readable address: never empty, which would exempt it."""
MAX_FORWARDED = 2_048

_V4_WITH_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}")
_V6_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?")


def parse_networks(texts: Iterable[str]) -> Networks:
    """Addresses and networks as written in a configuration. Raises ValueError naming the one that is neither."""
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts)


def read_networks(texts: Iterable[str]) -> Networks:
    """The same, leaving out what is neither: a stored mistake must not stop a site."""
    found: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for text in texts:
        try:
            found += parse_networks([text])
        except ValueError:
            continue
    return tuple(found)


@lru_cache(maxsize=4096)
def read_address(text: str) -> Address | None:
    """An address as it comes in headers: with a port, in brackets, IPv4 inside IPv6; None when it is none."""
    bare = text.strip()
    with_port = _V4_WITH_PORT.fullmatch(bare) or _V6_WITH_PORT.fullmatch(bare)
    try:
        found = ipaddress.ip_address((with_port[1] if with_port else bare).partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def client_address(peer: str, forwarded_for: list[str] | str | None, trusted: Networks) -> str:
    """The right-most address that is no trusted proxy's. The peer itself when it is not trusted: whatever it says of others is
    hearsay. An unreadable entry ends the walk at the last hop that could be read. '' when even the peer cannot be read."""
    if not forwarded_for:
        return _plain(peer)
    chain = forwarded_for if isinstance(forwarded_for, str) else ",".join(forwarded_for)
    return _walk(peer, chain[-MAX_FORWARDED:], trusted)


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    found = read_address(text)
    return str(found) if found else ""


@lru_cache(maxsize=4096)
def _walk(peer: str, chain: str, trusted: Networks) -> str:
    here = read_address(peer)
    for entry in reversed(chain.split(",")):
        if here is None or not _within(here, trusted):
            break
        before = read_address(entry)
        if before is None:
            break
        here = before
    return str(here) if here else ""


def _within(address: Address, networks: Networks) -> bool:
    return any(address.version == network.version and address in network for network in networks)


@lru_cache(maxsize=4096)
def is_internal(address: str, networks: Networks) -> bool:
    """Is it one of the agency's own?"""
    found = read_address(address) if networks else None
    return found is not None and _within(found, networks)


@lru_cache(maxsize=4096)
def address_prefix(address: str) -> str:
    """What a session keeps of it: the /24 or /48, as its first address ('78.190.12.0', '2a02:ff0:1::'); '' when unreadable."""
    return _network(address, 24, 48)


@lru_cache(maxsize=4096)
def bucket_key(address: str) -> str:
    """Whom a rate limit counts: an IPv4 address, an IPv6 /64 (one household has billions). Never ''."""
    return _network(address, 32, 64) or UNREADABLE


def _network(address: str, bits_v4: int, bits_v6: int) -> str:
    found = read_address(address)
    if found is None:
        return ""
    rest = found.max_prefixlen - (bits_v4 if found.version == 4 else bits_v6)
    return str(type(found)(int(found) >> rest << rest))
