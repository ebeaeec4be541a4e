"""Client addresses behind proxies, and how little of one is kept."""

import pytest

from opsmantik_box.domain.addresses import (
    LOOPBACK,
    UNREADABLE,
    address_prefix,
    bucket_key,
    client_address,
    is_internal,
    parse_networks,
    read_networks,
)

TRUSTED = parse_networks([*LOOPBACK, "10.0.0.0/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("78.190.12.7", None, "78.190.12.7"),
        ("78.190.12.7", "1.1.1.1", "78.190.12.7"),
        ("127.0.0.1", "78.190.12.7", "78.190.12.7"),
        ("127.0.0.1", "1.1.1.1, 78.190.12.7", "78.190.12.7"),
        ("127.0.0.1", "1.1.1.1, 78.190.12.7, 10.0.0.3", "78.190.12.7"),
        ("127.0.0.1", ["1.1.1.1", "78.190.12.7"], "78.190.12.7"),
        ("127.0.0.1", "78.190.12.7, unknown", "127.0.0.1"),
        ("127.0.0.1", "78.190.12.7, x, 10.0.0.3", "10.0.0.3"),
        ("127.0.0.1", "78.190.12.7:4711", "78.190.12.7"),
        ("::1", "[2a02:ff0:1:2::5]:443", "2a02:ff0:1:2::5"),
        ("::ffff:127.0.0.1", "78.190.12.7", "78.190.12.7"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("", "78.190.12.7", ""),
        ("socket", None, ""),
    ],
)
def test_the_right_most_address_that_is_no_proxy_of_ours_is_the_client(peer: str, forwarded: list[str] | str | None, client: str):
    assert client_address(peer, forwarded, TRUSTED) == client


def test_only_the_network_of_an_address_is_kept():
    assert address_prefix("78.190.12.7") == "78.190.12.0"
    assert address_prefix("2a02:ff0:1:2::5") == "2a02:ff0:1::"
    assert address_prefix("") == address_prefix("x") == ""


def test_an_ipv6_household_is_one_bucket_and_nothing_is_exempt_by_being_unreadable():
    assert bucket_key("2a02:ff0:1:2::5") == bucket_key("2a02:ff0:1:2:ffff::1") != bucket_key("2a02:ff0:1:3::5")
    assert bucket_key("78.190.12.7") == "78.190.12.7" == bucket_key("::ffff:78.190.12.7")
    assert bucket_key("") == bucket_key("x") == UNREADABLE


def test_the_agencys_own_addresses_are_internal():
    networks = parse_networks(["78.190.12.7", "2a02:ff0::/32"])
    assert is_internal("78.190.12.7", networks)
    assert is_internal("2a02:ff0:1::1", networks)
    assert not is_internal("78.190.12.8", networks)
    assert not is_internal("", networks)


def test_a_configured_mistake_is_named_and_a_stored_one_left_out():
    with pytest.raises(ValueError, match="nonsense"):
        parse_networks(["nonsense"])
    assert read_networks(["nonsense", "10.0.0.0/8"]) == parse_networks(["10.0.0.0/8"])
