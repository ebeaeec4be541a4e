"""Which addresses of the outside world the Box speaks to, and which would lead back into the house."""

import pytest

from opsmantik_box.domain.addresses import read_networks
from opsmantik_box.domain.outside import check_written, choose_address, may_reach, read_address, read_place
from opsmantik_box.errors import UsageError

HOUSE = read_networks(["10.1.0.0/16"])

INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.5.5", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.1", "198.18.0.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:c0a8:101::1",
]  # fmt: skip
OUTSIDE = ["1.1.1.1", "8.8.8.8", "149.154.167.220", "2606:4700::1111", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_the_house_is_not_reached(address: str) -> None:
    assert not may_reach(read_address(address), ())
    with pytest.raises(UsageError):
        choose_address("https", [address], ())


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_out_in_the_world_is(address: str) -> None:
    assert choose_address("https", [address], ()) == address


def test_one_bad_address_spoils_all_of_a_name() -> None:
    with pytest.raises(UsageError):
        choose_address("https", ["1.1.1.1", "127.0.0.1"], ())
    with pytest.raises(UsageError):
        choose_address("https", [], ())


def test_what_the_owner_allows_is_allowed_and_only_there_without_tls() -> None:
    assert choose_address("http", ["10.1.2.3"], HOUSE) == "10.1.2.3"
    for scheme, address in (("https", "10.2.0.1"), ("http", "1.1.1.1")):
        with pytest.raises(UsageError):
            choose_address(scheme, [address], HOUSE)


@pytest.mark.parametrize(
    "url",
    [
        "", "crm.example.com", "ftp://crm.example.com/", "file:///etc/passwd", "gopher://x/", "https://", "https:///x",
        "https://user:secret@crm.example.com/", "https://crm.example.com\\@127.0.0.1/", "https://crm.example.com:99999/",
        "https://crm.example.com/ x", "https://crm.example.com/\r\nHost: y", "https://ümlaut.example/", "https://x/" + "y" * 2_100,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_place(url)
    assert "secret" not in str(refused.value)


def test_a_place_is_what_the_address_says() -> None:
    place = read_place("https://crm.example.com:8443/hooks/1?x=2#y")
    assert (place.scheme, place.host, place.port, place.target) == ("https", "crm.example.com", 8443, "/hooks/1?x=2")
    assert place.authority == "crm.example.com:8443"
    assert read_place("https://crm.example.com").authority == "crm.example.com"
    assert read_place("https://[2606:4700::1111]/").authority == "[2606:4700::1111]"


@pytest.mark.parametrize("url", ["http://crm.example.com/", "https://127.0.0.1/", "https://[::1]/", "http://1.1.1.1/"])
def test_what_can_be_said_before_a_name_is_looked_up_is_said(url: str) -> None:
    with pytest.raises(UsageError):
        check_written(read_place(url), ())


def test_numbers_that_some_take_for_addresses_are_names_here() -> None:
    """2130706433 and 0x7f.1 are looked up as names, and what they stand for is judged then."""
    for url in ("https://2130706433/", "https://0x7f.1/"):
        check_written(read_place(url), ())
