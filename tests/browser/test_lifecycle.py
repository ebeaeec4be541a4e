"""Pages come and go: hidden, left, closed, brought back, prerendered, duplicated, offline. What was seen is in the database once."""

import json
import time

from tests.browser.chromium import Chromium, wait_for
from tests.browser.field import LINKS, PHONE, held, started, wait_empty
from tests.browser.proxy import RESET, always, slow
from tests.browser.test_delivery import add, gallery, wait_stored

BLOCKED = 2
COMING_BACK = "addEventListener('pageshow', (event) => { window.restored = event.persisted; });"


def views(site):
    return [row for row in site.rows() if row["event_action"] == "view"]


def test_what_was_added_just_before_a_reload_arrives(site, proxy):
    proxy.script = always(slow(0.3))
    tab = site.open()
    labels = add(tab, "before", 30)
    tab.reload()
    started(tab)
    wait_stored(site, labels, 30)
    site.wait_rows(2, event_action="view")


def test_what_was_added_just_before_the_tab_is_closed_arrives_without_another_visit(site):
    tab = site.open()
    labels = add(tab, "last", 12)
    tab.run("0")  # the page has run what was asked of it
    tab.close()
    wait_stored(site, labels, 10)


def test_what_could_not_be_sent_arrives_with_the_next_visit(site, proxy):
    proxy.script = always(RESET)
    visitor, address = site.visitor(), site.put()
    tab = started(visitor.tab(address))
    labels = add(tab, "kept", 5)
    tab.click("#tel")
    wait_for(lambda: len(held(tab)) >= 7, "a view, five events and a tap in the outbox")
    tab.close()
    proxy.script = lambda _: slow(0)
    started(visitor.tab(address))
    wait_stored(site, labels, 20)
    site.wait_rows(1, event_category="conversion")
    site.wait_rows(2, event_action="view")


def test_nothing_is_sent_while_offline_and_everything_when_the_line_is_back(site, proxy):
    tab = site.open()
    wait_empty(tab)
    asked = len(proxy.syncs)
    tab.offline(True)
    labels = add(tab, "offline", 3)
    tab.click("#tel")
    wait_for(lambda: len(held(tab)) == 4, "three events and a tap in the outbox")
    assert (len(proxy.syncs), gallery(site)) == (asked, {})
    tab.offline(False)
    wait_stored(site, labels, 10)
    site.wait_rows(1, event_category="conversion")
    wait_empty(tab)


def test_going_back_is_another_view_and_the_page_comes_from_the_cache(site):
    tab = site.visitor().tab()
    tab.before(COMING_BACK)
    next_page = site.put("/next", "next")
    started(tab.goto(site.put()))
    started(tab.goto(next_page))
    tab.history(-1)
    tab.wait("window.restored !== undefined")
    assert [one["notRestoredExplanations"] for one in tab.told("Page.backForwardCacheNotUsed")] == []
    assert tab.run("restored") is True
    site.wait_rows(3, event_action="view")
    tab.click("#tel")
    site.wait_rows(1, event_category="conversion")


def test_a_prerendered_page_is_a_view_only_when_it_is_shown(site, proxy):
    site.put("/next", LINKS)
    rules = json.dumps({"prerender": [{"source": "list", "urls": ["/next"], "eagerness": "immediate"}]})
    leave = "<script>setTimeout(() => { location.href = '/next'; }, 1500);</script>"
    first = site.pages.put("/", f"""<!doctype html><script type="speculationrules">{rules}</script>{leave}""")
    visitor = site.visitor()
    visitor.open_unwatched(first)
    wait_for(lambda: any(one.path.startswith("/ux-core") for one in proxy.requests), "the tracker in the prerendered page")
    wait_for(lambda: any(one["url"].endswith("/next") for one in site.browser.targets()), "the page to be shown")
    shown = time.monotonic()
    (view,) = site.wait_rows(1, event_action="view")
    assert proxy.syncs[0].at > shown - 0.1
    (tab,) = visitor.tabs()
    assert tab.run("performance.getEntriesByType('navigation')[0].activationStart") > 0
    assert view["url"].endswith("/next")


def test_a_duplicated_tab_is_the_same_visit_with_events_of_its_own(site):
    visitor = site.visitor()
    tab = started(visitor.tab(site.put()))
    tab.run("sessionStorage.setItem('theirs', '1')")
    tab.call("Runtime.evaluate", expression="void window.open(location.href)", userGesture=True)
    wait_for(lambda: len(visitor.tabs()) == 2, "the second tab")
    (other,) = [one for one in visitor.tabs() if one.target != tab.target]
    started(other)
    labels = add(tab, "first", 10) | add(other, "second", 10)
    wait_stored(site, labels, 20)
    assert len({row["sid"] for row in site.wait_rows(2, event_action="view")}) == 1


def test_a_hidden_page_waits_until_it_is_seen(site):
    """Opened in the background, or restored with the browser: not a view yet."""
    visitor, address = site.visitor(), site.put()
    visitor.tab(window=True)
    behind = visitor.tab(window=False)
    visitor.tab(window=False)
    wait_for(lambda: behind.run("document.visibilityState") == "hidden", "a hidden tab")
    started(behind.goto(address))
    behind.pause(500)
    assert views(site) == []
    behind.show()
    site.wait_rows(1, event_action="view")


FILL = """for (let size = 1 << 20; size; size >>= 1) {
  try { for (let i = 0; ; i++) localStorage.setItem('theirs' + size + '-' + i, 'x'.repeat(size)); } catch {}
}"""
"""Until not a single letter more fits."""


def test_a_full_storage_loses_nothing_and_is_told(site):
    visitor = site.visitor()
    tab = visitor.tab()
    tab.before(FILL)
    started(tab.goto(site.put()))
    labels = add(tab, "full", 5)
    tab.click("#tel")
    wait_stored(site, labels, 20)
    site.wait_rows(1, event_category="conversion")
    site.wait_rows(1, event_action="view")
    assert any(key.startswith("theirs") for key in tab.storage())
    visitor.tab(window=False)
    tab.show()
    (beat,) = site.wait_rows(1, event_action="heartbeat")
    assert beat["metadata"]["storage"] == "memory"


def test_a_browser_that_denies_storage_is_tracked_within_the_page(site, tmp_path):
    browser = Chromium(tmp_path / "profile", cookies=BLOCKED)
    try:
        tab = started(browser.owner().tab(site.put()))
        assert tab.run("(() => { try { return !!localStorage; } catch (error) { return error.name; } })()") == "SecurityError"
        labels = add(tab, "denied", 5)
        tab.click("#tel")
        wait_stored(site, labels, 20)
        site.wait_rows(1, event_category="conversion", event_label=PHONE)
        assert tab.told("Runtime.exceptionThrown") == []
    finally:
        browser.kill()
