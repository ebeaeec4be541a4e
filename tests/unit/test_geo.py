"""The file of places: what it finds, what it remembers, and how another takes its place."""

from pathlib import Path

import pytest

from opsmantik_box.adapters import geo
from opsmantik_box.adapters.geo import GeoFile
from opsmantik_box.domain.places import NOWHERE, Place
from tests.mmdb import place, write_mmdb

NETWORKS = {
    "78.190.0.0/16": place("Nilüfer", "Bursa"),
    "85.100.7.0/25": place("İzmir", "İzmir"),
    "85.100.7.128/25": place("Van", "Van"),
    "2a02:ff0::/32": place("Ankara", "Ankara"),
}


def opened(file: Path) -> GeoFile:
    found = GeoFile(file)
    found.swap(found.open_new())
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_mmdb(tmp_path / "city.mmdb", NETWORKS)


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("78.190.12.7", Place("Bursa", "Nilüfer")), ("2a02:ff0:1::5", Place("Ankara")), ("10.0.0.1", NOWHERE), ("", NOWHERE),
        ("85.100.7.1", Place("İzmir")), ("85.100.7.200", Place("Van")), ("2001:db8::1", NOWHERE), ("no address", NOWHERE),
    ],
)  # fmt: skip
def test_an_address_has_its_networks_place_every_time(file: Path, address: str, wanted: Place):
    places = opened(file)
    assert [places.find(address) for _ in range(3)] == [wanted] * 3


def test_a_prefix_that_the_file_divides_is_not_remembered_as_one(file: Path):
    places = opened(file)
    assert [places.find(f"85.100.7.{last}").city for last in (1, 200, 1, 127, 128)] == ["İzmir", "Van", "İzmir", "İzmir", "Van"]


def test_a_prefix_is_looked_up_once(file: Path, monkeypatch: pytest.MonkeyPatch):
    places, asked = opened(file), list[object]()
    monkeypatch.setattr(geo, "read_record", lambda record: asked.append(record) or Place("Bursa"))
    for last in range(1, 200):
        places.find(f"78.190.12.{last}")
    assert len(asked) == 1


def test_memory_is_bounded(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(geo, "REMEMBERED", 10)
    places = opened(file)
    for third in range(200):
        assert places.find(f"78.190.{third}.7").city == "Bursa"
    assert len(places._known) <= 10


def test_a_new_file_takes_the_old_ones_place(file: Path, tmp_path: Path):
    places = opened(file)
    assert places.find("78.190.12.7").city == "Bursa"
    assert not places.is_stale
    write_mmdb(tmp_path / "new", {"78.190.0.0/16": place("Sivas", "Sivas")}).replace(file)
    assert places.is_stale
    assert places.find("78.190.12.7").city == "Bursa", "until it is swapped in, the old one, whole"
    places.swap(places.open_new())
    assert places.find("78.190.12.7").city == "Sivas"
    file.unlink()
    assert places.is_stale
    places.swap(places.open_new())
    assert (places.find("78.190.12.7"), places.is_stale) == (NOWHERE, False)


@pytest.mark.parametrize("content", [b"", b"not a database", b"\xab\xcd\xefMaxMind.com"])
def test_what_cannot_be_read_counts_as_none_and_is_opened_once(tmp_path: Path, content: bytes):
    (tmp_path / "city.mmdb").write_bytes(content)
    places = opened(tmp_path / "city.mmdb")
    assert (places.find("78.190.12.7"), places.is_stale) == (NOWHERE, False)


def test_ipv6_in_a_file_of_ipv4_is_nowhere(tmp_path: Path):
    places = opened(write_mmdb(tmp_path / "city.mmdb", {"78.190.0.0/16": place("Bursa")}, version=4))
    assert places.find("2a02:ff0:1::5") == NOWHERE
    assert places.find("78.190.12.7").city == "Bursa"


def test_without_a_file_nothing_is_loaded(tmp_path: Path):
    assert opened(tmp_path / "none.mmdb").find("78.190.12.7") == NOWHERE
