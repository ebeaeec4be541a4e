"""F25: every route with every id of another tenant answers 404, the same as for an id that nobody has."""

import json
import uuid
from typing import Any, NamedTuple

import pytest

from opsmantik_box.gateway.api import ROUTES as ALL
from tests.harness import Box, fetch

MY_SID, THEIR_SID = "5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11", "6b8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11"
ROUTES = [route for route in ALL if route.opt.get("scope") == "read" and "GET" in route.http_methods]  # type: ignore[union-attr]
PATHS = sorted({path for route in ROUTES for path in route.paths if "{" in path})  # type: ignore[union-attr]


class Tenants(NamedTuple):
    box: Box
    mine: str
    theirs: str
    their_number: int
    rows: tuple[int, int]
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def tenants(box: Box) -> Tenants:
    """Two sites of two users, each with a session, a tap and a form; one token of each right for the first."""
    mine, theirs = box.add_site("mein"), box.add_site("fremd")
    for site, name, sid in ((mine, "mein", MY_SID), (theirs, "fremd", THEIR_SID)):
        for action in ("view", "phone_call", "form_submit"):
            box.send(
                site["public_id"], sid=sid, ea=action, el="tel:+905321234567" if "call" in action else None, host=f"{name}.example"
            )
    box.wait_projected()
    box.token(theirs["public_id"], rights="admin")
    tokens = {rights: box.token(mine["public_id"], rights=rights) for rights in ("read", "operate", "admin")}
    pages = (box.get(f"/api/v1/sites/{one['public_id']}/intents", box.token(one["public_id"])) for one in (mine, theirs))
    first, second = (page["intents"][0]["id"] for page in pages)
    return Tenants(box, mine["public_id"], theirs["public_id"], theirs["id"], (first, second), tokens)


def ask(box: Box, path: str, token: str) -> tuple[int, dict[str, Any]]:
    status, _, body = fetch(f"{box.url}/api/v1{path}", headers={"Authorization": f"Bearer {token}"})
    return status, json.loads(body)


def fill(path: str, site: str, sid: str, number: int) -> str:
    return path.replace("{site:str}", site).replace("{sid:str}", sid).replace("{number:int}", str(number))


def test_there_is_something_to_find(tenants: Tenants) -> None:
    """Else a 404 would prove nothing."""
    mine, theirs = tenants.rows
    for path in PATHS:
        assert ask(tenants.box, fill(path, tenants.mine, MY_SID, mine), tenants.tokens["read"])[0] == 200, path
        token = tenants.box.token(tenants.theirs, rights="admin")
        assert ask(tenants.box, fill(path, tenants.theirs, THEIR_SID, theirs), token)[0] == 200, path


@pytest.mark.parametrize("rights", ["read", "operate", "admin"])
@pytest.mark.parametrize("path", PATHS)
def test_a_foreign_site_is_the_same_404_as_none(tenants: Tenants, path: str, rights: str) -> None:
    token = tenants.tokens[rights]
    nobody = ask(tenants.box, fill(path, str(uuid.uuid4()), THEIR_SID, 987_654_321), token)
    assert nobody[0] == 404
    spellings = (
        tenants.theirs,
        tenants.theirs.upper(),
        tenants.theirs.replace("-", ""),
        str(tenants.their_number),
        "fremd",
        "fremd.example",
    )
    for site in spellings:
        for sid, row in ((THEIR_SID, tenants.rows[1]), (MY_SID, tenants.rows[0])):
            assert ask(tenants.box, fill(path, site, sid, row), token) == nobody, (path, site)


@pytest.mark.parametrize("path", [path for path in PATHS if "sid" in path])
def test_a_foreign_session_on_my_site_is_the_same_404_as_none(tenants: Tenants, path: str) -> None:
    nobody = ask(tenants.box, fill(path, tenants.mine, str(uuid.uuid4()), 0), tenants.tokens["read"])
    assert nobody[0] == 404
    for sid in (THEIR_SID, THEIR_SID.upper(), THEIR_SID.replace("-", ""), "1", "2", "x"):
        assert ask(tenants.box, fill(path, tenants.mine, sid, 0), tenants.tokens["read"]) == nobody, sid


@pytest.mark.parametrize("path", [path for path in PATHS if "{number" in path])
def test_a_foreign_row_on_my_site_is_the_same_404_as_none(tenants: Tenants, path: str) -> None:
    nobody = ask(tenants.box, fill(path, tenants.mine, "", 987_654_321), tenants.tokens["read"])
    assert nobody[0] == 404
    assert ask(tenants.box, fill(path, tenants.mine, "", tenants.rows[1]), tenants.tokens["read"]) == nobody


def test_routes_without_an_id_show_nothing_of_theirs(tenants: Tenants) -> None:
    for path in {path for route in ROUTES for path in route.paths if "{" not in path}:  # type: ignore[union-attr]
        status, document = ask(tenants.box, path, tenants.tokens["admin"])
        told = json.dumps(document)
        assert status == 200
        assert tenants.theirs not in told
        assert THEIR_SID not in told
        assert "fremd" not in told


def test_their_cursor_on_my_list_shows_my_rows_only(tenants: Tenants) -> None:
    box, theirs = tenants.box, tenants.box.token(tenants.theirs, rights="admin")
    for listing in ("events", "intents"):
        cursor = box.get(f"/api/v1/sites/{tenants.theirs}/{listing}?limit=1", theirs)["next"]
        status, page = ask(box, f"/sites/{tenants.mine}/{listing}?cursor={cursor}", tenants.tokens["read"])
        assert status == 200
        assert {row["site_id"] for row in page[listing]} <= {tenants.mine}


def test_the_same_session_id_on_two_sites_is_two_sessions(tenants: Tenants) -> None:
    sid = str(uuid.uuid4())
    tenants.box.send(tenants.mine, sid=sid, host="mein.example", u="https://mein.example/eins")
    tenants.box.send(tenants.theirs, sid=sid, host="fremd.example", u="https://fremd.example/zwei")
    tenants.box.wait_projected()
    timeline = tenants.box.get(f"/api/v1/sites/{tenants.mine}/sessions/{sid}", tenants.tokens["read"])
    assert [event["url"] for event in timeline["events"]] == ["https://mein.example/eins"]
