"""Bounds on the bodies anyone may send: in bytes, in time, after decompression, and as strictly read JSON."""

import asyncio
import zlib
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from services.runtime.media_types import is_json, media_type
from services.runtime.problems import Refusal
from services.runtime.strict_json import parse_json
from services.runtime.whole import Scope, arrived

BODY_BYTES_MAX = 10 * 1024 * 1024
BODY_TIMEOUT_S = 20.0


class BodyTooLarge(Refusal):
    """The body is larger than this endpoint takes."""

    status = 413
    headers: ClassVar = {"Connection": "close"}


class BodyTooSlow(Refusal):
    """The body did not arrive in time."""

    status = 408
    headers: ClassVar = {"Connection": "close"}


class BodyIncomplete(Refusal):
    """The body is not as long as its Content-Length says."""

    headers: ClassVar = {"Connection": "close"}


class BodyNotDecompressible(Refusal):
    """The body is not what its Content-Encoding says."""


class EncodingNotSupported(Refusal):
    """The Content-Encoding is not one this service reads; gzip and identity are."""

    status = 415
    headers: ClassVar = {"Accept-Encoding": "gzip, identity"}


async def read_body(request: Request, bytes_max: int = BODY_BYTES_MAX, *, timeout_s: float | None = None) -> bytes:
    """The whole body, decompressed: at most `bytes_max` before and after, within `timeout_s` or what is usual here."""
    encoding = (_said(request.scope, b"content-encoding") or "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip", ""}:
        raise EncodingNotSupported
    declared = declared_length(request, bytes_max)
    raw = arrived(request.scope)  # most bodies come with their headers: there is nothing to wait for
    if raw is None:
        raw = await _received(request, bytes_max, _usual_timeout_s(request) if timeout_s is None else timeout_s)
    if len(raw) > bytes_max:
        raise BodyTooLarge(bytes_max=bytes_max)
    if declared is not None and declared != len(raw):
        raise BodyIncomplete
    return raw if encoding in {"identity", ""} else decompress(raw, bytes_max)


async def _received(request: Request, bytes_max: int, timeout_s: float) -> bytes:
    try:
        async with asyncio.timeout(timeout_s):
            return await _collect(request, bytes_max)
    except TimeoutError:
        raise BodyTooSlow(timeout_s=timeout_s) from None
    except ClientDisconnect:
        raise BodyIncomplete from None


def _usual_timeout_s(request: Request) -> float:
    """The service's setting, where a service serves the request."""
    state = getattr(request.scope.get("app"), "state", None)
    usual: float = getattr(state, "body_timeout_s", BODY_TIMEOUT_S)
    return usual


def decompress(raw: bytes, bytes_max: int) -> bytes:
    """One gzip member, never more than `bytes_max` of it in memory however much it says it holds."""
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = inflater.decompress(raw, bytes_max + 1)
    except zlib.error:
        raise BodyNotDecompressible from None
    if len(plain) > bytes_max:
        raise BodyTooLarge(bytes_max=bytes_max)
    if not inflater.eof or inflater.unused_data:
        raise BodyNotDecompressible
    return plain


def declared_length(request: Request, bytes_max: int) -> int | None:
    declared = _said(request.scope, b"content-length")
    if declared is None:
        return None
    if not (declared.isascii() and declared.isdigit()) or len(declared) > 18:
        raise BodyIncomplete
    if int(declared) > bytes_max:
        raise BodyTooLarge(bytes_max=bytes_max)
    return int(declared)


def _said(scope: Scope, name: bytes) -> str | None:
    """The first header of this name, in lower case."""
    for each, value in scope["headers"]:
        if each == name:
            return str(value, "latin-1")
    return None


async def _collect(request: Request, bytes_max: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise BodyTooLarge(bytes_max=bytes_max)
    return bytes(body)


class StrictRoute(APIRoute):
    """A route whose JSON body is bounded and read strictly before the framework looks at it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        return handle if self.body_field is None else _strictly(handle)


def make_strict(router: APIRouter) -> None:
    """Every route of this router that takes a model as its body reads it strictly, whoever wrote the route."""
    for route in router.routes:
        if type(route) is APIRoute:
            route.__class__ = StrictRoute  # the framework builds the handler when the router is included
        elif isinstance(inner := getattr(route, "original_router", None), APIRouter):
            make_strict(inner)


def _strictly(handle: Callable[[Request], Coroutine[Any, Any, Response]]) -> Callable[..., Any]:
    async def read_then_handle(request: Request) -> Response:
        says_json = is_json(media_type(request.headers.get("content-type", "")))
        raw = await read_body(request)
        return await handle(_ReadRequest(request, raw, parse_json(raw) if raw and says_json else None))

    return read_then_handle


class _ReadRequest(Request):
    """A request whose body was read already."""

    def __init__(self, request: Request, raw: bytes, document: object) -> None:
        super().__init__(request.scope, request.receive)
        self._raw, self._document = raw, document

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> object:
        return self._document
