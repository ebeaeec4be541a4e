"""HTTP outwards, over real sockets: to the address that was judged, checked against the name, and no further than was asked."""

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.adapters.http import MOST_READ, Answer, Http, Unreachable
from opsmantik_box.domain.addresses import read_networks
from opsmantik_box.errors import UsageError
from tests.certificates import certified
from tests.stand_ins import Handler, Receiver, receiver

LOOPBACK = read_networks(["127.0.0.0/8", "::1/128"])


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """One that speaks TLS, with a certificate for localhost that is trusted."""
    authority, context = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with receiver(Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield server


@pytest.fixture
def plain() -> Iterator[Receiver]:
    with receiver(Handler) as server:
        yield server


def run(asked: Coroutine[Any, Any, Answer]) -> Answer:
    return asyncio.run(asked)


def test_a_name_is_looked_up_and_its_certificate_is_the_names(secure: Receiver) -> None:
    """The connection goes to the address, what is checked is the name."""
    answer = run(Http(LOOPBACK, 5).post(f"https://localhost:{secure.server_port}/hooks/1?x=2", b"{}", {"x-test": "1"}))
    assert answer.status == 200
    (path, headers, body) = secure.asked[0]
    assert (path, body, headers["host"]) == ("/hooks/1?x=2", b"{}", f"localhost:{secure.server_port}")
    assert headers["user-agent"].startswith("OpsMantik-Box/")


def test_nothing_is_sent_to_whose_certificate_is_not_the_names(secure: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    async def elsewhere(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", ("127.0.0.1", secure.server_port))]

    async def ask() -> Answer:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", elsewhere)
        return await Http(LOOPBACK, 5).get(f"https://crm.example.com:{secure.server_port}/")

    with pytest.raises(Unreachable, match="ConnectError"):
        run(ask())
    assert secure.asked == []


def test_nothing_is_sent_to_whose_certificate_nobody_knows(secure: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Unreachable):
        run(Http(LOOPBACK, 5).get(f"https://localhost:{secure.server_port}/"))
    assert secure.asked == []


def test_a_name_that_stands_for_this_machine_is_not_reached_unless_that_is_allowed(plain: Receiver) -> None:
    with pytest.raises(UsageError, match="inside this house"):
        run(Http((), 5).get(f"https://localhost:{plain.server_port}/"))
    assert plain.asked == []


def test_a_proxy_of_the_environment_is_not_used_and_a_redirect_is_not_followed(
    plain: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    plain.script.append("302")
    assert run(Http(LOOPBACK, 5).get(plain.url)).status == 302
    assert len(plain.asked) == 1


def test_who_hangs_is_left_and_who_says_too_much_is_cut_off(plain: Receiver) -> None:
    class Talkative(Handler):
        def answer(self, word: str, headers: dict[str, str], body: bytes) -> None:
            self.say(200, b"x" * (4 * MOST_READ))

    plain.script.append("hang")
    with pytest.raises(Unreachable, match="no answer within"):
        run(Http(LOOPBACK, 0.3).get(plain.url))
    with receiver(Talkative) as server:
        assert len(run(Http(LOOPBACK, 5).get(server.url)).body) == MOST_READ
