"""What a page added is in the database once, whatever happens to the network, the tabs, the page and the browser's storage."""

import json
import os
import time
from collections import Counter

import pytest

from tests.browser.chromium import Tab, wait_for
from tests.browser.field import Site, held, started, wait_empty
from tests.browser.proxy import (
    BAD_GATEWAY,
    LOST_ANSWER,
    RESET,
    TIMED_OUT,
    TRUNCATED,
    all_well,
    always,
    busy,
    every,
    in_turn,
    limited,
    refusal,
)

SOAK = int(os.environ.get("SOAK_EVENTS", "400"))
FAULTS = (busy(), busy(1), limited(1), RESET, LOST_ANSWER, TIMED_OUT)
BETWEEN = 20 if SOAK >= 10_000 else 5
"""Every twentieth request meets a fault; in a short run every fifth, so that each fault comes."""

ADD = """(async (name, count, pause, room) => {
  const waiting = () => Object.keys(localStorage).filter((key) => key.startsWith('opsmantik_outbox_v2:')).length;
  for (let i = 0; i < count; i++) {
    while (room && waiting() >= room) await new Promise((done) => setTimeout(done, 50));
    opmantik.send('interaction', 'gallery', name + ' ' + i);
    if (pause) await new Promise((done) => setTimeout(done, pause));
  }
  return count;
})"""
"""Adds `count` events called `name 0`, `name 1`, …, `pause` ms apart, and only while fewer than `room` wait (0: whatever waits)."""


def add(tab: Tab, name: str, count: int, pause: int = 0, room: int = 0) -> set[str]:
    """Starts adding; the labels that will have been added."""
    tab.begin(f"{ADD}({json.dumps(name)}, {count}, {pause}, {room})")
    return {f"{name} {number}" for number in range(count)}


def gallery(site: Site) -> Counter[str]:
    """How often each added event is stored."""
    return Counter(row["event_label"] for row in site.rows() if row["event_action"] == "gallery")


def wait_stored(site: Site, labels: set[str], seconds: float) -> None:
    """Until each of these is stored; then none may be there twice, and none that was not added."""
    wait_for(lambda: labels <= gallery(site).keys(), f"{len(labels)} events (there are {len(gallery(site))})", seconds)
    assert gallery(site) == Counter(labels)


def test_four_tabs_of_two_hundred_events_at_ten_a_second_are_eight_hundred_rows(site):
    visitor, address = site.visitor(), site.put()
    tabs = [started(visitor.tab(address)) for _ in range(4)]
    labels = set().union(*(add(tab, f"tab {number}", 200, 100) for number, tab in enumerate(tabs)))
    wait_stored(site, labels, 60)
    assert len(labels) == 800
    assert len({row["event_id"] for row in site.rows()}) == len(site.rows())
    for tab in tabs:
        wait_empty(tab)


BURST = """for (let i = 0; i < 430; i++) i % 14 ? opmantik.send('interaction', 'gallery', 'burst ' + i)
  : opmantik.send('conversion', 'phone_call', 'tel:+902125550' + (100 + i / 14))"""
"""399 events and 31 taps on as many numbers, in one task."""


def test_a_burst_beyond_the_outbox_keeps_every_tap_and_tells_every_other_loss(site, proxy):
    proxy.script = always(busy())
    visitor, address = site.visitor(), site.put()
    tab = started(visitor.tab(address))
    tab.run(BURST)
    wait_for(lambda: len(proxy.syncs) >= 31, "every tap on the wire at once")
    assert 0 < len(held(tab)) <= 100
    proxy.script = all_well
    assert len(site.wait_rows(31, 30, event_category="conversion")) == len(site.intents())
    wait_empty(tab)
    visitor.tab(window=False)
    tab.show()  # seen again: a heartbeat, and with it what was lost
    wait_for(lambda: told(site, "lost"), "the losses to be told")
    seen = [row for row in site.rows() if row["event_category"] != "system"]
    assert len(seen) + sum(told(site, "lost").values()) == 430 + 1
    assert told(site, "lost").keys() == {"trim"}
    wait_for(lambda: site.arrivals()["lost"] == told(site, "lost"), "the Box to count what it was told")
    assert site.arrivals()["arrival_rate"] == pytest.approx(
        len(site.rows()) / (len(site.rows()) + told(site, "lost").total()), abs=1e-3
    )


def told(site: Site, kind: str) -> Counter[str]:
    """What heartbeats told, by reason: `lost` or `parked`."""
    counts: Counter[str] = Counter()
    for row in site.rows():
        counts.update(row["metadata"].get(kind) or {})
    return counts


@pytest.mark.slow
def test_a_soak_at_five_in_a_hundred_faults_loses_nothing_and_stores_nothing_twice(site, proxy):
    proxy.script = every(BETWEEN, *FAULTS)
    visitor, address = site.visitor(), site.put()
    tabs = [started(visitor.tab(address)) for _ in range(4)]
    labels = set().union(*(add(tab, f"tab {number}", SOAK // 4, 25, 60) for number, tab in enumerate(tabs)))
    wait_stored(site, labels, 60 + SOAK / 8)
    wait_empty(tabs[0])
    assert len(gallery(site)) == SOAK // 4 * 4
    hit = Counter(one.fault.name for one in proxy.syncs)
    print(f"\nsoak: {len(labels)} events, {len(proxy.syncs)} requests, {dict(hit)}")
    assert len(hit) == len({fault.name for fault in FAULTS}) + 1


SINGLE = (busy(), limited(1), RESET, LOST_ANSWER, TRUNCATED, BAD_GATEWAY, refusal(500))


@pytest.mark.parametrize("fault", SINGLE, ids=lambda fault: fault.name)
def test_what_a_fault_hit_is_stored_once_in_the_end(site, proxy, fault):
    tab = site.open()
    wait_empty(tab)
    proxy.script = in_turn(fault)
    labels = add(tab, "hit", 3)
    wait_stored(site, labels, 20)
    wait_empty(tab)
    assert [one.fault.name for one in proxy.syncs].count(fault.name) == 1


def test_a_pause_the_box_asks_for_is_kept(site, proxy):
    tab = site.open()
    wait_empty(tab)
    proxy.script = in_turn(busy(3))
    labels = add(tab, "paused", 5)
    wait_stored(site, labels, 15)
    refused = next(number for number, one in enumerate(proxy.syncs) if one.status == 503)
    assert proxy.syncs[refused + 1].at - proxy.syncs[refused].at >= 3


@pytest.mark.parametrize("status", [400, 415, 422])
def test_what_the_box_will_never_take_is_put_aside_and_holds_nothing_up(site, proxy, status):
    """A refusal of one item: the rest goes on, and the next heartbeat tells."""
    visitor = site.visitor()
    tab = started(visitor.tab(site.put()))
    wait_empty(tab)
    proxy.script = lambda request: refusal(status) if b"never" in request.body else all_well(request)
    add(tab, "never", 1)
    labels = add(tab, "fine", 8)
    wait_stored(site, labels, 15)
    wait_empty(tab)
    visitor.tab(window=False)
    tab.show()
    wait_for(lambda: told(site, "parked"), "what was put aside to be told")
    assert told(site, "parked") == {str(status): 1}


def test_what_an_older_script_left_behind_is_brought_once_however_many_tabs_find_it(site):
    """Signals of the first tracker, envelopes of a foreign mirror, and what is no signal at all."""
    visit = {"s": site.public_id, "u": site.pages.url("/eski"), "sid": "5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11"}
    signal = visit | {"ec": "interaction", "ea": "gallery"}
    queue = [signal | {"el": f"queue {number}", "sm": "2026-11-01", "meta": {"fp": "k3x9q2a"}} for number in range(3)]
    old = int(time.time() * 1000) - 60_000
    mirror = [{"id": f"m{number}", "ts": old, "payload": signal | {"el": f"mirror {number}"}, "attempts": 1} for number in range(3)]
    visitor, address = site.visitor(), site.put()
    first = visitor.tab(site.pages.put("/plain", "<!doctype html>"))
    left = {"opsmantik_evtq_v1": json.dumps([*queue, 7, None, {"s": 1}]), "opsmantik_outbox_v2": json.dumps([*mirror, "?"])}
    first.run(f"Object.assign(localStorage, {json.dumps(left)})")
    tabs = [visitor.tab() for _ in range(3)]
    for tab in tabs:
        tab.browser.start("Page.navigate", tab.session, url=address)
    wait_stored(site, {f"{name} {number}" for name in ("queue", "mirror") for number in range(3)}, 20)
    for tab in tabs:
        started(tab)
    wait_empty(tabs[0])
    assert "opsmantik_evtq_v1" not in tabs[0].storage()
