"""Puts the demo together: a Box of its own on a temporary folder, visitors of the hours before, then of now. Leaves nothing behind."""

import errno
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from opsmantik_box.clock import Clock, choose_clock, monotonic
from opsmantik_box.demo.page import DemoPage
from opsmantik_box.demo.sending import DemoFailed, Known, Sender, go_on
from opsmantik_box.demo.visitors import SITES, DemoSite, Visit, invent_past
from opsmantik_box.domain.days import day_of
from opsmantik_box.link.client import EngineClient
from opsmantik_box.scripts import head_stub
from opsmantik_box.snippet import Snippet

OPERATOR = "demo@example.com"
TIMEZONE = "Europe/Istanbul"
"""Every site's, when nothing else is said."""
START_SEC = 30
STOP_SEC = 15
HOURS, AN_HOUR = 8, 9
"""How much past there is, and how many visits each site has in an hour of it."""
EVERY_SEC = 12.0
MOST_SEC = 8 * 3_600
"""A demo that was forgotten ends by itself."""

Say = Callable[[str], None]


class Demo:
    """A Box that runs, with its sites."""

    def __init__(self, url: str, data: Path) -> None:
        self.url, self.data = url, data
        self.clock: Clock = choose_clock()
        self.chance = Random()  # noqa: S311 - no secret
        self.sites: dict[str, Known] = {}

    def prepare(self) -> None:
        """Sites with a hook for calls, an operator who sees the Box itself, too, and what Google counted."""
        with closing(EngineClient(self.data)) as engine:
            engine.call("add_user", {"email": OPERATOR, "name": "Demo"})
            for site in SITES:
                self.sites[site.domain] = self._add(engine, site)
            token = engine.call("create_token", {"user": OPERATOR, "rights": "admin", "name": "demo"})["token"]
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(token)

    def _add(self, engine: EngineClient, site: DemoSite) -> Known:
        domains = [site.domain] if site is not SITES[0] else [site.domain, "127.0.0.1", "localhost"]
        row: dict[str, Any] = engine.call("add_site", {"name": site.name, "domains": domains, "consent": "granted"})
        hook: dict[str, Any] = engine.call("add_hook", {"site": site.name, "provider": "generic", "mode": "secret_url"})
        engine.call("grant", {"user": OPERATOR, "site": site.name, "rights": "admin"})
        return Known(row["public_id"], f"/hooks/call/{hook['id']}/{hook['secret']}")

    @property
    def token_file(self) -> Path:
        return self.data / "demo-token"

    def play_past(self, say: Say) -> None:
        """The hours before. Raises DemoFailed."""
        visits = invent_past(self.chance, self.clock(), HOURS, AN_HOUR)
        with closing(Sender(self.url, self.sites, self.clock)) as sender:
            sender.send_past(visits, lambda _: None)
            say(f"{len(visits)} visits of the last {HOURS} hours: {sender.signals} signals, {sender.calls} events of calls.")
        self._tell_google(visits)

    def _tell_google(self, visits: list[Visit]) -> None:
        """A few more clicks than arrived, as it is in life."""
        now = self.clock()
        today = day_of(now, TIMEZONE)
        came = Counter(one.site.name for one in visits if one.has_click and day_of(one.steps[0].at, TIMEZONE) == today)
        rows = [{"site": site.name, "day": today, "clicks": int(came[site.name] * 1.2) + 1, "conversions": 2.0} for site in SITES]
        with closing(EngineClient(self.data)) as engine:
            engine.call("tell_ad_clicks", {"rows": rows})

    def play_on(self, stop: threading.Event, say: Say) -> None:
        """From now on, until `stop`."""
        with closing(Sender(self.url, self.sites, self.clock)) as sender:
            try:
                go_on(sender, self.chance, self.clock, stop, EVERY_SEC)
            except DemoFailed as error:
                if not stop.is_set():
                    say(str(error))


def run_demo(host: str, port: int, page_port: int, say: Say, console: bool) -> int:
    """Until Ctrl-C, SIGTERM, the terminal's or the console's end, or eight hours; the exit code. The folder goes in any case."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a shell may have had SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    stop = threading.Event()
    port, page_port = (free_port(host, one, say) for one in (port, page_port))
    try:
        with tempfile.TemporaryDirectory(prefix="opsmantik-demo-") as folder, box(Path(folder) / "data", host, port, say) as demo:
            demo.prepare()
            demo.play_past(say)
            snippet = Snippet(demo.url, demo.sites[SITES[0].domain].public_id, "granted", stub=head_stub())
            with closing(DemoPage(host, page_port, snippet)) as page:
                visitors = threading.Thread(target=demo.play_on, args=(stop, say), daemon=True)
                visitors.start()
                say(
                    f"The Box: {demo.url} (token in {demo.token_file})\nA page to try: {page.url}\nCtrl-C ends it; nothing is kept."
                )
                try:
                    return show_console(demo) if console else wait(stop)
                finally:
                    stop.set()
                    visitors.join(STOP_SEC)
    except KeyboardInterrupt:
        return 0


def free_port(host: str, wanted: int, say: Say) -> int:
    """The port that is wanted, or any other where somebody has it already (another demo, most likely)."""
    try:
        with socket.create_server((host, wanted)):
            return wanted
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise DemoFailed(problem=f"{host}: {error.strerror}") from error
    with socket.create_server((host, 0)) as found:
        port = found.getsockname()[1]
    say(f"Port {wanted} is taken: {port} instead.")
    return port


@contextmanager
def box(data: Path, host: str, port: int, say: Say) -> Generator[Demo]:
    """A Box of its own, with its log beside its folder. Raises DemoFailed."""
    log = data.parent / "box.log"
    command = [sys.executable, "-m", "opsmantik_box", "serve", "--data", str(data), "--host", host, "--port", str(port)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True) as process:
        try:
            say("Starting a Box in a temporary folder…")
            url = f"http://{host}:{port}"
            wait_ready(url, process, log)
            yield Demo(url, data)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SEC)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Raises DemoFailed with the last line of the Box's log."""
    deadline = monotonic() + START_SEC
    while monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.05)
    lines = log.read_text(errors="replace").strip().splitlines()
    raise DemoFailed(problem=lines[-1] if lines else "it did not start")


def wait(stop: threading.Event) -> int:
    """Until Ctrl-C, or until it was forgotten."""
    stop.wait(MOST_SEC)
    return 0


def show_console(demo: Demo) -> int:
    """The console in the foreground; it has the terminal, and the demo ends with it."""
    command = [sys.executable, "-m", "opsmantik_box", "console", "--url", demo.url, "--token-file", str(demo.token_file)]
    return subprocess.run(command, check=False).returncode
