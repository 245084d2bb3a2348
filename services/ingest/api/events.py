"""The CloudEvents door: an event or a batch of them, taken durably; and the handshake of HTTP 1.1 webhooks."""

import asyncio
import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from services.ingest.api.dependencies import Parts, Shared, json_response, receipt_response, repeated
from services.ingest.api.streams import SourceKeyWanted, source_of
from services.ingest.formats.cloud_events import (
    BatchTooLong,
    CloudEventRefused,
    EventTypeRefused,
    Sent,
    is_batch,
    read_batch,
    read_event,
)
from services.ingest.use_cases.cloud_events import submission_of
from services.ingest.use_cases.group_commit import LogBehind, NotDurable, TooBusy
from services.ingest.use_cases.read import Read
from services.ingest.use_cases.register import MappingMissing, SourceDisabled, SourceUnknown
from services.ingest.use_cases.take import Conflicting, MessageConflict, Taken, TakeSubmission
from services.runtime.access import Caller, Can
from services.runtime.limits import BodyTooLarge, read_body
from services.runtime.problems import Refusal, problems
from services.runtime.strict_json import MalformedJson

router = APIRouter(prefix="/v1/events", tags=["doors"])
ORIGIN: Final = re.compile(r"[A-Za-z0-9.:\[\]*_-]{1,255}")
RATE: Final = re.compile(r"[1-9][0-9]{0,8}")


class HandshakeRefused(Refusal):
    """The handshake names no origin that asks to send, or a rate that is no number of requests a minute."""


REFUSALS = problems(
    EventTypeRefused, MalformedJson, CloudEventRefused, BatchTooLong, MessageConflict, SourceKeyWanted, SourceUnknown,
    SourceDisabled, MappingMissing, BodyTooLarge, TooBusy, LogBehind, NotDurable,
)  # fmt: skip


@router.post("", status_code=202, responses=REFUSALS)
async def take_events(request: Request, shared: Shared, caller: Annotated[Caller, Can("evidence:write")]) -> Response:
    """A CloudEvents 1.0 event, structured or binary: 202 and a receipt; again: 200 and the same; other content: 409.

    A batch: 202 and what became of each event in order, each with the status it would have had alone.
    """
    shared.commits.check()
    source, content_type = source_of(shared, caller).sending(), request.headers.get("content-type", "")
    settings = shared.settings
    body = await read_body(request, settings.batch_bytes_max if is_batch(content_type) else settings.event_bytes_max)
    read = Read(source, shared.tags.of(source.row.tenant), shared.clock.now())
    if not is_batch(content_type):
        sent = read_event(request.headers.items(), content_type, body)
        return receipt_response(shared, await shared.commits.take(_work(shared, read, sent)))
    events = await run_in_threadpool(read_batch, body)
    works = await run_in_threadpool(lambda: [_work(shared, read, sent) for sent in events])
    taken = await asyncio.gather(*map(shared.commits.take, works), return_exceptions=True)
    for fault in taken:
        if isinstance(fault, BaseException):
            raise fault  # all of it is sent again; what was taken is known by then
    return await run_in_threadpool(_batch_response, shared, events, taken)


@router.options("", responses=problems(HandshakeRefused))
def shake_hands(request: Request) -> Response:
    """Whoever asks may send here, given a key: what the specification's protection against abuse wants to hear."""
    origin, rate = request.headers.get("webhook-request-origin", ""), request.headers.get("webhook-request-rate")
    if ORIGIN.fullmatch(origin) is None:
        raise HandshakeRefused("WebHook-Request-Origin: a host name is wanted")
    if rate is not None and RATE.fullmatch(rate) is None:
        raise HandshakeRefused("WebHook-Request-Rate: a positive number is wanted")
    allowed = {"Allow": "POST, OPTIONS", "WebHook-Allowed-Origin": origin}
    return Response(status_code=200, headers=allowed | ({"WebHook-Allowed-Rate": "*"} if rate is not None else {}))


def _work(shared: Parts, read: Read, sent: Sent) -> TakeSubmission:
    return TakeSubmission(submission_of(read, sent), shared.settle)


def _batch_response(shared: Parts, events: list[Sent], taken: list[Any]) -> Response:
    return json_response({"events": [_told(shared, *each) for each in zip(events, taken, strict=True)]}, 202)


def _told(shared: Parts, sent: Sent, taken: Taken | Conflicting) -> dict[str, Any]:
    named = {"source": sent.event["source"], "id": sent.event["id"]}
    if isinstance(taken, Conflicting):
        return {**named, "status": MessageConflict.status}
    if taken.repeated:
        return {**named, "status": 200, **repeated(shared, taken).answer()}
    return {**named, "status": 202, **taken.answer()}
