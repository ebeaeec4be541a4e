"""Whose word about a place counts, and what a place is."""

from typing import Any

import pytest

from opsmantik_box.domain.places import NOWHERE, Place, first_known, read_header, read_name, read_record
from opsmantik_box.domain.reading import Context, Reading, read_signal
from opsmantik_box.domain.signals import WireSignal
from opsmantik_box.domain.sites import Site
from tests.mmdb import place

SITE = Site(7, "0b7f1f7e-6a1f-4c6e-9f3c-1f2e3d4c5b6a", "Antika", ["a.example"], [], "Europe/Istanbul", "TR", "TRY", "", [], [], {})
BURSA, IZMIR, VAN = Place("Bursa", "Nilüfer"), Place("İzmir"), Place("Van", "Edremit")


def read(meta: dict[str, Any], told: Place = NOWHERE, found: Place = NOWHERE) -> tuple[str, str]:
    reading = read_signal(WireSignal(u="https://a.example/", meta=meta), SITE, Context(1, None, "", "78.190.12.7", told, found))
    assert isinstance(reading, Reading)
    return reading.arrival.signal.city, reading.arrival.signal.district


def test_the_proxys_word_goes_before_the_file_and_that_before_the_trackers():
    meta = {"city": "Van", "district": "Edremit"}
    assert read(meta, BURSA, IZMIR) == BURSA
    assert read(meta, NOWHERE, IZMIR) == IZMIR
    assert read(meta) == VAN
    assert read({}) == NOWHERE


@pytest.mark.parametrize("word", ["Unknown", " unknown ", "UNKNOWN", "", "-", "null", "(not set)"])
def test_unknown_is_empty_and_leaves_the_word_to_the_next(word: str):
    assert read_name(word) == ""
    assert read({"city": word, "district": word}, Place(read_name(word)), IZMIR) == IZMIR


def test_one_sources_city_does_not_go_with_anothers_district():
    assert first_known(Place("", ""), Place("Bursa"), Place("Van", "Edremit")) == Place("Bursa", "")


@pytest.mark.parametrize(
    ("sent", "name"),
    [(b"Bursa", "Bursa"), ("İzmir".encode(), "İzmir"), (b"%C4%B0zmir", "İzmir"), (b"New%20York", "New York"), (b"\xff\0a", "�a"),
     (b"Unknown", ""), (b"x" * 300, "x" * 128)],
)  # fmt: skip
def test_a_header_is_read_as_proxies_write_it(sent: bytes, name: str):
    assert read_header(sent) == name


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        (place("Nilüfer", "Bursa"), Place("Bursa", "Nilüfer")), (place("Bursa", "Bursa"), Place("Bursa", "")),
        (place("Berlin", "Land Berlin", "DE"), Place("Berlin", "")), (place("Bursa"), Place("Bursa", "")),
        ({"country": {"iso_code": "TR"}, "subdivisions": [{"names": {"en": "Van"}}]}, Place("Van", "")),
        ({"city": {"names": {"de": "Istanbul"}}}, NOWHERE), ({"city": "Bursa"}, NOWHERE), ({"city": {"names": {"en": 7}}}, NOWHERE),
        ({"subdivisions": [7], "country": {"iso_code": "TR"}}, NOWHERE), ({"country": 7, "subdivisions": []}, NOWHERE),
        (None, NOWHERE), ("x", NOWHERE),
    ],
)  # fmt: skip
def test_a_record_is_a_place(record: object, wanted: Place):
    assert read_record(record) == wanted
