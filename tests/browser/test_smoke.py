"""The smoke tests find what they are there to find: each is run against trackers that lose, lie or keep quiet."""

import json
import subprocess
import sys

import pytest

from tests.browser.smoke import events, offline, proofs
from tests.browser.smoke.report import Report
from tests.harness import ROOT, environment

OUTBOX = "opsmantik_outbox_v2"
KEEPS_NOTHING = f"""
const set = Storage.prototype.setItem;
Storage.prototype.setItem = function (key, value) {{ if (!key.startsWith('{OUTBOX}')) set.call(this, key, value); }};
"""
BELIEVES_ALL = """
const real = fetch;
window.fetch = async (...all) => { await real(...all); return new Response('{"ok":true,"status":"synced"}'); };
"""
HEARS_NOTHING = """
const add = addEventListener;
window.addEventListener = function (kind, ...more) { if (!/^(online|beforeunload)$/.test(kind)) add.call(this, kind, ...more); };
"""
TALKS_ALWAYS = "localStorage.setItem('opsmantik_debug', '1');"
HAS_NO_HANDLES = """
let held;
Object.defineProperty(window, 'opmantik', { get: () => held, set: (api) => { delete api._tank; held = api; } });
"""
SABOTAGE = {
    KEEPS_NOTHING: {"outbox_v2", "get_queue"},
    BELIEVES_ALL: {"response_ok"},
    HEARS_NOTHING: {"online_listener", "before_unload"},
    TALKS_ALWAYS: {"log"},
    HAS_NO_HANDLES: {"save_queue", "add_to_outbox", "process_outbox"},
}
"""What is done to the tracker before it comes, and the proofs that must notice. Each of the nine is here."""


@pytest.fixture
def said():
    return []


@pytest.fixture
def sabotaged(browser):
    def sabotage(script):
        browser.prelude = f"{{ {script} }}"

    yield sabotage
    browser.prelude = ""


def test_all_nine_proofs_hold(site, said):
    assert proofs.prove(site, Report("proofs", said.append)), "\n".join(said)
    assert said[-1].strip() == "9/9"


def test_every_proof_is_made_to_fail_once():
    assert set().union(*SABOTAGE.values()) == {proof.__name__ for proof in proofs.PROOFS}


@pytest.mark.parametrize(("how", "wanted"), SABOTAGE.items(), ids=["keeps", "believes", "hears", "talks", "handles"])
def test_a_tracker_that_does_wrong_fails_the_proofs_of_it(site, said, sabotaged, how, wanted, monkeypatch):
    sabotaged(how)
    monkeypatch.setattr(proofs, "SECONDS", 2)
    proofs.prove(site, Report("proofs", said.append), wanted)
    assert said[-1].strip() == f"0/{len(wanted)}", "\n".join(said)


def test_offline_finds_a_healthy_tracker_in_order_and_names_its_version(site, said):
    report = Report("offline", said.append)
    assert offline.prove(site.browser, offline.local_page(site), report, lambda label: site.labels()[label]), "\n".join(said)
    assert "version 2." in said[1]


def test_offline_believes_the_browser_about_a_page_whose_database_it_cannot_see(site, said):
    address = offline.internal(site.put())
    assert offline.prove(site.browser, address, Report("live", said.append)), "\n".join(said)
    assert all(row["metadata"].get("internal") for row in site.wait_rows(1, event_action="view"))


def test_offline_finds_a_tracker_that_loses(site, said, sabotaged, monkeypatch):
    sabotaged(KEEPS_NOTHING)
    monkeypatch.setattr(offline, "SECONDS", 3)
    assert not offline.prove(site.browser, site.put(), Report("offline", said.append))


def test_offline_finds_a_page_without_a_tracker(site, said, monkeypatch):
    monkeypatch.setattr(offline, "SECONDS", 1)
    assert not offline.prove(site.browser, site.pages.put("/none", "<!doctype html>"), Report("offline", said.append))
    assert "FAILED" in said[1]


def test_events_shows_the_newest_with_their_site_and_fails_without_any(box, said, capsys, tmp_path):
    assert not events.show(box.data, Report("events", said.append))
    assert "none." in said[-2]
    for number in range(12):
        box.send(box.add_site(f"site {number}", "antika.example")["public_id"], el=f"label {number}", ea="smoke")
    box.wait_projected()
    assert events.show(box.data, Report("events", said.append))
    shown = capsys.readouterr().out
    assert [f"site {number} " in shown for number in range(12)] == [False] * 2 + [True] * 10
    assert "12 (" in said[-2]
    assert not events.show(tmp_path, Report("events", said.append))
    assert "not running" in said[-2]


def test_the_names_of_the_field_are_scripts_of_the_repository():
    scripts = json.loads((ROOT / "package.json").read_text())["scripts"]
    words = {name.removeprefix("smoke:tank-tracker"): command.rpartition("ARGS=")[2] for name, command in scripts.items()}
    assert words == {"": "proofs", "-events": "events", "-offline": "offline", "-all": "all"}


def test_a_smoke_test_tells_by_its_exit_status_how_it_went(box, tmp_path):
    def smoke(*words, data):
        command = [sys.executable, "-m", "tests.browser.smoke", *words]
        return subprocess.run(
            command, cwd=ROOT, env=environment(DATA=str(data)), capture_output=True, timeout=60, check=False
        ).returncode

    box.send(box.add_site("seen just now", "antika.example")["public_id"])
    box.wait_projected()
    assert (smoke("events", data=box.data), smoke("events", data=tmp_path), smoke("nonsense", data=tmp_path)) == (0, 1, 2)
