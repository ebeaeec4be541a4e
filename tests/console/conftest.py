"""The console's tests run on asyncio, as the console does."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
