"""Who said no leaves nothing behind that tells him apart, whatever the page sends."""

import msgspec
import pytest

from opsmantik_box.domain.attribution import Rank
from opsmantik_box.domain.consent import WITHHELD, refuses_ids
from opsmantik_box.domain.reading import Context, Reading, read_signal
from opsmantik_box.domain.signals import WireSignal
from opsmantik_box.domain.sites import Site

SITE = Site(
    1, "6f1e0c4e-58a0-4f0e-9a3b-3a0f5d0c6a11", "a", ["a.example"], [], "Europe/Istanbul", "TR", "TRY", "pending", [], [], {}
)
IDS = ("fp_0123456789abcdef", "TeSt-click-0001", "TeSt-click-0002", "TeSt-click-0003", "client-1", "TikTok-click-4")
NO = [{"consent": "denied"}, {"consent": "limit"}, {"consent": {"ad_storage": "denied"}}, {"analytics_storage": "denied"}]
YES = [{}, {"consent": "granted"}, {"consent": "pending"}, {"consent": {"ad_storage": "granted"}}, {"ad_user_data": "denied"}]


def read(choice: dict[str, object]) -> Reading:
    meta = {"fp": IDS[0], "gclid": IDS[2], "client_sid": IDS[4], "referrer": f"https://a.example/?gclid={IDS[1]}", **choice}
    wire = WireSignal(
        u=f"https://a.example/p?utm_source=google&utm_medium=cpc&gclid={IDS[1]}&ttclid={IDS[5]}#x?wbraid={IDS[3]}",
        r=f"https://a.example/?q=1&GCLID={IDS[1]}", ea="phone_call", ec="conversion", el="tel:+902125550142", meta=meta,
    )  # fmt: skip
    reading = read_signal(wire, SITE, Context(1_793_880_000_000, None, "", "78.190.12.7"))
    assert isinstance(reading, Reading)
    return reading


@pytest.mark.parametrize("choice", NO)
def test_nothing_that_tells_a_visitor_apart_is_kept_of_who_said_no(choice: dict[str, object]) -> None:
    arrival = read(choice).arrival
    kept = arrival.payload + msgspec.msgpack.encode(arrival.signal)
    assert [one for one in IDS if one.encode() in kept] == []
    assert f"gclid={WITHHELD}".encode() in kept
    assert (arrival.signal.fingerprint, arrival.signal.click) == ("", None)


@pytest.mark.parametrize("choice", NO)
def test_the_tap_and_the_campaign_stay(choice: dict[str, object]) -> None:
    signal = read(choice).arrival.signal
    assert signal.tap is not None
    assert signal.tap.target == "tel:+902125550142"
    assert signal.rank == Rank.PAID_UTM_GOOGLE
    assert signal.consent or choice == {"analytics_storage": "denied"}


@pytest.mark.parametrize("choice", YES)
def test_whoever_did_not_say_no_is_known_by_what_was_sent(choice: dict[str, object]) -> None:
    signal = read(choice).arrival.signal
    assert not refuses_ids(choice)
    assert signal.fingerprint == IDS[0]
    assert signal.click is not None
    assert signal.click.id == IDS[1]
