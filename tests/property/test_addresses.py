"""Addresses of every kind, and forged chains of them."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from opsmantik_box.domain.addresses import LOOPBACK, address_prefix, bucket_key, client_address, parse_networks
from opsmantik_box.domain.agents import read_agent
from opsmantik_box.domain.origins import origin_allowed

TRUSTED = parse_networks(LOOPBACK)
texts = st.text(st.characters(), max_size=60)
addresses = st.ip_addresses().map(str)
strangers = st.ip_addresses(network="78.0.0.0/8").map(str)


@given(texts | addresses, st.lists(texts | addresses, max_size=5).map(",".join))
def test_any_chain_gives_an_address_or_nothing(peer: str, chain: str):
    found = client_address(peer, chain, TRUSTED)
    if found:
        ipaddress.ip_address(found)
    assert bucket_key(found)


@given(strangers, st.lists(texts | addresses, max_size=5))
def test_what_a_client_forges_is_never_believed(client: str, forged: list[str]):
    """The proxy adds the address it saw at the right; whatever stands left of it came from the client."""
    assert client_address("127.0.0.1", ",".join([*forged, client]), TRUSTED) == client
    assert client_address(client, ",".join(forged), TRUSTED) == client


@given(st.ip_addresses(v=4))
def test_a_prefix_never_holds_the_last_byte(address: ipaddress.IPv4Address):
    assert address_prefix(str(address)) == str(address).rpartition(".")[0] + ".0"


@given(st.ip_addresses(network="2000::/3"), st.integers(0, 2**64 - 1))
def test_a_household_is_one_bucket(address: ipaddress.IPv4Address | ipaddress.IPv6Address, device: int):
    other = ipaddress.IPv6Address(int(address) >> 64 << 64 | device)
    assert bucket_key(str(address)) == bucket_key(str(other))


@given(texts, texts)
def test_any_origin_is_allowed_or_not(origin: str, host: str):
    for text in (origin, f"https://{origin}"):
        may, why = origin_allowed(text, host, ("antika.example",), ())
        assert why in ("ok", "missing_origin", "null_origin", "not_allowed")
        assert not may or text.rstrip("/").lower().partition(":80")[0].endswith("antika.example") or ":" in text


@given(texts)
def test_any_user_agent_is_read(user_agent: str):
    agent = read_agent(user_agent)
    assert agent.device in ("mobile", "desktop", "tablet", "bot", "")
    assert (agent.device == "bot") == bool(agent.bot_reason)
