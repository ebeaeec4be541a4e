"""A real Chromium for a test, spoken to over its own pipe (Chrome DevTools Protocol).

Why not Playwright or Selenium: both tell the browser that every page is visible and has the focus, and Playwright turns the back/forward
cache off. Hiding, closing, coming back and prerendering are what the tracker is tested for. Nothing is installed or downloaded here.
"""

import contextlib
import fcntl
import itertools
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
"""What the same browser says of itself when it has a screen; with `Headless` in it a visitor would count as a robot."""
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND",
)  # fmt: skip
ANSWER_SEC = 20


class BrowserGoneError(Exception):
    """The browser ended while somebody waited for it."""


class ProtocolError(Exception):
    """The browser refused a command."""


def program() -> str | None:
    """Where this machine has a Chromium; $CHROMIUM when it is set."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


def wait_for(look: Callable[[], Any], what: str, seconds: float = 10) -> Any:
    """The first true answer of `look`. AssertionError with the last answer when time is up."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not in {seconds} s: {what} (last: {found!r})"
        time.sleep(0.02)  # between two looks
    return found


class Chromium:
    """One browser on one profile folder; the same folder again is the same visitor's browser, started anew."""

    def __init__(self, profile: Path, *flags: str, **settings: Any) -> None:
        found = program()
        assert found, "no Chromium on this machine"
        self._prepare(profile, settings)
        self.prelude = ""
        """Runs before any script of every page opened from now on."""
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._told: dict[str, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        out, self._out = os.pipe()
        self._in, into = os.pipe()
        self.pid = self._spawn([found, *FLAGS, *flags, "--remote-debugging-pipe", f"--user-data-dir={profile}"], out, into, profile)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.version: str = self.call("Browser.getVersion")["product"].rpartition("/")[2]
        self.agent = AGENT.format(major=self.version.split(".")[0])

    @staticmethod
    def _prepare(profile: Path, settings: dict[str, Any]) -> None:
        """What the visitor chose for all sites (2: blocked)."""
        place = profile / "Default" / "Preferences"
        if settings:
            place.parent.mkdir(parents=True)
            place.write_text(json.dumps({"profile": {"default_content_setting_values": settings}}))

    @staticmethod
    def _spawn(command: list[str], out: int, into: int, profile: Path) -> int:
        """The browser reads from its descriptor 3 and writes to its 4. Its process id, which is its group's too."""
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in (out, into)]
        log = f"{profile}.log"
        actions = [
            (os.POSIX_SPAWN_DUP2, ends[0], 3),
            (os.POSIX_SPAWN_DUP2, ends[1], 4),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setpgroup=0)
        for end in (out, into, *ends):
            os.close(end)
        return pid

    def _read(self) -> None:
        """Hands each answer to whoever waits for it and keeps each event under its session, until the pipe ends."""
        with os.fdopen(self._in, "rb") as pipe:
            rest = b""
            while data := pipe.read1(1 << 20):
                *whole, rest = (rest + data).split(b"\0")
                for message in whole:
                    self._take(json.loads(message))
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.set_exception(BrowserGoneError())

    def _take(self, message: dict[str, Any]) -> None:
        with self._lock:
            if "id" not in message:
                self._told.setdefault(message.get("sessionId", ""), []).append(message)
                return
            waiting = self._waiting.pop(message["id"], None)
        if waiting is None:
            return
        if "error" in message:
            waiting.set_exception(ProtocolError(message["error"]["message"]))
        else:
            waiting.set_result(message["result"])

    def start(self, method: str, session: str = "", **parameters: Any) -> "Future[Any]":
        """Sends a command without waiting for its answer."""
        number, answer = next(self._numbers), Future[Any]()
        command = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        with self._lock:
            self._waiting[number] = answer
        try:
            os.write(self._out, json.dumps(command).encode() + b"\0")
        except OSError:
            raise BrowserGoneError from None
        return answer

    def call(self, method: str, session: str = "", **parameters: Any) -> Any:
        """One command and its answer. Raises ProtocolError, BrowserGoneError, TimeoutError."""
        return self.start(method, session, **parameters).result(ANSWER_SEC)

    def told(self, method: str, session: str = "") -> list[dict[str, Any]]:
        """The events of that name so far."""
        with self._lock:
            return [one["params"] for one in self._told.get(session, []) if one["method"] == method]

    def targets(self) -> list[dict[str, Any]]:
        return self.call("Target.getTargets")["targetInfos"]

    def visitor(self) -> "Visitor":
        """Somebody else: storage and cookies of their own."""
        return Visitor(self, self.call("Target.createBrowserContext")["browserContextId"])

    def owner(self) -> "Visitor":
        """Whom the profile folder belongs to: what they leave behind is there at the next start."""
        return Visitor(self, "")

    def close(self) -> None:
        """As when its last window is closed."""
        with contextlib.suppress(BrowserGoneError, ProtocolError, TimeoutError):
            self.call("Browser.close")
        self._end()

    def kill(self) -> None:
        """SIGKILL: nothing of it runs after this."""
        os.killpg(self.pid, signal.SIGKILL)
        self._end()

    def _end(self) -> None:
        """Waits a moment for the process, then insists. Its children end with it."""
        deadline = time.monotonic() + 5
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.killpg(self.pid, signal.SIGKILL)
            time.sleep(0.01)  # between two looks
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._reader.join(5)
        os.close(self._out)
        self._out = -1  # that number may be somebody else's file by now: a later command is refused, never written there


class Visitor:
    """One person's browser: tabs that share storage."""

    def __init__(self, browser: Chromium, context: str) -> None:
        self.browser, self._context = browser, context

    def tab(self, url: str = "about:blank", *, window: bool = True) -> "Tab":
        """A new tab, in a window of its own (visible beside the others) or on top of the last one."""
        where = {"browserContextId": self._context} if self._context else {}
        target = self.browser.call("Target.createTarget", url="about:blank", newWindow=window, **where)["targetId"]
        tab = Tab(self.browser, target)
        if self.browser.prelude:
            tab.before(self.browser.prelude)
        if url != "about:blank":
            tab.goto(url)
        return tab

    def open_unwatched(self, url: str) -> None:
        """A tab that nobody looks into: Chromium does not prerender what is being debugged."""
        where = {"browserContextId": self._context} if self._context else {}
        self.browser.call("Target.createTarget", url=url, newWindow=True, **where)

    def tabs(self) -> list["Tab"]:
        """Every tab this visitor has now, also those that pages opened."""
        return [Tab(self.browser, one["targetId"]) for one in self.browser.targets() if self._has(one)]

    def _has(self, target: dict[str, Any]) -> bool:
        return target["type"] == "page" and (not self._context or target.get("browserContextId") == self._context)

    def leave(self) -> None:
        """Every tab is closed at once, and everything stored is gone."""
        with contextlib.suppress(BrowserGoneError, ProtocolError):
            self.browser.call("Target.disposeBrowserContext", browserContextId=self._context)


class Tab:
    """One tab. Clicks and keys are real ones: the page sees a user's gesture."""

    def __init__(self, browser: Chromium, target: str) -> None:
        self.browser, self.target = browser, target
        self.session: str = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setUserAgentOverride", userAgent=browser.agent)

    def call(self, method: str, **parameters: Any) -> Any:
        return self.browser.call(method, self.session, **parameters)

    def told(self, method: str) -> list[dict[str, Any]]:
        return self.browser.told(method, self.session)

    def before(self, script: str) -> None:
        """Runs this before any script of every page opened from now on."""
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def goto(self, url: str) -> "Tab":
        """Opens the page and waits until it is complete."""
        seen = self._loads()
        answer = self.call("Page.navigate", url=url)
        assert "errorText" not in answer, (url, answer)
        return self.loaded(seen)

    def reload(self) -> "Tab":
        seen = self._loads()
        self.call("Page.reload")
        return self.loaded(seen)

    def _loads(self) -> int:
        return len(self.told("Page.loadEventFired"))

    def loaded(self, seen: int) -> "Tab":
        """Waits for the load event after the first `seen`."""
        wait_for(lambda: self._loads() > seen, "the page to load", 20)
        return self

    def history(self, step: int) -> None:
        """Back (-1) or forward (1), as the button does; waits until the address has changed."""
        entries = self.call("Page.getNavigationHistory")
        entry = entries["entries"][entries["currentIndex"] + step]
        self.call("Page.navigateToHistoryEntry", entryId=entry["id"])
        self.wait(f"location.href === {json.dumps(entry['url'])} && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression, awaited when it is a promise. ProtocolError when it throws."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=False)
        if "exceptionDetails" in answer:
            raise ProtocolError(answer["exceptionDetails"].get("exception", {}).get("description") or str(answer))
        return answer["result"].get("value")

    def begin(self, script: str) -> None:
        """Runs it without waiting for what it promises."""
        self.browser.start("Runtime.evaluate", self.session, expression=script)

    def wait(self, script: str, seconds: float = 10) -> Any:
        """The first true value of an expression; a page that is just being left is asked again."""

        def look() -> Any:
            try:
                return self.run(script)
            except ProtocolError as error:
                return None if "context" in str(error).lower() or "navigat" in str(error).lower() else self._fail(error)

        return wait_for(look, script, seconds)

    @staticmethod
    def _fail(error: Exception) -> Any:
        raise error

    def click(self, selector: str) -> None:
        """A press and a release in the middle of an element."""
        x, y = self.middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hover(self, selector: str) -> None:
        """The mouse comes to rest on it."""
        x, y = self.middle(selector)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def middle(self, selector: str) -> tuple[float, float]:
        """Where an element is, in pixels of the window."""
        box = self.run(f"document.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()")
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def pause(self, milliseconds: int) -> None:
        """Lets the page's own time pass: only where the promise is about that time."""
        self.run(f"new Promise((done) => setTimeout(done, {milliseconds}))")

    def offline(self, off: bool) -> None:
        """Pulls the cable of this tab, or puts it back."""
        self.call("Network.emulateNetworkConditions", offline=off, latency=0, downloadThroughput=-1, uploadThroughput=-1)

    def show(self) -> None:
        """Brings it to the front of its window; the one that was there is hidden."""
        self.browser.call("Target.activateTarget", targetId=self.target)

    def close(self) -> None:
        """As the visitor closes a tab."""
        self.browser.call("Target.closeTarget", targetId=self.target)

    def storage(self) -> dict[str, str]:
        """Everything in localStorage."""
        return json.loads(self.run("JSON.stringify({...localStorage})"))

    @contextlib.contextmanager
    def traced(self, *categories: str) -> Iterator[list[dict[str, Any]]]:
        """Fills the list with the browser's own trace of what happens inside. One at a time: the whole browser is traced."""
        found: list[dict[str, Any]] = []
        already = len(self.browser.told("Tracing.dataCollected", self.session))
        complete = len(self.told("Tracing.tracingComplete"))
        self.call("Tracing.start", categories=",".join(categories), transferMode="ReportEvents")
        yield found
        self.call("Tracing.end")
        wait_for(lambda: len(self.told("Tracing.tracingComplete")) > complete, "the end of the trace", 30)
        for chunk in self.told("Tracing.dataCollected")[already:]:
            found.extend(chunk["value"])
