"""What visitors leave in addresses does not reach the disk."""

import pytest

from opsmantik_box.domain.masking import mask_query

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("query", "masked"),
    [
        ("mail=ali@ornek.com", "mail=[email]"),
        ("mail=ali%40ornek.com.tr", "mail=[email]"),
        ("next=https%3A%2F%2Fa.example%2F%3Fm%3Dali%2540ornek.com", "next=[email]"),
        ("q=bana+ali%40ornek.com+yaz", "q=[email]"),
        ("ali@ornek.com", "[email]"),
        ("tel=05325550143", "tel=[phone]"),
        ("tel=%2B90+532+555+01+43", "tel=[phone]"),
        ("tel=+90(532)555-01-43", "tel=[phone]"),
        ("tel=%2B49301234", "tel=[phone]"),
        ("q=ara+0532.555.01.43+l%C3%BCtfen", "q=[phone]"),
        ("t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "t=[secret]"),
        ("s=5f4dcc3b5aa765d61d8327deb882cf99", "s=[secret]"),
        ("s=550e8400-e29b-41d4-a716-446655440000", "s=[secret]"),
        ("s=aB3dE5gH7jK9mN1pQ3rS5", "s=[secret]"),
        ("password=hunter22", "password=[secret]"),
        ("TOKEN=abc12345", "TOKEN=[secret]"),
    ],
)
def test_a_tell_tale_value_is_replaced(query: str, masked: str):
    assert mask_query(query, NONE) == masked
    assert mask_query(f"a=1&{query}&b=2", NONE) == f"a=1&{masked}&b=2"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&&",
        "id=12",
        "id=12345678",
        "sayfa=2&sira=fiyat",
        "tarih=2026-11-20",
        "aralik=2026-11-20..2026-12-01",
        "q=gumus+tepsi+alan+yerler",
        "yol=Antika-Alan-Yerler-2024-Istanbul-Anadolu-Yakasi",
        "gclid=EAIaIQobChMIabcABC1DEF2GHJ3KLM",
        "utm_content=ali@ornek.com",
        "keyword=0532+555+01+43",
        "campaignid=21234567890",
        "fbclid=IwAR0aB3dE5gH7jK9mN1pQ3rS5",
        "token=",
        "password=short1",
        "x=%FF%FE",
        "==",
        "a=b=c",
    ],
)
def test_an_ordinary_value_stays_as_it_was_sent(query: str):
    assert mask_query(query, NONE) == query


def test_a_site_may_keep_a_key_of_its_own():
    assert mask_query("siparis=1234567890&x=1234567890", frozenset({"siparis"})) == "siparis=1234567890&x=[phone]"
