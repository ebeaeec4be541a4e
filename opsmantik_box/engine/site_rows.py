"""Every site there ever was, removed ones too, as far as deleting its rows needs to know it."""

import json
from typing import Any

import apsw
from msgspec import Struct

from opsmantik_box.engine.connections import all_rows
from opsmantik_box.sql import load

SQL = load("erase")


class SiteRow(Struct, frozen=True):
    """`settings` as the owner wrote them."""

    id: int
    name: str
    timezone: str
    region: str
    settings: dict[str, Any]


def every_site(db: apsw.Connection) -> dict[int, SiteRow]:
    """By its id."""
    rows = all_rows(db, SQL["list_every_site"])
    return {number: SiteRow(number, name, zone, region, json.loads(settings)) for number, name, zone, region, settings in rows}
