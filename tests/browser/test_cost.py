"""What the tracker costs the page, from the browser's own trace. Times are of the processor, not of the clock: others use this machine too."""

import json
from typing import Any

from tests.browser.chromium import Tab, wait_for
from tests.browser.field import held, started, wait_empty
from tests.browser.proxy import RESET, all_well, always

SCRIPT = "ux-core"
TAPS = 8
TIMES = ("devtools.timeline", "disabled-by-default-devtools.timeline")
STACKS = (*TIMES, "disabled-by-default-devtools.timeline.stack")
"""Who asked for a layout costs much to find out, so times are taken without it."""
MANY = "".join(f'<a id="n{number}" href="tel:+9021255501{number:02}" onclick="return false">{number}</a> ' for number in range(TAPS))
GALLERY = """<script>const addMany = (left) => new Promise((done) => {
  (function one() { opmantik.send('interaction', 'gallery', 'picture ' + left); left -= 1; setTimeout(left ? one : done, 20); })(); });</script>"""
Event = dict[str, Any]


def calls(trace: list[Event], url: str) -> list[Event]:
    """The browser's calls into a script whose address holds `url`."""
    return [one for one in trace if one["name"] == "FunctionCall" and "tdur" in one and url in one["args"]["data"].get("url", "")]


def inside(outer: Event, trace: list[Event]) -> list[Event]:
    """The events of the same thread that lie within one."""
    end = outer["ts"] + outer["dur"]
    return [one for one in trace if one["tid"] == outer["tid"] and outer["ts"] <= one["ts"] < end and one is not outer]


def tasks(trace: list[Event], url: str) -> list[Event]:
    """Every task of the thread that script runs on, whatever it did: nothing that the script causes is left out."""
    thread = next((one["pid"], one["tid"]) for one in trace if one["name"] == "FunctionCall" and url in one["args"]["data"].get("url", ""))
    return [one for one in trace if one["name"] == "RunTask" and (one["pid"], one["tid"]) == thread and "tdur" in one]


def forced_layouts(trace: list[Event], url: str) -> list[Event]:
    """Layouts the page had to do at once because that script asked for a size."""
    return [one for one in trace if one["name"] == "Layout" and url in json.dumps(one["args"].get("beginData", {}).get("stackTrace", []))]


def p98(events: list[Event]) -> float:
    """Milliseconds of the processor."""
    times = sorted(one["tdur"] / 1000 for one in events)
    return times[int(len(times) * 0.98)]


def say(what: str, milliseconds: float) -> None:
    print(f"\n{what}: {milliseconds:.2f} ms")


def test_the_click_handler_takes_less_than_a_millisecond(site):
    tab = site.open(MANY)
    wait_empty(tab)
    with tab.traced(*TIMES) as trace:
        for number in range(TAPS):
            tab.click(f"#n{number}")
            tab.run("new Promise((done) => setTimeout(done, 710))")  # longer than a double click
        site.wait_rows(TAPS, event_category="conversion")
    clicks = [one for one in trace if one["name"] == "EventDispatch" and one["args"]["data"]["type"] == "click"]
    handlers = [call for click in clicks for call in calls(inside(click, trace), SCRIPT)]
    assert len(handlers) >= TAPS
    print(sorted(round(h["tdur"]/1000,2) for h in handlers))
    say("click handler, p98", p98(handlers))
    assert p98(handlers) < 1


def test_an_event_costs_the_main_thread_at_most_a_millisecond(site):
    tab = site.open(GALLERY)
    wait_empty(tab)
    with tab.traced(*TIMES) as trace:
        tab.run("addMany(200)")
        site.wait_rows(200, event_action="gallery")
        wait_empty(tab)
    added = [one for one in trace if one["name"] == "FunctionCall" and one["args"]["data"].get("functionName") == "one"]
    assert len(added) >= 199
    print(sorted(round(h["tdur"]/1000,2) for h in added)[::10])
    say("adding an event, p98", p98(added))
    whole = sum(task["tdur"] for task in tasks(trace, site.pages.url())) / 1000
    say("everything the main thread did for an event, mean", whole / 200)
    assert p98(added) <= 1
    assert whole / 200 <= 1


def test_a_hundred_waiting_events_make_no_long_task(site, proxy):
    proxy.script = always(RESET)
    tab = site.open()
    tab.run("for (let i = 0; i < 98; i++) opmantik.send('interaction', 'gallery', 'picture ' + i)")
    wait_for(lambda: len(held(tab)) >= 90, "a full outbox")
    proxy.script = all_well
    with tab.traced(*TIMES) as trace:
        started(tab.reload())
        wait_empty(tab)
    longest = max(task["tdur"] / 1000 for task in tasks(trace, SCRIPT))
    say("longest task with a full outbox", longest)
    assert longest <= 20


def visit(tab: Tab) -> None:
    """Everything a visitor does that the tracker looks at."""
    tab.hover("#n3")
    tab.click("#n4")
    for share in (0.6, 1):
        tab.run(f"scrollTo(0, document.documentElement.scrollHeight * {share})")
        tab.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    tab.run("history.pushState(null, '', '/tablolar')")
    tab.run("new Promise((done) => setTimeout(done, 700))")


def test_the_tracker_never_forces_a_layout(site):
    tab = site.visitor().tab()
    address = site.put("/", MANY + "<p style='height:3000px'></p>")
    with tab.traced(*STACKS) as trace:
        started(tab.goto(address))
        visit(tab)
        site.wait_rows(1, event_category="conversion", event_label="tel:+902125550104")
    assert calls(trace, SCRIPT) != []
    assert forced_layouts(trace, SCRIPT) == []


def test_a_script_that_forces_a_layout_or_takes_long_is_seen(site):
    """The measure itself: it must find what it says it looks for."""
    slow = site.pages.put("/slow.js", "addEventListener('click', () => { const end = performance.now() + 60; while (performance.now() < end); "
                          "document.body.style.width = Math.random() * 100 + 'px'; document.body.offsetWidth; });", "text/javascript")  # fmt: skip
    tab = site.visitor().tab(site.pages.put("/", f"<!doctype html><script src='{slow}'></script><a id='n' href='#'>n</a>"))
    with tab.traced(*STACKS) as trace:
        tab.click("#n")
        tab.run("new Promise((done) => setTimeout(done, 50))")
    assert forced_layouts(trace, "slow.js") != []
    assert p98(calls(trace, "slow.js")) > 1
    assert max(task["tdur"] / 1000 for task in tasks(trace, "slow.js")) > 20
