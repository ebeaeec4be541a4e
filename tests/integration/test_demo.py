"""The demo: what it shows went through the real wire, and when it ends nothing is left of it."""

import json
import re
import signal
import socket
import subprocess
from pathlib import Path
from random import Random

import pytest

from opsmantik_box.demo.visitors import SITES, invent_past, invent_visit
from tests.harness import COMMAND, environment, fetch, free_port, wait_until

NOW = 1_793_880_000_000


@pytest.mark.parametrize("seed", range(20))
def test_a_visit_happens_in_order_and_is_the_same_for_the_same_chance(seed):
    visit = invent_visit(Random(seed), SITES[seed % len(SITES)], NOW)
    assert visit == invent_visit(Random(seed), SITES[seed % len(SITES)], NOW)
    assert [step.at for step in visit.steps] == sorted(step.at for step in visit.steps)
    assert visit.steps[0].at == NOW
    ids = [step.body["id"] for step in visit.steps if not step.is_call]
    assert len(set(ids)) == len(ids)


def test_the_past_holds_everything_an_operator_meets():
    visits = invent_past(Random(1), NOW, 8, 9)
    steps = [step for visit in visits for step in visit.steps]
    assert all(step.at < NOW for step in steps)
    assert {"ringing", "answered", "ended", "missed"} == {step.body["state"] for step in steps if step.is_call}
    actions = {step.body["ea"] for step in steps if not step.is_call}
    assert {"view", "scroll_depth", "phone_call", "whatsapp", "form_submit"} <= actions
    assert {visit.site for visit in visits} == set(SITES)
    assert any(visit.has_click for visit in visits)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGHUP])
def test_the_demo_shows_visits_and_a_page_and_leaves_nothing_behind(tmp_path, end):
    port, page, log = free_port(), free_port(), tmp_path / "demo.log"
    command = [*COMMAND, "demo", "--no-console", "--port", str(port), "--page-port", str(page)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment(TMPDIR=str(tmp_path)))
    try:
        wait_until(lambda: "Ctrl-C" in log.read_text(), "the demo does not begin", process, log)
        said = log.read_text()
        visits, signals = (int(number) for number in re.findall(r"(\d+) visits .*?: (\d+) signals", said)[0])
        assert visits > 100
        (folder,) = tmp_path.glob("opsmantik-demo-*")
        token = (folder / "data" / "demo-token").read_text()
        assert oct((folder / "data" / "demo-token").stat().st_mode & 0o777) == "0o600"
        mine = {"Authorization": f"Bearer {token}"}
        url = f"http://127.0.0.1:{port}"
        listed = json.loads(fetch(f"{url}/api/v1/sites", headers=mine)[2])["sites"]
        assert {site["name"] for site in listed} == {site.name for site in SITES}
        intents = [
            row
            for site in listed
            for row in json.loads(fetch(f"{url}/api/v1/sites/{site['id']}/intents?limit=200", headers=mine)[2])["intents"]
        ]
        assert {"click", "call"} <= {row["source"] for row in intents}
        assert signals > visits
        status, _, body = fetch(f"http://127.0.0.1:{page}/demo/paintings")
        assert (status, listed[0]["id"].encode() in body) == (200, True)
        assert b"tel:+902125550142" in body
        from_page = {"s": listed[0]["id"], "u": f"http://127.0.0.1:{page}/demo/", "ea": "view"}
        assert fetch(f"{url}/api/sync", from_page, {"Origin": f"http://127.0.0.1:{page}"})[0] == 200
    finally:
        process.send_signal(end)
        assert process.wait(30) == 0
    assert list(tmp_path.glob("opsmantik-demo-*")) == []
    assert not Path(f"/proc/{process.pid}").exists()


def test_a_second_demo_takes_other_ports(tmp_path):
    log = tmp_path / "demo.log"
    with socket.create_server(("127.0.0.1", 0)) as box, socket.create_server(("127.0.0.1", 0)) as page, log.open("wb") as output:
        taken = {box.getsockname()[1], page.getsockname()[1]}
        command = [*COMMAND, "demo", "--no-console", "--port", str(box.getsockname()[1]), "--page-port", str(page.getsockname()[1])]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment(TMPDIR=str(tmp_path)))
        try:
            wait_until(lambda: "Ctrl-C" in log.read_text(), "the demo does not begin", process, log)
            said = log.read_text()
            assert all(f"Port {port} is taken" in said for port in taken)
            used = {int(port) for port in re.findall(r"http://127.0.0.1:(\d+)", said)}
            assert len(used) == 2
            assert not used & taken
            (url,) = re.findall(r"The Box: (\S+)", said)
            assert fetch(f"{url}/readyz")[0] == 200
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
