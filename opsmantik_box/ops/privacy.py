"""`opsmantik-box privacy report`: what is kept of a site's visitors, why, how long, and who receives it. In the reader's language.

Made of domain/retention.py and what the Box really holds: the oldest row of each kind stands beside the rule, so a rule that is not
kept is seen by whoever reads the report. Never writes.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from opsmantik_box.domain.days import day_of
from opsmantik_box.domain.retention import KINDS, META_PURPOSES, NEVER, SENDS, Kind, days_of, kept_since
from opsmantik_box.ops.box_files import KnownSite, ask_ledger, find_site, list_months, list_sites
from opsmantik_box.sql import load
from opsmantik_box.sql.scope import ReadRefused, open_scoped
from opsmantik_box.texts import say

SQL = load("privacy")
SECONDS = 60.0
ADAPTERS = {"telegram": "telegram", "email": "mail", "webhook": "standard_webhooks"}
"""What sends in a lane."""
IN_MONTHS = ("events", "sessions")
IN_LEDGER = ("unsealed", "sealed", "touches")


class Kept(Struct, frozen=True):
    """One kind. `days` None: as long as the site or the person is with the Box. `oldest` and `overdue` only where rows are a site's."""

    kind: str
    what: str
    why: str
    personal: bool
    days: int | None
    deleted: bool
    oldest: str | None = None
    overdue: bool = False


class Told(Struct, frozen=True):
    """What a tracker may tell beside the page's address, for one purpose."""

    purpose: str
    names: tuple[str, ...]


class Receiver(Struct, frozen=True):
    """Who sees it. `kinds` is empty for people: they see the site."""

    who: str
    what: str


class Report(Struct, frozen=True):
    """Days are the site's. `sends`: somebody outside is told of alerts or contacts."""

    site: str
    name: str
    language: str
    day: str
    timezone: str
    kept: list[Kept]
    told: list[Told]
    never: list[str]
    receivers: list[Receiver]
    sends: bool


def privacy_report(data: Path, site: str, language: str, now: int) -> Report:
    """Raises NotFound, UsageError, DataFolderUnusable, ReadRefused."""
    chosen = find_site(list_sites(data), site)
    (stored,) = ask_ledger(data, SQL["read_settings"], {"site_id": chosen.id})
    settings: Mapping[str, object] = json.loads(stored[0])
    oldest = _oldest_rows(data, chosen)
    return Report(
        site=chosen.public_id,
        name=chosen.name,
        language=language,
        day=day_of(now, chosen.timezone),
        timezone=chosen.timezone,
        kept=[_kept(kind, settings, oldest.get(kind.name), chosen.timezone, language, now) for kind in KINDS],
        told=[Told(say(language, f"meta.{purpose}"), names) for purpose, names in META_PURPOSES.items()],
        never=[say(language, f"never.{name}") for name in NEVER],
        receivers=_receivers(data, chosen, language),
        sends=bool(ask_ledger(data, SQL["list_lanes"], {"site_id": chosen.id})),
    )


def _kept(kind: Kind, settings: Mapping[str, object], oldest: int | None, timezone: str, language: str, now: int) -> Kept:
    since = kept_since(settings, kind, now)
    return Kept(
        kind=kind.name,
        what=say(language, f"kept.{kind.name}"),
        why=say(language, f"why.{kind.name}"),
        personal=kind.personal,
        days=days_of(settings, kind),
        deleted=kind.days is None or bool(kind.deleted_by),
        oldest=None if oldest is None else day_of(oldest, timezone),
        overdue=oldest is not None and since is not None and oldest < since,
    )


def _receivers(data: Path, site: KnownSite, language: str) -> list[Receiver]:
    people = ask_ledger(data, SQL["list_people"], {"site_id": site.id})
    told = [Receiver(email, say(language, f"rights.{rights}")) for email, rights in people]
    told += [
        Receiver(urlsplit(str(where)).hostname or str(where), _sent_by(ADAPTERS[lane], language))
        for lane, where in ask_ledger(data, SQL["list_lanes"], {"site_id": site.id})
    ]
    told += [Receiver(place, say(language, "receives.backup")) for (place,) in ask_ledger(data, SQL["list_places"])]
    return [Receiver(say(language, "receiver.owner"), say(language, "receives.owner")), *told]


def _sent_by(adapter: str, language: str) -> str:
    kinds = ", ".join(say(language, f"kept.{kind}") for kind in SENDS[adapter])
    return say(language, "receives.messages", kinds=kinds)


def _oldest_rows(data: Path, site: KnownSite) -> dict[str, int]:
    """The time of the oldest row of each kind that has one. The oldest month that has rows of the site has its oldest row, or the
    one after it does: a session's month may be a month off its time."""
    found: dict[str, list[int]] = {}
    try:
        for file in list_months(data).values():
            _look(data, site.id, [file], IN_MONTHS, found)
        _look(data, site.id, [], IN_LEDGER, found)
    except sqlite3.Error as error:
        raise ReadRefused(problem=str(error)) from error
    return {kind: min(times) for kind, times in found.items()}


def _look(data: Path, site_id: int, files: list[str], kinds: tuple[str, ...], found: dict[str, list[int]]) -> None:
    with closing(open_scoped(data, [site_id], files, SECONDS)) as connection:
        for kind in kinds:
            row: tuple[Any, ...] | None = connection.execute(SQL[f"oldest_{kind}"], {"site_id": site_id}).fetchone()
            if row and row[0] is not None:
                found.setdefault(kind, []).append(row[0])


def format_report(report: Report) -> str:
    """The report as a page of text."""
    told = report.language
    lines = [say(told, "privacy.title", name=report.name, day=report.day), "", say(told, "privacy.kept")]
    for personal in (True, False):
        lines += ["", say(told, "privacy.personal" if personal else "privacy.other")]
        for kept in report.kept:
            if kept.personal == personal:
                lines += ["", f"  {kept.what}", f"    {kept.why}", f"    {_how_long(kept, told)}"]
    lines += ["", say(told, "privacy.told"), ""]
    lines += [f"  {one.purpose}: {', '.join(one.names)}" for one in report.told]
    lines += ["", say(told, "privacy.never"), "", *(f"  {one}" for one in report.never)]
    lines += ["", say(told, "privacy.receivers"), "", *(f"  {one.who}: {one.what}" for one in report.receivers)]
    if not report.sends:
        lines += ["", say(told, "privacy.nobody")]
    return "\n".join(lines)


def _how_long(kept: Kept, language: str) -> str:
    rule = say(language, "days.while") if kept.days is None else say(language, "days.kept", days=kept.days)
    parts = [rule]
    if kept.oldest:
        parts.append(say(language, "days.oldest", day=kept.oldest))
    if not kept.deleted:
        parts.append(say(language, "days.overdue" if kept.overdue else "days.not_yet"))
    return " ".join(parts)
