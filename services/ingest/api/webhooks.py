"""The webhook door: verified on the raw bytes, taken durably, answered with a receipt."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.ingest.api.dependencies import Parts, receipt_response
from services.ingest.formats.standard_webhooks import SignatureNotValid, SignatureRefused, verify
from services.ingest.use_cases.group_commit import LogBehind, NotDurable, TooBusy
from services.ingest.use_cases.read import Read
from services.ingest.use_cases.register import MappingMissing, SourceDisabled, SourceUnknown
from services.ingest.use_cases.take import MessageConflict, TakeSubmission
from services.runtime.hot import HotRoute
from services.runtime.limits import BodyTooLarge, read_body
from services.runtime.problems import problems

router = APIRouter(prefix="/v1/webhooks", tags=["doors"], route_class=HotRoute)
REFUSALS = problems(
    SourceUnknown,
    SourceDisabled,
    SignatureRefused,
    SignatureNotValid,
    MessageConflict,
    MappingMissing,
    BodyTooLarge,
    TooBusy,
    LogBehind,
    NotDurable,
)


@router.post("/{source}", status_code=202, responses=REFUSALS)
async def take_webhook(source: str, request: Request) -> Response:
    """A Standard Webhooks message: 202 and a receipt; the same id again: 200 and the same receipt; other body: 409."""
    shared: Parts = request.app.state.parts
    shared.commits.check()
    registered = shared.sources.get(source)
    body = await read_body(request, shared.settings.event_bytes_max)
    now = shared.clock.now()
    message_id = verify(request.headers, body, registered.keys, now)
    submission = Read(registered.sending(), shared.tags.of(registered.row.tenant), now).webhook(message_id, body)
    taken = await shared.commits.take(TakeSubmission(submission, shared.settle))
    return receipt_response(shared, taken)
