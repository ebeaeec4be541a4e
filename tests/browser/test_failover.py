"""Main is away: three failures, then the other address; main is back: the next probe finds it, and everything is stored once."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.chromium import wait_for
from tests.browser.field import QUIET, Site, started, wait_empty
from tests.browser.proxy import BAD_GATEWAY, FaultyProxy, all_well, always, busy
from tests.browser.test_delivery import add, wait_stored
from tests.harness import COMMAND, Box, environment, free_port, wait_until_ready

LATER = "{ const now = Date.now; Date.now = () => now() + 13 * 60_000; }"
"""The page is opened thirteen minutes later: past any time at which main is asked again (ten minutes, give or take two)."""
TIME = len("019abcde-f012")
"""Of an id: it begins with its time (RFC 9562, version 7)."""
TAPS = "for (let i = 0; i < 3; i++) opmantik.send('conversion', 'phone_call', 'tel:+90212555010' + i)"


@pytest.fixture
def spare(shared_box):
    """Another way to the same ledger."""
    with FaultyProxy(shared_box.port, "spare") as running:
        yield running


@pytest.mark.parametrize(("fault", "mode"), [(busy(), "failover"), (BAD_GATEWAY, "blocked")], ids=["busy", "out of reach"])
def test_three_failures_lead_to_the_other_address_and_the_next_probe_back(site, proxy, spare, fault, mode):
    visitor, address = site.visitor(), site.put("/", QUIET, failover=spare.url)
    tab = started(visitor.tab(address))
    wait_empty(tab)
    proxy.script = always(fault)
    tab.run(TAPS)
    wait_for(lambda: sum(one.fault is fault for one in proxy.syncs) >= 3, "three failures")
    labels = add(tab, "away", 5)
    wait_stored(site, labels, 20)
    site.wait_rows(3, event_category="conversion")
    assert {signal["el"] for one in spare.syncs for signal in one.signals} >= labels
    refused = len(proxy.syncs)

    proxy.script = all_well
    labels |= add(tab, "still away", 5)
    wait_stored(site, labels, 20)
    assert len(proxy.syncs) == refused, "main was asked before its time"

    tab.before(LATER)
    started(tab.reload())
    labels |= add(tab, "back", 5)
    wait_stored(site, labels, 20)
    wait_empty(tab)
    away = len(spare.syncs)
    labels |= add(tab, "home", 5)
    wait_stored(site, labels, 20)
    assert (len(spare.syncs), len(proxy.syncs) > refused) == (away, True)
    told = {row["metadata"].get("breaker") for row in site.rows()}
    assert told <= {None, "main", mode}


@contextmanager
def relay_of(box: Box, place: Path) -> Iterator[FaultyProxy]:
    """A relay that runs for this Box, behind a proxy that keeps what came."""
    port, token, log = free_port(), place / "token", place / "relay.log"
    token.write_text(box.cli_json("token", "create", "--relay")["token"])
    options = ("--main", box.url, "--token-file", str(token), "--port", str(port), "--data", str(place / "relay"))
    with log.open("ab") as out:
        process = subprocess.Popen([*COMMAND, "relay", *options], stdout=out, stderr=subprocess.STDOUT, env=environment())
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process, log)
        with FaultyProxy(port, "relay") as running:
            yield running
    finally:
        process.terminate()
        process.wait(20)


def test_what_a_relay_took_while_main_was_away_is_in_mains_ledger_once_and_in_order(killable_box, pages, browser, tmp_path):
    with relay_of(killable_box, tmp_path) as relay, FaultyProxy(killable_box.port) as proxy:
        site = Site(killable_box, proxy, pages, browser)
        tab = started(site.visitor().tab(site.put("/", QUIET, failover=relay.url)))
        wait_empty(tab)
        killable_box.kill()
        tab.run(TAPS)
        labels = add(tab, "away", 20, 20)
        wait_for(lambda: sum(one.status >= 500 for one in proxy.syncs) >= 3, "three failures")
        tab.wait("opmantik._tank.getQueue().length === 0", 30)
        killable_box.start()
        wait_stored(site, labels, 30)
        assert len(site.wait_rows(3, event_category="conversion")) == len(site.intents())
        rows = {row["event_id"]: row for row in site.rows()}
        taken = [signal["id"] for one in relay.syncs for signal in one.signals]
        assert len(rows) == len(site.rows())
        assert len(taken) >= len(labels)
        assert taken == sorted(taken, key=lambda one: rows[one]["seq"]), "the relay handed on in another order than it took"
        times = [one[:TIME] for one in taken]
        assert times == sorted(times), "not the oldest first"
        site.close()
