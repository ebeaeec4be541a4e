"""Reports and queries over real files: months merged, the same numbers by the service, the command and SQL; files that change."""

import asyncio
import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsmantik_box.domain.attribution import Rank
from opsmantik_box.domain.days import Days, day_bounds
from opsmantik_box.domain.months import month_start, next_month, previous_month
from opsmantik_box.domain.pages import END_OF_TIME, Position, Span
from opsmantik_box.errors import DataFolderUnusable, NotFound, UsageError
from opsmantik_box.gateway import readers as readers_module
from opsmantik_box.gateway import reads as reads_module
from opsmantik_box.gateway.readers import MOST_MONTHS
from opsmantik_box.gateway.reads import READERS, Reads
from opsmantik_box.ops.query import SHIPPED, read_query, run_query
from opsmantik_box.ops.report import stats
from opsmantik_box.ops.report_text import format_stats
from opsmantik_box.sql.scope import ReadRefused, ReadTooSlow
from tests.reading_data import FORM, NOON, PHONE, WHATSAPP, Folder, ask_both, with_reads

DAY = 86_400_000
TODAY = "2026-11-05"
DAYS = Days(TODAY, TODAY, "Europe/Istanbul")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path / "data")
    yield made
    made.close()


def test_a_session_counts_on_the_day_it_started_whichever_month_it_lives_in(folder: Folder) -> None:
    site, _ = folder.site("antika")
    from_ms, to_ms = day_bounds("2026-11-01", "Europe/Istanbul")  # begins in October (UTC)
    for month in ("2026-09", "2026-10", "2026-11", "2026-12"):
        folder.month(month)
    folder.session(site, from_ms, Rank.FIRST_CLICK, "2026-10", fingerprint="fp_a")
    folder.session(site, month_start("2026-11"), Rank.FIRST_CLICK, "2026-10", fingerprint="fp_a")
    folder.session(site, to_ms - 1, Rank.ASSISTED, "2026-12", fingerprint="fp_b")
    for outside in (from_ms - 1, to_ms):
        folder.session(site, outside, Rank.FIRST_CLICK)
    told = ask_both(folder, site, "antika", "2026-11-01", "2026-11-01")
    assert (told["ads"]["sessions"], told["ads"]["with_click"], told["ads"]["assisted"], told["ads"]["visitors"]) == (3, 2, 1, 2)
    assert told["by_hour"][0] == {"start": from_ms, "sessions": 1, "intents": 0}
    assert told["by_hour"][-1]["sessions"] == 1


@pytest.mark.parametrize(("day", "zone", "hours"), [("2026-03-29", "Europe/Berlin", 23), ("2026-10-25", "Europe/Berlin", 25)])
def test_a_day_of_23_or_25_hours_has_all_of_its_sessions(folder: Folder, day: str, zone: str, hours: int) -> None:
    site, _ = folder.site("berlin", zone)
    from_ms, to_ms = day_bounds(day, zone)
    for at in range(from_ms - 3_600_000, to_ms + 3_600_000, 3_600_000):
        folder.session(site, at + 59 * 60_000)
        folder.call(site, at + 59 * 60_000, PHONE)
    told = ask_both(folder, site, "berlin", day, day, "all")
    assert told["all"]["sessions"] == told["all"]["intents"] == hours
    assert [(hour["sessions"], hour["intents"]) for hour in told["by_hour"]] == [(1, 1)] * hours


def test_an_intent_counts_by_what_was_known_at_its_tap_on_the_day_of_its_tap(folder: Folder) -> None:
    site, _ = folder.site("antika")
    session = folder.session(site, NOON - DAY, Rank.FIRST_CLICK)
    folder.call(site, NOON, PHONE, Rank.ORGANIC, attribution_source="First Click (Paid)", matched_session_id=session)
    folder.call(site, NOON, WHATSAPP, Rank.ASSISTED)
    folder.call(site, NOON, FORM, Rank.ASSISTED)
    folder.call(site, NOON, PHONE, Rank.FIRST_CLICK, is_bot=1)
    folder.call(site, NOON, PHONE, Rank.FIRST_CLICK, is_internal=1)
    told = ask_both(folder, site, "antika", TODAY, TODAY)
    assert (told["ads"]["sessions"], told["ads"]["phone"], told["ads"]["whatsapp"], told["ads"]["form"]) == (0, 0, 1, 1)
    assert (told["all"]["intents"], told["bots"]["intents"], told["internal"]["phone"]) == (2, 1, 1)


@pytest.mark.parametrize("status", ["confirmed", "qualified", "real"])
def test_what_was_sealed_is_counted_with_its_worth(folder: Folder, status: str) -> None:
    site, _ = folder.site("antika")
    folder.call(site, NOON, PHONE, Rank.FIRST_CLICK, status=status, sale_amount=120_000, currency="TRY")
    for other in ("intent", "junk", "suspicious", None):
        folder.call(site, NOON, PHONE, Rank.FIRST_CLICK, status=other)
    told = ask_both(folder, site, "antika", TODAY, TODAY)
    assert (told["ads"]["sealed"], told["ads"]["sealed_value"], told["ads"]["intents"]) == (1, 120_000, 5)


@pytest.mark.parametrize(
    ("more", "bounced"),
    [
        ({}, 1),
        ({"page_views": 2}, 0),
        ({"intents": 1}, 0),
        ({"conversion_events": 1}, 0),
        ({"fired": 4}, 0),
        ({"fired": 8}, 0),
        ({"fired": 1 | 2 | 16 | 32 | 64}, 1),
        ({"last_event_at": NOON + 9_999}, 1),
        ({"last_event_at": NOON + 10_000}, 0),
    ],
)
def test_a_bounce_is_what_product_md_says(folder: Folder, more: dict[str, int], bounced: int) -> None:
    site, _ = folder.site("antika")
    folder.session(site, NOON, Rank.FIRST_CLICK, **more)
    assert ask_both(folder, site, "antika", TODAY, TODAY)["bounce_rate"] == bounced


def test_a_site_without_traffic_has_a_report_and_so_has_a_box_without_months(folder: Folder) -> None:
    site, public = folder.site("leer")
    told = ask_both(folder, site, "leer", TODAY, TODAY)
    assert told["site_id"] == public
    assert (told["all"]["sessions"], told["avg_duration_sec"], told["bounce_rate"]) == (0, None, None)
    assert told["google"]["clicks"] is None
    assert len(told["by_hour"]) == 24


def test_the_report_reads_as_the_line_of_product_md(folder: Folder) -> None:
    site, _ = folder.site("antika")
    folder.session(site, NOON, Rank.FIRST_CLICK)
    for number in range(2):
        folder.session(site, NOON, Rank.ASSISTED)
        folder.call(site, NOON, PHONE if number else WHATSAPP, Rank.ASSISTED)
    folder.session(site, NOON, is_bot=1)
    folder.add("ad_clicks", site_id=site, day=TODAY, clicks=120, as_of=NOON - 10, source="entered")
    folder.add("ad_clicks", site_id=site, day=TODAY, clicks=130, as_of=NOON + 3 * 3_600_000 + 300_000, source="entered")
    folder.add("client_counts", site_id=site, day=TODAY, whatsapp=7, as_of=NOON)
    text = format_stats(ask_both(folder, site, "antika", TODAY, TODAY))
    assert (
        "130 ad clicks (Google, Europe/Istanbul, as of 18:05) → 1 session with a click + 2 assisted = 3 ads sessions → "
        "2 intents (1 phone, 1 WhatsApp) → 0 sealed so far. All traffic: 3 sessions, 2 intents (1 phone, 1 WhatsApp). "
        "Not counted: 1 bot session (0 taps), 0 internal."
    ) in text
    assert "The client counted 7 WhatsApp, no phone." in text
    assert len({len(line) for line in text.splitlines()[3:9]}) == 1


# --- the shipped query ------------------------------------------------------------------------------------------------------------


def scatter(folder: Folder, site: int, chance: random.Random, around: int) -> None:
    """Sessions, taps, forms and calls of every kind within two days of a time."""
    for _ in range(150):
        at, rank = around + chance.randrange(-DAY, DAY), chance.choice(list(Rank))
        marks = {"is_bot": int(chance.random() < 0.1), "is_internal": int(chance.random() < 0.1)}
        visitor = chance.choice([None, f"fp_{chance.randrange(20)}"])
        session = folder.session(site, at, rank, fingerprint=visitor, **marks)
        for kind in (PHONE, WHATSAPP, FORM, {"source": "call"}):
            if chance.random() < 0.3:
                status = chance.choice(["intent", "real", "confirmed", "junk"])
                folder.call(site, at + chance.randrange(60_000), kind, rank, matched_session_id=session, status=status, **marks)


@pytest.mark.parametrize(
    "around", [NOON, month_start("2026-11") + 1000, month_start("2026-12") - DAY], ids=["middle", "first", "last"]
)
@pytest.mark.parametrize("called", ["antika", "ANTIKA.example"])
def test_the_shipped_query_tells_what_stats_tells(folder: Folder, around: int, called: str) -> None:
    site, _ = folder.site("antika", domains='["www.x.example", "antika.example"]')
    other, _ = folder.site("fremd")
    chance = random.Random(around)
    scatter(folder, site, chance, around)
    scatter(folder, other, chance, around)
    told = stats(folder.data, "antika", None, None, "ads", around)
    columns, rows = run_query(folder.data, read_query(SHIPPED[0]), None, called, None, around)
    assert [row[0] for row in rows] == ["ads", "all"]
    for row in rows:
        assert dict(zip(columns[1:], row[1:], strict=True)) == {column: told[row[0]][column] for column in columns[1:]}
    assert told["ads"]["sessions"] > 10
    assert told["all"]["sealed"] > 5


def test_a_query_sees_the_chosen_site_or_every_site_and_the_months_it_was_told(folder: Folder) -> None:
    for name in ("a", "b"):
        site, _ = folder.site(name)
        for month in ("2026-09", "2026-10", "2026-11"):
            folder.session(site, month_start(month) + 5 * DAY)
    count = "select count(*), min(created_month), max(created_month) from temp.sessions"
    ask = lambda **more: run_query(folder.data, count, **({"site_ids": None, "site": None, "months": None, "now": NOON} | more))[1]  # noqa: E731
    assert ask() == [(2, "2026-11", "2026-11")]
    assert ask(site="a") == [(1, "2026-11", "2026-11")]
    assert ask(site="a", months=["2026-10", "2026-09"]) == [(2, "2026-09", "2026-10")]
    assert ask(now=month_start("2026-11") + 1) == [(4, "2026-10", "2026-11")]
    assert ask(now=NOON + 300 * DAY) == [(2, "2026-11", "2026-11")]
    for months in (["2026-08"], ["2026-09", "2026-10", "2026-11"]):
        with pytest.raises(UsageError):
            ask(months=months)
    with pytest.raises(NotFound):
        ask(site="nobody")


def test_a_query_before_the_first_signal_says_so(folder: Folder) -> None:
    folder.site("a")
    with pytest.raises(UsageError, match="first signal"):
        run_query(folder.data, "select * from sessions", None, "a", None, NOON)
    assert run_query(folder.data, "select count(*) from calls", None, "a", None, NOON)[1] == [(0,)]


def test_a_name_that_two_sites_have_is_refused(folder: Folder) -> None:
    for name in ("a", "b"):
        folder.site(name, domains='["same.example"]')
    with pytest.raises(UsageError, match="2 sites"):
        stats(folder.data, "same.example", None, None, "ads", NOON)


def test_a_folder_without_a_ledger_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataFolderUnusable, match=r"ledger\.db"):
        stats(tmp_path, "a", None, None, "ads", NOON)


@pytest.mark.parametrize(
    "days", [("2026-11-06", "2026-11-05"), ("2025-01-01", "2026-11-05"), ("x", "y"), ("2026-02-30", None), ("0001-01-01", None)]
)
def test_days_that_are_none_are_refused(folder: Folder, days: tuple[str, str | None]) -> None:
    folder.site("a")
    with pytest.raises(UsageError):
        stats(folder.data, "a", *days, "ads", NOON)


# --- lists ------------------------------------------------------------------------------------------------------------------------


def test_the_newest_events_come_from_every_month_and_site_in_order(folder: Folder) -> None:
    """Also those of a visit over a month's edge, which lie in the file before."""
    chance = random.Random(7)
    sites = [folder.site(name)[0] for name in ("a", "b", "c")]
    edge = month_start("2026-11")
    for _ in range(200):
        at = edge + chance.randrange(-2 * DAY, 2 * DAY)
        month = chance.choice([previous_month("2026-11"), "2026-11"]) if abs(at - edge) < DAY else ""
        folder.session(chance.choice(sites), at, month=month, events=chance.randrange(1, 4))
    everything = sorted(
        (row for database in folder.months.values() for row in database.execute("select created_at, seq, site_id from events")),
        reverse=True,
    )
    span = Span(0, Position(END_OF_TIME, 0), 100)
    rows = with_reads(folder, lambda reading: reading.newest("list_events", sites[:2], span))
    assert [(row[0], row[1]) for row in rows[:100]] == [row[:2] for row in everything if row[2] in sites[:2]][:100]


def test_a_session_of_two_months_is_read_from_the_newest(folder: Folder) -> None:
    site, _ = folder.site("a")
    key = folder.session(site, month_start("2026-10"), events=2)
    folder.session(site, NOON, id=key, events=3)
    found = with_reads(folder, lambda reading: reading.timeline(site, key, Position(0, 0), 10))
    assert found is not None
    assert (found.session[1], len(found.events)) == (key, 3)


# --- files that change ------------------------------------------------------------------------------------------------------------


def test_a_month_that_was_rebuilt_is_opened_anew(folder: Folder) -> None:
    site, _ = folder.site("a")
    folder.session(site, NOON, Rank.FIRST_CLICK)

    async def use(reading: Reads) -> list[int]:
        before = (await reading.stats(site, DAYS, "ads", NOON)).ads.sessions
        file = folder.data / "months" / "2026-11.db"
        folder.months.pop("2026-11").close()
        for name in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            name.unlink(missing_ok=True)
        folder.ledger.execute("delete from partitions")
        for _ in range(3):
            folder.session(site, NOON, Rank.FIRST_CLICK)
        return [before, (await reading.stats(site, DAYS, "ads", NOON)).ads.sessions]

    assert with_reads(folder, use) == [1, 3]


def test_a_month_that_is_not_there_now_is_a_503_and_there_again_when_it_is(folder: Folder) -> None:
    site, _ = folder.site("a")
    folder.session(site, NOON, Rank.FIRST_CLICK)
    file = folder.data / "months" / "2026-11.db"

    async def use(reading: Reads) -> int:
        file.rename(file.with_suffix(".away"))
        with pytest.raises(ReadRefused) as refused:
            await reading.stats(site, DAYS, "ads", NOON)
        assert (refused.value.status, refused.value.retry_after) == (503, 2)
        file.with_suffix(".away").rename(file)
        return (await reading.stats(site, DAYS, "ads", NOON)).ads.sessions

    assert with_reads(folder, use) == 1


def test_a_month_that_is_no_database_is_a_503_and_the_others_are_read(folder: Folder) -> None:
    site, _ = folder.site("a")
    folder.session(site, NOON, Rank.FIRST_CLICK)
    folder.months["broken"] = sqlite3.connect(":memory:")
    (folder.data / "months" / "broken.db").write_bytes(os.urandom(8192))

    async def use(reading: Reads) -> int:
        with pytest.raises(ReadRefused):
            await reading.timeline(site, "none", Position(0, 0), 10)
        return (await reading.stats(site, DAYS, "ads", NOON)).ads.sessions

    assert with_reads(folder, use) == 1


def test_a_reading_that_takes_too_long_is_stopped_and_the_next_is_answered(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    site, _ = folder.site("a")
    folder.session(site, NOON, Rank.FIRST_CLICK)
    bomb = "with recursive t (x) as (select 1 union all select x + 1 from t) select count(*) from t"
    monkeypatch.setitem(readers_module.STATEMENTS, "find_session", bomb)
    monkeypatch.setattr(reads_module, "DEADLINE_SECONDS", 0.2)

    async def use(reading: Reads) -> int:
        with pytest.raises(ReadTooSlow):
            await reading.timeline(site, "none", Position(0, 0), 10)
        return (await reading.stats(site, DAYS, "ads", NOON)).ads.sessions

    assert with_reads(folder, use) == 1


def test_connections_are_few_and_closed_when_nobody_asks(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    site, _ = folder.site("a")
    month = "2025-01"
    for _ in range(2 * MOST_MONTHS):
        folder.session(site, month_start(month) + DAY)
        month = next_month(month)
    monkeypatch.setattr(reads_module, "IDLE_SECONDS", 0.05)

    async def use(reading: Reads) -> None:
        year = Days("2025-02-01", "2026-03-01", "Europe/Istanbul")
        told = await asyncio.gather(*(reading.stats(site, year, "all", NOON) for _ in range(4)))
        assert {one.all.sessions for one in told} == {11}
        assert len(reading._idle) <= READERS
        assert 0 < len(_open_months(folder.data)) <= READERS * MOST_MONTHS * 2  # a file and its WAL
        async with asyncio.timeout(5):
            while reading._idle or reading._closing:  # noqa: ASYNC110  # the timer is what is tested
                await asyncio.sleep(0.01)  # between two looks
        assert not _open_months(folder.data)

    before = set(folder.months.values())
    for database in before:
        database.close()
    with_reads(folder, use)


def _open_months(data: Path) -> list[str]:
    """The month files this process holds open."""
    held = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            held.append(str(link.readlink()))
        except OSError:
            continue
    return [name for name in held if name.startswith(str(data / "months"))]


def test_requests_of_several_tenants_at_once_see_their_own(folder: Folder) -> None:
    sites = [folder.site(f"site{number}")[0] for number in range(8)]
    for number, site in enumerate(sites):
        for _ in range(number + 1):
            folder.session(site, NOON)

    async def use(reading: Reads) -> list[int]:
        told = await asyncio.gather(*(reading.stats(site, DAYS, "ads", NOON) for site in sites * 5))
        return [one.all.sessions for one in told]

    assert with_reads(folder, use) == [1, 2, 3, 4, 5, 6, 7, 8] * 5
