"""Signals as browsers send them, made from a seed; and a client that remembers which of them the Box said yes to."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from opsmantik_box.domain.ids import event_id
from opsmantik_box.domain.reading import Context, Reading, read_signal
from opsmantik_box.domain.signals import WireSignal
from opsmantik_box.domain.sites import Site
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.writing import Answer, Incoming

PHONE = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36"
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
LAST_SECONDS = 1_793_491_180_000
"""2026-10-31 23:59:40 UTC: twenty seconds before a month ends."""

ADD_SITE = "insert into sites (public_id, name, domains, consent, created_at) values (?, ?, ?, 'granted', ?)"

KINDS: Sequence[dict[str, Any]] = (
    {"ec": "interaction", "ea": "view"},
    {"ec": "interaction", "ea": "view"},
    {"ec": "interaction", "ea": "scroll_depth", "el": "50%", "ev": 50},
    {"ec": "interaction", "ea": "scroll_depth", "ev": "90"},
    {"ec": "interaction", "ea": "hover_intent"},
    {"ec": "conversion", "ea": "phone_call", "el": "tel:+902125550142"},
    {"ec": "conversion", "ea": "whatsapp", "el": "https://wa.me/905325550143?text=Merhaba"},
    {"ec": "conversion", "ea": "form_submit"},
    {"ec": "system", "ea": "session_end"},
)

Key = tuple[str, bytes]
"""(a site's public id, event id)."""


@dataclass(frozen=True)
class Sent:
    """One signal as it left a browser: the body of a request, without its site and time of sending."""

    site: str
    body: dict[str, Any]
    user_agent: str = PHONE
    address: str = "78.180.1.2"

    @property
    def key(self) -> Key:
        found = event_id(self.body["id"])
        assert found is not None
        return self.site, found

    def wire(self, at: int) -> dict[str, Any]:
        return {"s": self.site, "st": at, **self.body}


class Visitors:
    """People on `sites`, a few of them at a time; everything they do follows from the seed."""

    def __init__(self, sites: Sequence[str], seed: int = 0, sessions: int = 12) -> None:
        self._sites, self._random, self._limit = sites, Random(seed), sessions
        self._sessions: list[tuple[str, str, str, str]] = []

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def signal(self, at: int, **changes: Any) -> Sent:
        """What somebody does at this time."""
        site, sid, fingerprint, landing = self._somebody()
        body = dict(self._random.choice(KINDS)) | {
            "id": self.uuid(),
            "sid": sid,
            "ts": at,
            "u": landing,
            "r": "https://www.google.com/",
        }
        body["meta"] = {"fp": fingerprint}
        if body["ec"] == "conversion" and self._random.random() < 0.7:
            body["meta"]["intent_stamp"] = f"{at}-{self._random.getrandbits(32):x}"
        robot = self._random.random() < 0.05
        return Sent(site, body | changes, ROBOT if robot else PHONE, f"78.180.{self._random.randrange(250)}.2")

    def several(self, count: int, at: int, step: int = 400) -> list[Sent]:
        return [self.signal(at + number * step) for number in range(count)]

    def _somebody(self) -> tuple[str, str, str, str]:
        if len(self._sessions) < 2 or self._random.random() < 0.25:
            self._sessions.append(self._arrive())
            del self._sessions[: -self._limit]
        return self._random.choice(self._sessions)

    def _arrive(self) -> tuple[str, str, str, str]:
        """Some come by an ad, and some of them come back: same fingerprint, another session."""
        ad = self._random.random() < 0.5
        click = f"?gclid=EAIaIQobChMI{self._random.getrandbits(64):x}&utm_campaign=tablo" if ad else ""
        fingerprint = f"fp_{self._random.randrange(40):08}"
        return self._random.choice(self._sites), self.uuid(), fingerprint, f"https://antika.example/tablo{click}"


@dataclass
class Client:
    """Who sends, and keeps a list: everything sent, everything that was answered with yes."""

    sent: dict[Key, list[Sent]] = field(default_factory=dict)
    acknowledged: dict[Key, int] = field(default_factory=dict)
    """How often each was acknowledged as new (not as a duplicate)."""
    erased: set[Key] = field(default_factory=set)
    """What may be gone, because its visitor was erased."""

    def note_sent(self, signals: Sequence[Sent]) -> None:
        for signal in signals:
            self.sent.setdefault(signal.key, []).append(signal)

    def note_yes(self, signal: Sent, *, duplicate: bool) -> None:
        self.acknowledged[signal.key] = self.acknowledged.get(signal.key, 0) + (not duplicate)

    def deliver(self, core: Core, signals: Sequence[Sent], now: int) -> list[Answer]:
        """To an engine in this process, read as a gateway reads. Raises what the engine raises: then nothing was acknowledged."""
        self.note_sent(signals)
        answers = core.accept([incoming(core, signal, now) for signal in signals], now)
        for signal, answer in zip(signals, answers, strict=True):
            self.note_yes(signal, duplicate=answer.duplicate)
        return answers


def incoming(core: Core, sent: Sent, now: int) -> Incoming:
    """A signal as the gateway hands it to the engine."""
    site = _site(core, sent.site)
    body = sent.wire(now)
    wire = msgspec.json.decode(msgspec.json.encode(body), type=WireSignal)
    reading = read_signal(wire, site, Context(now, body["st"], sent.user_agent, sent.address))
    assert isinstance(reading, Reading), reading
    return Incoming(site.id, reading.arrival)


def _site(core: Core, public_id: str) -> Site:
    number, domains = core.ledger.db.execute("select id, domains from sites where public_id = ?", (public_id,)).fetchone()
    return Site(number, public_id, "", msgspec.json.decode(domains), [], "Europe/Istanbul", "TR", "TRY", "granted", [], [], {})


def add_sites(core: Core, count: int = 2) -> list[str]:
    """Sites with public ids that are the same in every run."""
    made = [str(uuid.UUID(int=number + 1, version=4)) for number in range(count)]
    with core.ledger.transaction():
        for number, public_id in enumerate(made):
            core.ledger.db.execute(ADD_SITE, (public_id, f"site {number}", '["antika.example"]', 1))
    return made


def month_end(
    visitors: Visitors, batches: int, size: int, start: int = LAST_SECONDS, step: int = 4_000
) -> Iterator[tuple[int, list[Sent]]]:
    """(now, signals) of a scenario that goes over the end of a month in its middle."""
    for number in range(batches):
        now = start + (number - batches // 2) * step + 20_000
        yield now, [visitors.signal(now - 1_000) for _ in range(size)]


def catch_up(core: Core, now: int) -> None:
    """Until every month file has what it must have."""
    while core.lag:
        core.catch_up(now)


def copy_of(folder: Path, target: Path) -> Path:
    """A dead Box's folder, to be opened without touching the original. -shm files are left out (no crash leaves them), and what a backup
    was working on."""
    (target / "months").mkdir(parents=True)
    for path in [*folder.iterdir(), *(folder / "months").iterdir()]:
        if path.is_file() and not path.name.endswith("-shm") and path.name not in {"lock", "reserve"}:
            (target / path.relative_to(folder)).write_bytes(path.read_bytes())
    return target
