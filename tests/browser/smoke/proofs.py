"""`smoke:tank-tracker`: the nine things a Tank Tracker is known by, each proven by what it does in a real Chromium against a real Box."""

import json
import time
from collections.abc import Callable, Collection
from typing import Any

from tests.browser.chromium import Tab, wait_for
from tests.browser.field import OUTBOX, Site, held, started
from tests.browser.proxy import all_well, always, refusal
from tests.browser.smoke.report import Report

SECONDS = 4
"""What works, works at once."""
SEND = "opmantik.send('interaction', 'smoke', {label})"


def prove(site: Site, report: Report, names: Collection[str] = ()) -> bool:
    """All nine, or those of these names; each on a page and with a visitor of its own."""
    site.put()
    for proof in PROOFS:
        if names and proof.__name__ not in names:
            continue
        site.proxy.script = all_well
        report.step(str(proof.__doc__), lambda proof=proof: proof(site))
    return report.end()


def page(site: Site, *, before: str = "") -> Tab:
    """Somebody new on the site's page, whose view has arrived."""
    tab = site.visitor().tab()
    if before:
        tab.before(before)
    started(tab.goto(site.pages.url()))
    tab.wait(f"!Object.keys(localStorage).some((key) => key.startsWith('{OUTBOX}'))", SECONDS)
    return tab


def send(tab: Tab, label: str) -> None:
    tab.run(SEND.format(label=json.dumps(label)))


def stored(site: Site, label: str) -> None:
    wait_for(lambda: site.labels()[label], f"`{label}` in the database", SECONDS)


def waiting(tab: Tab) -> list[str]:
    """The labels in the outbox, as the browser keeps them."""
    return [one["payload"]["el"] for one in held(tab)]


def foreign(site: Site, label: str) -> dict[str, Any]:
    """A signal somebody else made."""
    visit = {"s": site.public_id, "u": site.pages.url(), "sid": "5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11"}
    return visit | {"ec": "interaction", "ea": "smoke", "el": label}


def get_queue(site: Site) -> None:
    """getQueue shows what waits"""
    tab = page(site)
    tab.offline(True)
    send(tab, "in the queue")
    assert "in the queue" in tab.run("opmantik._tank.getQueue().map((one) => one.payload.el)")


def save_queue(site: Site) -> None:
    """saveQueue takes a queue in"""
    tab = page(site)
    tab.offline(True)
    old = int(time.time() * 1000) - 60_000
    tab.run(f"opmantik._tank.saveQueue({json.dumps([{'id': 'q1', 'ts': old, 'payload': foreign(site, 'saved'), 'attempts': 0}])})")
    assert "saved" in waiting(tab)


def add_to_outbox(site: Site) -> None:
    """addToOutbox adds, and what was added arrives"""
    tab = page(site)
    tab.run(f"opmantik._tank.addToOutbox({json.dumps(foreign(site, 'added'))})")
    stored(site, "added")


def process_outbox(site: Site) -> None:
    """processOutbox sends what waits, without waiting for its turn"""
    tab = page(site)
    site.proxy.script = always(refusal(500))
    send(tab, "processed")
    wait_for(lambda: any(one.status == 500 for one in site.proxy.syncs), "a first attempt", SECONDS)
    site.proxy.script = all_well
    wait_for(lambda: held(tab)[0]["attempts"] > 0, "the failed attempt to be noted", SECONDS)
    tab.run("opmantik._tank.processOutbox()")
    stored(site, "processed")


def outbox_v2(site: Site) -> None:
    """opsmantik_outbox_v2 holds each envelope until it was answered"""
    tab = page(site)
    site.proxy.script = always(refusal(500))
    send(tab, "kept")
    (one,) = [one for one in held(tab) if one["payload"]["el"] == "kept"]
    assert {"id", "ts", "payload", "attempts"} <= one.keys()
    wait_for(lambda: "kept" in tab.storage().get("opsmantik_outbox_v2", ""), "the envelope in the bare key too", SECONDS)
    tab.reload()
    assert "kept" in waiting(tab), "gone with the page"


def response_ok(site: Site) -> None:
    """response.ok decides: a refusal keeps it, a 2xx removes it"""
    tab = page(site)
    site.proxy.script = always(refusal(500))
    send(tab, "asked twice")
    wait_for(lambda: any(one.status == 500 for one in site.proxy.syncs), "a first attempt", SECONDS)
    wait_for(lambda: [one["attempts"] for one in held(tab)] == [1], "the envelope still there, one attempt older", SECONDS)
    site.proxy.script = all_well
    tab.run("opmantik._tank.processOutbox()")
    wait_for(lambda: not waiting(tab), "an empty outbox", SECONDS)
    stored(site, "asked twice")


def log(site: Site) -> None:
    """[TankTracker] logs when asked, and is silent otherwise"""
    listen = "window.said = []; console.log = (...words) => { said.push(words.join(' ')); };"
    said = {}
    for debug in ("", "localStorage.setItem('opsmantik_debug', '1');"):
        tab = page(site, before=listen + debug)
        send(tab, "logged")
        stored(site, "logged")
        said[debug] = [line for line in tab.run("said") if line.startswith("[TankTracker]")]
    quiet, loud = said.values()
    assert quiet == [], quiet
    assert {"queued", "sent"} <= {line.split()[1] for line in loud}, loud


def online_listener(site: Site) -> None:
    """the online listener sends when the line is back"""
    tab = page(site)
    tab.offline(True)
    send(tab, "offline")
    asked = len(site.proxy.syncs)
    tab.pause(600)  # as long as an event waits for others
    assert len(site.proxy.syncs) == asked, "something was sent while offline"
    tab.offline(False)
    stored(site, "offline")


WATCH_BEACONS = """
const real = navigator.sendBeacon.bind(navigator);
navigator.sendBeacon = (url, body) => { localStorage.setItem('beaconed', String(body)); return real(url, body); };
"""


def before_unload(site: Site) -> None:
    """beforeunload hands what waits to sendBeacon, and ends no session"""
    tab = page(site, before=WATCH_BEACONS)
    send(tab, "beaconed")
    tab.run("dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    body = tab.storage().get("beaconed", "")
    assert "beaconed" in body, "nothing was handed to sendBeacon"
    assert "session_end" not in body
    stored(site, "beaconed")
    assert site.labels()["beaconed"] == 1


PROOFS: list[Callable[[Site], None]] = [
    get_queue, save_queue, add_to_outbox, process_outbox, outbox_v2, response_ok, log, online_listener, before_unload,
]  # fmt: skip
