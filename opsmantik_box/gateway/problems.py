"""Errors of the API as RFC 9457 problem documents: one shape, whatever went wrong and whoever noticed. Never shows the inside."""

from http import HTTPStatus
from typing import Any, cast

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from opsmantik_box.errors import BoxError, Conflict
from opsmantik_box.gateway.answers import Headers

MEDIA_TYPE = "application/problem+json"
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""On every answer of the API."""
QUERY_NAMES = {"first": "from", "last": "to", "which": "scope"}
"""What a parameter is called in the query, where Python or the framework has taken the word."""
log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Problem(Struct, frozen=True):
    """RFC 9457. `detail` is for a person: what is wrong and what to do."""

    type: str
    title: str
    status: int
    detail: str


class Stale(Problem, frozen=True):
    """A conflict: `current` is what stands now (a row of intents, or a lead), when there is such a thing."""

    current: dict[str, Any] | None = None


class NoSuchSite(BoxError):
    """There is no such site among yours."""

    status = 404


class NoSuchRow(BoxError):
    """There is no such intent or call on this site."""

    status = 404


class NoSuchSession(BoxError):
    """There is no such session on this site."""

    status = 404


class WrongMethod(BoxError):
    """Ask with {method}."""

    status = 405


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """What a route of the OpenAPI document may answer besides its success."""
    spec = {status: HTTPStatus(status).phrase for status in (401, 403, 405, 503, *statuses)}
    return {
        status: ResponseSpec(
            Stale if status == 409 else Problem, description=phrase, media_type=MEDIA_TYPE, generate_examples=False
        )
        for status, phrase in spec.items()
    }


def answer(status: int, detail: str, headers: dict[str, str] | None = None) -> Response[bytes]:
    """A problem as a response."""
    return _as_response(Problem(*_told(status, detail)), headers)


def _as_response(problem: Problem, headers: dict[str, str] | None = None) -> Response[bytes]:
    body = msgspec.json.encode(problem)
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=HEADERS | (headers or {}))


def _told(status: int, detail: str) -> tuple[str, str, int, str]:
    return "about:blank", HTTPStatus(status).phrase, status, detail


def as_asgi(error: BoxError) -> tuple[int, Headers, bytes]:
    """A problem as status, headers and body, for what stands beside the framework."""
    body = _document(error.status, str(error))
    told = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body))} | HEADERS | _headers_of(error)
    return error.status, [(name.lower().encode(), value.encode()) for name, value in told.items()], body


def _document(status: int, detail: str) -> bytes:
    return msgspec.json.encode(Problem(*_told(status, detail)))


def _headers_of(error: BoxError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="OpsMantik Box"'
    if error.status == 405:
        headers["Allow"] = str(error.details.get("method", "GET"))
    if error.retry_after:
        headers["Retry-After"] = str(error.retry_after)
    return headers


def on_box_error(_request: Request[Any, Any, Any], error: BoxError) -> Response[bytes]:
    """One of ours: its docstring is the message."""
    if isinstance(error, Conflict):
        return _as_response(Stale(*_told(error.status, str(error)), _current(error)))
    return answer(error.status, str(error), _headers_of(error))


def _current(error: Conflict) -> dict[str, Any] | None:
    current = error.details.get("current")
    return cast("dict[str, Any]", current) if isinstance(current, dict) else None


def on_http_error(_request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """One of the framework's: no such route, another method, a parameter that cannot be read."""
    detail = _explained(error) if isinstance(error, ValidationException) else error.detail
    allow = (error.headers or {}).get("Allow") or (error.headers or {}).get("allow")
    return answer(error.status_code, detail, {"Allow": allow} if allow else None)


def _explained(error: ValidationException) -> str:
    """Every parameter that is wrong, by the name it has in the query, and why."""
    told = error.extra if isinstance(error.extra, list) else []
    items = [cast("dict[str, Any]", one) for one in told if isinstance(one, dict)]
    keyed = [(str(one.get("key", "parameter")), one.get("message", "not valid")) for one in items]
    return "; ".join(f"{QUERY_NAMES.get(key, key)}: {message}" for key, message in keyed) or "A parameter is not valid."


def on_any_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What should not happen: told to the log, not to the client."""
    log.error("[API_FAULT]", path=request.url.path, kind=type(error).__name__, exc_info=error)
    return answer(500, "Something went wrong in the Box; its log says what.")


HANDLERS: dict[int | type[Exception], Any] = {BoxError: on_box_error, HTTPException: on_http_error, Exception: on_any_error}
