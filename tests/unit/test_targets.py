"""What a link calls, in one spelling."""

import pytest

from opsmantik_box.domain.targets import read_target, target_of

HOSTS = ("git.antika.example", "antika.example/wp")


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("tel:+902125550142", "tel:+902125550142"),
        ("tel:0212 555 01 42", "tel:+902125550142"),
        ("tel:+90 (532) 555 01 43", "tel:+905325550143"),
        ("TEL:00905325550143", "tel:+905325550143"),
        ("tel:%2B905325550143", "tel:+905325550143"),
        ("tel://05325550143", "tel:+905325550143"),
        ("callto:0532-555-0143", "tel:+905325550143"),
        ("tel:4440123", "tel:+904440123"),
        ("tel:", "tel:unknown"),
        ("tel:112", "tel:unknown"),
        ("tel:arayin", "tel:unknown"),
        ("https://wa.me/905325550143", "wa:+905325550143"),
        ("https://wa.me/+905325550143?text=Merhaba", "wa:+905325550143"),
        ("https://wa.me/05325550143", "wa:+905325550143"),
        ("https://wa.me/5325550143", "wa:+905325550143"),
        ("http://WA.ME/90 532 555 01 43", "wa:+905325550143"),
        ("https://api.whatsapp.com/send?phone=905325550143&text=Merhaba", "wa:+905325550143"),
        ("https://api.whatsapp.com/send/?text=x&phone=%2B90+532+555+01+43", "wa:+905325550143"),
        ("https://web.whatsapp.com/send?phone=905325550143", "wa:+905325550143"),
        ("whatsapp://send?phone=+905325550143", "wa:+905325550143"),
        ("whatsapp://send?text=Merhaba", "wa:unknown"),
        ("https://wa.me/", "wa:unknown"),
        ("https://wa.me/?text=x", "wa:unknown"),
        ("https://wa.me/message/ABCD1234", "wa:wa.me/message/ABCD1234"),
        ("https://wa.link/k1x2y3", "wa:wa.link/k1x2y3"),
        ("https://git.antika.example/wa", "wa:git.antika.example/wa"),
        ("https://antika.example/wp?x=1", "wa:antika.example/wp"),
    ],
)
def test_a_link_is_read(link: str, target: str):
    kind = "phone" if target.startswith("tel:") else "whatsapp"
    assert read_target(link, "TR", HOSTS) == (kind, target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ana sayfa",
        "https://antika.example/",
        "https://evil.example/?u=https://wa.me/905325550143",
        "https://wa.me.evil.example/905325550143",
        "https://notwa.me/905325550143",
        "mailto:ali@ornek.com",
        "sms:05325550143",
        "https://antika.example/other",
        "javascript:tel:1",
        "50%",
        "tel:" + "5" * 600,
    ],
)
def test_what_is_no_phone_or_whatsapp_link_is_none(text: str):
    assert read_target(text, "TR", HOSTS) is None


def test_the_sites_region_completes_a_number():
    assert read_target("tel:030 901820", "DE", ()) == ("phone", "tel:+4930901820")


def test_a_known_contact_always_has_a_target():
    assert target_of("phone", "0532 555 01 43", "TR", ()) == "tel:+905325550143"
    assert target_of("phone", "Hemen ara", "TR", ()) == "tel:unknown"
    assert target_of("whatsapp", "wa.me/905325550143", "TR", ()) == "wa:+905325550143"
    assert target_of("whatsapp", "tel:+905325550143", "TR", ()) == "wa:+905325550143"
    assert target_of("whatsapp", "", "TR", ()) == "wa:unknown"
