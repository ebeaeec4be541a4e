"""The tracker: its own tests, and the built file against a real Box. Node runs both; the page around it is simulated, nothing else is.

The tests of the tracker's rules live beside it (tracker/test); this runs them, so that `make test` does.
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from opsmantik_box.resources import tracker_script
from tests.harness import FIREFOX, ROOT, Box

TRACKER = ROOT / "tracker"
PAGE = "https://www.antika.example/tablo?id=12&gclid=EAIaIQobChMI_test"
PHONE, WHATSAPP = "tel:+902125550142", "https://wa.me/905325550143"


@pytest.fixture(scope="module")
def node() -> str:
    """Node itself. Without it (or npm) nothing here can run: said loudly, and never skipped in CI."""
    found = shutil.which("node") and shutil.which("npm") and shutil.which("node")
    if found:
        return found
    told = "SKIPPED: node and npm are not installed (apt install nodejs npm): nothing of the tracker was tested"
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("box") / "data") as running:
        yield running


@pytest.fixture
def site(box, request):
    name = request.node.name[:90]
    return box.cli_json("site", "add", name, "--domain", "antika.example")


@pytest.fixture
def visit(node):
    def play(site, api, *steps, consent="granted", page=PAGE):
        attributes = {"site": site["public_id"], "api": api, "consent": consent}
        told = json.dumps({"url": page, "agent": FIREFOX, "attributes": attributes, "steps": steps})
        command = [node, str(TRACKER / "test" / "against_box.js"), str(tracker_script()), told]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return play


def report(box, site):
    return box.cli_json("stats", "--site", site["public_id"])


def test_a_view_and_two_taps_arrive_once_and_leave_nothing_behind(box, site, visit):
    page = visit(
        site, f"{box.url}/api/sync", ["tap", PHONE], ["tap", WHATSAPP], ["tap", "https://antika.example/other"], ["wait-empty"]
    )
    assert page["left"] == []
    told = report(box, site)["ads"]
    assert (told["sessions"], told["with_click"], told["phone"], told["whatsapp"]) == (1, 1, 1, 1)


@pytest.mark.parametrize("consent", ["pending", "denied"])
def test_without_consent_nothing_is_stored_or_sent(box, site, visit, consent):
    assert visit(site, f"{box.url}/api/sync", ["tap", PHONE], consent=consent)["keys"] == []
    assert report(box, site)["all"]["sessions"] == 0


def test_consent_given_later_brings_what_was_seen_before_it(box, site, visit):
    visit(site, f"{box.url}/api/sync", ["tap", PHONE], ["consent", "granted"], ["tap", WHATSAPP], ["wait-empty"], consent="pending")
    told = report(box, site)["ads"]
    assert (told["sessions"], told["phone"], told["whatsapp"]) == (1, 1, 1)


def test_consent_taken_back_leaves_nothing_in_the_browser(site, visit):
    assert visit(site, "http://127.0.0.1:9/api/sync", ["tap", PHONE], ["consent", "denied"])["keys"] == []


def test_what_cannot_be_sent_stays_with_its_own_id_and_time(site, visit):
    left = visit(site, "http://127.0.0.1:9/api/sync", ["tap", PHONE])["left"]
    assert sorted(one["payload"]["ea"] for one in left) == ["phone_call", "view"]
    assert len({one["id"] for one in left}) == 2
    assert all(one["payload"]["id"] == one["id"] and one["payload"]["ts"] == one["ts"] for one in left)
    assert re.fullmatch(r"fp_[0-9a-f]{22}", left[0]["payload"]["meta"]["fp"])
    assert left[0]["payload"]["sid"] == left[1]["payload"]["sid"]
