"""The tracker as it is shipped, against a real Box. Not in a browser yet: Node runs it with just enough of a page around it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from opsmantik_box.resources import tracker_script
from tests.harness import FIREFOX, Box

pytestmark = pytest.mark.skipif(
    not shutil.which("node"), reason="node is not installed (apt install nodejs): the tracker cannot be run"
)

PAGE = "https://www.antika.example/tablo?id=12&gclid=EAIaIQobChMI_test"
PHONE, WHATSAPP = "tel:+902125550142", "https://wa.me/905325550143"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("box") / "data") as running:
        yield running


@pytest.fixture
def site(box, request):
    name = request.node.name[:90]
    return box.cli_json("site", "add", name, "--domain", "antika.example")


def visit(site, api, *steps, consent="granted", page=PAGE):
    command = [
        "node",
        str(Path(__file__).parent / "page.js"),
        str(tracker_script()),
        page,
        site["public_id"],
        api,
        consent,
        json.dumps(steps),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"AGENT": FIREFOX}, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def report(box, site):
    return box.cli_json("stats", "--site", site["public_id"])


def test_a_view_and_two_taps_arrive_once_and_leave_nothing_behind(box, site):
    page = visit(
        site, f"{box.url}/api/sync", ["tap", PHONE], ["tap", WHATSAPP], ["tap", "https://antika.example/other"], ["wait-empty"]
    )
    assert page["left"] == []
    told = report(box, site)["ads"]
    assert (told["sessions"], told["with_click"], told["phone"], told["whatsapp"]) == (1, 1, 1, 1)


@pytest.mark.parametrize("consent", ["pending", "denied", "limit"])
def test_without_consent_nothing_is_stored_or_sent(box, site, consent):
    assert visit(site, f"{box.url}/api/sync", ["tap", PHONE], consent=consent)["keys"] == []
    assert report(box, site)["all"]["sessions"] == 0


def test_consent_given_later_begins_the_visit(box, site):
    visit(site, f"{box.url}/api/sync", ["tap", PHONE], ["consent", "granted"], ["tap", WHATSAPP], ["wait-empty"], consent="pending")
    told = report(box, site)["ads"]
    assert (told["sessions"], told["phone"], told["whatsapp"]) == (1, 0, 1)


def test_consent_taken_back_leaves_nothing_in_the_browser(site):
    assert visit(site, "http://127.0.0.1:9/api/sync", ["tap", PHONE], ["consent", "denied"])["keys"] == []


def test_what_cannot_be_sent_stays_with_its_own_id_and_time(site):
    left = visit(site, "http://127.0.0.1:9/api/sync", ["tap", PHONE])["left"]
    assert [one["payload"]["ea"] for one in left] == ["view", "phone_call"]
    assert len({one["id"] for one in left}) == 2
    assert all(one["payload"]["id"] == one["id"] and one["payload"]["ts"] == one["ts"] for one in left)
    assert re.fullmatch(r"fp_[0-9a-f]{22}", left[0]["payload"]["meta"]["fp"])
    assert left[0]["payload"]["sid"] == left[1]["payload"]["sid"]


def test_a_site_that_is_not_there_does_not_keep_the_browser_trying(box):
    assert visit({"public_id": "00000000-0000-4000-8000-000000000000"}, f"{box.url}/api/sync", ["wait-empty"])["left"] == []


def test_the_script_is_small_and_depends_on_nothing():
    text = tracker_script().read_text()
    assert len(text.splitlines()) <= 200
    assert "import " not in text
    assert "preventDefault" not in text
