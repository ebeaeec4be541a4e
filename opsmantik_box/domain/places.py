"""Where a visitor is, as far as anybody says: city and district. Pure.

What counts, in this order: the header of a proxy that the site trusts, what the tracker sent, the file of places that the owner
installed. "Unknown" and its like are nothing.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

MOST = 128
LANGUAGES = ("tr", "en")
"""Whose name of a city is taken, the first there is."""
PROVINCES_FIRST = frozenset({"TR"})
"""Where people call the province their city and the town in it the district: il and ilçe."""

_NOTHING = frozenset({"", "-", "xx", "na", "n/a", "none", "null", "undefined", "unknown", "(unknown)", "(not set)", "bilinmiyor"})


class Place(NamedTuple):
    """Both empty when nobody knows."""

    city: str = ""
    district: str = ""


NOWHERE = Place()


def read_name(text: str) -> str:
    """A name as kept; '' for what only says that there is none."""
    name = text.strip()[:MOST]
    return "" if name.lower() in _NOTHING else name


def read_header(value: bytes) -> str:
    """A name as proxies send it: UTF-8, or with its bytes percent-encoded."""
    return read_name(unquote(value.decode("utf-8", "replace")).replace("\0", ""))


def first_known(*places: Place) -> Place:
    """The first that says anything: one source's city does not go with another's district."""
    return next(filter(any, places), NOWHERE)


def read_record(record: object) -> Place:
    """A record of a City database (GeoIP2's shape). In Turkey the province is the city and the town in it the district."""
    if not isinstance(record, dict):
        return NOWHERE
    fields = cast("dict[str, Any]", record)
    town = _name(fields.get("city"))
    regions = fields.get("subdivisions")
    province = _name(cast("list[object]", regions)[0]) if isinstance(regions, list) and regions else ""
    country = fields.get("country")
    code = cast("Mapping[str, object]", country).get("iso_code") if isinstance(country, dict) else None
    if code in PROVINCES_FIRST and province:
        return Place(province, town if town != province else "")
    return Place(town)


def _name(part: object) -> str:
    names = cast("Mapping[str, object]", part).get("names") if isinstance(part, dict) else None
    if not isinstance(names, dict):
        return ""
    told = cast("Mapping[str, object]", names)
    found = next((told[language] for language in LANGUAGES if told.get(language)), "")
    return read_name(found) if isinstance(found, str) else ""
