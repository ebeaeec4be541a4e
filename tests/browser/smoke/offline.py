"""`smoke:tank-tracker-offline`: the line is cut in a real Chromium, something happens, the line comes back, and it is in the database.

Against a page of this machine, or a live one: of that the browser's own account of the answers is the proof, and the visit is marked as
internal, so that no report counts it.
"""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.browser.chromium import Chromium, Tab, wait_for
from tests.browser.field import Site, held
from tests.browser.smoke.report import Report
from tests.harness import ROOT

LOCAL_PAGE = ROOT / "tracker" / "demo" / "smoke-tracker-test.html"
SECONDS = 20
OLD_QUEUE = "opsmantik_evtq_v1"
INTERNAL = "opsmantik=internal"
Stored = Callable[[str], object]


def prove(browser: Chromium, address: str, report: Report, stored: Stored | None = None) -> bool:
    """`stored` says whether the database has a label; without it, what the page's own requests were answered."""
    mark, tab = uuid.uuid4().hex[:8], browser.visitor().tab()
    tab.call("Network.enable")
    here, old = f"offline {mark}", f"imported {mark}"
    is_stored = stored or (lambda label: label in answered(tab))
    report.step("the page has a Tank Tracker", lambda: version(tab.goto(address)))
    report.step("offline: what happens is in the outbox, and nothing is sent", lambda: happen_offline(tab, here))
    report.step("an old script's queue is taken in", lambda: leave_old_queue(tab, here, old))
    report.step("online: both are in the database, and the outbox is empty", lambda: come_back(tab, [here, old], is_stored))
    return report.end()


def local_page(site: Site) -> str:
    """tracker/demo/smoke-tracker-test.html on a server of ours, told this site and this Box."""
    address = site.pages.put("/smoke-tracker-test.html", LOCAL_PAGE.read_text())
    return f"{address}?{urlencode({'site': site.public_id, 'box': site.proxy.url})}"


def internal(address: str) -> str:
    """The same page for a visitor who is no visitor."""
    return address + ("&" if urlsplit(address).query else "?") + INTERNAL


def version(tab: Tab) -> str:
    """What the page says its script is: the version it tells, and the address it came from."""
    tab.wait("!!(window.opmantik && opmantik._tank)", SECONDS)
    told = tab.run("String(opmantik.version || 'unknown')")
    source = tab.run("[...document.scripts].map((one) => one.src).find((src) => /ux-core/.test(src)) || 'inline'")
    return f"version {told}, {source}"


def waiting(tab: Tab, label: str) -> dict[str, Any] | None:
    """The envelope of that label in the outbox."""
    return next((one for one in held(tab) if one["payload"].get("el") == label), None)


def happen_offline(tab: Tab, label: str) -> None:
    tab.offline(True)
    tab.run(f"opmantik.send('interaction', 'smoke', {json.dumps(label)})")
    wait_for(lambda: waiting(tab, label), "the event in the outbox", SECONDS)
    assert label not in answered(tab)


def leave_old_queue(tab: Tab, like: str, label: str) -> None:
    """As the first tracker kept it: a bare signal, without id and time."""
    kept = waiting(tab, like)
    assert kept, "no event in the outbox to make it like"
    signal = {name: value for name, value in kept["payload"].items() if name in ("s", "u", "sid", "sm", "ec", "ea")} | {"el": label}
    tab.run(f"localStorage.setItem({json.dumps(OLD_QUEUE)}, {json.dumps(json.dumps([signal]))}); opmantik._tank.processOutbox()")
    wait_for(lambda: waiting(tab, label), "the old queue's signal in the outbox", SECONDS)
    assert OLD_QUEUE not in tab.storage(), "the old queue is still there: it would be taken in again"


def come_back(tab: Tab, labels: list[str], is_stored: Stored) -> str:
    began = time.monotonic()
    tab.offline(False)
    for label in labels:
        wait_for(lambda label=label: is_stored(label), f"`{label}` in the database", SECONDS)
    wait_for(lambda: not held(tab), "an empty outbox", SECONDS)
    return f"after {time.monotonic() - began:.1f} s"


def answered(tab: Tab) -> set[str]:
    """The labels of every signal whose request was answered with a 2xx."""
    good = {one["requestId"] for one in tab.told("Network.responseReceived") if 200 <= one["response"]["status"] < 300}
    bodies = [one["request"].get("postData", "") for one in tab.told("Network.requestWillBeSent") if one["requestId"] in good]
    return {signal["el"] for body in filter(None, bodies) for signal in signals(body) if signal.get("el")}


def signals(body: str) -> list[dict[str, Any]]:
    """Of a request to /api/sync; none of anything else."""
    try:
        told = json.loads(body)
    except ValueError:
        return []
    return told.get("e", [told]) if isinstance(told, dict) else []
