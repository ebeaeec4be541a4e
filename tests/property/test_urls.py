"""Addresses of every kind: read or not, never raising; masked once and for all."""

from urllib.parse import quote, urlsplit

from hypothesis import example, given, settings
from hypothesis import strategies as st

from opsmantik_box.domain.masking import mask_query
from opsmantik_box.domain.urls import MAX_URL, read_url, referrer

NONE: frozenset[str] = frozenset()
texts = st.text(st.characters(), max_size=120)
hosts = st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,6}){1,2}", fullmatch=True).filter(lambda host: "-." not in host)
values = st.text(st.characters(codec="utf-8"), max_size=30).map(lambda text: quote(text, safe=""))
keys = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)


@given(texts | st.builds("https://{}".format, texts))
def test_any_text_is_an_address_or_none(text: str):
    found = read_url(text, NONE)
    referrer(text, NONE)
    if found:
        assert len(found.text) <= MAX_URL
        assert found.text.startswith(("https://", "http://"))
        assert read_url(found.text, NONE) is not None


@given(hosts, st.lists(st.tuples(keys, values), max_size=8), st.integers(0, 65_535))
def test_an_ordinary_address_has_the_standard_librarys_host_and_path(host: str, pairs: list[tuple[str, str]], port: int):
    text = f"https://{host}:{port}/yol/x?" + "&".join(f"{key}={value}" for key, value in pairs)
    found, expected = read_url(text, NONE), urlsplit(text)
    assert found is not None
    assert (found.host, found.path) == (expected.hostname, expected.path)


@given(
    hosts,
    st.lists(st.tuples(keys, values), max_size=60),
    st.from_regex(r"[A-Za-z0-9_-]{5,60}", fullmatch=True).filter(lambda v: not v.isalpha()),
)
def test_a_click_id_survives_any_neighbours(host: str, pairs: list[tuple[str, str]], click: str):
    others = [f"{key}={value * 3}" for key, value in pairs if key not in ("gclid", "wbraid", "gbraid")]
    found = read_url(f"https://{host}/?{'&'.join([*others, 'gclid=' + click])}", NONE)
    assert found is not None
    assert found.click == ("gclid", click)
    assert f"gclid={click}" in found.text


@given(st.lists(st.builds("{}={}".format, keys, values | texts), max_size=8).map("&".join))
def test_masking_what_is_masked_changes_nothing(query: str):
    once = mask_query(query, NONE)
    assert mask_query(once, NONE) == once


@given(keys.filter(lambda key: not key.startswith("utm_") and key not in ("keyword", "target")), st.emails(), values, values)
@example("q", "o'@a.com", "", "")
@example("q", "%+@a.com", "", "")
def test_no_email_address_gets_through(key: str, email: str, before: str, after: str):
    host = email.rpartition("@")[2]
    masked = mask_query(f"a={before}&{key}={quote(email)}&b={after}", NONE)
    if "." in host and host.isascii() and key not in ("placement", "device", "network", "creative"):
        assert quote(email) not in masked


@settings(deadline=None)
@given(
    st.integers(5_000_000_000, 5_999_999_999),
    st.sampled_from(["0{}", "+90{}", "90{}", "0090{}", "{}"]),
    st.sampled_from(["", " ", "-", "."]),
)
def test_no_turkish_mobile_number_gets_through(number: int, spelling: str, space: str):
    digits = str(number)
    written = spelling.format(space.join([digits[:3], digits[3:6], digits[6:8], digits[8:]]))
    assert mask_query(f"q={quote(written)}", NONE) == "q=[phone]"
