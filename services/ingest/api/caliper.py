"""The Caliper door: an envelope of events, taken durably, answered with a receipt."""

from typing import Annotated, ClassVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from services.ingest.api.dependencies import Parts, Shared, receipt_response
from services.ingest.api.streams import SourceKeyWanted, source_of
from services.ingest.use_cases.caliper import DataVersionUnknown, EnvelopeWanted, TooManyEvents, submission_of
from services.ingest.use_cases.group_commit import LogBehind, NotDurable, TooBusy
from services.ingest.use_cases.read import Read
from services.ingest.use_cases.register import MappingMissing, Source, SourceDisabled, SourceUnknown
from services.ingest.use_cases.take import Conflicting, Taken, TakeSubmission
from services.runtime.access import Caller, Can
from services.runtime.limits import BodyTooLarge, read_body
from services.runtime.media_types import JSON, media_type
from services.runtime.problems import Refusal, problems
from services.runtime.strict_json import MalformedJson

router = APIRouter(prefix="/v1", tags=["doors"])


class EnvelopeTypeRefused(Refusal):
    """An envelope is application/json."""

    status: ClassVar[int] = 415


REFUSALS = problems(
    EnvelopeTypeRefused, MalformedJson, EnvelopeWanted, DataVersionUnknown, TooManyEvents, SourceKeyWanted,
    SourceUnknown, SourceDisabled, MappingMissing, BodyTooLarge, TooBusy, LogBehind, NotDurable,
)  # fmt: skip


@router.post("/caliper", status_code=202, responses=REFUSALS)
async def take_envelope(request: Request, shared: Shared, caller: Annotated[Caller, Can("evidence:write")]) -> Response:
    """A Caliper 1.2 envelope: 202 and a receipt; the same envelope again: 200 and the same receipt."""
    shared.commits.check()
    source = source_of(shared, caller).sending()
    if media_type(request.headers.get("content-type", "")) != JSON:
        raise EnvelopeTypeRefused
    body = await read_body(request, shared.settings.batch_bytes_max)
    return receipt_response(shared, await run_in_threadpool(_take, shared, source, body))


def _take(shared: Parts, source: Source, body: bytes) -> Taken | Conflicting:
    read = Read(source, shared.tags.of(source.row.tenant), shared.clock.now())
    taken: Taken | Conflicting = shared.commits.do(TakeSubmission(submission_of(read, body), shared.settle))
    return taken
