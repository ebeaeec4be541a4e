"""`python -m tests.bench`: runs the benchmarks and prints one table. Exit status 1 when a target was missed, 2 when something could
not be measured."""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.boxes import BenchmarkFailed
from tests.bench.on_disk import bytes_an_event, starts
from tests.bench.over_http import FULL, QUICK, on_stage, slower_with_size
from tests.bench.reading import FULL_YEAR, QUICK_YEAR, reading
from tests.bench.results import Result, as_data, table
from tests.bench.stream import to_subscribers

ON_STAGE = ("single", "batch", "open", "memory")
TAKE_LONG = ("long", "reading")
NAMES = (*ON_STAGE, "stream", "bytes", "replay", *TAKE_LONG)
FOLDER = Path("/var/tmp")
"""On a disk, where /tmp may be memory."""


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="OpsMantik Box, measured.")
    parser.add_argument("--only", action="append", choices=NAMES, help="one benchmark (may be repeated)")
    parser.add_argument(
        "--long",
        action="store_true",
        help="also what takes long: `long` and `reading`",
    )
    parser.add_argument("--quick", action="store_true", help="short rounds and small ledgers: a look, not a measurement")
    parser.add_argument(
        "--lean-yardstick", action="store_true", help="an empty endpoint that answers in one write, as the hot path does"
    )
    parser.add_argument("--json", action="store_true", help="as JSON on standard output")
    parser.add_argument("--year", type=Path, help="where `reading` keeps its year of data, or finds the one it kept")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where data folders are made: on the disk to measure")
    return parser.parse_args()


def measure(arguments: argparse.Namespace) -> Iterator[Result]:
    """Results as they come."""
    scale = (QUICK if arguments.quick else FULL)._replace(lean=arguments.lean_yardstick)
    chosen = arguments.only or [name for name in NAMES if name not in TAKE_LONG or arguments.long]
    staged = [name for name in ON_STAGE if name in chosen]
    if staged:
        yield from on_stage(scale, arguments.folder, staged)
    if "stream" in chosen:
        yield from to_subscribers(scale, arguments.folder)
    if "bytes" in chosen:
        yield from bytes_an_event(scale, arguments.folder)
    if "replay" in chosen:
        yield from starts(scale, arguments.folder)
    if "long" in chosen:
        yield from slower_with_size(scale, arguments.folder)
    if "reading" in chosen:
        yield from reading(QUICK_YEAR if arguments.quick else FULL_YEAR, arguments.folder, arguments.year)


def machine(folder: Path) -> str:
    """What the numbers were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} × {model}, Linux {os.uname().release}, Python {sys.version.split()[0]}; "
        f"an fsync of 4 KiB in {folder} takes {fsync_ms(folder):.2f} ms"
    )


def fsync_ms(folder: Path, times: int = 50) -> float:
    """Milliseconds, the median of a few appends."""
    file = folder / f"opsmantik-bench-{os.getpid()}.fsync"
    spent: list[float] = []
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for _ in range(times):
            os.write(handle, bytes(4096))
            started = time.perf_counter()
            os.fdatasync(handle)
            spent.append(time.perf_counter() - started)
    finally:
        os.close(handle)
        file.unlink()
    return median(spent) * 1000


def end(_number: int, _frame: object) -> None:
    """Told to stop: what was started is ended on the way out."""
    sys.exit(143)


def main() -> int:
    arguments = read_arguments()
    signal.signal(signal.SIGTERM, end)
    results: list[Result] = []
    try:
        for result in measure(arguments):
            print(f"{result.name}: measured", file=sys.stderr, flush=True)
            results.append(result)
    except BenchmarkFailed as failed:
        print(f"stopped: {failed}", file=sys.stderr)
        return 2
    results.sort(key=lambda result: "yardstick" not in result.name)
    about = machine(arguments.folder)
    if arguments.json:
        print(json.dumps({"machine": about, "results": as_data(results)}, indent=2))
    else:
        print(f"{about}\n\n{table(results)}")
    return int(any(result.held is False for result in results))


if __name__ == "__main__":
    sys.exit(main())
