"""The processes a benchmark starts: Boxes, the yardstick, load generators and fillers. Ends every one it started, and no other."""

import http.client
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from opsmantik_box.link.client import EngineClient, engine_for
from tests.bench import fill, load, traffic, watch

ROOT = Path(__file__).parents[2]
START_SEC, STOP_SEC, FILL_SEC = 180.0, 20.0, 3600.0
POLL_SEC = 0.01
REST_SEC = 5.0
_Account = TypeVar("_Account")


class BenchmarkFailed(Exception):
    """A benchmark could not measure what it should: an unexpected answer, a process that did not start."""


class Key(NamedTuple):
    """What lets one send signals for the site of a folder."""

    site: str
    token: str


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@contextmanager
def data_folder(parent: Path) -> Generator[Path]:
    """A new data folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="opsmantik-bench-", dir=parent) as made:
        yield Path(made) / "data"


def add_site(data: Path) -> Key:
    """The folder's one site and a token to send for it; the token exempts from the rate limits."""
    data.mkdir(mode=0o750)
    with engine_for(data) as engine:
        site = engine.call("add_site", traffic.SITE)
        return Key(site["public_id"], engine.call("create_token", {"site": site["public_id"], "name": "bench"})["token"])


class Box:
    """A Box that is being started on a data folder, as `opsmantik-box serve` starts it."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, free_port()
        self._log = (data.parent / "serve.log").open("ab")
        command = [sys.executable, "-m", "opsmantik_box", "serve", "--data", str(data), "--port", str(self.port)]
        self._started = time.monotonic()
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)

    def wait_ready(self) -> float:
        """Seconds from its start until `/readyz` said yes. Raises BenchmarkFailed."""
        while not _says_yes(self.port, "/readyz"):
            if self.process.poll() is not None or time.monotonic() - self._started > START_SEC:
                raise BenchmarkFailed("the Box did not start:\n" + Path(self._log.name).read_text()[-2000:])
            time.sleep(POLL_SEC)
        return time.monotonic() - self._started

    def status(self) -> dict[str, Any]:
        client = EngineClient(self.data)
        try:
            return client.call("status")
        finally:
            client.close()

    def catch_up(self) -> None:
        """Waits until everything is in the month files, so that the next measure is not charged for it. Raises BenchmarkFailed."""
        deadline = time.monotonic() + START_SEC
        while self.status()["lag_signals"]:
            if time.monotonic() > deadline:
                raise BenchmarkFailed("the month files do not catch up")
            time.sleep(POLL_SEC)

    def come_to_rest(self) -> None:
        """Waits until the jobs a Box has missed while it was down, which it does at its start, are behind it. Raises BenchmarkFailed."""
        deadline = time.monotonic() + START_SEC
        time.sleep(REST_SEC)
        with closing(EngineClient(self.data)) as client:
            while any(job["running"] or job["queued"] for job in client.call("list_jobs", {})["jobs"]):
                if time.monotonic() > deadline:
                    raise BenchmarkFailed("the jobs of the start do not end")
                time.sleep(REST_SEC)

    def run_job(self, name: str) -> float:
        """Seconds that a job took from its start to its end. Raises BenchmarkFailed."""
        deadline = time.monotonic() + START_SEC
        with closing(EngineClient(self.data)) as client:
            job = client.call("run_job", {"name": name, "arguments": {}})
            while job["running"] or job["queued"]:
                if time.monotonic() > deadline:
                    raise BenchmarkFailed(f"{name} does not end")
                time.sleep(POLL_SEC)
                job = next(one for one in client.call("list_jobs", {})["jobs"] if one["name"] == name)
        if job["outcome"] != "done":
            raise BenchmarkFailed(f"{name}: {job['result']}")
        return (job["last_ended_at"] - job["last_started_at"]) / 1000

    def memory(self) -> dict[str, int]:
        """Resident bytes now, by process: engine, then gateways."""
        status = self.status()
        pids = {"engine": status["pid"]} | {f"gateway {gateway['number']}": gateway["pid"] for gateway in status["gateways"]}
        return {name: _resident(pid) for name, pid in pids.items()}

    def stop(self) -> None:
        _end(self.process)
        self._log.close()


@contextmanager
def running_box(data: Path) -> Generator[Box]:
    """A Box that is ready, stopped afterwards."""
    box = Box(data)
    try:
        box.wait_ready()
        yield box
    finally:
        box.stop()


@contextmanager
def running_yardstick(*, lean: bool) -> Generator[int]:
    """The port of a running yardstick; `lean` as there."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.yardstick", str(port), *(["lean"] if lean else [])]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            deadline = time.monotonic() + START_SEC
            while not _says_yes(port, "/healthz"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BenchmarkFailed("the yardstick did not start")
                time.sleep(POLL_SEC)
            yield port
        finally:
            _end(process)


def send(order: load.Order) -> load.Account:
    """Raises BenchmarkFailed when any answer was not 200: then nothing was measured."""
    account = _run("tests.bench.load", order, load.Account)
    if set(account.statuses) != {"200"}:
        raise BenchmarkFailed(f"unexpected answers: {account.statuses}")
    return account


def fill_folder(order: fill.Order) -> fill.Account:
    """Raises BenchmarkFailed."""
    return _run("tests.bench.fill", order, fill.Account)


def watch_stream(order: watch.Order) -> watch.Account:
    """Raises BenchmarkFailed."""
    return _run("tests.bench.watch", order, watch.Account)


def _run(module: str, order: object, account: type[_Account]) -> _Account:
    done = subprocess.run([sys.executable, "-m", module], input=msgspec.json.encode(order), stdout=subprocess.PIPE, cwd=ROOT,
                          timeout=FILL_SEC, check=False)  # fmt: skip
    if done.returncode:
        raise BenchmarkFailed(f"{module} ended with {done.returncode}")
    return msgspec.json.decode(done.stdout, type=account)


def _says_yes(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _resident(pid: int) -> int:
    """VmRSS in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SEC)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
