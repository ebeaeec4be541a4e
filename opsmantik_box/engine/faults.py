"""Named points at which a test may kill the engine. Without `OPSMANTIK_TEST_KILL_AT=NAME[:N]` in the environment they do nothing.

Every name in POINTS has a test in tests/fault (a test of its own demands it)."""

import os
import signal

POINTS = (
    "before_ledger_commit",
    "after_ledger_commit",
    "before_projection",
    "after_projection",
    "month_written",
    "month_renamed",
    "month_unsealed",
    "month_sealed",
    "after_wal_checkpoint",
    "erasure_listed",
    "erasure_in_ledger",
    "erasure_in_month",
    "erasure_scrubbed",
    "after_delivery",
)

_name, _, _count = os.environ.get("OPSMANTIK_TEST_KILL_AT", "").partition(":")
_left = int(_count or 1)


def point(name: str) -> None:
    """Die here, the N-th time, when a test asked for it. Nothing runs after SIGKILL: no handler, no flush."""
    global _left  # noqa: PLW0603 - a process dies once
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
