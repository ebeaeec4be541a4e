"""Signals to send: a recorded day, played as often as needed, each time by other visitors.

Every copy of the day has its own ids, sessions, fingerprints, click ids, stamps and addresses; what repeats within the day (a
signal sent again, a visitor who comes back) repeats within the copy. Copies are played side by side, signal by signal, so that
neighbours on the wire are strangers, as they are on a busy Box. The same seed gives the same signals.
"""

import json
import random
import re
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

DAY = Path(__file__).parents[1] / "data" / "traffic" / "milestone.jsonl"
AT_ONCE = 100
"""Copies of the day that are played side by side: about as many visitors are on the sites at once."""
FRESH = 12
"""So many characters at the end of an id are made anew; what stands before them keeps its look."""
OWN_AGENTS = 0.1
"""The share of visitors whose browser has a build number of its own: caches of user agents must not live on the day's few."""
SITE = {"name": "bench", "domains": ["antika.example"], "consent": "granted"}

_IN_META = ("fp", "gclid", "wbraid", "gbraid", "intent_stamp")
_CLICK_IN_URL = re.compile(r"[?&](?:gclid|wbraid|gbraid)=([^&#]+)")


class Line(NamedTuple):
    """A recorded signal. `parts` is its JSON without the opening brace, cut at everything that each copy has of its own; `at` and
    `sent` are milliseconds from the day's midnight."""

    parts: tuple[str, ...]
    visitor: str
    agent: str
    at: int
    sent: int


class Sent(NamedTuple):
    """A signal on the wire. `rest` is its JSON object after the site, month and times, up to and with the closing brace."""

    rest: str
    agent: str
    address: str
    at: int
    sent: int


class Day(NamedTuple):
    """The recorded lines in order of sending, and every value in them that a copy replaces."""

    lines: list[Line]
    marks: list[str]


def read_day(path: Path = DAY) -> Day:
    """Raises OSError."""
    recorded = [json.loads(line) for line in path.read_text().splitlines()]
    marks = sorted({mark for line in recorded for mark in _marks(line["body"])}, key=len, reverse=True)
    cut = re.compile("(" + "|".join(map(re.escape, marks)) + ")")
    return Day([_read_line(line, cut) for line in recorded], marks)


def _marks(body: dict[str, Any]) -> Iterator[str]:
    yield body["sid"]
    yield body["id"]
    yield from (body["meta"][name] for name in _IN_META if name in body["meta"])
    yield from _CLICK_IN_URL.findall(body["u"])


def _read_line(line: dict[str, Any], cut: re.Pattern[str]) -> Line:
    text = json.dumps(line["body"], ensure_ascii=False, separators=(",", ":"))
    return Line(tuple(cut.split(text[1:])), line["body"]["sid"], line["ua"], line["at"], line["send"])


def play(day: Day, seed: int, at_once: int = AT_ONCE) -> Iterator[Sent]:
    """Signals without end."""
    chance = random.Random(seed)
    while True:
        copies = [Copy(day.marks, chance) for _ in range(at_once)]
        for line in day.lines:
            for copy in copies:
                yield copy.send(line)


class Copy:
    """One playing of the day, by visitors of its own."""

    def __init__(self, marks: list[str], chance: random.Random) -> None:
        self._chance = chance
        self._fresh = {mark: _fresh(mark, chance) for mark in marks}
        self._visitors: dict[str, tuple[str, str]] = {}

    def send(self, line: Line) -> Sent:
        fresh = self._fresh
        agent, address = self._visitors.get(line.visitor) or self._meet(line)
        return Sent("".join([fresh.get(part, part) for part in line.parts]), agent, address, line.at, line.sent)

    def _meet(self, line: Line) -> tuple[str, str]:
        """A visitor's user agent and address, kept for the visit."""
        chance, agent = self._chance, line.agent
        if chance.random() < OWN_AGENTS:
            agent = re.sub(r"\d+(?=\D*$)", str(chance.randrange(1000)), agent)
        address = f"{chance.randrange(11, 120)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"
        self._visitors[line.visitor] = agent, address
        return agent, address


def _fresh(mark: str, chance: random.Random) -> str:
    """Another value of the same make: a UUID v4 for a UUID, else the same beginning and a new end."""
    if len(mark) == 36 and mark[8] == mark[23] == "-":
        h = f"{chance.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"
    size = min(len(mark), FRESH)
    return mark[: len(mark) - size] + f"{chance.getrandbits(4 * size):0{size}x}"


def month_hint(ms: int) -> str:
    """`sm` as trackers write it, for a time in UTC milliseconds."""
    return time.strftime("%Y-%m-01", time.gmtime(ms / 1000))


def single(sent: Sent, site: str, now: int) -> bytes:
    """The body of a request with one signal, sent at `now` (UTC milliseconds)."""
    happened = now - (sent.sent - sent.at)
    return f'{{"s":"{site}","sm":"{month_hint(now)}","ts":{happened},"st":{now},{sent.rest}'.encode()


def batch(signals: list[Sent], site: str, now: int) -> bytes:
    """The body of a request with many signals, as a relay sends them: of whoever came."""
    hint = month_hint(now)
    items = ",".join(f'{{"sm":"{hint}","ts":{now - (sent.sent - sent.at)},{sent.rest}' for sent in signals)
    return f'{{"v":2,"st":{now},"s":"{site}","e":[{items}]}}'.encode()


def requests(seed: int, count: int, size: int, site: str, token: str) -> list[bytes]:
    """`count` whole HTTP requests of `size` signals each, ready to be written to a socket."""
    signals, now = play(read_day(), seed), time.time_ns() // 1_000_000
    built: list[bytes] = []
    for _ in range(count):
        group = list(islice(signals, size))
        body = single(group[0], site, now) if size == 1 else batch(group, site, now)
        built.append(_head(group[0], token, len(body)) + body)
    return built


def _head(sent: Sent, token: str, length: int) -> bytes:
    return (
        f"POST /api/sync HTTP/1.1\r\nHost: box.example\r\nUser-Agent: {sent.agent}\r\nAccept: */*\r\n"
        f"Content-Type: text/plain;charset=UTF-8\r\nOrigin: https://antika.example\r\nX-Forwarded-For: {sent.address}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
