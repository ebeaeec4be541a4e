"""`opsmantik-box geo`, and the city of a visit from it: only when nobody else says one, and never more than the place."""

import asyncio
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.adapters.geo import GeoFile, geo_file
from opsmantik_box.domain.addresses import LOOPBACK, read_networks
from opsmantik_box.domain.places import NOWHERE, Place
from opsmantik_box.domain.sites import Site
from opsmantik_box.gateway.doors import Door
from opsmantik_box.gateway.geo import watch
from tests.harness import Box, run_cli
from tests.mmdb import place, write_mmdb

ADDRESS = "78.190.12.7"
NETWORKS = {"78.190.0.0/16": place("Nilüfer", "Bursa")}
DAY = 86_400


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    return write_mmdb(tmp_path / "GeoLite2-City.mmdb", NETWORKS, built=int(time.time()) - 10 * DAY)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_city_database_is_installed_with_its_attribution(data: Path, fresh: Path) -> None:
    done = run_cli("geo", "install", fresh, "--data", data)
    assert done.returncode == 0, done.stderr
    assert "MaxMind, available from https://www.maxmind.com" in done.stdout
    assert "10 days old" in done.stdout
    assert done.stderr == ""
    assert geo_file(data).read_bytes() == fresh.read_bytes()
    assert stat.S_IMODE(geo_file(data).stat().st_mode) == 0o640
    assert stat.S_IMODE(geo_file(data).parent.stat().st_mode) == 0o750
    told = json.loads(run_cli("geo", "show", "--data", data, "--json").stdout)
    assert (told["type"], told["networks"], told["is_old"]) == ("GeoLite2-City", "IPv4 and IPv6", False)


def test_an_old_one_is_installed_with_a_warning(data: Path, tmp_path: Path) -> None:
    old = write_mmdb(tmp_path / "x.mmdb", NETWORKS, kind="DBIP-City-Lite", built=int(time.time()) - 61 * DAY)
    done = run_cli("geo", "install", old, "--data", data)
    assert done.returncode == 0
    assert "DB-IP" in done.stdout
    assert "older than 60 days" in done.stderr


def bad_files(folder: Path) -> Iterator[tuple[Path, str]]:
    good = write_mmdb(folder / "good", NETWORKS).read_bytes()
    for name, content, problem in (
        ("cut.mmdb", good[: len(good) // 2], "damaged"),
        ("empty.mmdb", b"", "damaged"),
        ("GeoLite2-City.tar.gz", b"\x1f\x8b" + bytes(100), "Unpack it first"),
    ):
        (folder / name).write_bytes(content)
        yield folder / name, problem
    yield write_mmdb(folder / "country.mmdb", NETWORKS, kind="GeoLite2-Country"), "a City one is needed"
    yield write_mmdb(folder / "flat.mmdb", {"78.190.0.0/16": {"city": "Bursa"}}, kind="some_city"), "names no city"


def test_what_is_no_city_database_leaves_the_one_that_is_there(data: Path, fresh: Path, tmp_path: Path) -> None:
    run_cli("geo", "install", fresh, "--data", data)
    for file, problem in bad_files(tmp_path):
        done = run_cli("geo", "install", file, "--data", data)
        assert done.returncode == 2, file
        assert problem in done.stderr, file
        assert file.name in done.stderr
    assert geo_file(data).read_bytes() == fresh.read_bytes()
    assert names(geo_file(data).parent) == ["city.mmdb"]


def test_a_new_one_is_another_file_so_the_mapped_one_stays_whole(data: Path, fresh: Path, tmp_path: Path) -> None:
    run_cli("geo", "install", fresh, "--data", data)
    with geo_file(data).open("rb") as held:
        before = os.fstat(held.fileno()).st_ino
        again = write_mmdb(tmp_path / "b.mmdb", {"78.190.0.0/16": place("Sivas", "Sivas")})
        assert run_cli("geo", "install", again, "--data", data).returncode == 0
        assert geo_file(data).stat().st_ino != before
        assert held.read() == fresh.read_bytes()


def test_without_a_file_show_says_how_to_get_one(data: Path) -> None:
    done = run_cli("geo", "show", "--data", data)
    assert done.returncode == 1
    assert "geo install FILE" in done.stderr


def test_a_gateway_takes_up_a_new_file_by_itself(data: Path, fresh: Path) -> None:
    places = GeoFile(geo_file(data))

    async def run() -> Place:
        watching = asyncio.create_task(watch(places, 0.005))
        assert places.find(ADDRESS) == NOWHERE
        await asyncio.to_thread(run_cli, "geo", "install", fresh, "--data", data)
        async with asyncio.timeout(10):
            while places.find(ADDRESS) == NOWHERE:  # noqa: ASYNC110 - the watching itself is what is waited for
                await asyncio.sleep(0)
        watching.cancel()
        return places.find(ADDRESS)

    assert asyncio.run(run()) == Place("Bursa", "Nilüfer")


@pytest.mark.parametrize(
    ("peer", "settings", "wanted"),
    [
        ("127.0.0.1", {"city_header": "CF-IPCity"}, Place("İzmir")), ("10.1.1.1", {"city_header": "CF-IPCity"}, Place("İzmir")),
        ("8.8.8.8", {"city_header": "CF-IPCity"}, NOWHERE), ("127.0.0.1", {}, NOWHERE), ("127.0.0.1", {"city_header": 7}, NOWHERE),
        ("127.0.0.1", {"city_header": "CF-IPCity", "district_header": "x-district"}, Place("İzmir", "Konak")),
    ],
)  # fmt: skip
def test_only_a_trusted_proxys_header_that_the_site_named_is_believed(peer: str, settings: dict[str, Any], wanted: Place) -> None:
    site = Site(
        1, "0b7f1f7e-6a1f-4c6e-9f3c-1f2e3d4c5b6a", "A", ["a.example"], [], "UTC", "TR", "TRY", "", [], ["10.1.0.0/16"], settings
    )
    door = Door(site, read_networks(LOOPBACK), ())
    assert door.told_place(peer, {b"cf-ipcity": "İzmir".encode(), b"x-district": b"Konak"}) == wanted


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("geo")
    (folder / "data").mkdir()
    file = write_mmdb(folder / "city.mmdb", NETWORKS)
    assert run_cli("geo", "install", file, "--data", folder / "data").returncode == 0
    with Box(folder / "data") as running:
        yield running


def test_the_city_of_a_visit_is_the_files_and_the_trackers_word_when_that_has_none(box: Box) -> None:
    site, proxied = box.add_site()["public_id"], {"X_Forwarded_For": ADDRESS}
    ids = [f"5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a{number}" for number in (11, 12, 13, 14)]
    body = {"s": site, "ec": "interaction", "ea": "view"}
    url = "https://antika.example/?gclid=Cj0KCQiA4fi7BhC5ARIsAEV1Yia&loc_physical_ms=1012782"
    box.post({**body, "u": url, "sid": ids[0]}, **proxied)
    box.post({**body, "u": url, "sid": ids[1], "meta": {"city": "Van"}}, X_Forwarded_For="9.9.9.9")
    box.post({**body, "u": url, "sid": ids[2], "meta": {"city": "Unknown"}}, **proxied)
    box.post({**body, "u": url, "sid": ids[3]}, X_Forwarded_For="9.9.9.9")
    box.wait_projected()
    rows = box.cli(
        "sql", "-", "--json", "--site", "antika", stdin="select id, city, district, ip_address, loc_physical_ms from sessions"
    )
    told = {row["id"]: row for row in json.loads(rows.stdout)}
    places = [(told[sid]["city"], told[sid]["district"]) for sid in ids]
    assert places == [("Bursa", "Nilüfer"), ("Van", None), ("Bursa", "Nilüfer"), (None, None)]
    assert {row["loc_physical_ms"] for row in told.values()} == {"1012782"}, "Google's location id lives on the session"
    assert told[ids[0]]["ip_address"] == "78.190.12.0"


def test_the_full_address_reaches_no_file(box: Box) -> None:
    site = box.add_site("other")["public_id"]
    box.post({"s": site, "u": "https://other.example/"}, Origin="https://other.example", X_Forwarded_For=ADDRESS)
    box.wait_projected()
    (row,) = json.loads(box.cli("sql", "-", "--json", "--site", "other", stdin="select city from sessions").stdout)
    assert row["city"] == "Bursa"
    files = [file for file in [*box.data.rglob("*"), box.log] if file.is_file()]
    assert len(files) > 5
    assert [file.name for file in files if ADDRESS.encode() in file.read_bytes()] == []
