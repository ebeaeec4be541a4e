"""The smoke tests under the names the field knows: `npm run smoke:tank-tracker` and its three sisters, or `make smoke`.

    python -m tests.browser.smoke [proofs | events | offline | all]

USE_LOCAL_TRACKER_PAGE=1   offline: the page is tracker/demo/smoke-tracker-test.html (it is anyway, without SMOKE_URL)
SMOKE_URL=https://…        offline: a live page; its visit is marked as internal
DATA=/var/lib/…            events: the running Box to ask
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.chromium import Chromium
from tests.browser.field import UNLIMITED, Site
from tests.browser.pages import Pages
from tests.browser.proxy import FaultyProxy
from tests.browser.smoke import events, offline, proofs
from tests.browser.smoke.report import Report
from tests.harness import Box

LIVE = os.environ.get("SMOKE_URL", "") if os.environ.get("USE_LOCAL_TRACKER_PAGE") != "1" else ""


@contextmanager
def stand() -> Iterator[Site]:
    """A Box of our own with one site, its pages and a browser; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="opsmantik-smoke-") as place, Box(Path(place) / "data", env=UNLIMITED) as box:
        pages, browser = Pages(), Chromium(Path(place) / "profile")
        try:
            with FaultyProxy(box.port) as proxy:
                yield Site(box, proxy, pages, browser, "smoke")
        finally:
            browser.close()
            pages.close()


def run_proofs(site: Site) -> bool:
    return proofs.prove(site, Report("smoke:tank-tracker, the nine proofs"))


def run_offline(site: Site) -> bool:
    report = Report("smoke:tank-tracker-offline")
    return offline.prove(site.browser, offline.local_page(site), report, lambda label: site.labels()[label])


def run_live() -> bool:
    with tempfile.TemporaryDirectory(prefix="opsmantik-smoke-") as place:
        browser = Chromium(Path(place) / "profile", "--host-resolver-rules=")
        try:
            return offline.prove(browser, offline.internal(LIVE), Report(f"smoke:tank-tracker-offline on {LIVE}"))
        finally:
            browser.close()


def run_events(data: Path) -> bool:
    return events.show(data, Report("smoke:tank-tracker-events"))


def run_all() -> bool:
    """Everything on one Box of our own; SMOKE_URL adds the live page."""
    with stand() as site:
        held = [run_proofs(site), run_offline(site), run_events(site.box.data)]
    return all(held) and (not LIVE or run_live())


def run_one(check: Callable[[Site], bool]) -> bool:
    with stand() as site:
        return check(site)


def main(words: list[str]) -> int:
    """0 when everything held, 1 when something did not, 2 for a name that is none."""
    known: dict[str, Callable[[], bool]] = {
        "proofs": lambda: run_one(run_proofs),
        "events": lambda: run_events(Path(os.environ.get("DATA") or "data")),
        "offline": lambda: run_live() if LIVE else run_one(run_offline),
        "all": run_all,
    }
    chosen = words or ["all"]
    if len(chosen) != 1 or chosen[0] not in known:
        print(__doc__, file=sys.stderr)
        return 2
    return 0 if known[chosen[0]]() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
