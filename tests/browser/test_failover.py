"""Main is away: three failures, then the other address; main is back: the next probe finds it, and everything is stored once."""

import pytest

from tests.browser.chromium import wait_for
from tests.browser.field import QUIET, started, wait_empty
from tests.browser.proxy import BAD_GATEWAY, FaultyProxy, all_well, always, busy
from tests.browser.test_delivery import add, wait_stored

LATER = "{ const now = Date.now; Date.now = () => now() + 13 * 60_000; }"
"""The page is opened thirteen minutes later: past any time at which main is asked again (ten minutes, give or take two)."""
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
