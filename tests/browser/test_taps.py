"""Taps on everything a site may have for a tap: each is recorded once, none is delayed, and none needs the page to stay."""

import time

import pytest

from tests.browser.chromium import Chromium
from tests.browser.field import PHONE, QUIET, WHATSAPP, Site, held, started, wait_empty
from tests.browser.pages import FOLDER

TARGETS = {"phone": "tel:+902125550142", "whatsapp": "wa:+905325550143"}
LINKS = f"""
<header><a id="tel" href="{PHONE}">0212 555 01 42</a></header>
<a id="wa" href="{WHATSAPP}" target="_blank" rel="noopener">WhatsApp</a> <a id="leaving" href="{WHATSAPP}">WhatsApp</a>
<a id="scheme" href="whatsapp://send?phone=905325550143">WhatsApp</a> <a id="callto" href="callto:+902125550142">Ara</a>
<span id="marked" data-ux-intent="whatsapp">Yaz</span>
<a id="inside" href="{PHONE}"><svg width="40" height="40"><circle cx="20" cy="20" r="20"></circle></svg></a>
<a id="no" href="/fiyatlar?wa.me" onclick="return false">Fiyatlar</a>
<x-card id="card"></x-card>
<script>document.querySelector('x-card').attachShadow({{ mode: 'open' }}).innerHTML = '<a href="{PHONE}">0212 555 01 42</a>';</script>
"""


def intents(site: Site, count: int, seconds: float = 10) -> list[dict]:
    site.wait_rows(count, seconds, event_category="conversion")
    found = site.intents()
    assert len(found) == count
    return found


def test_a_tap_on_a_phone_link_is_an_intent_within_a_second_and_no_session_end(site):
    tab = site.open(LINKS)
    tab.run("addEventListener('beforeunload', () => { window.left = true; })")
    site.wait_rows(1, event_action="view")
    tab.click("#tel")
    (row,) = site.wait_rows(1, 1, event_category="conversion")
    assert (row["event_action"], row["event_label"], row["metadata"]["position"]) == ("phone_call", PHONE, "header")
    assert [(one["intent_action"], one["intent_target"]) for one in site.intents()] == [("phone", TARGETS["phone"])]
    wait_empty(tab)
    assert tab.run("left") is True
    assert "session_end" not in {one["event_action"] for one in site.rows()}


@pytest.mark.parametrize(
    ("tapped", "action"),
    [
        ("#tel", "phone"), ("#callto", "phone"), ("#inside", "phone"), ("#card", "phone"),
        ("#wa", "whatsapp"), ("#leaving", "whatsapp"), ("#scheme", "whatsapp"),
    ],
)  # fmt: skip
def test_every_kind_of_control_is_one_intent(site, tapped, action):
    site.open(LINKS).click(tapped)
    (intent,) = intents(site, 1)
    assert (intent["intent_action"], intent["intent_target"]) == (action, TARGETS[action])


def test_a_control_that_was_marked_is_an_intent_and_an_ordinary_link_is_none(site):
    tab = site.open(LINKS)
    for tapped in ("#no", "#marked", "#no"):
        tab.click(tapped)
    assert [one["intent_action"] for one in intents(site, 1)] == ["whatsapp"]


def test_two_taps_are_two_intents_and_a_double_click_is_one(site):
    tab = site.open(QUIET)
    tab.click("#quiet")
    intents(site, 1)
    tab.pause(800)  # longer than a double click
    tab.click("#quiet")
    tab.click("#quiet")
    intents(site, 2)


@pytest.mark.parametrize("widget", ["joinchat", "click_to_chat"])
def test_a_div_that_opens_whatsapp_is_one_intent_and_opens_at_once(site, widget):
    tab = site.open((FOLDER / f"{widget}.html").read_text())
    tab.click("#button")
    (intent,) = intents(site, 1)
    assert (intent["intent_action"], intent["intent_target"]) == ("whatsapp", TARGETS["whatsapp"])
    opened = tab.run("opened")
    assert opened["answer"] is None, "noopener answers null; the wrapper must pass on what the browser answered"
    assert opened["at"] - opened["tapped"] < 50, "the widget's own work was held up"
    assert any("whatsapp.com" in one["url"] or "wa.me" in one["url"] for one in tab.browser.targets())


def test_a_page_that_opens_whatsapp_by_itself_is_no_intent(site):
    tab = site.open(LINKS)
    tab.run(f"void window.open('{WHATSAPP}')")
    tab.click("#tel")
    assert [one["intent_action"] for one in intents(site, 1)] == ["phone"]


def test_a_link_whose_page_also_calls_open_is_one_intent(site):
    body = f"""<a id="both" href="{WHATSAPP}" onclick="window.open(this.href); return false">WhatsApp</a>"""
    tab = site.open(body)
    tab.click("#both")
    intents(site, 1)
    wait_empty(tab)
    assert len(site.intents()) == 1


def test_an_intent_is_in_the_database_when_the_browser_is_killed_a_second_after_the_tap(site, tmp_path):
    browser = Chromium(tmp_path / "profile")
    try:
        tab = started(browser.owner().tab(site.put("/", LINKS)))
        tab.click("#tel")
        time.sleep(1)  # the promise's own second
    finally:
        browser.kill()
    assert len(intents(site, 1, 1)) == 1


def test_a_tap_is_told_at_once_though_everything_before_it_waits(site):
    """Nine minor events lie in the outbox behind a slow request; the tap does not queue up behind them."""
    tab = site.open(LINKS)
    site.wait_rows(1, event_action="view")
    tab.run("for (let i = 0; i < 9; i++) opmantik.send('interaction', 'gallery', 'picture ' + i)")
    tab.click("#tel")
    intents(site, 1, 1)
    site.wait_rows(9, event_action="gallery")
    wait_empty(tab)
    assert held(tab) == []
