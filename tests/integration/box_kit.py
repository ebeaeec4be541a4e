"""A whole Box for a test: the real command line, on a temporary folder and a free port, stopped at the end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "opsmantik_box")
READY_SEC = 30


def environment(**more: str) -> dict[str, str]:
    """This environment without anything that would set up the Box, and with this tree importable from anywhere."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("OPSMANTIK_", "LISTEN_", "NOTIFY_", "STATE_DIR", "CREDENTIALS_"))
    }
    return kept | {"PYTHONPATH": str(ROOT)} | more


def run_cli(
    *words: object, env: Mapping[str, str] | None = None, stdin: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """One command to its end. Its output, error output and exit code."""
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(**(env or {})),
        cwd=cwd,
        timeout=60,
        check=False,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def fetch(
    url: str, body: object = None, headers: Mapping[str, str] | None = None, method: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (lower case) and body; also of a refusal."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, {k.lower(): v for k, v in refusal.headers.items()}, refusal.read()


def wait_until_ready(url: str, process: "subprocess.Popen[Any]", log: Path) -> None:
    """Until /readyz says 200. AssertionError with the log when the process ends or time is up."""
    deadline = time.monotonic() + READY_SEC
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if fetch(f"{url}/readyz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)  # between two looks, not instead of one
    raise AssertionError(f"not ready (exit code {process.poll()}):\n{log.read_text()}")


class RunningBox:
    """A Box that serves. Use as a context manager."""

    def __init__(self, data: Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        self.data, self.port, self.env = data, free_port(), dict(env or {})
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.parent / f"{data.name}.log"
        command = [*COMMAND, "serve", "--data", str(data), "--port", str(self.port), *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment(**self.env))

    def __enter__(self) -> "RunningBox":
        try:
            wait_until_ready(self.url, self.process, self.log)
        except BaseException:
            self.stop(signal.SIGKILL)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(20)

    def cli(self, *words: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return run_cli(*words, "--data", self.data, env=self.env, stdin=stdin)

    def cli_json(self, *words: object) -> Any:
        done = self.cli(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def send(self, site: str, /, **signal_fields: object) -> dict[str, Any]:
        """One signal as a tracker sends it; the answer's body."""
        host = signal_fields.pop("host", "antika.example")
        body = {
            "s": site,
            "u": f"https://{host}/",
            "sid": "5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11",
            "ec": "interaction",
            "ea": "view",
            **signal_fields,
        }
        headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": f"https://{host}", "User-Agent": FIREFOX}
        return json.loads(fetch(f"{self.url}/api/sync", body, headers)[2])


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
