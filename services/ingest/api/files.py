"""The file door: any format a mapping reads, taken durably now, settled row by row after the answer."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from services.ingest.api.dependencies import Parts, Shared, json_response
from services.ingest.api.streams import SourceKeyWanted, source_of
from services.ingest.formats.file_formats import NoFileFormat, file_format
from services.ingest.formats.zip_package import PackageRefused, PackageTooLarge
from services.ingest.use_cases.file_rows import sent_to
from services.ingest.use_cases.group_commit import LogBehind, NotDurable, TooBusy
from services.ingest.use_cases.read import origin_of
from services.ingest.use_cases.register import MappingMissing, Source, SourceDisabled, SourceUnknown
from services.ingest.use_cases.take import MessageConflict
from services.ingest.use_cases.take_file import DOOR, FileTaken, TakeFile, answered
from services.ingest.use_cases.upload import Kept, Upload
from services.runtime.access import Caller, Can
from services.runtime.body_parts import receive_body
from services.runtime.limits import BodyTooLarge, read_body
from services.runtime.problems import Refusal, problems

router = APIRouter(prefix="/v1", tags=["doors"])
REFUSALS = problems(
    SourceUnknown, SourceKeyWanted, SourceDisabled, MappingMissing, NoFileFormat, PackageRefused, PackageTooLarge,
    MessageConflict, BodyTooLarge, TooBusy, LogBehind, NotDurable,
)  # fmt: skip


@router.post("/files/{source}", status_code=202, responses=REFUSALS)
async def take_file(
    source: str,
    request: Request,
    shared: Shared,
    caller: Annotated[Caller, Can("evidence:write")],
    key: Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)] = None,
) -> Response:
    """202 and an import; with an Idempotency-Key, sending it again finds the same import."""
    if caller.source != source:
        raise SourceUnknown
    found = source_of(shared, caller).sending()
    streamed = file_format(found.reader().document.format).streamed
    bytes_max = shared.settings.table_bytes_max if streamed else shared.settings.file_bytes_max
    shared.commits.check()
    upload, charset = Upload(shared.database, shared.clock), charset_of(request.headers.get("content-type", ""))
    try:
        await receive_body(request, bytes_max, shared.settings.file_timeout_s, partial(_put, upload))
    except BaseException:
        upload.drop()
        raise
    taken = await run_in_threadpool(_take, shared, found, upload, charset, key)
    headers = {"Idempotent-Replay": "true"} if taken.repeated else None
    return json_response({"import": str(taken.import_id), "receipt": str(taken.receipt)}, 202, headers)


@router.post("/files/{source}/dry-run", responses=REFUSALS)
async def try_file(
    source: str, request: Request, shared: Shared, caller: Annotated[Caller, Can("evidence:write")]
) -> Response:
    """What a package would do: how its rows would end, its effect, and whether a person would be asked first."""
    if caller.source != source:
        raise SourceUnknown
    found = source_of(shared, caller)
    raw = await read_body(request, shared.settings.file_bytes_max, timeout_s=shared.settings.file_timeout_s)
    found_out = await run_in_threadpool(shared.importer.preview, found, raw, shared.clock.now())
    return json_response(found_out.answer())


async def _put(upload: Upload, piece: bytes) -> None:
    upload.take(piece)
    if upload.full:
        await run_in_threadpool(upload.put)


def _take(shared: Parts, source: Source, upload: Upload, charset: str | None, key: str | None) -> FileTaken:
    """What is no such file at all is refused here and now; faulty rows are the import's business."""
    try:
        taken = _taken(shared, source, upload.end(), charset, key)
    except NotDurable:  # parts of what may have been taken all the same stay until a later start
        raise
    except Refusal:
        upload.drop()
        raise
    if taken.repeated:
        upload.drop()
    shared.importer.wake()
    return taken


def _taken(shared: Parts, source: Source, kept: Kept, charset: str | None, key: str | None) -> FileTaken:
    origin, tags, reader = origin_of(source, DOOR), shared.tags.of(source.row.tenant), source.reader()
    file_format(reader.document.format).check(sent_to(reader, partial(kept.open, shared.database), charset))
    message = tags.message(origin.source, DOOR, key) if key else None
    work = TakeFile(origin, reader.document.version, charset, kept, tags.content(kept.said), message)
    return answered(shared.commits.do(work))


def charset_of(content_type: str) -> str | None:
    """What the request says its text is written in."""
    _, _, parameters = content_type.partition(";")
    said = (one.partition("=") for one in parameters.split(";"))
    named = {name.strip().lower(): value.strip().strip('"').lower() for name, _, value in said}
    return named.get("charset") or None
