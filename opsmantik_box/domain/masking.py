"""Masking of what visitors leave in addresses: the query values that look like an e-mail address, a phone number or a secret.

Never masked: click ids, utm_*, ad parameters, and the keys on the site's list. Pure, and final: what is masked is not on disk.
"""

import re
from collections.abc import Container
from urllib.parse import unquote_plus

CLICK_KEYS = frozenset({
    "gclid", "wbraid", "gbraid", "dclid", "gclsrc", "fbclid", "ttclid", "msclkid", "yclid", "twclid", "li_fat_id", "srsltid",
    "epik", "rdt_cid", "scclid",
})  # fmt: skip
AD_KEYS = frozenset({
    "campaignid", "adgroupid", "keyword", "matchtype", "network", "device", "loc_physical_ms", "loc_interest_ms", "creative",
    "placement", "targetid", "target", "adposition", "devicemodel", "feeditemid", "extensionid", "gad_source", "gad_campaignid",
})  # fmt: skip
PLAIN_KEYS = CLICK_KEYS | AD_KEYS | {"opsmantik"}

SECRET_KEYS = frozenset({
    "password", "passwd", "pwd", "pass", "sifre", "parola", "token", "access_token", "refresh_token", "id_token", "auth",
    "authorization", "api_key", "apikey", "key", "secret", "client_secret", "signature", "sig", "otp", "pin", "session",
    "sessionid", "session_id", "sid", "jwt", "code", "nonce", "hash",
})  # fmt: skip
"""Keys whose value is a secret already when it is eight characters long and holds a digit."""

EMAIL, PHONE, SECRET = "[email]", "[phone]", "[secret]"

_EMAIL = re.compile(r"[^\s@,;:<>]@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![^\W_])[+(]{0,2}\d[\d\s().\-/]{5,}\d(?!\w)")
_TOKEN = re.compile(r"[\w\-+/=.~%]{16,}", re.ASCII)
_SHIFT = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[a-z0-9])|(?<=[0-9])(?=[A-Za-z])", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{16,}", re.IGNORECASE)


def is_plain(key: str, keep: Container[str]) -> bool:
    """Is this (lower-case) key's value kept as it is, whatever it looks like?"""
    return key in PLAIN_KEYS or key in keep or key.startswith("utm_")


def mask_query(query: str, keep: Container[str]) -> str:
    """A query string with its tell-tale values replaced. The text of what is not replaced stays as it was sent."""
    return "&".join([mask_pair(pair, keep) for pair in query.split("&")])


def mask_pair(pair: str, keep: Container[str]) -> str:
    """One `key=value`, or a lone value (`?ali@ornek.com`)."""
    key, mark, value = pair.partition("=") if "=" in pair else ("", "", pair)
    if len(value) < 6 or is_plain(plain := key.lower(), keep):
        return pair
    stands = _mask_coded(plain, value) if "%" in value or "+" in value else mask_value(plain, value)
    return f"{key}{mark}{stands}" if stands else pair


def _mask_coded(key: str, value: str) -> str:
    """Also looked at decoded twice, as a link inside a link is."""
    once = unquote_plus(value)
    return mask_value(key, once) or (mask_value(key, unquote_plus(once)) if "%" in once else "")


def mask_value(key: str, value: str) -> str:
    """What stands for this (decoded) value: '[email]', '[phone]', '[secret]', or '' when it may stay."""
    if len(value) < 6 or value.isalpha():
        return ""
    if "@" in value and _EMAIL.search(value):
        return EMAIL
    if _is_secret(key, value):
        return SECRET
    return PHONE if any(_is_phone(found[0]) for found in _PHONE.finditer(value)) else ""


def _is_phone(text: str) -> bool:
    """10 to 15 digits, or 8 and more after a plus. Long order numbers are lost with them; short ones and dates are not."""
    digits = sum(character.isdigit() for character in text)
    return (8 if "+" in text else 10) <= digits <= 15


def _is_secret(key: str, value: str) -> bool:
    if key in SECRET_KEYS and len(value) >= 8 and any(map(str.isdigit, value)) and " " not in value:
        return True
    return len(value) >= 16 and any(_is_random(found[0]) for found in _TOKEN.finditer(value))


def _is_random(token: str) -> bool:
    """Long hexadecimal, or letters, capitals and digits mixed as no word is: they change at every third character or more often
    (random base64 and base36: 0.4 to 0.6 of the places; `Antika-Alan-Yerler-2024`: 0.1)."""
    bare = token.replace("-", "")
    if _HEX.fullmatch(bare) and not bare.isdigit() and not bare.isalpha():
        return True
    letters = sum(map(str.isalnum, token))
    return letters >= 16 and len(_SHIFT.findall(token)) >= letters * 0.3
