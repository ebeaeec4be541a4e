"""What the documents say is what the code does, as far as that can be looked up."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import click
import pytest

from opsmantik_box.cli import box
from opsmantik_box.domain import feed, logins, presence
from opsmantik_box.domain.rates import CALL_EVENTS, HOOK_CALLS, HOOK_GUESSES, RateLimits
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.domain.watch.facts import Limits
from opsmantik_box.engine import hints
from opsmantik_box.gateway import answers, asgi, bodies, broadcast, call_event, protocol, sse, static, stream
from opsmantik_box.gateway.api import ROUTES
from tests.harness import ROOT

WIRE = (ROOT / "docs" / "wire.md").read_text()
MANUALS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def said() -> Iterator[dict[str, Any]]:
    """Every body of gateway/answers.py."""
    yield from (json.loads(value) for value in vars(answers).values() if isinstance(value, bytes) and value.startswith(b"{"))
    made = (answers.stored(False, 1), answers.stored(True, 1), answers.many([], 0), answers.matched(1, "", 1), answers.unmatched(1))
    yield from map(json.loads, (*made, answers.origin_refused("ok"), answers.limited(1)))


def leaves(command: click.Command, path: str = "") -> Iterator[str]:
    """The names of all commands below one."""
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from leaves(cast("click.Command", command.get_command(context, name)), f"{path} {name}".strip())


@pytest.mark.parametrize("word", sorted({str(body.get("message") or body.get("error") or body["status"]) for body in said()}))
def test_every_answer_is_in_the_contract(word: str) -> None:
    assert f'"{word}"' in WIRE or f"`{word}`" in WIRE


def test_every_status_is_in_the_contract() -> None:
    code = "".join(path.read_text() for path in (ROOT / "opsmantik_box" / "gateway").glob("*.py"))
    used = set(re.findall(r"Answer\((\d{3})\b", code))
    assert {"200", "401", "408", "503"} <= used
    assert used <= set(re.findall(r"^\| (\d{3}) \|", WIRE, re.MULTILINE))


def test_every_header_is_in_the_contract() -> None:
    sent = {name for name, _ in answers.cors(b"https://antika.example", "ok")} | {b"x-ratelimit-limit", b"x-ratelimit-remaining"}
    told = WIRE.lower()
    assert [name for name in sent if name.decode() not in told] == []


@pytest.mark.parametrize(
    "limit",
    [
        f"{bodies.MAX_BODY // 1024} KiB", f"{bodies.MAX_BATCH_BODY // 1024} KiB", f"at most {bodies.MAX_ITEMS} of them",
        f"deeper than {bodies.MAX_DEPTH}", f"{asgi.MAX_DISCARDED // 2**20} MiB at most", f"{protocol.MAX_HEADER_BYTES // 1024} KiB",
        f"the head took over {protocol.HEADER_SECONDS:.0f} s", f"the body over {protocol.BODY_SECONDS:.0f} s",
        f"idle for {protocol.IDLE_SECONDS:.0f} s", f"wait {protocol.STALLED_SECONDS:.0f} s",
        f"{RateLimits().session} requests", f"{RateLimits().address:,} for each", f"{RateLimits().signals} signals",
        f"{CALL_EVENTS.address} requests a minute",
        f"over {HOOK_CALLS.address} requests of a hook", f"over {HOOK_GUESSES.address} of an address",
        f"last {call_event.RECENT_MS // 60_000} minutes",
        f"caches for {static.MAX_AGE // 60} minutes",
        f"every {broadcast.HEARTBEAT_SEC:.0f} s", f"over {broadcast.MAX_UNREAD // 1024} KiB unread", f"{stream.MOST:,} streams",
        f"kept for {feed.KEPT_MS // 86_400_000} days", f"retry: {sse.RETRY_MS}", f"over {hints.MOST} of a topic",
        f"after {logins.TRIES_OF_EMAIL} wrong ones for one address in {logins.WINDOW_MS // 60_000} minutes",
        f"{logins.TRIES_OF_ADDRESS} from one network address", f"token for {logins.TOKEN_MS // 86_400_000} days",
        f"Late by {hints.TOGETHER_SEC} s", f"within {presence.TOLD_MS // 1000} s",
    ],
)  # fmt: skip
def test_every_limit_is_in_the_contract(limit: str) -> None:
    assert limit in " ".join(WIRE.split())


def test_every_route_is_in_the_contract() -> None:
    routes = {re.sub(r":\w+}", "}", path) for route in ROUTES for path in cast("Any", route).paths}
    assert {f"/api/v1{route}" for route in routes} == set(re.findall(r"^\| `(/api/v1/[^`]+)`", WIRE, re.MULTILINE))


def test_every_topic_and_parameter_of_the_stream_is_in_the_contract() -> None:
    section = WIRE.partition("## GET /api/stream")[2].partition("\n## ")[0]
    words = {*feed.TOPICS, *feed.OLD_NAMES, *stream.PARAMETERS, "too_old", "epoch", "ahead", "malformed"}
    assert [word for word in words if f"`{word}`" not in section] == []


def test_every_alert_has_its_page() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text()
    assert set(re.findall(r"^### ([A-Z_]+)$", page, re.MULTILINE)) == set(Code)
    assert [name for name in Limits.__struct_fields__ if f"`{name}`" not in page and f'"{name}"' not in page] == []


def test_every_command_is_in_a_manual() -> None:
    told = "\n".join(path.read_text() for path in MANUALS)
    commands = list(leaves(box))
    assert len(commands) > 15
    assert [command for command in commands if not re.search(rf"(opsmantik-box |`){command}\b", told)] == []
