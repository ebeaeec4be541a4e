"""What really reaches a terminal: the bytes of a pseudo-terminal, with texts of strangers on the screen."""

import re
import signal
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from opsmantik_box.clock import monotonic
from tests.console.kit import HOSTILE
from tests.console.terminal import ESCAPES, Terminal, plain
from tests.harness import Box, fetch
from tests.integration.desk_kit import Work, newest, prepare

OURS = re.compile(
    rb"\x1b\[(?:[0-9;]*m|\d+;\d+H|\d*[ABCDGJK]|\?(?:25|1049|2004|2026|2048|7)[hl]|\?(?:2026|2048)\$p|<u|H|2J)|\x1b\]9;[^\x07\x1b]{1,80}\x07"
)
"""Colours, the cursor's place, the modes that are set and taken back; a notification of our own words."""
TURNERS = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")


@pytest.fixture(scope="module")
def hostile(box: Box) -> Work:
    """A Box whose visitors write what they like wherever they can."""
    work = prepare(box)
    token = box.site_token(work.site)
    for number, text in enumerate(HOSTILE, 10):
        sid = str(uuid.uuid4())
        meta = {"fp": f"fp_{uuid.uuid4().hex[:16]}", "city": text, "district": text, "tracker": text}
        page = f"https://antika.example/{text}?gclid=EAIa{uuid.uuid4().hex}&utm_campaign={text}"
        for more in (
            {"ea": "view"},
            {"ec": "conversion", "ea": "whatsapp", "el": "https://wa.me/905325550143"},
            {"ea": "scroll_depth", "el": text},
        ):
            box.send(work.site, u=page, sid=sid, meta=meta, r="https://www.google.com/", **more)
        form = {
            "phone": f"+90 532 555 01 {number}",
            "name": text,
            "form": text,
            "page": page,
            "sid": sid,
            "fingerprint": meta["fp"],
        }
        fetch(f"{box.url}/api/v1/leads", form, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        row = newest(box.data, "select max(id) from calls")
        work.ask(f"/intents/{row}/note", {"note": f"note {text}"}, who=1)
    with closing(sqlite3.connect(box.data / "ledger.db", timeout=10)) as ledger, ledger:
        add = "insert into alerts (kind, site_id, at, text, last_at, level, since) values ('CLOCK_STEP', 1, 9, ?, 9, 'alarm', 5)"
        ledger.executemany(add, [(text,) for text in HOSTILE])
    box.wait_projected()
    return work


@pytest.fixture
def terminal(hostile: Work, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    size = getattr(request, "param", (80, 24))
    (tmp_path / "token").write_text(hostile.box.token(hostile.site, rights="admin"))  # it sees the Box, too
    with Terminal(tmp_path, "--url", hostile.box.url, "--token-file", tmp_path / "token", size=size) as started:
        started.wait_for("LIVE")
        yield started


@pytest.mark.parametrize("terminal", [(80, 24), (200, 60)], indirect=True, ids=["80x24", "200x60"])
def test_no_byte_of_a_stranger_does_anything_to_the_terminal(terminal: Terminal):
    terminal.wait_for("FORM")
    for keys, text in (
        ("2", ""),
        ("A", "all traffic"),
        ("G", "note "),  # from the list's other end: the cursor of a list begins at its top
        *[("k", "note ")] * (len(HOSTILE) - 1),
        ("\r", ""),
        ("G", ""),
        ("/", "keep"),
        ("[", ""),
        ("\x1b", "claim"),
        ("?", "Work on a lead"),
        ("6", "Accepted"),
        ("G", ""),
        ("7", "the clock jumped"),
        *[("j", "")] * (len(HOSTILE) - 1),
        ("a", "You know of it"),
        ("z", "Tell nobody until when?"),
        ("\x1b", "silence"),
        ("8", "DOMAIN"),
        ("9", "No lane"),
        ("1", ""),
    ):
        terminal.press(keys, text)
        terminal.read(0.5)
    terminal.wait_for("Notes")
    written = terminal.bytes
    assert [found for found in ESCAPES.findall(written) if not OURS.fullmatch(found)] == []
    left = ESCAPES.sub(b"", written)
    assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", left), "a control"
    text = left.decode()
    assert not re.search("[\x80-\x9f]", text), "a C1 control"
    assert not TURNERS.search(text), "a mark that turns or hides"
    assert "[/nope" in text
    assert "52;c;aGFja2Vk" in text
    assert terminal.process.poll() is None
    terminal.press("5", "By source")


def test_idle_it_writes_little_and_seldom(terminal: Terminal):
    terminal.read(2.0)
    times, amount, began = list[float](), 0, monotonic()
    while monotonic() - began < 3:
        if told := terminal.read(0.02):
            times.append(monotonic())
            amount += len(told)
    assert amount / 3 < 1_500
    bursts = 1 + sum(later - earlier > 0.1 for earlier, later in pairwise(times))
    assert bursts <= 4 * 3 + 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP], ids=lambda how: how.name)
def test_the_terminal_is_given_back_as_it_was(terminal: Terminal, how: signal.Signals):
    assert terminal.modes() != terminal.before
    assert terminal.end(how) == 0
    assert terminal.modes() == terminal.before
    assert terminal.bytes.rindex(b"\x1b[?1049l") > terminal.bytes.rindex(b"\x1b[?1049h")
    assert terminal.bytes.rstrip().endswith(b"\x1b[?25h") or b"\x1b[?25h" in terminal.bytes[-40:]
    for unwanted in (b"\x1b[?1000h", b"\x1b[?1003h", b"\x1b[?1004h", b"\x1b[>"):
        assert unwanted not in terminal.bytes


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, None], ids=lambda how: how.name if how else "untold")
def test_it_ends_also_when_its_terminal_has_vanished(terminal: Terminal, how: signal.Signals | None):
    terminal.vanish()
    if how is not None:
        terminal.process.send_signal(how)
    assert terminal.process.wait(10) is not None


def test_what_it_shows_first_is_there_at_once(hostile: Work, tmp_path: Path):
    """On this machine, beside everything else that runs here; a bound against import of the world at start."""
    (tmp_path / "token").write_text(hostile.tokens[0])
    with Terminal(tmp_path, "--url", hostile.box.url, "--token-file", tmp_path / "token") as started:
        started.wait_for("OPSMANTIK")
        assert monotonic() - started.began < 5


def test_without_a_token_it_asks_and_remembers(hostile: Work, tmp_path: Path):
    with Terminal(tmp_path, "--url", hostile.box.url) as started:
        started.wait_for("Enter goes on")
        begun = len(started.bytes)
        started.press("\x1b[B\x1b[B")
        started.wait(lambda: b"\x1b[14;" in started.bytes[begun:], "the cursor in the last field")
        started.press(hostile.tokens[0], "•" * len(hostile.tokens[0]))
        started.press("\r", "LIVE")
    with Terminal(tmp_path, "--url", hostile.box.url) as again:
        again.wait_for("LIVE")
    assert (tmp_path / ".config" / "opsmantik" / "tokens.json").stat().st_mode & 0o777 == 0o600


def test_a_password_is_enough(hostile: Work, tmp_path: Path):
    assert hostile.box.cli("user", "password", "bir@antika.example", "--stdin", stdin="correct horse battery\n").returncode == 0
    with Terminal(tmp_path, "--url", hostile.box.url) as started:
        started.wait_for("Enter goes on")
        started.press("bir@antika.example", "bir@antika.example")
        begun = len(started.bytes)
        started.press("\x1b[B")
        started.wait(lambda: b"\x1b[11;" in started.bytes[begun:], "the cursor in the password's field")
        started.press("correct horse battery", "•" * 21)
        started.press("\r", "LIVE")
        assert b"correct horse" not in started.bytes


def test_it_speaks_ascii_to_a_terminal_that_has_no_more(hostile: Work, tmp_path: Path):
    (tmp_path / "token").write_text(hostile.tokens[0])
    with Terminal(tmp_path, "--url", hostile.box.url, "--token-file", tmp_path / "token", LC_ALL="C", size=(200, 60)) as started:
        started.wait_for("LIVE")
        started.read(1.0)
        assert [char for char in plain(started.bytes) if not char.isascii()] == []


def test_it_shows_no_colour_to_whoever_wants_none(hostile: Work, tmp_path: Path):
    (tmp_path / "token").write_text(hostile.tokens[0])
    with Terminal(tmp_path, "--url", hostile.box.url, "--token-file", tmp_path / "token", NO_COLOR="1") as started:
        started.wait_for("LIVE")
        started.read(0.5)
        styles = set(re.findall(rb"\x1b\[([0-9;]*)m", started.bytes))
    assert not [one for one in styles if re.search(rb"(?:^|;)(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;|$)", one)]
