"""The only source of now. Everything else is given the time as an argument.

For tests only: with `OPSMANTIK_TEST_CLOCK=FILE` in the environment, the wall clock is shifted by the milliseconds written in
FILE, read anew at every look, so that every process of one Box jumps together. How to use it is in CONTRIBUTING.md.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

Clock = Callable[[], int]
"""Wall-clock time in UTC milliseconds."""

SHIFT_FILE = "OPSMANTIK_TEST_CLOCK"


def system_clock() -> int:
    """UTC milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def shifted_clock(shift: Path) -> Clock:
    """A clock that is off by the milliseconds written in `shift` (0 when it cannot be read)."""

    def now() -> int:
        try:
            return system_clock() + int(shift.read_text())
        except (OSError, ValueError):
            return system_clock()

    return now


def choose_clock() -> Clock:
    """The system's clock, or the shifted one when a test asked for it."""
    shift = os.environ.get(SHIFT_FILE)
    return shifted_clock(Path(shift)) if shift else system_clock


def monotonic() -> float:
    """Seconds for time-outs and rates; never compared with the wall clock."""
    return time.monotonic()
