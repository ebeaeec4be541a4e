import http.server
import json
import threading

import pytest
from msgspec.structs import asdict

from opsmantik_box.domain.arrivals import add_up
from opsmantik_box.errors import UsageError
from opsmantik_box.ops.site_check import allows, check_page
from opsmantik_box.scripts import Script
from opsmantik_box.snippet import Snippet, pinned, plain
from tests.harness import run_cli

PUBLIC_ID = "9d7f3a52-4c1e-4b0a-8f63-0c2b1d9e7a55"
SITE = {"public_id": PUBLIC_ID, "name": "Antika", "domains": ["127.0.0.1"]}


@pytest.fixture
def web():
    """A web server whose pages a test sets: path → (headers, body)."""
    pages: dict[str, tuple[dict[str, str], bytes]] = {"/ux-core.js": ({"Content-Type": "text/javascript"}, b"1")}

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            headers, body = pages.get(self.path, ({}, b""))
            self.send_response(200 if self.path in pages else 404)
            for name, value in ({"Content-Type": "text/html"} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield pages, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def check(web, body, headers=None, sites=(SITE,), public_url=None):
    pages, url = web
    pages["/"] = (headers or {}, body.encode())
    return {one.name: one for one in check_page(f"{url}/", sites, url if public_url is None else public_url)}


def page(url, **replaced):
    one = Snippet(replaced.get("url", url), replaced.get("public_id", PUBLIC_ID), replaced.get("consent", "pending"), stub="1")
    release = replaced.get("release")
    return f"<!doctype html><head>{(pinned(one, release) if release else plain(one)).text}</head><body>Hello</body>"


def test_a_page_with_its_snippet_is_fine(web):
    found = check(web, page(web[1]))
    assert {one.state for one in found.values()} == {"ok"}
    assert {"page", "snippet", "site id", "domain", "address", "tracker", "consent"} == set(found)


def test_a_page_without_a_snippet_says_how_to_get_it(web):
    found = check(web, "<html><script src='/jquery.js'></script></html>")
    assert found["snippet"].state == "fail"
    assert "site snippet" in found["snippet"].advice


def test_a_snippet_that_stands_twice_is_warned_of(web):
    assert check(web, page(web[1]) * 2)["snippet"].state == "warn"


def test_a_foreign_or_missing_site_id_fails(web):
    assert check(web, page(web[1], public_id="00000000-0000-4000-8000-000000000000"))["site id"].state == "fail"
    assert check(web, f'<script src="{web[1]}/ux-core.js"></script>')["site id"].state == "fail"


def test_an_id_in_capitals_without_hyphens_is_the_same(web):
    assert check(web, page(web[1], public_id=PUBLIC_ID.replace("-", "").upper()))["site id"].state == "ok"


def test_a_page_on_a_host_that_is_not_the_sites_fails(web):
    assert check(web, page(web[1]), sites=[SITE | {"domains": ["antika.example"]}])["domain"].state == "fail"


def test_a_snippet_of_another_box_is_warned_of(web):
    assert check(web, page(web[1]), public_url="https://box.example")["address"].state == "warn"


def test_a_tracker_that_is_not_there_or_no_script_fails(web):
    pages, url = web
    pages["/ux-core.js"] = ({"Content-Type": "text/html"}, b"<html>")
    assert check(web, page(url))["tracker"].state == "fail"
    del pages["/ux-core.js"]
    assert check(web, page(url))["tracker"].state == "fail"


@pytest.mark.parametrize(
    ("policy", "where"),
    [("script-src 'self' https://cdn.example; connect-src *", "script-src"), ("script-src *; connect-src 'none'", "connect-src")],
)
def test_a_policy_that_blocks_the_tracker_fails(web, policy, where):
    other = web[1].replace("127.0.0.1", "localhost")
    header = check(web, page(other), headers={"Content-Security-Policy": policy}, public_url=other)
    meta = check(web, f'<meta http-equiv="Content-Security-Policy" content="{policy}">' + page(other), public_url=other)
    assert header["policy"].state == meta["policy"].state == "fail"
    assert f" in {where}." in header["policy"].advice + header["policy"].sentence


@pytest.mark.parametrize(
    ("policy", "passes"),
    [
        ("", True),
        ("img-src 'none'", True),
        ("script-src https://box.example", True),
        ("script-src box.example", True),
        ("script-src *.example", True),
        ("script-src https:", True),
        ("script-src *", True),
        ("script-src 'nonce-abc'", True),
        ("script-src 'self'", False),
        ("default-src 'self'; connect-src *", False),
        ("script-src notbox.example", False),
        ("script-src *.box.example", False),
    ],
)
def test_policies_are_read_as_browsers_read_them(policy, passes):
    assert allows(policy, "script-src", "https://box.example/ux-core.js", "https://www.antika.example/") is passes


def test_a_page_that_cannot_be_fetched_is_one_finding(web):
    assert [one.state for one in check_page(f"{web[1]}/missing", [SITE], "")] == ["fail"]
    assert [one.state for one in check_page("http://127.0.0.1:9/", [SITE], "")] == ["fail"]


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://x.example/", "antika.example", "http://", "javascript:alert(1)"])
def test_only_web_pages_are_fetched(address):
    with pytest.raises(UsageError):
        check_page(address, [SITE], "")


def test_a_huge_page_is_cut(web):
    found = check(web, " " * 3_000_000 + page(web[1]))
    assert found["snippet"].state == "fail"
    assert "2 MB" in found["snippet"].sentence


def test_the_command_ends_with_1_when_something_is_missing(web, tmp_path):
    (tmp_path / "data").mkdir()
    added = json.loads(run_cli("site", "add", "Antika", "--domain", "127.0.0.1", "--data", tmp_path / "data", "--json").stdout)
    pages, url = web
    pages["/good"] = ({}, page(url, public_id=added["public_id"]).encode())
    pages["/bad"] = ({}, b"<html>\x1b[2J")
    good = run_cli("site", "check", f"{url}/good", "--data", tmp_path / "data")
    assert good.returncode == 0, good.stdout + good.stderr
    bad = run_cli("site", "check", f"{url}/bad", "--data", tmp_path / "data")
    assert bad.returncode == 1
    assert "FAIL  snippet" in bad.stdout
    assert run_cli("site", "check", "file:///etc/passwd", "--data", tmp_path / "data").returncode == 2


def arrived(web, **told):
    counted = [("version", "2.0.0", 5), ("accepted", "", 99), *((kind, name, n) for kind, (name, n) in told.items())]
    return check(web, page(web[1]), sites=[SITE | {"arrivals": asdict(add_up(counted if told else []))}])["arrival"]


def test_it_says_how_much_of_a_sites_signals_arrives(web):
    assert "not measurable" in arrived(web).sentence
    good = arrived(web, lost=("quota", 1))
    assert (good.state, good.sentence) == ("ok", "Version 2.0.0: 99.0% of its signals arrived in 24 hours, quota 1.")
    bad = arrived(web, parked=("403", 11))
    assert (bad.state, bad.sentence) == ("warn", "Version 2.0.0: 90.0% of its signals arrived in 24 hours, 403 11.")
    assert bad.advice


def test_a_pinned_tracker_is_compared_with_its_hash(web):
    pages, url = web
    release = Script("ux-core.2.0.0.js", "2.0.0", b"right")
    for body, state in ((b"right", "ok"), (b"wrong", "fail")):
        pages["/ux-core.2.0.0.js"] = ({"Content-Type": "text/javascript"}, body)
        assert check(web, page(url, release=release))["tracker"].state == state
