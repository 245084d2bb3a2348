"""The stream door: numbered lines of JSON, an outcome a line, resumable after any interruption."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field

from services.ingest.api.dependencies import Parts, Shared, json_response
from services.ingest.api.shapes import Strict
from services.ingest.formats.ndjson import TooManyLines
from services.ingest.storage import inbox
from services.ingest.use_cases.group_commit import LogBehind, NotDurable, TooBusy
from services.ingest.use_cases.read import Read
from services.ingest.use_cases.register import MappingMissing, Source, SourceDisabled, SourceUnknown
from services.ingest.use_cases.stream import LinesTaken, OpenStream, StreamGap, StreamUnknown, TakeLines, answer
from services.runtime.access import Caller, Can
from services.runtime.limits import BodyTooLarge, read_body
from services.runtime.problems import Refusal, problems

router = APIRouter(prefix="/v1/streams", tags=["doors"])
LINE_MAX = 2**53


class SourceKeyWanted(Refusal):
    """Only a source's own key may send evidence in bulk."""

    status = 403


OPENING = problems(SourceKeyWanted, SourceUnknown, SourceDisabled, MappingMissing, TooBusy, LogBehind)
SENDING = problems(
    SourceKeyWanted,
    SourceDisabled,
    StreamUnknown,
    StreamGap,
    TooManyLines,
    BodyTooLarge,
    TooBusy,
    LogBehind,
    NotDurable,
)


class StreamIn(Strict):
    """The source the sender believes the key to be of, if it says so."""

    source: Annotated[str | None, Field(max_length=100)] = None


@router.post("", status_code=201, responses=OPENING)
def open_stream(
    shared: Shared, caller: Annotated[Caller, Can("evidence:write")], body: StreamIn | None = None
) -> Response:
    """Open a stream: {stream, next_line}. A source that is named must be the key's own."""
    source = source_of(shared, caller).sending()
    if body is not None and body.source not in {None, source.row.id}:
        raise SourceUnknown("The key is another source's.")
    source.reader()
    stream = shared.commits.do(OpenStream(source.row.tenant, source.row.id))
    return json_response({"stream": str(stream), "next_line": 1}, 201)


@router.get("/{stream}", responses=problems(SourceKeyWanted, StreamUnknown))
def get_stream(stream: UUID, shared: Shared, caller: Annotated[Caller, Can("evidence:write")]) -> Response:
    """The line wanted next."""
    source = source_of(shared, caller)
    with shared.database.read() as cursor:
        found = inbox.stream_by_id(cursor, stream)
    if found is None or found.source != source.row.id:
        raise StreamUnknown
    return json_response({"stream": str(stream), "next_line": found.next_line})


@router.post(
    "/{stream}/lines",
    responses=SENDING,
)
async def take_lines(
    stream: UUID,
    request: Request,
    shared: Shared,
    caller: Annotated[Caller, Can("evidence:write")],
    first: Annotated[int, Query(ge=1, le=LINE_MAX)],
) -> Response:
    """NDJSON, at most 5 MB: an outcome for each line, then {next_line, receipt}; a gap is refused."""
    shared.commits.check()
    source = source_of(shared, caller).sending()
    body = await read_body(request, shared.settings.batch_bytes_max)
    taken = await run_in_threadpool(_take, shared, source, stream, body, first)
    lines = b"\n".join(orjson.dumps(line) for line in answer(taken)) + b"\n"
    return Response(lines, media_type="application/x-ndjson")


def _take(shared: Parts, source: Source, stream: UUID, body: bytes, first: int) -> LinesTaken:
    tags = shared.tags.of(source.row.tenant)
    origin, lines = Read(source, tags, shared.clock.now()).lines(body, first)
    work = TakeLines(origin, stream, lines, body, tags.content(body), shared.settle)
    taken: LinesTaken = shared.commits.do(work)
    return taken


def source_of(shared: Parts, caller: Caller) -> Source:
    """The source the caller's key belongs to; never one it names."""
    if caller.source is None:
        raise SourceKeyWanted
    return shared.sources.get(caller.source, caller.tenant)
