"""How every failed request becomes an RFC 9457 problem: a pointer to what is wrong, never its value."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from services.runtime.refusals import Refusal, problem_document
from services.runtime.store.database import StoreUnavailable
from services.runtime.telemetry import get_logger

__all__ = [
    "InvalidRequest",
    "Refusal",
    "UnexpectedFault",
    "faults_of",
    "install",
    "is_expected",
    "pointer_to",
    "problem_response",
    "problems",
    "response_to",
]

MEDIA_TYPE = "application/problem+json"
ERRORS_MAX = 50
POINTER_CHARACTERS_MAX = 200

log = get_logger(__name__)

# pydantic's own words for these quote the value; ours do not
QUIET_MESSAGES = {
    "uuid_parsing": "Input should be a valid UUID",
    "union_tag_invalid": "Input does not name one of the known kinds",
    "json_invalid": "Body is not JSON",
    "datetime_from_date_parsing": "Input should be a date or an instant",
    "decimal_parsing": "Input should be a decimal number",
}


class InvalidRequest(Refusal):
    """The request does not have the shape this endpoint takes."""


class UnexpectedFault(Refusal):
    """Something went wrong on our side; the request may be sent again."""

    status = 500


class StoreAway(Refusal):
    """The service's database cannot be reached or is busy; nothing was lost. Send it again shortly."""

    status = 503
    headers: ClassVar = {"Retry-After": "2"}


def problem_response(refusal: Refusal) -> Response:
    """The refusal as an HTTP response."""
    return _respond(refusal.status, refusal.body(), refusal.headers)


def problems(*refusals: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses=`: which refusals an endpoint may answer with, grouped by status."""
    grouped: dict[int | str, dict[str, Any]] = {}
    for refusal in refusals:
        entry = grouped.setdefault(refusal.status, {"description": "", "content": {MEDIA_TYPE: {"examples": {}}}})
        entry["description"] = " / ".join(filter(None, (entry["description"], refusal.title())))
        entry["content"][MEDIA_TYPE]["examples"][refusal.slug()] = {"value": refusal().body()}
    return grouped


def router() -> APIRouter:
    """What a problem's `type` leads to: the rule that refused, in words."""
    routes = APIRouter(tags=["problems"])

    @routes.get("/problems/{slug}")
    def get_problem(slug: str) -> dict[str, object]:
        """The meaning of a problem type."""
        for refusal in _descendants(Refusal):
            if refusal.slug() == slug:
                return {**problem_document(slug, refusal.title(), refusal.status), "meaning": inspect.getdoc(refusal)}
        raise HTTPException(404)

    return routes


def _descendants(refusal: type[Refusal]) -> Iterator[type[Refusal]]:
    for child in refusal.__subclasses__():
        yield child
        yield from _descendants(child)


def install(app: FastAPI) -> None:
    """Every way a request can fail answers with a problem document."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)


def response_to(request: Request, fault: Exception) -> Response:
    """The answer the framework would give, for doors ahead of it."""
    return next(_HANDLERS[kind] for kind in type(fault).__mro__ if kind in _HANDLERS)(request, fault)


def is_expected(fault: Exception) -> bool:
    """Whether it is a way in which requests fail, rather than a fault of ours."""
    return any(isinstance(fault, kind) for kind in _HANDLERS if kind is not Exception)


def pointer_to(path: Iterable[object]) -> str:
    """A JSON pointer (RFC 6901), bounded and printable however long or odd the keys are."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    text = "".join(f"/{step}" for step in steps)
    return "".join(c if c.isprintable() else "?" for c in text[:POINTER_CHARACTERS_MAX])


def faults_of(errors: Sequence[Any]) -> list[dict[str, str]]:
    """Pydantic's errors without the input they quote: where, and what was expected there."""
    return [_fault(error) for error in errors[:ERRORS_MAX]]


def _fault(error: Mapping[str, Any]) -> dict[str, str]:
    place, *path = error["loc"] or ("body",)
    detail = QUIET_MESSAGES.get(error["type"], error["msg"]).removeprefix("Value error, ")
    if place == "body":
        return {"pointer": "" if error["type"] == "json_invalid" else pointer_to(path), "detail": detail}
    if place in {"query", "path", "header", "cookie"}:
        return {"in": place, "name": str(path[0])[:POINTER_CHARACTERS_MAX] if path else "", "detail": detail}
    return {"pointer": pointer_to([place, *path]), "detail": detail}


def _on_refusal(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return _answer(request, refusal)


def _on_invalid(request: Request, invalid: Exception) -> Response:
    assert isinstance(invalid, RequestValidationError)
    faults = faults_of(invalid.errors())
    pointer = next((fault["pointer"] for fault in faults if "pointer" in fault), None)
    return _answer(request, InvalidRequest(pointer=pointer, errors=faults))


def _on_http(request: Request, failure: Exception) -> Response:
    """404, 405 and the like: the framework's words, which quote nothing of the request."""
    assert isinstance(failure, HTTPException)
    _count(request, failure.status_code)
    slug = re.sub(r"[^a-z]+", "-", str(failure.detail).lower()).strip("-")[:60] or "refused"
    return _respond(
        failure.status_code, problem_document(slug, str(failure.detail), failure.status_code), failure.headers
    )


def _on_store_away(request: Request, fault: Exception) -> Response:
    log.fault("store unavailable", fault, method=request.method, route=_route(request))
    return _answer(request, StoreAway())


def _on_fault(request: Request, fault: Exception) -> Response:
    log.fault("request failed", fault, method=request.method, route=_route(request))
    return _answer(request, UnexpectedFault())


_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    Refusal: _on_refusal,
    RequestValidationError: _on_invalid,
    HTTPException: _on_http,
    StoreUnavailable: _on_store_away,
    Exception: _on_fault,
}


def _answer(request: Request, refusal: Refusal) -> Response:
    _count(request, refusal.status)
    return problem_response(refusal)


def _count(request: Request, status: int) -> None:
    if (metrics := getattr(request.app.state, "metrics", None)) is not None:
        metrics.count_problem(status)


def _route(request: Request) -> str:
    """The route's template, never the path itself: a path may hold an identifier."""
    return getattr(request.scope.get("route"), "path", "unknown")


def _respond(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None) -> Response:
    if status < 200 or status in {204, 304}:
        return Response(status_code=status, headers=dict(headers or {}))
    return Response(orjson.dumps(body, default=str), status, dict(headers or {}), MEDIA_TYPE)
