"""What the log holds after everything was done once, at its most talkative: lines a program can read, and nothing of anybody."""

import json
import uuid
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.harness import Box, fetch

SECRET = "a-secret-of-the-cron-job"
CLICK = "EAIaIQobChMI8pXrSECRET"
FINGERPRINT = "fp_0123456789abcdefghijkl"
CALLER, LINE = "+905321234567", "tel:+902125550142"
ADDRESS = "203.0.113.77"
NAME, EMAIL, PASSWORD = "Ayse Nobody", "ayse@kunde.example", "correct horse battery staple"
PHONE_AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1"


class Lived(NamedTuple):
    lines: list[str]
    secrets: list[str]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """A Box to which everything happened."""
    env = {"OPSMANTIK_LOG_LEVEL": "debug", "CRON_SECRET": SECRET}
    with Box(tmp_path_factory.mktemp("logs") / "data", env=env) as box:
        site = box.add_site()["public_id"]
        operator = box.token("antika", rights="admin")
        sender = box.site_token("antika")
        live(box, site, operator, sender)
        box.kill()
        box.start()
        box.stop()
        lines = box.log.read_text().splitlines()
        secrets = [CLICK, FINGERPRINT, CALLER[1:], LINE[5:], ADDRESS, NAME, EMAIL, PASSWORD, SECRET, operator, sender]
        yield Lived(lines, secrets)


def live(box: Box, site: str, operator: str, sender: str) -> None:
    forwarded = {"X-Forwarded-For": ADDRESS, "User-Agent": PHONE_AGENT, "Origin": "https://antika.example"}
    visit = {
        "s": site,
        "u": f"https://antika.example/?gclid={CLICK}&tel={CALLER}",
        "sid": str(uuid.uuid4()),
        "meta": {"fp": FINGERPRINT},
    }
    tap = visit | {"ec": "conversion", "ea": "phone_call", "el": LINE}
    for body in (visit, tap, visit | {"u": "no address"}, [1], b"{", b"\xff\xfe"):
        fetch(f"{box.url}/api/sync", body, forwarded)
    told = {"site_id": site, "phone_number": CALLER, "fingerprint": FINGERPRINT}
    for token in (sender, "wrong-token-of-nobody"):
        fetch(f"{box.url}/api/call-event", told, forwarded | {"Authorization": f"Bearer {token}"})
    box.call("add_user", email=EMAIL, name=NAME)
    fetch(f"{box.url}/api/v1/login", {"email": EMAIL, "password": PASSWORD}, forwarded)
    box.wait_projected()
    for path in ("sites", "alerts", "jobs", f"sites/{site}/sessions", f"sites/{site}/intents", f"sites/{site}/stats"):
        fetch(f"{box.url}/api/v1/{path}", headers={"Authorization": f"Bearer {operator}"})
    for path in ("maintain-db", "test-notification"):
        fetch(f"{box.url}/api/{path}", b"", {"Authorization": f"Bearer {SECRET}"})
    box.run_job("audit-data-integrity")
    box.run_job("retention")
    box.call("add_webhook", url=f"https://crm.kunde.example/{PASSWORD.split(maxsplit=1)[0]}")
    for kind, value in (("fingerprint", FINGERPRINT), ("phone", CALLER)):
        box.call("erase_visitor", kind=kind, value=value)


def test_nothing_of_anybody_and_no_secret_is_in_the_log(lived: Lived) -> None:
    assert len(lived.lines) > 10, "else it proves nothing"
    log = "\n".join(lived.lines)
    assert [secret for secret in lived.secrets if secret in log] == []


def test_every_line_is_one_record_that_a_program_can_read(lived: Lived) -> None:
    """But for what `serve` says to whoever started it."""
    records = [json.loads(line) for line in lived.lines if line.startswith("{")]
    assert len(records) > 10
    assert all({"event", "level", "timestamp"} <= set(record) for record in records)
    assert not [line for line in lived.lines if "Traceback" in line]
