"""Amounts of money: integers of the currency's minor unit, read from what a person types. Pure.

Promises: never a float, never a guess; what can be read in two ways is refused with the way to write it.
"""

import re

from opsmantik_box.errors import UsageError

EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""ISO 4217 (List One, 2026): every currency whose minor unit is not a hundredth; all others have two decimals. These few lines cover
whatever an Ads account may be billed in (of Google's currencies only CLP, ISK, JPY, KRW and VND, and those of a few small markets, are
here at all), with no table of two hundred to keep, and no dependency."""

MOST = 2**53
"""What JSON carries exactly everywhere."""

MOST_CHARACTERS = 40

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_NUMBER = re.compile(
    r"(?P<whole>\d+|[1-9]\d{0,2}(?:(?P<group>[., '])\d{3})(?:(?P=group)\d{3})*)(?:(?!(?P=group))[.,](?P<decimals>\d+))?", re.ASCII
)
_LEADING = re.compile(r"[1-9]\d{0,2}", re.ASCII)
_MARKS = str.maketrans("\u00a0\u202f\u2009’", "   '")


def read_currency(text: str) -> str:
    """A currency's three letters, upper case. Raises UsageError."""
    code = text.strip().upper()
    if not _CURRENCY.fullmatch(code):
        raise UsageError(problem=f"currency: {text[:20]!r} is not three letters like TRY")
    return code


def exponent(currency: str) -> int:
    """How many decimals a currency has."""
    return EXPONENTS.get(currency, 2)


def read_amount(text: str, currency: str) -> int:
    """What a person typed, in minor units: '2500', '2.500', '2500,50', '2.500,50' and '2,500.00' of a currency with hundredths are
    250000, 250000, 250050, 250050 and 250000. Spaces and apostrophes may group as well. Raises UsageError for anything else.

    One separator between one to three and exactly three digits groups thousands, unless the currency has three decimals or more:
    then nobody can know, and it is refused. Of two kinds the last is the decimal one."""
    found, places = _NUMBER.fullmatch(text.translate(_MARKS).strip()), exponent(currency)
    if not found or len(text) > MOST_CHARACTERS:
        raise _unreadable(text, currency)
    whole, decimals = re.sub(r"\D", "", found["whole"]), found["decimals"] or ""
    lone = len(decimals) == 3 and not found["group"] and bool(_LEADING.fullmatch(whole))
    if lone and places < 3:
        whole, decimals, lone = whole + decimals, "", False
    amount = int(whole + decimals.ljust(places, "0"))
    if lone or len(decimals) > places or amount > MOST:
        raise _unreadable(text, currency)
    return amount


def _unreadable(text: str, currency: str) -> UsageError:
    places = exponent(currency)
    example = "2500" if not places else f"2500 or 2,500.{'50'.ljust(places, '0')}"
    return UsageError(problem=f"{text[:30]!r} is no amount in {currency}; write it like {example}")
