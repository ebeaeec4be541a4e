"""The clients' web sites: pages on an origin of their own, which is not the Box's."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "www.antika.localhost"
FOLDER = Path(__file__).parent / "pages"


class Pages:
    """Serves what was put there. `url("/x")` is where a path is; `lead` a page between which one can go back and forth."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._server.held = {}  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def url(self, path: str = "/", host: str = HOST) -> str:
        return f"http://{host}:{self._server.server_port}{path}"

    def put(self, path: str, text: str, kind: str = "text/html; charset=utf-8", **headers: str) -> str:
        """Its address. Header names with underscores."""
        told = {"Content-Type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}
        self._server.held[path] = (text.encode(), told)  # type: ignore[attr-defined]
        return self.url(path)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    """A path with anything after `?` is the same page."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        held = self.server.held.get(self.path.partition("?")[0])  # type: ignore[attr-defined]
        body, headers = held or (b"", {"Content-Type": "text/plain"})
        self.send_response_only(200 if held else 404)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing on the screen."""


def document(head: str, body: str = "", title: str = "Antika") -> str:
    """A page of a site; `head` is where the snippet is pasted."""
    return f"""<!doctype html><html lang="tr"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">{head}</head><body>{body}</body></html>"""
