"""What a page added is in the database once, whatever happens to the network, the tabs, the page and the browser's storage."""

import json
import os
import time
from collections import Counter
from random import Random

import pytest

from tests.browser.chromium import Chromium, Tab, wait_for
from tests.browser.field import OUTBOX, Site, held, started, wait_empty
from tests.browser.proxy import BAD_GATEWAY, LOST_ANSWER, RESET, TIMED_OUT, TRUNCATED, always, at_random, busy, in_turn, limited, refusal, slow

SOAK = int(os.environ.get("SOAK_EVENTS", "600"))

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
    tab.browser.start("Runtime.evaluate", tab.session, expression=f"{ADD}({json.dumps(name)}, {count}, {pause}, {room})", awaitPromise=True)
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


@pytest.mark.slow
def test_a_soak_at_five_in_a_hundred_faults_loses_nothing_and_stores_nothing_twice(site, proxy):
    proxy.script = at_random(0.05, Random(4), busy(), busy(1), limited(1), RESET, LOST_ANSWER, TIMED_OUT)
    visitor, address = site.visitor(), site.put()
    tabs = [started(visitor.tab(address)) for _ in range(4)]
    labels = set().union(*(add(tab, f"tab {number}", SOAK // 4, 25, 60) for number, tab in enumerate(tabs)))
    wait_stored(site, labels, 60 + SOAK / 8)
    wait_empty(tabs[0])
    assert len(gallery(site)) == SOAK // 4 * 4
    hit = Counter(one.fault.name for one in proxy.syncs)
    print(f"\nsoak: {len(labels)} events, {len(proxy.syncs)} requests, {dict(hit)}")
    assert len(hit) > 1


@pytest.mark.parametrize("fault", [busy(), limited(1), RESET, LOST_ANSWER, TRUNCATED, BAD_GATEWAY, refusal(500)], ids=lambda fault: fault.name)
def test_what_a_fault_hit_is_stored_once_in_the_end(site, proxy, fault):
    tab = site.open()
    wait_empty(tab)
    proxy.script = in_turn(fault)
    labels = add(tab, "hit", 3)
    wait_stored(site, labels, 20)
    wait_empty(tab)
    assert [one.fault.name for one in proxy.syncs].count(fault.name) == 1
