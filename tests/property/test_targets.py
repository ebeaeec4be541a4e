"""Links of every kind."""

import phonenumbers
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmantik_box.domain.intents import read_tap
from opsmantik_box.domain.targets import read_target, target_of

texts = st.text(st.characters(), max_size=60)
schemes = st.sampled_from(
    [
        "tel:",
        "callto:",
        "whatsapp:",
        "whatsapp://send?phone=",
        "https://wa.me/",
        "https://api.whatsapp.com/send?phone=",
        "HTTP://WA.LINK/",
    ]
)
regions = st.sampled_from(["TR", "DE", "US", "GB", "", "??", "ZZ"])


@settings(deadline=None)
@given(schemes, texts, regions)
def test_any_link_has_a_target_or_is_none(scheme: str, text: str, region: str):
    for link in (text, scheme + text):
        found = read_target(link, region, ("a.example",))
        if found:
            assert found[1].startswith("tel:" if found[0] == "phone" else "wa:")
            assert found[1].isprintable()
            assert " " not in found[1]
            assert len(found[1]) <= 200


@settings(deadline=None)
@given(st.integers(5_300_000_000, 5_399_999_999), st.sampled_from(["tel:0{}", "tel:+90{}", "tel:0090{}", "tel:{}", "callto:0{}"]))
def test_a_number_has_one_spelling_however_it_was_written(number: int, link: str):
    expected = f"tel:+90{number}"
    assert read_target(link.format(number), "TR", ()) == ("phone", expected)
    assert phonenumbers.is_possible_number(phonenumbers.parse(expected[4:], None))


@settings(deadline=None)
@given(st.integers(5_300_000_000, 5_399_999_999))
def test_the_same_person_is_the_same_on_whatsapp(number: int):
    for link in (
        "https://wa.me/90{}",
        "https://wa.me/+90{}?text=x",
        "whatsapp://send?phone=+90{}",
        "https://api.whatsapp.com/send?phone=90{}",
    ):
        assert read_target(link.format(number), "TR", ()) == ("whatsapp", f"wa:+90{number}")


@settings(deadline=None)
@given(
    texts,
    texts,
    st.dictionaries(
        st.sampled_from(["intent_action", "intent_stamp", "position"]), texts | st.integers() | st.none() | st.booleans()
    ),
)
def test_any_signal_is_a_tap_or_not(action: str, label: str, meta: dict[str, object]):
    found = read_tap(action, label, meta, "TR", ())
    if found:
        assert found.action in ("phone", "whatsapp", "form")
        assert len(found.stamp) <= 128
    assert target_of("phone", label, "TR", ()).startswith("tel:")
