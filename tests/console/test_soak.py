"""A console left open for days: it does not grow, and ten thousand rows move like ten. `SOAK_MESSAGES=1000000` is the whole of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opsmantik_box.clock import monotonic
from tests.console.kit import NOW, StillConsole, lead, missed, queue_page
from tests.harness import ROOT, environment
from tui.model.store import MOST_LEADS

MESSAGES = int(os.environ.get("SOAK_MESSAGES", "60000"))
MOST_MIB = 120


@pytest.mark.timeout(3600)
def test_it_does_not_grow_however_much_it_is_told(tmp_path: Path):
    command = [sys.executable, "-m", "tests.console.soak", str(MESSAGES), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["after_mib"] <= MOST_MIB, told
    assert told["leads"] <= MOST_LEADS, told


@pytest.mark.anyio
async def test_ten_thousand_rows_move_like_ten(tmp_path: Path):
    """A key costs what is in sight, not what there is: measured beside a short list in the same run."""
    few, many = await moving(20, tmp_path / "few"), await moving(10_000, tmp_path / "many")
    assert many < 3 * few + 0.01


async def moving(rows: int, folder: Path) -> float:
    """Seconds a key, the median of some."""
    leads = [lead(number, "antika", NOW - number, **missed("+90 532 *** 01 43")) for number in range(1, rows + 1)]
    app = StillConsole(queue_page(leads), folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.settle(pilot)
        assert len(app.main.leads.rows.rows) == rows
        took: list[float] = []
        for step in ("page", "1", "-1", "page", "-page", "end", "-end") * 5:
            began = monotonic()
            app.main.action_move(step)
            took.append(monotonic() - began)
        return sorted(took)[len(took) // 2]
