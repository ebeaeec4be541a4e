"""How often the cyclic garbage collector runs in a process that serves."""

import gc

THRESHOLDS = (100_000, 50, 100)


def collect_rarely() -> None:
    """Once everything is loaded: what is there stays, and is not looked at again. Requests make no cycles, so that hardly anything is
    left to find; looking for it as often as a script does costs a tenth of the throughput."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
