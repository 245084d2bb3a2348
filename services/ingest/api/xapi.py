"""The xAPI statement resource, 1.0.3 and 2.0: durable first, then 200 and the ids in order."""

import json
import re
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from services.ingest.api.dependencies import Parts, json_response
from services.ingest.api.streams import SourceKeyWanted, source_of
from services.ingest.formats.xapi_query import QueryRefused, read_query, statement_id
from services.ingest.formats.xapi_values import StatementRefused
from services.ingest.use_cases.group_commit import LogBehind, NotDurable, TooBusy
from services.ingest.use_cases.register import Source, SourceDisabled, SourceUnknown
from services.ingest.use_cases.xapi_find import Find, Page, StatementUnknown
from services.ingest.use_cases.xapi_keep import Sent
from services.ingest.use_cases.xapi_read import (
    ReadStatements,
    StatementTooLarge,
    StatementTwice,
    TooManyStatements,
    xapi_origin,
)
from services.ingest.use_cases.xapi_take import StatementConflict, StatementsConflict, TakeStatements
from services.runtime.access import NotAuthenticated, NotPermitted, authorise
from services.runtime.clock import format_instant
from services.runtime.hot import HotRoute
from services.runtime.limits import BodyTooLarge, read_body
from services.runtime.media_types import JSON, media_type
from services.runtime.problems import Refusal, problems, response_to
from services.runtime.strict_json import MalformedJson, parse_json_elements

VERSION: Final = "X-Experience-API-Version"
THROUGH: Final = "X-Experience-API-Consistent-Through"
RECEIPT: Final = "Wayproof-Receipt"
EDITIONS: Final = {1: "1.0.3", 2: "2.0.0"}
VERSION_TEXT: Final = re.compile(r"(1|2)\.0(?:\.[0-9]{1,3})?")
KEYS_MAX: Final = 1_000_000  # of a whole batch
INLINE_BYTES_MAX: Final = 64 * 1024  # more is read in a thread, so that others need not wait


class VersionRefused(Refusal):
    """The header X-Experience-API-Version is wanted: 1.0.x or 2.0.x."""


class ContentTypeRefused(Refusal):
    """Statements are application/json; attachments (multipart/mixed) are not taken here, nor forms."""


class StatementWanted(Refusal):
    """A PUT holds one statement, of the id it is put under."""


class XapiRoute(HotRoute):
    """Every answer with the protocol's headers."""

    async def answer(self, request: Request) -> Response:
        """The endpoint's answer, or its refusal."""
        try:
            answer = await super().answer(request)
        except Refusal as refusal:
            answer = response_to(request, refusal)
        answer.headers[VERSION] = EDITIONS[_major(request) or 1]
        return answer


router = APIRouter(prefix="/xapi", tags=["doors"], route_class=XapiRoute)
COMMON: Final = (NotAuthenticated, NotPermitted, SourceKeyWanted, SourceUnknown, VersionRefused, QueryRefused)
TAKING: Final = (
    *COMMON,
    SourceDisabled,
    ContentTypeRefused,
    MalformedJson,
    StatementRefused,
    StatementTwice,
    StatementConflict,
    StatementTooLarge,
    TooManyStatements,
    BodyTooLarge,
    TooBusy,
    LogBehind,
    NotDurable,
)


@router.get("/about")
async def get_xapi_about(request: Request) -> Response:
    """The versions spoken here; who says it speaks the first is not told of the second (PyPI's tincan breaks on it)."""
    known = [EDITIONS[1]] if _major(request) == 1 else list(EDITIONS.values())
    return json_response({"version": known, "extensions": {}})


@router.post("/statements", responses=problems(*TAKING))
async def post_statements(request: Request) -> Response:
    """One statement or a batch, taken whole or not at all: 200 and their ids in order."""
    shared, source, major = _called(request)
    if request.query_params:
        raise QueryRefused("a POST has no parameters")
    raw = await _body(request, shared)
    if len(raw) > INLINE_BYTES_MAX:
        sent = await run_in_threadpool(_read, shared, source, major, raw)
    else:
        sent = _read(shared, source, major, raw)
    if not sent:
        return json_response([])
    return json_response([str(each.id) for each in sent], 200, await _take(shared, source, sent, raw))


@router.put("/statements", status_code=204, responses=problems(*TAKING, StatementWanted))
async def put_statement(request: Request) -> Response:
    """One statement under its id: 204."""
    shared, source, major = _called(request)
    wanted = statement_id(_parameters(request))
    raw = await _body(request, shared)
    sent = _read(shared, source, major, raw, put=wanted)
    return Response(None, 204, await _take(shared, source, sent, raw))


@router.get("/statements", responses=problems(*COMMON, StatementUnknown))
async def get_statements(request: Request) -> Response:
    """A statement by id, or those that match `agent verb activity registration since until`, newest first."""
    shared, source, _ = _called(request)
    said = _parameters(request)
    return await run_in_threadpool(_find, shared, source, said)


@router.head("/statements", include_in_schema=False)
async def head_statements(request: Request) -> Response:
    """As GET, without the body."""
    answer = await get_statements(request)
    return Response(None, 200, answer.headers)


def _called(request: Request) -> tuple[Parts, Source, int]:
    shared: Parts = request.app.state.parts
    caller = authorise(request.app.state.access, request.headers, "evidence:write")
    major = _major(request)
    if major is None:
        raise VersionRefused
    if request.method in {"POST", "PUT"}:
        shared.commits.check()
        return shared, source_of(shared, caller).sending(), major
    return shared, source_of(shared, caller), major


def _major(request: Request) -> int | None:
    found = VERSION_TEXT.fullmatch(request.headers.get(VERSION, ""))
    return int(found[1]) if found else None


def _parameters(request: Request) -> dict[str, str]:
    pairs = request.query_params.multi_items()
    said = dict(pairs)
    if len(said) != len(pairs):
        raise QueryRefused("each parameter is there once")
    return said


async def _body(request: Request, shared: Parts) -> bytes:
    if media_type(request.headers.get("content-type", "")) != JSON:
        raise ContentTypeRefused
    return await read_body(request, shared.settings.batch_bytes_max)


def _read(shared: Parts, source: Source, major: int, raw: bytes, *, put: UUID | None = None) -> list[Sent]:
    elements, listed = parse_json_elements(raw, keys_max=KEYS_MAX), raw.lstrip()[:1] == b"["
    if put is not None:
        elements = [_named(elements, put, listed=listed)]
    tags, origin = shared.tags.of(source.row.tenant), xapi_origin(source)
    read = ReadStatements(source, origin, tags, shared.clock.now(), major, shared.settings.event_bytes_max)
    return read(elements, listed=listed)


def _named(elements: list[tuple[str, object]], id_: UUID, *, listed: bool) -> tuple[str, object]:
    """The statement with the id it is put under, where it does not say one itself."""
    if listed:
        raise StatementWanted("one statement, not a list")
    ((text, document),) = elements
    if not isinstance(document, dict) or not isinstance(said := document.get("id", str(id_)), str):
        return text, document  # refused by the rules of statements, which say where
    if said.lower() != str(id_):
        raise StatementWanted("another id than the one it is put under", pointer="/id")
    return text, {"id": str(id_), **document}


async def _take(shared: Parts, source: Source, sent: list[Sent], raw: bytes) -> dict[str, str]:
    """The headers of the answer, once everything is durable."""
    tags = shared.tags.of(source.row.tenant)
    work = TakeStatements(xapi_origin(source), sent, raw, tags, shared.settle)
    taken = await shared.commits.take(work)
    if isinstance(taken, StatementsConflict):
        raise StatementConflict(pointer=f"/{taken.place}" if len(sent) > 1 else "")
    return {RECEIPT: str(taken.receipt), THROUGH: format_instant(taken.at)}


def _find(shared: Parts, source: Source, said: Mapping[str, str]) -> Response:
    query, find = read_query(said), Find(source.row, shared.keys, shared.tags.of(source.row.tenant))
    with shared.database.read() as cursor:
        headers = {THROUGH: format_instant(find.consistent_through(cursor))}
        if query.statement is not None:
            statement, stored = find.one(cursor, query.statement, voided=query.voided)
            headers["Last-Modified"] = format_datetime(stored, usegmt=True)
            return Response(statement, 200, headers, "application/json")
        page = find.page(cursor, query)
    if page.newest is not None:
        headers["Last-Modified"] = format_datetime(page.newest, usegmt=True)
    return Response(_listed(page, said), 200, headers, "application/json")


def _listed(page: Page, said: Mapping[str, str]) -> bytes:
    more = ""
    if page.cursor is not None:
        more = f"/xapi/statements?{urlencode({**said, 'cursor': page.cursor})}"
    return b'{"statements":[' + b",".join(page.statements) + b'],"more":' + json.dumps(more).encode() + b"}"
