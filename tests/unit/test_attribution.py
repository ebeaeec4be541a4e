"""Where a visit came from: the ranks of product.md."""

import pytest

from opsmantik_box.domain.attribution import ADS, GOOGLE, NAMES, OTHER_PAID, Rank, is_google, is_social, rank_signal, rank_with_past


@pytest.mark.parametrize(
    ("click", "params", "host", "rank"),
    [
        (True, {}, "", Rank.FIRST_CLICK),
        (True, {"utm_medium": "cpc", "utm_source": "bing"}, "", Rank.FIRST_CLICK),
        (False, {"utm_medium": "cpc", "utm_source": "google"}, "", Rank.PAID_UTM_GOOGLE),
        (False, {"utm_medium": "PPC", "utm_source": "AdWords"}, "", Rank.PAID_UTM_GOOGLE),
        (False, {"utm_medium": "paid", "utm_source": "newsletter"}, "", Rank.PAID_UTM_OTHER),
        (False, {"utm_medium": "cpc"}, "", Rank.PAID_UTM_OTHER),
        (False, {"utm_medium": "paid_social"}, "l.instagram.com", Rank.PAID_SOCIAL),
        (False, {"ttclid": "x"}, "www.tiktok.com", Rank.PAID_SOCIAL),
        (False, {"fbclid": "x"}, "l.facebook.com", Rank.ORGANIC),
        (False, {"utm_medium": "paid_social"}, "", Rank.ORGANIC),
        (False, {"utm_medium": "email", "utm_source": "google"}, "www.google.com", Rank.ORGANIC),
        (False, {}, "", Rank.ORGANIC),
    ],
)
def test_one_signal_earns_its_rank(click: bool, params: dict[str, str], host: str, rank: Rank):
    assert rank_signal(click, params, host) == rank


@pytest.mark.parametrize("host", ["google.com", "www.google.com", "google.de", "www.google.com.tr", "google.co.uk"])
def test_google_is_google_in_every_country(host: str):
    assert is_google(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "google",
        "mail.google.com",
        "google.evil.com",
        "notgoogle.com",
        "google.com.evil.example",
        "google.example",
        "www.www.google.com",
        "bing.com",
    ],
)
def test_what_is_not_googles_search_is_not_google(host: str):
    assert not is_google(host)


def test_a_social_network_is_known_by_its_domain_and_below():
    assert is_social("facebook.com")
    assert is_social("lm.facebook.com")
    assert not is_social("notfacebook.com")
    assert not is_social("netflix.com")


@pytest.mark.parametrize("own", list(Rank))
def test_a_return_visitor_is_at_least_assisted(own: Rank):
    assert rank_with_past(own, returning=True) == min(own, Rank.ASSISTED)
    assert rank_with_past(own, returning=False) == own


def test_every_rank_has_a_name_and_ads_are_google_and_assisted():
    assert set(NAMES) == set(Rank)
    assert set(ADS) == {*GOOGLE, Rank.ASSISTED}
    assert not set(ADS) & set(OTHER_PAID)
