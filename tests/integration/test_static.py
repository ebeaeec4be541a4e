import pytest

from opsmantik_box.gateway.static import MAX_AGE
from opsmantik_box.resources import tracker_script
from tests.harness import Box, fetch


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("box") / "data") as box:
        yield f"{box.url}/ux-core.js"


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


def test_head_has_the_length_and_no_body(script):
    status, headers, body = fetch(script, method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) == tracker_script().stat().st_size


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_can_only_be_read(script, method):
    status, headers, _ = fetch(script, body=b"{}" if method != "OPTIONS" else None, method=method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")
