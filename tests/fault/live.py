"""A real service under load: browsers in threads that keep the client's list, and ways to end the service."""

import http.client
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from tests.fault.invariants import check, check_equals_refold, scratch
from tests.fault.traffic import LAST_SECONDS, Client, Sent, Visitors, copy_of
from tests.harness import Box, fetch, free_port

BEFORE_MONTH_END_MS = 20_000


class LiveBox:
    """A Box as a process, its sites and a token that frees its senders from rate limits. Its clock says that a month ends soon."""

    def __init__(self, place: Path, *options: str, env: dict[str, str] | None = None, shifted: bool = True) -> None:
        shift = LAST_SECONDS - time.time_ns() // 1_000_000 if shifted else 0
        self.shift = shift
        self.box = Box(place / "data", *options, env=env, shift_ms=shift)
        self.client = Client()
        self.statuses: dict[int, int] = {}
        self.sites: list[str] = []
        self.tokens: dict[str, str] = {}

    @property
    def data(self) -> Path:
        return self.box.data

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + self.shift

    def set_clock(self, now: int) -> None:
        """For the Box, which must be one with a shifted clock, and for who sends to it."""
        self.shift = now - time.time_ns() // 1_000_000
        self.box.shift.write_text(str(self.shift))

    def start(self, *, wait: bool = True) -> float:
        """Seconds until it was ready. A new port every time: nothing of the last one is in the way."""
        self.box.port = free_port()
        self.box.url = f"http://127.0.0.1:{self.box.port}"
        started = time.monotonic()
        self.box.start(wait=wait)
        return time.monotonic() - started

    def is_ready(self) -> bool:
        with suppress(OSError):
            return fetch(f"{self.box.url}/readyz")[0] == 200
        return False

    def add_sites(self, count: int = 2) -> None:
        for number in range(count):
            site = self.box.call("add_site", name=f"site {number}", domains=["antika.example"])["public_id"]
            self.sites.append(site)
            self.tokens[site] = self.box.call("create_token", site=site)["token"]

    def processes(self) -> list[int]:
        """The service's process and its children."""
        assert self.box.process is not None
        pid = self.box.process.pid
        with suppress(OSError):
            return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        return [pid]

    def kill(self) -> None:
        """SIGKILL for all of it, the engine first."""
        assert self.box.process is not None
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.box.process.wait(10)

    def check(self, *, caught_up: bool = False, like_new: bool = False) -> int:
        """The dead service's folder against the client's list, on a copy. How many signals it holds."""
        with tempfile.TemporaryDirectory(dir=scratch(), prefix="live-") as place:
            copy = copy_of(self.data, Path(place) / "copy")
            stored = check(copy, self.client, caught_up=caught_up)
            if like_new:
                check_equals_refold(copy)
        return len(stored)

    def stop_and_check(self) -> int:
        """A clean end after everything was projected."""
        self.box.wait_projected()
        assert self.box.stop() == 0
        return self.check(caught_up=True, like_new=True)


class Sender(threading.Thread):
    """A browser: single signals and batches, one after the other, until told to stop or the service is gone. What was not answered
    with yes is in `unsure` afterwards."""

    def __init__(self, live: LiveBox, seed: int, lock: threading.Lock, first: Sequence[Sent] = ()) -> None:
        super().__init__(daemon=True)
        self._live, self._lock, self._random = live, lock, Random(seed)
        self._visitors = Visitors(live.sites, seed)
        self._first = list(first)
        self.unsure: list[Sent] = []
        self.over = threading.Event()
        self.problem: BaseException | None = None

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._live.box.port, timeout=20)
        try:
            while not self.over.is_set():
                signals = self._next()
                self.unsure += signals
                if self._post(connection, signals):
                    del self.unsure[-len(signals) :]
        except (OSError, http.client.HTTPException):
            pass
        except BaseException as error:  # noqa: BLE001  (told by the test's own thread)
            self.problem = error
        finally:
            connection.close()

    def _next(self) -> list[Sent]:
        if self._first:
            return [self._first.pop()]
        count = 1 if self._random.random() < 0.6 else self._random.randint(2, 20)
        signals = [self._visitors.signal(self._live.now()) for _ in range(count)]
        return [signal for signal in signals if signal.site == signals[0].site]

    def _post(self, connection: http.client.HTTPConnection, signals: list[Sent]) -> bool:
        with self._lock:
            self._live.client.note_sent(signals)
        status, answer = post(connection, self._live, signals)
        with self._lock:
            self._live.statuses[status] = self._live.statuses.get(status, 0) + 1
            if status == 503:
                return False
            assert status == 200, (status, answer)
            for sent, told in zip(signals, answer.get("results", [answer]), strict=True):
                assert told["ok"], told
                self._live.client.note_yes(sent, duplicate=told["status"] == "duplicate")
        return True


def post(connection: http.client.HTTPConnection, live: LiveBox, signals: Sequence[Sent]) -> tuple[int, dict[str, object]]:
    """One request: a single signal, or a batch."""
    first, now = signals[0], live.now()
    body = first.wire(now) if len(signals) == 1 else {"v": 2, "st": now, "s": first.site, "e": [signal.body for signal in signals]}
    headers = {
        "Content-Type": "text/plain", "Origin": "https://antika.example", "User-Agent": first.user_agent,
        "Authorization": f"Bearer {live.tokens[first.site]}",
    }  # fmt: skip
    connection.request("POST", "/api/sync", json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


@contextmanager
def load(live: LiveBox, seed: int, senders: int = 3, first: Sequence[Sent] = ()) -> Iterator[list[Sender]]:
    """Senders at work; afterwards they are done, and nothing went wrong that may not."""
    lock = threading.Lock()
    working = [Sender(live, seed * 100 + number, lock, first[number::senders]) for number in range(senders)]
    for sender in working:
        sender.start()
    try:
        yield working
    finally:
        for sender in working:
            sender.over.set()
        for sender in working:
            sender.join(30)
    for sender in working:
        if sender.problem is not None:
            raise sender.problem


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.005)  # between two looks


@contextmanager
def live_box(
    *options: str, env: dict[str, str] | None = None, shifted: bool = True, place: Path | None = None
) -> Iterator[LiveBox]:
    """A Box with two sites that serves; killed at the end if the test has not ended it."""
    with tempfile.TemporaryDirectory(prefix="live-box-", dir=place) as folder:
        live = LiveBox(Path(folder), *options, env=env, shifted=shifted)
        try:
            live.start()
            live.add_sites()
            yield live
        finally:
            if live.box.process is not None and live.box.process.poll() is None:
                live.kill()
