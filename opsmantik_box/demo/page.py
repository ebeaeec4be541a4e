"""A page of a made-up site, to try with one's own hands: /demo/ on a port of its own. Reads files; never writes."""

import http.server
import threading
from html import escape
from pathlib import Path

from opsmantik_box.resources import resource
from opsmantik_box.snippet import Snippet, plain

PREFIX = "/demo/"
MARK = "<!-- snippet -->"


class DemoPage:
    """Serves until `close`. The pages carry the snippet where they say MARK; every other path below /demo/ is a route of the first."""

    def __init__(self, host: str, port: int, snippet: Snippet) -> None:
        """Raises OSError when the port is taken."""
        folder, lines = resource("tracker", "demo"), plain(snippet).text

        class Pages(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """One of the folder's pages, or its first."""
                path = self.path.partition("?")[0]
                if not path.startswith(PREFIX):
                    self._say(302, b"", Location=PREFIX)
                    return
                self._say(200, read_page(folder, path.removeprefix(PREFIX), lines))

            def _say(self, status: int, body: bytes, **headers: str) -> None:
                self.send_response(status)
                told = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body)), "Cache-Control": "no-store"}
                for name, value in (told | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Nothing: the Box tells what came."""

        self._server = http.server.ThreadingHTTPServer((host, port), Pages)
        self.url = f"http://{host}:{self._server.server_address[1]}{PREFIX}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def read_page(folder: Path, name: str, snippet: str) -> bytes:
    """The page of that name, with the snippet in it; the first page for any other name."""
    names = {file.name for file in folder.glob("*.html")}
    text = (folder / (name if name in names else "index.html")).read_text(encoding="utf-8")
    return text.replace(MARK, snippet).replace("{path}", escape(PREFIX)).encode()
