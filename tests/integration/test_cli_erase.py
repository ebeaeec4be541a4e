"""`opsmantik-box erase` as the owner has it: with the service running under load, and without."""

import json
import sqlite3
import uuid
from pathlib import Path

import pytest

from tests.fault.live import live_box, load, wait_until
from tests.harness import Box, run_cli
from tests.integration.erase_kit import visitor

ALI, VELI = visitor(0xA11), visitor(0xBE11)


@pytest.fixture
def site(box: Box) -> str:
    """A site of its own, with a visit and a tap of each of two visitors."""
    name = f"site-{uuid.uuid4().hex[:8]}"
    public_id = box.add_site(name, "antika.example")["public_id"]
    for fingerprint in (ALI, VELI):
        sid = str(uuid.uuid4())
        box.send(public_id, sid=sid, meta={"fp": fingerprint}, u=f"https://antika.example/?gclid=click_of_{fingerprint}")
        box.send(public_id, sid=sid, ec="conversion", ea="phone_call", el="tel:+902125550142", meta={"fp": fingerprint})
    box.wait_projected()
    return name


def left(data: Path, *words: str) -> list[tuple[str, str]]:
    files = {path.name: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    return [(word, name) for name, content in files.items() for word in words if word.encode() in content]


def test_it_shows_what_goes_asks_and_gives_a_receipt(box: Box, site: str) -> None:
    no = run_cli("erase", "--site", site, "--fingerprint", ALI, "--data", box.data, stdin="n\n")
    assert no.returncode == 0
    assert ["ledger.db", "signals", "2"] in [line.split() for line in no.stdout.splitlines()]
    assert "Receipt" not in no.stdout
    yes = run_cli("erase", "--site", site, "--fingerprint", ALI, "--data", box.data, stdin="y\n")
    assert yes.returncode == 0, yes.stderr
    assert f"Erased on {site} at " in yes.stdout
    receipt = yes.stdout.partition("Receipt ")[2].partition(";")[0]
    told = box.cli_json("privacy", "erasures")[0]
    assert (told["id"], told["site"], told["kind"], told["state"], told["by"]) == (
        receipt,
        site,
        "fingerprint",
        "done",
        "command line",
    )
    assert receipt in box.cli("privacy", "erasures").stdout
    assert "visitor erased" in box.cli("audit", "--site", site).stdout
    assert ALI not in box.log.read_text()


def test_a_dry_run_says_the_same_as_data_and_changes_nothing(box: Box, site: str) -> None:
    looked = box.cli_json("erase", "--site", site, "--fingerprint", ALI, "--dry-run")
    assert looked["tables"]["ledger.db"]["signals"] == 2
    erased = box.cli_json("erase", "--site", site, "--fingerprint", ALI, "--yes")
    assert erased["tables"] == looked["tables"]
    again = box.cli("erase", "--site", site, "--fingerprint", ALI, "--dry-run")
    assert "Nothing of this visitor is kept" in again.stdout


def test_readers_and_reports_know_it_at_once(box: Box, site: str) -> None:
    token = box.token(site)
    public_id = box.call("find_site", site=site)["public_id"]
    before = box.get(f"/api/v1/sites/{public_id}/stats?scope=all", token)
    box.cli_json("erase", "--site", site, "--fingerprint", ALI, "--yes")
    after = box.get(f"/api/v1/sites/{public_id}/stats?scope=all", token)
    assert (before["all"]["sessions"], after["all"]["sessions"]) == (2, 1)
    assert (before["all"]["intents"], after["all"]["intents"]) == (2, 1)
    assert {(one["what"], one["cause"], one["by"]) for one in after["later_changes"]} == {
        ("sessions", "erased", -1), ("intents", "erased", -1),
    }  # fmt: skip
    assert "because a visitor was erased" in box.cli("stats", "--site", site).stdout
    assert len(box.get(f"/api/v1/sites/{public_id}/intents", token)["intents"]) == 1


def test_an_id_may_come_from_standard_input(box: Box, site: str) -> None:
    done = run_cli("erase", "--site", site, "--fingerprint", "-", "--yes", "--json", "--data", box.data, stdin=f"{VELI}\n")
    assert json.loads(done.stdout)["tables"]["ledger.db"]["signals"] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--yes",), "one of --fingerprint, --phone, --session"),
        (("--fingerprint", "a", "--phone", "b", "--yes"), "one of --fingerprint, --phone, --session"),
        (("--fingerprint", ALI, "--json"), "add --yes or --dry-run"),
        (("--phone", "abc", "--yes"), "nobody's phone"),
        (("--fingerprint", ALI, "--site", "nowhere", "--yes"), "There is no site"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(box: Box, words: tuple[str, ...], said: str) -> None:
    done = box.cli("erase", *words)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_service_the_command_does_it_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Box(data) as box:
        public_id = box.add_site()["public_id"]
        sid = str(uuid.uuid4())
        box.send(public_id, sid=sid, meta={"fp": ALI})
    done = run_cli("erase", "--fingerprint", ALI, "--yes", "--json", "--data", data)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "done"
    assert left(data, ALI, sid) == []


def test_signals_are_taken_while_a_visitor_is_erased() -> None:
    """And nobody else's is lost. A reader holds the WAL for a moment: it is waited for, and signals are not."""
    with live_box() as live, load(live, seed=1):
        wait_until(lambda: len(live.client.acknowledged) > 100, "traffic")
        fingerprint = next(iter(live.client.sent.values()))[0].body["meta"]["fp"]
        reader = sqlite3.connect(f"file:{live.data}/ledger.db?mode=ro", uri=True)
        reader.execute("begin")
        reader.execute("select count(*) from signals").fetchone()
        erasure = live.box.call("erase_visitor", kind="fingerprint", value=fingerprint)["id"]
        before = len(live.client.acknowledged)
        wait_until(lambda: len(live.client.acknowledged) > before + 100, "traffic meanwhile")
        assert live.box.call("read_erasure", id=erasure)["receipt"]["state"] != "done"
        reader.close()
        wait_until(lambda: live.box.call("read_erasure", id=erasure)["receipt"]["state"] == "done", "the erasure's end", 30)
        live.client.erased = {key for key, (sent, *_) in live.client.sent.items() if sent.body["meta"]["fp"] == fingerprint}
    assert set(live.statuses) <= {200, 503}
    assert live.statuses.get(503, 0) == 0


def test_a_stream_is_told_which_rows_are_gone(box: Box, site: str) -> None:
    token = box.token(site)
    public_id = box.call("find_site", site=site)["public_id"]
    rows = box.get(f"/api/v1/sites/{public_id}/intents", token)
    gone = [row["id"] for row in rows["intents"]]
    box.cli_json("erase", "--site", site, "--fingerprint", ALI, "--yes")
    left_over = [row["id"] for row in box.get(f"/api/v1/sites/{public_id}/intents", token)["intents"]]
    ledger = sqlite3.connect(f"file:{box.data}/ledger.db?mode=ro", uri=True)
    (body,) = ledger.execute("select body from feed where topic = 'erased' order by seq desc limit 1").fetchone()
    ledger.close()
    assert json.loads(body)["ids"] == [number for number in gone if number not in left_over]
