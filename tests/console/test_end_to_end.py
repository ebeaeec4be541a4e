"""A finger on a phone number in a real Chromium, and the row on the console's screen: how long that takes. No part is left out."""

import asyncio
import math
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from opsmantik_box.clock import monotonic, system_clock
from tests.harness import FIREFOX, Box
from tui.app import Console
from tui.screens.main import MainScreen

pytestmark = pytest.mark.anyio
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
TAPS = int(os.environ.get("END_TO_END_TAPS", "20"))
PAGE = """<!doctype html><meta charset="utf-8"><title>Antika</title>
SNIPPET
<a id="call" href="tel:+902125550142">0212 555 01 42</a>
<script>
document.addEventListener("click", (event) => event.preventDefault());
addEventListener("load", () => setTimeout(() => {
  document.getElementById("call").click();
  setTimeout(() => { localStorage.clear(); sessionStorage.clear(); location.href = "/?visit=" + Math.random(); }, 500);
}, 300));
</script>"""
"""Every visit is a new visitor's: he looks for a moment, taps, and is gone."""


@asynccontextmanager
async def page(snippet: str) -> AsyncIterator[str]:
    """A site on a server of its own, with the Box's snippet on it."""
    content = PAGE.replace("SNIPPET", snippet).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await reader.readline()).strip():
            pass
        writer.write(head + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}/"


@contextmanager
def browser(url: str, profile: Path) -> Iterator[None]:
    """A browser that does not say it is headless: the Box would take its visits for a bot's."""
    assert CHROMIUM
    running = subprocess.Popen(
        [CHROMIUM, *QUIET, f"--user-agent={FIREFOX}", f"--user-data-dir={profile}", "--remote-debugging-port=0", url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        running.terminate()
        running.wait(20)


async def delays(app: Console, taps: int) -> list[float]:
    """Seconds from each tap to its row on the screen."""
    seen: dict[int, float] = {}
    deadline = monotonic() + 60 + 5 * taps
    screen = next(one for one in app.screen_stack if isinstance(one, MainScreen))
    while len(seen) < taps:
        assert monotonic() < deadline, f"{len(seen)} taps came"
        await asyncio.sleep(0.005)
        for number in screen.leads.rows.rows:
            lead = screen.desk.store.leads.get(number)
            if number not in seen and lead is not None:
                seen[number] = (system_clock() - lead.at) / 1000
    return sorted(seen.values())


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt install chromium")
@pytest.mark.slow
async def test_a_tap_is_on_the_screen_within_a_second(tmp_path: Path):
    with Box(tmp_path / "data") as box:
        site = box.add_site("antika", "localhost", consent="granted")["public_id"]
        snippet = box.cli_json("site", "snippet", "antika", "--url", box.url)["snippet"]
        app = Console(box.url, box.token(site, rights="operate"), system_clock, {"HOME": str(tmp_path), "LANG": "C.UTF-8"})
        async with page(snippet) as url, app.run_test(size=(80, 24)) as pilot:
            await pilot.press("A")
            with browser(url, tmp_path / "profile"):
                took = await delays(app, TAPS)
    p50, p99 = took[len(took) // 2], took[math.ceil(0.99 * len(took)) - 1]
    print(f"{len(took)} taps: p50 {p50:.3f} s, p99 {p99:.3f} s, longest {took[-1]:.3f} s")
    assert p99 <= 1.0, took
