"""Sites as they are: optimisers, tag managers, policies, banners, routers, and the trackers that were there before."""

import json

import pytest

from opsmantik_box.snippet import csp, gtm, page_lines
from tests.browser.chromium import Tab, wait_for
from tests.browser.field import LINKS, QUIET, Site, started, wait_empty
from tests.browser.pages import FOLDER
from tests.browser.test_taps import intents

TYPED = ("Ayşe", "555 01 43", "5550143")
"""What stands in the form of pages/: its name, its number as typed and as digits (fewer of them stand in ids and times by chance)."""
VIOLATIONS = """window.violated = [];
addEventListener('securitypolicyviolation', (event) => violated.push(event.violatedDirective + ' ' + event.blockedURI));"""


def script(site: Site, name: str) -> str:
    """The address of a script of pages/."""
    return site.pages.put(f"/{name}", (FOLDER / name).read_text(), "text/javascript")


def test_a_strict_policy_with_the_printed_sources_is_all_that_is_needed(site):
    policy = f"default-src 'none'; {csp(site.snippet()).text}"
    tab = site.visitor().tab()
    tab.before(VIOLATIONS)
    started(tab.goto(site.put("/", LINKS, policy=policy)))
    tab.click("#tel")
    intents(site, 1)
    site.wait_rows(1, event_action="view")
    assert tab.run("violated") == []


def test_the_tracker_twice_on_a_page_is_one_view_and_one_tap(site):
    tab = site.visitor().tab(site.put("/", LINKS, head=page_lines(site.snippet()) * 2))
    started(tab).click("#tel")
    intents(site, 1)
    wait_empty(tab)
    site.wait_rows(1, event_action="view")


def test_a_router_that_changes_the_path_is_a_view_and_one_that_changes_the_query_is_none(site):
    tab = site.open()
    site.wait_rows(1, event_action="view")
    for address in ("/tablolar", "/tablolar?sayfa=2", "/tablolar/12"):
        tab.run(f"history.pushState(null, '', {json.dumps(address)})")
        tab.pause(50)
    rows = site.wait_rows(3, event_action="view")
    assert [row["url"].partition("localhost")[2].partition("/")[2] for row in rows] == ["", "tablolar", "tablolar/12"]


def test_a_script_run_late_by_an_optimiser_records_every_tap_once(site):
    late = page_lines(site.snippet()).replace("<script async", "<script async type='5e2f9a-text/javascript'")
    loader = f'<script src="{script(site, "rocket_loader.js")}" data-cfasync="false"></script>'
    tab = started(site.visitor().tab(site.put("/", LINKS, head=loader + late)))
    tab.click("#tel")
    intents(site, 1)
    site.wait_rows(1, event_action="view")


def test_a_script_held_back_until_the_first_touch_records_that_touch(site):
    """The stub was left alone; the tap that brings the tracker in is recorded once, with its own time and the address of the landing."""
    late = page_lines(site.snippet()).replace("<script async", "<script async type='delayed/javascript'")
    delay = f'<script src="{script(site, "delay_js.js")}" data-no-defer></script>'
    tab = site.visitor().tab(site.put("/", QUIET, head=delay + late) + "?gclid=EAIaIQobChMI_late")
    tab.run("history.replaceState(null, '', '/')")
    tab.click("#quiet")
    at = tab.run("Date.now()")
    intents(site, 1)
    (row,) = site.wait_rows(1, event_category="conversion")
    (view,) = site.wait_rows(1, event_action="view")
    assert abs(row["created_at"] - at) < 500
    assert "gclid=EAIaIQobChMI_late" in view["url"]
    wait_empty(started(tab))
    tab.click("#quiet-wa")
    intents(site, 2)


def test_a_script_put_in_by_a_tag_manager_records_every_tap_once(site):
    manager = f'<script src="{script(site, "tag_manager.js")}"></script>'
    html = json.dumps(gtm(site.snippet()).text).replace("</", "<\\/")
    tab = started(site.visitor().tab(site.put("/", LINKS, head=f"<script>window.customHtml = {html};</script>{manager}")))
    tab.click("#tel")
    intents(site, 1)
    site.wait_rows(1, event_action="view")


def test_consent_that_comes_late_brings_what_happened_before_with_its_own_time(site, proxy):
    tab = site.open(consent="pending")
    tab.click("#tel")
    at = tab.run("Date.now()")
    tab.pause(700)
    assert (proxy.syncs, [key for key in tab.storage() if key.startswith("opsmantik")]) == ([], [])
    tab.run("opmantik.consent('granted')")
    intents(site, 1)
    (row,) = site.wait_rows(1, event_category="conversion")
    assert abs(row["created_at"] - at) < 400
    site.wait_rows(1, event_action="view")


def test_consent_refused_leaves_nothing_and_sends_nothing(site, proxy):
    tab = site.open(consent="pending")
    tab.click("#tel")
    tab.run("opmantik.consent('denied')")
    tab.pause(500)
    assert (proxy.syncs, [key for key in tab.storage() if key.startswith("opsmantik")]) == ([], [])
    assert site.rows() == []


@pytest.mark.parametrize("pressed", ["yes", "no"])
def test_a_banner_that_is_answered_late_decides_over_the_taps_before_it(site, proxy, pressed):
    tab = site.open((FOLDER / "banner.html").read_text(), consent="pending", cmp=True)
    tab.wait("opmantik._adapters === 1")
    tab.click("#quiet")
    tab.pause(700)
    assert proxy.syncs == []
    tab.click(f"#{pressed}")
    if pressed == "yes":
        intents(site, 1)
        (row,) = site.wait_rows(1, event_category="conversion")
        assert row["metadata"]["ad_user_data"] == "granted"
        return
    tab.pause(700)
    assert (proxy.syncs, site.rows(), [key for key in tab.storage() if key.startswith("opsmantik")]) == ([], [], [])


def form(site: Site, outcome: str) -> Tab:
    tab = site.open((FOLDER / "contact_form_7.html").read_text(), adapters=True)
    tab.wait("[...document.scripts].some((one) => /ux-adapters/.test(one.src)) && opmantik._adapters === 1")
    tab.run(f"window.outcome = {json.dumps(outcome)}")
    tab.click("#send")
    return tab


def test_a_form_counts_when_its_plugin_says_that_it_was_sent(site):
    tab = form(site, "mail_sent")
    (row,) = site.wait_rows(1, event_action="form_submit")
    site.wait_rows(1, event_action="form_attempt")
    assert [one["intent_action"] for one in site.intents()] == ["form"]
    wait_empty(tab)
    assert not any(word in json.dumps(row, ensure_ascii=False) for word in TYPED)


def test_a_form_that_was_refused_is_an_attempt_and_no_conversion(site):
    tab = form(site, "validation_failed")
    site.wait_rows(1, event_action="form_attempt")
    tab.pause(200)
    wait_empty(tab)
    assert site.intents() == []


class TestBesideAnOldTracker:
    """Same origin, same storage: a site is never changed over on all pages at one moment."""

    @pytest.fixture
    def visitor(self, site):
        attributes = f'data-site-id="{site.public_id}" data-api="{site.proxy.url}/api/sync"'
        site.put("/old", QUIET, head=f'<script src="{script(site, "old_tracker.js")}" {attributes}></script>')
        site.put("/new", QUIET)
        return site.visitor()

    def test_both_record_every_tap_once(self, site, visitor):
        tabs = [started(visitor.tab(site.pages.url(path))) for path in ("/old", "/new")]
        for taps, (tab, link) in enumerate(((tab, link) for link in ("#quiet", "#quiet-wa") for tab in tabs), 1):
            tab.click(link)
            intents(site, taps)
        site.wait_rows(2, event_action="view")

    def test_a_visit_that_goes_from_one_to_the_other_and_back_is_one(self, site, visitor):
        tab = started(visitor.tab(site.pages.url("/old?gclid=EAIaIQobChMI_old")))
        for path in ("/new", "/old", "/new"):
            started(tab.goto(site.pages.url(path)))
        rows = site.wait_rows(4, event_action="view")
        assert len({row["sid"] for row in rows}) == 1
        assert {row["metadata"].get("fp_prev") for row in rows} >= {"k3x9q2a"}

    def test_what_the_old_one_could_not_send_the_new_one_brings_once(self, site, proxy, visitor):
        before = started(visitor.tab(site.pages.url("/old")))
        site.wait_rows(1, event_action="view")
        proxy.down()
        before.click("#quiet")
        wait_for(lambda: "opsmantik_evtq_v1" in before.storage(), "the old tracker's queue")
        proxy.up()
        after = started(visitor.tab(site.pages.url("/new")))
        intents(site, 1)
        assert "opsmantik_evtq_v1" not in after.storage()
