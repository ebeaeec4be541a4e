"""What is measured on files: bytes an event, and how long a start takes with and without something to replay."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.bench import fill
from tests.bench.boxes import Box, add_site, data_folder, fill_folder
from tests.bench.over_http import Scale
from tests.bench.results import MIB, Result

MIDNIGHT = 1_768_428_000_000
"""2026-01-15 in UTC+3, where the recorded day's site is: any day in the middle of a month does."""
DAY_SIGNALS = 1_232
BEHIND = 20_000
"""With no more than this to replay, a Box is ready as fast as without."""


def bytes_an_event(scale: Scale, parent: Path) -> Iterator[Result]:
    """The recorded day, played by a hundred times as many visitors, in the day's own time: sizes of the files afterwards."""
    with data_folder(parent) as data:
        add_site(data)
        copies = scale.copies
        day = fill.Part(signals=DAY_SIGNALS * copies, midnight=MIDNIGHT, at_once=copies)
        account = fill_folder(fill.Order(data=str(data), seed=1, project=True, parts=[day]))
        month, ledger = data / "months" / "2026-01.db", data / "ledger.db"
        with closing(sqlite3.connect(f"file:{month}?mode=ro", uri=True)) as db:
            events, sessions = (db.execute(f"select count(*) from {table}").fetchone()[0] for table in ("events", "sessions"))
        kept, share = month.stat().st_size, ledger.stat().st_size
        yield Result(
            name=f"month file, the day × {copies}",
            target="bytes",
            value=kept / events,
            note=f"{events:,} events and {sessions:,} sessions in {kept / MIB:.1f} MiB; the ledger's share beside it: "
            f"{share / account.stored:.0f} bytes a signal ({share / MIB:.1f} MiB)",
        )


def starts(scale: Scale, parent: Path) -> Iterator[Result]:
    """From the start of `serve` to a `/readyz` that says yes: everything to replay, a little, nothing."""
    with data_folder(parent) as data:
        add_site(data)
        account = fill_folder(fill.Order(data=str(data), seed=1, project=False, parts=[fill.Part(signals=scale.replayed)]))
        seconds = _start(data)
        rate = account.stored / seconds
        yield Result(name=f"replay of {scale.replayed:,} signals", target="replay", value=seconds, signals=rate,
                     note=f"{account.stored:,} rows to fold, the day's re-sent signals left out")  # fmt: skip
        yield Result(name="ready, nothing to replay", target="ready clean", value=_start(data))
        fill_folder(fill.Order(data=str(data), seed=2, project=False, parts=[fill.Part(signals=BEHIND)]))
        yield Result(name=f"ready, {BEHIND:,} to replay", target="ready behind", value=_start(data),
                     note=f"on top of {account.stored:,}")  # fmt: skip


def _start(data: Path) -> float:
    """Seconds until ready; stopped again."""
    box = Box(data)
    try:
        return box.wait_ready()
    finally:
        box.stop()
