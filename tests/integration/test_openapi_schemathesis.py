"""The OpenAPI document is true: whatever a client sends within or beside it, the API answers as documented and never with a 5xx."""

import os
import re
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from opsmantik_box.gateway.api import ROUTES
from tests.harness import Box, fetch

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "25"))
"""For each route and kind of input."""
OPERATIONS = sorted(
    {(str(next(iter(one.http_methods))), path) for one in ROUTES for path in one.paths} - {("GET", "/openapi.json")}
)  # type: ignore[union-attr]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


class Api(NamedTuple):
    box: Box
    site: str
    token: str
    schema: Any


@pytest.fixture(scope="module")
def api(box: Box) -> Api:
    """A Box with something to read, and its document as it is served."""
    site = box.add_site()["public_id"]
    for action in ("view", "phone_call", "form_submit"):
        box.send(site, ea=action, el="tel:+905321234567" if "call" in action else None)
    box.wait_projected()
    token = box.token(site, rights="operate")
    return Api(box, site, token, schemathesis.openapi.from_dict(box.get("/api/v1/openapi.json", token)))


def judge(api: Api, case: schemathesis.Case) -> None:
    """Sends it and holds the answer against the document. Half of the sites and rows are some that are there."""
    site, number = str(case.path_parameters.get("site", "")), case.path_parameters.get("number")
    if site and len(site) % 2:
        case.path_parameters["site"] = api.site
    if isinstance(number, int) and number % 2:
        case.path_parameters["number"] = 1 + number % 4 // 2
    token = api.box.token(api.site) if case.path.endswith("/logout") else api.token  # that one is gone afterwards
    case.call_and_validate(base_url=api.box.url, headers={"Authorization": f"Bearer {token}"}, checks=CHECKS, timeout=10)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_as_documented(api: Api, method: str, path: str, mode: GenerationMode) -> None:
    operation = api.schema[f"/api/v1{re.sub(r':[a-z]+}', '}', path)}"][method]
    if mode.is_negative and not operation.query.items and not operation.path_parameters.items and not operation.body:
        return  # nothing can be wrong about it

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case) -> None:
        judge(api, case)

    send()


def test_a_body_a_read_does_not_want_does_no_harm(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
    for body in (b"{", b"\xff" * 1000, b"[" * 50_000, b""):
        assert fetch(f"{api.box.url}/api/v1/sites", body, headers, "GET")[0] == 200
