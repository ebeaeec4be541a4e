"""`smoke:tank-tracker-events`: what a running Box took in the last five minutes, and its last ten events with their site."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from opsmantik_box.cli.output import print_table
from opsmantik_box.link.client import EngineClient
from tests.browser.smoke.report import Report
from tests.harness import run_cli

MINUTES, LAST = 5, 10
QUERY = f"""
select e.received_at, s.name as site, e.event_category, e.event_action, e.event_label, e.url,
       e.received_at > :now - {MINUTES * 60_000} as is_new
from events e join sites s on s.id = e.site_id
order by e.received_at desc limit 10000
"""
HEADINGS = ("at", "site", "category", "action", "label", "page")


def show(data: Path, report: Report) -> bool:
    """Prints both. Fails when no Box runs on the folder, or nothing arrived in these minutes."""
    rows: list[dict[str, Any]] = []
    if report.step(f"a Box runs on {data}", lambda: ask(data)):
        report.step(f"events of the last {MINUTES} minutes", lambda: count(rows, data))
        print_table(HEADINGS, [line(row) for row in rows[:LAST]])
    return report.end()


def ask(data: Path) -> None:
    """Raises NotRunning, with what to do."""
    EngineClient(data).close()


def count(rows: list[dict[str, Any]], data: Path) -> str:
    """Reads them into `rows`, the newest first. How many are new, by site."""
    done = run_cli("sql", "-", "--json", "--data", data, stdin=QUERY)
    assert done.returncode == 0, done.stderr
    rows.extend(json.loads(done.stdout))
    sites = Counter(row["site"] for row in rows if row["is_new"])
    assert sites, "none. Open a page that has the tracker, then look again"
    return f"{sum(sites.values())} ({', '.join(f'{site} {number}' for site, number in sites.most_common())})"


def line(row: dict[str, Any]) -> tuple[object, ...]:
    """As the table shows it, in this machine's time."""
    at = datetime.fromtimestamp(row["received_at"] / 1000).astimezone().strftime("%H:%M:%S")
    return (at, row["site"], row["event_category"], row["event_action"], (row["event_label"] or "")[:40], row["url"][:60])
