"""The catalogues: the same texts in every language, and numbers as each language says them."""

import string

import pytest

from opsmantik_box.texts import CATALOGUES, LANGUAGES, language_of, say


def fields(text: str) -> set[str | None]:
    return {field for _, field, _, _ in string.Formatter().parse(text)} - {None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text_with_the_same_values(language: str):
    english, other = CATALOGUES["en"], CATALOGUES[language]
    assert english.keys() == other.keys()
    assert {key: fields(text) for key, text in english.items()} == {key: fields(text) for key, text in other.items()}


def test_english_counts_one_and_many():
    assert say("en", "line.intents", intents=1, phone=1, whatsapp=0) == "1 intent (1 phone, 0 WhatsApp)"
    assert say("en", "line.intents", intents=18, phone=5, whatsapp=13) == "18 intents (5 phone, 13 WhatsApp)"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0'ı"), (1, "1'i"), (2, "2'si"), (3, "3'ü"), (4, "4'ü"), (5, "5'i"), (6, "6'sı"), (7, "7'si"), (8, "8'i"), (9, "9'u"),
        (10, "10'u"), (20, "20'si"), (30, "30'u"), (40, "40'ı"), (50, "50'si"), (60, "60'ı"), (70, "70'i"), (80, "80'i"),
        (90, "90'ı"), (100, "100'ü"), (113, "113'ü"), (200, "200'ü"), (1000, "1000'i"), (1100, "1100'ü"), (2_000_000, "2000000'u"),
    ],
)  # fmt: skip
def test_a_turkish_number_takes_the_suffix_its_last_word_asks_for(number: int, said: str):
    assert f" {said} mühürlü" in say("tr", "reason.intents.sealed.fewer", first=18, second=number)


def test_numbers_are_written_as_the_language_writes_them():
    told = {"first": 2.5, "second": 18}
    assert "Google counts 2.5 conversions" in say("en", "reason.google_conversions.intents.more", **told)
    assert "Google 2,5 dönüşüm" in say("tr", "reason.google_conversions.intents.more", **told)
    assert "Google 5 dönüşüm" in say("tr", "reason.google_conversions.intents.more", first=5.0, second=18)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"), ({"LANG": "C.UTF-8"}, "en"), ({"LANG": "tr_TR.UTF-8"}, "tr"), ({"LANG": "de_DE"}, "en"),
        ({"LANG": "tr_TR", "LC_ALL": "C"}, "en"), ({"LC_ALL": "", "LANG": "tr"}, "tr"), ({"LC_MESSAGES": "tr_TR", "LANG": "C"}, "tr"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_the_environment_asks_for(environment: dict[str, str], language: str):
    assert language_of(environment) == language
