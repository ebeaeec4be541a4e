"""A whole Box for a test: the real command line, on a temporary folder and a free port."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from opsmantik_box.errors import BoxError
from opsmantik_box.link.client import EngineClient

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "opsmantik_box")
READY_SEC = 30
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers (lower case), body."""


def environment(**more: str) -> dict[str, str]:
    """This environment without anything that would set up the Box, and with this tree importable from anywhere."""
    ours = ("OPSMANTIK_", "LISTEN_", "NOTIFY_", "STATE_DIR", "CREDENTIALS_", "TELEGRAM_", "CRON_SECRET")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PYTHONPATH": str(ROOT)} | more


def run_cli(
    *words: object, env: Mapping[str, str] | None = None, stdin: str = "", cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """One command to its end. Its output, error output and exit code."""
    command = [*COMMAND, *map(str, words)]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, env=environment(**(env or {})), cwd=cwd, timeout=60, check=False
    )


def free_port() -> int:
    """A port nobody listens on, a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def fetch(url: str, body: object = None, headers: Mapping[str, str] | None = None, method: str | None = None) -> Answer:
    """The answer, also of a refusal. A body that is no bytes is sent as JSON."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, {name.lower(): value for name, value in refusal.headers.items()}, refusal.read()


def wait_until(is_over: Callable[[], bool], problem: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Looks again and again while the process lives. AssertionError with the log when it ends or time is up."""
    deadline = time.monotonic() + READY_SEC
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if is_over():
                return
        except (OSError, BoxError):
            pass
        time.sleep(0.02)  # between two looks, not instead of one
    raise AssertionError(f"{problem} (exit code {process.poll()}):\n{log.read_text()}")


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until /readyz says so."""
    wait_until(lambda: fetch(f"{url}/readyz")[0] == 200, "not ready", process, log)


class Box:
    """A Box that serves. As a context manager it is started and stopped; `stop(SIGKILL)` and `start()` in between as one likes."""

    def __init__(self, data: Path, *options: str, env: Mapping[str, str] | None = None, shift_ms: int = 0) -> None:
        self.data, self.port, self.options = data, free_port(), options
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.parent / f"{data.name}.log"
        self.shift = data.parent / f"{data.name}.shift"
        self.shift.write_text(str(shift_ms))
        self.env = dict(env or {}) | ({"OPSMANTIK_TEST_CLOCK": str(self.shift)} if shift_ms else {})
        self.process: subprocess.Popen[bytes] | None = None
        self._tokens: dict[str, str] = {}

    def __enter__(self) -> "Box":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *, wait: bool = True) -> "Box":
        """A new process on the same folder and port."""
        command = [*COMMAND, "serve", "--data", str(self.data), "--port", str(self.port), *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment(**self.env))
        if wait:
            self.wait_ready()
        return self

    def kill(self) -> None:
        """Nothing runs after this in the engine; its gateways notice."""
        self.stop(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code (negative: the signal that ended it)."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(20)

    def wait_ready(self) -> None:
        """Until /readyz says so."""
        assert self.process is not None
        wait_until_ready(self.url, self.process, self.log)

    def wait_projected(self) -> None:
        """Until every accepted signal is in its month file."""
        assert self.process is not None
        wait_until(lambda: self.status()["lag_signals"] == 0, "still behind", self.process, self.log)

    def call(self, command: str, **arguments: object) -> Any:
        """One command over the admin socket. Raises BoxError."""
        client = EngineClient(self.data)
        try:
            return client.call(command, arguments)
        finally:
            client.close()

    def status(self) -> dict[str, Any]:
        return self.call("status")

    def add_site(self, name: str = "antika", *domains: str, **fields: object) -> dict[str, Any]:
        """The site as the command answers it. Without domains it is at NAME.example."""
        return self.call("add_site", name=name, domains=list(domains) or [f"{name}.example"], **fields)

    def token(self, *sites: str, rights: str = "read") -> str:
        """A token of a user who works on these sites; the same one for the same sites."""
        key = " ".join((rights, *sites))
        if key not in self._tokens:
            email = f"user{len(self._tokens)}@example.com"
            self.call("add_user", email=email)
            for site in sites:
                self.call("grant", user=email, site=site, rights=rights)
            self._tokens[key] = self.call("create_token", user=email, rights=rights)["token"]
        return self._tokens[key]

    def site_token(self, site: str) -> str:
        """A token with which a server may send for this site: no rate limit, no origin."""
        return self.call("create_token", site=site)["token"]

    def get(self, path: str, token: str) -> Any:
        """A JSON document of the API; anything but 200 fails."""
        status, _, body = fetch(f"{self.url}{path}", headers={"Authorization": f"Bearer {token}"})
        assert status == 200, (path, status, body)
        return json.loads(body)

    def post(self, body: object, **headers: str) -> Answer:
        """A body to /api/sync, as a tracker's page would send it."""
        told = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://antika.example", "User-Agent": FIREFOX}
        return fetch(f"{self.url}/api/sync", body, told | {name.replace("_", "-"): value for name, value in headers.items()})

    def send(self, site: str, /, **fields: object) -> dict[str, Any]:
        """One signal; the answer's body."""
        host = fields.pop("host", "antika.example")
        signal_sent = {
            "s": site,
            "u": f"https://{host}/",
            "sid": "5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11",
            "ec": "interaction",
            "ea": "view",
            **fields,
        }
        return json.loads(self.post(signal_sent, Origin=f"https://{host}")[2])

    def cli(self, *words: object, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """A command on this Box's folder."""
        return run_cli(*words, "--data", self.data, env=self.env, stdin=stdin)

    def run_job(self, name: str) -> Any:
        """A job by hand, to its end; after one that runs by itself at this moment."""
        process, done = self.process, []

        def has_run() -> bool:
            done.append(self.cli("jobs", "run", name, "--json"))
            return "runs already" not in done[-1].stderr

        assert process is not None
        wait_until(has_run, f"{name} runs and runs", process, self.log)
        assert done[-1].stdout, done[-1].stderr
        return json.loads(done[-1].stdout)

    def cli_json(self, *words: object) -> Any:
        done = self.cli(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
