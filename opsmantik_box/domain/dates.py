"""Days as people and Google Ads write them, in English and Turkish. Pure."""

import re
from datetime import date

from opsmantik_box.errors import UsageError

MONTHS = {
    name: number
    for names in (
        "january february march april may june july august september october november december",
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
        "oca şub mar nis may haz tem ağu eyl eki kas ara",
    )
    for number, name in enumerate(names.split(), 1)
}
_NAME = rf"(?:{'|'.join(sorted(MONTHS, key=len, reverse=True))})"
_WRITTEN = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"),
    re.compile(r"(?P<d>\d\d?)\.(?P<m>\d\d?)\.(?P<y>\d{4})"),
    re.compile(rf"(?P<name>{_NAME})\.? (?P<d>\d\d?), ?(?P<y>\d{{4}})"),
    re.compile(rf"(?P<d>\d\d?) (?P<name>{_NAME})\.?,? (?P<y>\d{{4}})"),
)
"""2026-02-10 · 10.02.2026 · February 10, 2026 · 10 Şubat 2026. Not 02/10/2026: in one country that is October."""


def read_date(text: str) -> str:
    """A day as 'YYYY-MM-DD'. Raises UsageError."""
    found = find_dates(text)
    if len(found) != 1:
        raise UsageError(problem=f"day: {text[:30]!r} is no day; write it like 2026-02-10")
    return found[0]


def find_dates(text: str) -> list[str]:
    """The days that are written in a text, in the order of the text."""
    plain = " ".join(text.replace("İ", "i").lower().split())
    places = sorted((found.start(), found) for pattern in _WRITTEN for found in pattern.finditer(plain))
    return [day for _, found in places if (day := _day(found))]


def _day(found: re.Match[str]) -> str:
    parts = found.groupdict()
    month = MONTHS[parts["name"]] if parts.get("name") else int(parts["m"])
    try:
        return date(int(parts["y"]), month, int(parts["d"])).isoformat()
    except ValueError:
        return ""
