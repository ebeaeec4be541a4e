"""Which addresses of the outside world the Box may speak to. Pure: the name is looked up elsewhere, and judged here.

An address somebody configured must not lead back into the house: loopback, private and link-local networks, a cloud's metadata service,
also where IPv6 wraps one of them. What the owner allows (`notify.allowed_networks`) is allowed.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from opsmantik_box.domain.addresses import Address, Networks
from opsmantik_box.errors import UsageError

LONGEST = 2_048
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Place(Struct, frozen=True):
    """Where a request goes: scheme, host and port, and what is asked for there."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


PORTS = {"https": 443, "http": 80}


def read_place(url: str) -> Place:
    """An address as it may be configured. Raises UsageError saying what is wrong with it, never quoting it: it may hold a secret."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(problem="The address is too long, or holds what no address holds.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(problem="The address cannot be read.") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise UsageError(problem="Write the address like https://crm.example.com/hooks/1.")
    if parts.username is not None or parts.password is not None or "\\" in url:
        raise UsageError(problem="The address may hold no user, password or backslash.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, parts.hostname, port or PORTS[parts.scheme], target)


def choose_address(place_scheme: str, found: Sequence[str], allowed: Networks) -> str:
    """The one to connect to, of those a name stands for. One that may not be reached spoils all: who controls the name would choose.
    Raises UsageError."""
    if not found:
        raise UsageError(problem="The name stands for no address.")
    addresses = [read_address(text) for text in found]
    if not all(may_reach(address, allowed) for address in addresses):
        raise UsageError(problem="The name stands for an address inside this house. `notify.allowed_networks` may allow it.")
    if place_scheme == "http" and not is_inside(addresses[0], allowed):
        raise UsageError(problem="Only https leaves the house: write https://, or allow the network in `notify.allowed_networks`.")
    return found[0]


def read_address(text: str) -> Address:
    """Without a zone: `fe80::1%eth0` is link-local whatever the zone is called."""
    return ipaddress.ip_address(text.partition("%")[0])


def may_reach(address: Address, allowed: Networks) -> bool:
    """Is it out in the world, or allowed by the owner?"""
    return is_inside(address, allowed) or all(one.is_global and not one.is_multicast for one in _meant(address))


def is_inside(address: Address, networks: Networks) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _meant(address: Address) -> Iterable[Address]:
    """The address, and what it wraps."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        yield from (one for one in (address.ipv4_mapped, address.sixtofour) if one is not None)
        yield from address.teredo or ()
        if address in NAT64:
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def check_written(place: Place, allowed: Networks) -> None:
    """What can be said of an address before its name is looked up. Raises UsageError."""
    try:
        address = ipaddress.ip_address(place.host)
    except ValueError:
        if place.scheme == "http" and not allowed:
            raise UsageError(problem="Only https leaves the house: write https://, or set `notify.allowed_networks`.") from None
    else:
        choose_address(place.scheme, [str(address)], allowed)
