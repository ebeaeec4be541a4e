"""The browser's tests: one Chromium and one Box for all of them, a site and visitors of its own for each."""

import os
from collections.abc import Iterator

import pytest

from tests.browser.chromium import Chromium, program
from tests.browser.field import UNLIMITED, Site
from tests.browser.pages import Pages
from tests.browser.proxy import FaultyProxy
from tests.harness import Box


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Skips where there is no Chromium, loudly (pytest -ra lists it); in CI that is a failure."""
    if program() is None:
        missing = "no Chromium: the tracker is not tested in a browser (apt install chromium, or CHROMIUM=/path)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    running = Chromium(tmp_path_factory.mktemp("chromium") / "profile")
    yield running
    running.close()


@pytest.fixture(scope="session")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(tmp_path_factory.mktemp("browser-box") / "data", env=UNLIMITED) as running:
        yield running


@pytest.fixture(scope="session")
def pages() -> Iterator[Pages]:
    serving = Pages()
    yield serving
    serving.close()


@pytest.fixture
def proxy(shared_box: Box) -> Iterator[FaultyProxy]:
    with FaultyProxy(shared_box.port) as running:
        yield running


@pytest.fixture
def site(shared_box: Box, proxy: FaultyProxy, pages: Pages, browser: Chromium) -> Iterator[Site]:
    """A site whose visitors said yes."""
    made = Site(shared_box, proxy, pages, browser)
    yield made
    made.close()
