"""What a site may be described by, before it is one. Pure. For one site (`site add`) and for a file of them (`site import`)."""

import ipaddress
import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from msgspec import Struct

from opsmantik_box.errors import UsageError

CONSENTS = ("pending", "granted", "denied", "limit")
_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")
_LISTS = frozenset({"domains", "staging_domains", "internal_addresses", "trusted_proxies"})


class SiteEntry(Struct, frozen=True, kw_only=True):
    """A site as the owner describes it. `domains` are hosts; their subdomains belong to the site."""

    name: str
    domains: list[str]
    timezone: str = "Europe/Istanbul"
    region: str = "TR"
    currency: str = "TRY"
    consent: str = "pending"
    staging_domains: list[str] = []
    internal_addresses: list[str] = []
    trusted_proxies: list[str] = []


class SiteChange(Struct, frozen=True, kw_only=True):
    """What is to be another; empty stays as it is. `trusted_proxies` are all of them; `no_proxies`: there is none."""

    add_domains: list[str] = []
    trusted_proxies: list[str] = []
    no_proxies: bool = False
    consent: str = ""


def read_entry(fields: Mapping[str, object]) -> SiteEntry:
    """A checked entry out of loose fields (a row of a file, options). `domain` may stand for `domains`; a text in the place of a
    list is split at spaces, commas and semicolons; empty fields have the default. Raises UsageError naming the field."""
    given = {_field(key): value for key, value in fields.items() if value not in (None, "", [])}
    unknown = sorted(set(given) - set(SiteEntry.__struct_fields__))
    if unknown:
        raise UsageError(problem=f"unknown field {unknown[0]!r}; fields are {', '.join(SiteEntry.__struct_fields__)}")
    values = {key: _words(key, value) if key in _LISTS else _text(key, value) for key, value in given.items()}
    return check_entry(SiteEntry(**({"name": "", "domains": []} | values)))  # pyright: ignore[reportArgumentType]


def check_entry(entry: SiteEntry) -> SiteEntry:
    """The entry in canonical form: hosts lower case, region and currency upper case. Raises UsageError naming the field."""
    return SiteEntry(
        name=_name(entry.name),
        domains=_domains("domains", entry.domains, needed=True),
        timezone=_timezone(entry.timezone),
        region=_letters("region", entry.region, 2, "TR"),
        currency=_letters("currency", entry.currency, 3, "TRY"),
        consent=_consent(entry.consent),
        staging_domains=_domains("staging_domains", entry.staging_domains, needed=False),
        internal_addresses=_addresses("internal_addresses", entry.internal_addresses),
        trusted_proxies=_addresses("trusted_proxies", entry.trusted_proxies),
    )


def _field(key: str) -> str:
    key = key.strip().lower()
    return "domains" if key == "domain" else key


def _words(key: str, value: object) -> list[str]:
    if isinstance(value, str):
        return [word for word in re.split(r"[\s,;]+", value) if word]
    if isinstance(value, list | tuple):
        return [_text(key, one) for one in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    raise UsageError(problem=f"{key}: expected a list of texts, got {value!r}")


def _text(key: str, value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    raise UsageError(problem=f"{key}: expected a text, got {value!r}")


def _name(name: str) -> str:
    if not name:
        raise UsageError(problem="name: it is empty; give the site a name")
    if len(name) > 100 or not name.isprintable():
        raise UsageError(problem=f"name: {name[:30]!r} is longer than 100 characters or holds control characters")
    return name


def _domains(key: str, names: list[str], *, needed: bool) -> list[str]:
    if needed and not names:
        raise UsageError(problem=f"{key}: at least one is needed, like www.example.com (its subdomains are included)")
    return list(dict.fromkeys(_host(key, name) for name in names))


def _host(key: str, name: str) -> str:
    host = name.lower().rstrip(".")
    plain = host if host.isascii() else _idna(key, name)
    if not plain or len(plain) > 253 or not all(_LABEL.fullmatch(label) for label in plain.split(".")):
        raise UsageError(problem=f"{key}: {name!r} is no host; write it like www.example.com, without https:// and without a path")
    return plain


def _idna(key: str, name: str) -> str:
    try:
        return name.lower().encode("idna").decode()
    except UnicodeError:
        raise UsageError(problem=f"{key}: {name!r} is no host") from None


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # unknown, a folder of zones, no such name at all
        raise UsageError(problem=f"timezone: {name!r} is not known; write it like Europe/Istanbul") from None
    return name


def _letters(key: str, text: str, count: int, example: str) -> str:
    if not re.fullmatch(rf"[A-Za-z]{{{count}}}", text):
        raise UsageError(problem=f"{key}: {text!r} is not {count} letters like {example}")
    return text.upper()


def _consent(text: str) -> str:
    if text not in CONSENTS:
        raise UsageError(problem=f"consent: {text!r} is none of {', '.join(CONSENTS)}")
    return text


def _addresses(key: str, texts: list[str]) -> list[str]:
    try:
        return [str(ipaddress.ip_network(text, strict=False)) for text in texts]
    except ValueError as error:
        raise UsageError(problem=f"{key}: {error}") from None
