"""Reading page addresses."""

import pytest

from opsmantik_box.domain.urls import MAX_URL, Page, read_url, referrer

NONE: frozenset[str] = frozenset()


def page(text: str) -> Page:
    found = read_url(text, NONE)
    assert found is not None
    return found


def test_an_address_is_kept_as_it_was_sent():
    text = "https://antika.example/tablo?id=12&utm_source=google&x=%C4%B1&y#unten"
    assert page(text).text == text


def test_host_and_path_are_read():
    read = page("HTTPS://WWW.Antika.Example:8443/Plak-Alanlar?x=1")
    assert (read.host, read.path) == ("www.antika.example", "/Plak-Alanlar")
    assert page("https://antika.example").path == "/"
    assert page("https://antika.example.?x").host == "antika.example"
    assert page("https://örnek.example/").host == "xn--rnek-4qa.example"
    assert page("http://[::1]:80/x").host == "[::1]"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "x",
        "/path",
        "//a.example/",
        "ftp://a.example/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://a b/",
        "https://?x",
        "https://.../",
        "https://a..b/",
        "https://a%20b/",
        "https://-/",
        "http:a.example",
        "about:blank",
        "data:text/html,x",
        "https://a\\b/",
        "https://[::1/",
        "https://a:b/",
        "https://" + "a" * 300 + "/",
        "android-app://com.google.android.gm/",
    ],
)
def test_what_is_no_absolute_web_address_with_a_host_is_none(text: str):
    assert read_url(text, NONE) is None


@pytest.mark.parametrize(
    ("query", "click"),
    [
        ("gclid=EAIa-_1", ("gclid", "EAIa-_1")),
        ("wbraid=W", ("wbraid", "W")),
        ("gbraid=G&wbraid=W", ("wbraid", "W")),
        ("gbraid=G&gclid=C", ("gclid", "C")),
        ("GCLID=C", ("gclid", "C")),
        ("gclid=&gclid=C&gclid=D", ("gclid", "C")),
        ("gclid=a%2Db", ("gclid", "a-b")),
        ("a=b?gclid=C", None),
        ("gclid={gclid}", None),
        ("gclid=undefined", None),
        ("gclid=a b", None),
        ("gclid=%00", None),
        ("gclid", None),
        ("xgclid=C", None),
        ("gclid=" + "x" * 513, None),
        ("gclid={gclid}&gbraid=G", ("gbraid", "G")),
    ],
)
def test_the_click_id_is_read_from_the_query(query: str, click: tuple[str, str] | None):
    assert page(f"https://a.example/?{query}").click == click


def test_a_click_id_behind_the_fragment_is_none():
    assert page("https://a.example/#?gclid=C").click is None


def test_campaign_values_are_decoded_and_empty_ones_left_out():
    read = page(
        "https://a.example/?utm_source=G%C3%B6%C3%B6gle&UTM_Campaign=k%C4%B1+antika&utm_term=&campaignid=12&device=m&other=1&ttclid=t"
    )
    assert read.campaign == {"utm_source": "Göögle", "utm_campaign": "kı antika", "campaignid": "12", "device": "m"}
    assert read.params == {"utm_source": "Göögle", "utm_campaign": "kı antika", "ttclid": "t"}


def test_the_agencys_own_mark_is_seen():
    assert page("https://a.example/?opsmantik=internal").internal
    assert not page("https://a.example/?opsmantik=1").internal


def test_a_user_name_and_password_are_dropped():
    assert page("https://ali:gizli@a.example/x").text == "https://a.example/x"


def test_a_long_address_is_cut_and_keeps_what_advertising_wrote():
    filler = "&".join(f"k{number}={'v' * 40}" for number in range(100))
    read = page(f"https://a.example/{'p' * 3000}?{filler}&gclid=CLICK&utm_source=google&keyword=antika&z=1#{'f' * 100}")
    assert read.cut
    assert len(read.text) <= MAX_URL
    for kept in ("gclid=CLICK", "utm_source=google", "keyword=antika"):
        assert kept in read.text
    assert read.click == ("gclid", "CLICK")
    assert not page("https://a.example/" + "p" * 2_000).cut


def test_values_are_masked_also_in_what_is_cut_and_behind_the_fragment():
    long = page("https://a.example/?mail=ali@ornek.com&" + "&".join(f"k{n}=12345" for n in range(400)))
    assert "ali@ornek.com" not in long.text
    assert page("https://a.example/#access_token=abcdef123456").text == "https://a.example/#access_token=[secret]"
    assert page("https://a.example/#/iletisim?mail=ali@ornek.com").text == "https://a.example/#/iletisim?mail=[email]"


def test_a_referrer_has_a_text_and_perhaps_a_host():
    assert referrer("https://www.google.com/", NONE) == ("https://www.google.com/", "www.google.com")
    assert referrer("android-app://com.google.android.gm/", NONE) == ("android-app://com.google.android.gm/", "")
    assert referrer("/x?mail=ali@ornek.com", NONE) == ("/x?mail=[email]", "")
