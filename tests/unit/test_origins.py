"""Which pages may send for a site."""

import pytest

from opsmantik_box.domain.origins import origin_allowed

DOMAINS = ("antika.example", "*.Plak.example", "https://xn--rnek-4qa.example/")


@pytest.mark.parametrize(
    "origin",
    [
        "https://antika.example",
        "http://antika.example:8080",
        "https://www.antika.example",
        "https://ANTIKA.example",
        "https://a.b.plak.example",
        "https://plak.example",
        "https://örnek.example",
        "https://box.agency.example",
    ],
)
def test_a_sites_own_pages_and_their_subdomains_may_send(origin: str):
    assert origin_allowed(origin, "", DOMAINS, ("agency.example",)) == (True, "ok")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://antika.example.evil.example",
        "https://notantika.example",
        "https://evil.example/antika.example",
        "https://antika.example@evil.example",
        "https://evil.example#antika.example",
        "antika.example",
        "chrome-extension://antika.example",
        "https://",
        "https://example",
        "x" * 500,
        "https://antika.example evil",
    ],
)
def test_other_pages_may_not(origin: str):
    assert origin_allowed(origin, "antika.example", DOMAINS, ()) == (False, "not_allowed")


@pytest.mark.parametrize("origin", [None, ""])
def test_no_origin_is_its_own_reason(origin: str | None):
    assert origin_allowed(origin, "antika.example", DOMAINS, ()) == (False, "missing_origin")


def test_a_null_origin_is_judged_by_the_page_and_labelled():
    assert origin_allowed("null", "www.antika.example", DOMAINS, ()) == (True, "null_origin")
    assert origin_allowed("null", "evil.example", DOMAINS, ()) == (False, "null_origin")


def test_a_site_without_domains_lets_nobody_in():
    assert origin_allowed("https://antika.example", "antika.example", (), ()) == (False, "not_allowed")
    assert origin_allowed("https://antika.example", "antika.example", ("", "*.", "..."), ()) == (False, "not_allowed")
