"""A whole Box, shared by the tests of one file (`box`), and one of a test's own that may be killed (`killable_box`)."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.harness import Box
from tests.tracker import Tracker

settings.register_profile("box", deadline=None)
settings.load_profile("box")
"""How long an example takes on a busy machine says nothing about a rule."""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(tmp_path_factory.mktemp("box") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def site(box: Box) -> str:
    """The public id of a site of that Box, `antika.example`."""
    return box.add_site()["public_id"]


@pytest.fixture
def tracker(box: Box) -> Iterator[Tracker]:
    speaking = Tracker(box)
    yield speaking
    speaking.hang_up()


@pytest.fixture
def killable_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    running = Box(tmp_path_factory.mktemp("killable") / "data")
    try:
        yield running.start()
    finally:
        running.stop(signal.SIGKILL)
