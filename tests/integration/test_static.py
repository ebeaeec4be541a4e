import asyncio
import base64
import gzip
import hashlib

import pytest

from opsmantik_box.errors import UsageError
from opsmantik_box.gateway.static import MAX_AGE, Scripts, takes_gzip
from opsmantik_box.resources import tracker_script
from opsmantik_box.scripts import MOVING, head_stub, newest_release, shipped_scripts
from tests.harness import Box, fetch


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("box") / "data") as box:
        yield f"{box.url}/ux-core.js"


@pytest.fixture
def folder(tmp_path):
    """A tracker folder with three releases, one of which a careless sort would take for the newest."""
    (tmp_path / "released").mkdir()
    for name in ("ux-core.js", "ux-adapters.js"):
        (tmp_path / name).write_text(f"/* {name} moves */")
    for name in ("ux-core.1.9.0.js", "ux-core.1.10.0.js", "ux-adapters.2.0.0.js", "ux-core.next.js", "ux-core.1.2.js", "notes.md"):
        (tmp_path / "released" / name).write_text(f"/* {name} */")
    return tmp_path


def ask(folder, path, method="GET", **headers):
    """One request to the callable itself: status, headers, body."""
    said = []
    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]

    async def send(message):
        said.append(message)

    app = Scripts(shipped_scripts(folder))
    asyncio.run(app({"type": "http", "method": method, "path": path, "headers": told}, None, send))
    return said[0]["status"], dict(said[0]["headers"]), said[1]["body"]


def test_the_tracker_may_be_loaded_by_every_page_and_kept_for_minutes(script):
    status, headers, body = fetch(script, headers={"Origin": "https://antika.example"})
    assert (status, body) == (200, tracker_script().read_bytes())
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["x-content-type-options"] == "nosniff"
    assert f"max-age={MAX_AGE}" in headers["cache-control"]
    assert MAX_AGE <= 600


def test_a_browser_that_has_it_is_told_so_without_a_body(script):
    tag = fetch(script)[1]["etag"]
    for told in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        status, headers, body = fetch(script, headers={"If-None-Match": told})
        assert (status, headers["etag"], body) == (304, tag, b"")
    assert fetch(script, headers={"If-None-Match": '"other"'})[0] == 200


def test_a_browser_that_unpacks_gets_it_packed_under_a_tag_of_its_own(script):
    plain = fetch(script)
    status, headers, body = fetch(script, headers={"Accept-Encoding": "br, gzip"})
    assert (status, headers["content-encoding"], gzip.decompress(body)) == (200, "gzip", plain[2])
    assert len(body) < len(plain[2]) / 2
    assert headers["vary"] == "Accept-Encoding"
    assert headers["etag"] != plain[1]["etag"]
    assert fetch(script, headers={"Accept-Encoding": "gzip", "If-None-Match": headers["etag"]})[0] == 304
    assert fetch(script, headers={"Accept-Encoding": "gzip", "If-None-Match": plain[1]["etag"]})[0] == 200


@pytest.mark.parametrize(
    ("told", "takes"),
    [(b"gzip", True), (b"GZIP;q=1.0, br", True), (b"", False), (b"br", False), (b"gzip;q=0", False), (b"gzip; q=0.000", False)],
)
def test_gzip_is_only_for_those_who_take_it(told, takes):
    assert takes_gzip(told) is takes


def test_head_has_the_length_and_no_body(script):
    status, headers, body = fetch(script, method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) == tracker_script().stat().st_size


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_can_only_be_read(script, method):
    status, headers, _ = fetch(script, body=b"{}" if method != "OPTIONS" else None, method=method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_a_version_that_never_was_is_not_found(script):
    for name in ("ux-core.99.0.0.js", "ux-core.js.map", "ux-", "ux-core.%2e%2e.js"):
        status, headers, body = fetch(script.replace("ux-core.js", name))
        assert (status, body) == (404, b"")
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["ux-core.1.9.0.js", "ux-core.1.10.0.js", "ux-adapters.2.0.0.js"])
def test_a_released_version_is_served_for_ever(folder, name):
    status, headers, body = ask(folder, f"/{name}")
    assert (status, body) == (200, f"/* {name} */".encode())
    assert headers[b"cache-control"] == b"public, max-age=31536000, immutable"
    assert headers[b"access-control-allow-origin"] == b"*"


def test_only_what_was_released_has_a_version(folder):
    assert ask(folder, "/ux-adapters.js")[2] == b"/* ux-adapters.js moves */"
    for name in ("ux-core.next.js", "ux-core.1.2.js", "notes.md", "released/ux-core.1.9.0.js"):
        assert ask(folder, f"/{name}")[0] == 404


def test_the_newest_release_is_the_highest_version_with_its_hash(folder):
    newest = newest_release(folder)
    assert newest.name == "ux-core.1.10.0.js"
    assert newest.integrity == "sha384-" + base64.b64encode(hashlib.sha384(b"/* ux-core.1.10.0.js */").digest()).decode()


def test_without_a_release_there_is_nothing_to_pin_to(tmp_path):
    for name in MOVING:
        (tmp_path / name).write_text("/**/")
    with pytest.raises(UsageError, match="released"):
        newest_release(tmp_path)


def test_a_stub_that_would_end_its_own_element_is_refused(tmp_path):
    assert head_stub(tmp_path) == ""
    (tmp_path / "stub.js").write_text(" window.a=1 \n")
    assert head_stub(tmp_path) == "window.a=1"
    for bad in ("a='</SCRIPT>'", "<!-- a"):
        (tmp_path / "stub.js").write_text(bad)
        with pytest.raises(ValueError, match="stub"):
            head_stub(tmp_path)
