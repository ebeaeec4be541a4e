"""What a link calls: a phone number or a WhatsApp chat, in one spelling (`tel:+902125550142`, `wa:+905325550143`).

Pure and cached. Never raises; never guesses: a number that cannot be read is `unknown`, and still a contact.
"""

import re
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qsl, unquote

import phonenumbers  # the wheel is phonenumberslite: the same without geography

from opsmantik_box.domain.urls import read_host

Kind = Literal["phone", "whatsapp"]
UNKNOWN = {"phone": "tel:unknown", "whatsapp": "wa:unknown"}
_PREFIX = {"phone": "tel:", "whatsapp": "wa:"}

MAX_LINK = 512
"""What is longer is no link of a button."""
MAX_VANITY = 120

WHATSAPP_HOSTS = frozenset({"wa.me", "www.wa.me", "api.whatsapp.com", "web.whatsapp.com", "wa.link"})

_LINK = re.compile(r"\s*(tel|callto|whatsapp|https?):(.*)", re.IGNORECASE | re.DOTALL)
_WEB = re.compile(r"(?://)?([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.DOTALL)
_NUMBER = re.compile(r"[+\d(][\d\s().\-/]{4,24}")


@lru_cache(maxsize=4096)
def read_target(text: str, region: str, wa_hosts: tuple[str, ...]) -> tuple[Kind, str] | None:
    """('phone' | 'whatsapp', target) of a link; None when it is neither. `region` (ISO, 'TR') is for numbers without a country;
    `wa_hosts` are the site's own WhatsApp addresses, each a host or host/path."""
    found = _LINK.fullmatch(text[: MAX_LINK + 1]) if len(text) <= MAX_LINK else None
    if not found:
        return None
    scheme, rest = found[1].lower(), found[2]
    if scheme in ("tel", "callto"):
        number = e164(unquote(rest).removeprefix("//"), region)
        return "phone", f"tel:{number}" if number else UNKNOWN["phone"]
    return _read_whatsapp(scheme, rest, region, wa_hosts)


def _read_whatsapp(scheme: str, rest: str, region: str, wa_hosts: tuple[str, ...]) -> tuple[Kind, str] | None:
    web = _WEB.match(rest)
    host, path = (read_host(web[1].rpartition("@")[2].partition(":")[0]), unquote(web[2])) if web else ("", "")
    own = scheme != "whatsapp" and host not in WHATSAPP_HOSTS
    if not web or (own and not _is_own(host, path, wa_hosts)):
        return None
    number = _phone_parameter(web[3] or "") or ("" if own else path.strip("/"))
    known = whatsapp_number(number, region)
    if known:
        return "whatsapp", f"wa:{known}"
    vanity = path.rstrip("/") if scheme != "whatsapp" else ""
    if vanity in ("", "/send") or _NUMBER.fullmatch(number):
        return "whatsapp", f"wa:{host}" if own and not vanity else UNKNOWN["whatsapp"]
    return "whatsapp", _clean(f"wa:{host}{vanity}")


def _is_own(host: str, path: str, wa_hosts: tuple[str, ...]) -> bool:
    for entry in wa_hosts:
        known, mark, start = entry.partition("/")
        if host == known.lower() and path.startswith(mark + start):
            return True
    return False


def _phone_parameter(query: str) -> str:
    return next((value for key, value in parse_qsl(query, max_num_fields=None) if key.lower() == "phone"), "")


def _clean(target: str) -> str:
    return "".join(character for character in target if character.isprintable() and character != " ")[:MAX_VANITY]


def whatsapp_number(text: str, region: str) -> str:
    """WhatsApp's links want the country first and no plus; people leave it out all the same. '' when unreadable."""
    bare = text.strip().lstrip("+")
    if not _NUMBER.fullmatch(bare):
        return ""
    if bare.startswith("00"):
        return e164("+" + bare[2:], region)
    abroad, home = _parse("+" + bare, None), _parse(bare, region)
    if abroad and phonenumbers.is_valid_number(abroad):
        return _format(abroad)
    if home and phonenumbers.is_valid_number(home):
        return _format(home)
    return e164(bare if bare.startswith("0") else "+" + bare, region)


def e164(text: str, region: str) -> str:
    """A number as +90…; '' when it cannot be one there (too short, too long, no digits)."""
    number = _parse(text.strip()[:64], region)
    return _format(number) if number and phonenumbers.is_possible_number(number) else ""


def is_number(text: str) -> bool:
    """Does this label spell a phone number and nothing else?"""
    return bool(_NUMBER.fullmatch(text.strip()[:64]))


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _format(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def target_of(kind: Kind, text: str, region: str, wa_hosts: tuple[str, ...]) -> str:
    """The target of what is known to be a contact, by its label: a link (also without `https://`), or a number and nothing else."""
    found = read_target(text, region, wa_hosts) or read_target(f"https://{text.strip()}", region, wa_hosts)
    if found:
        address = found[1].partition(":")[2]
        return found[1] if found[0] == kind else _PREFIX[kind] + (address if address.startswith("+") else "unknown")
    number = e164(text, region) if is_number(text) else ""
    return _PREFIX[kind] + number if number else UNKNOWN[kind]
