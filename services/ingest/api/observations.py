"""A teacher's or mentor's observation of one learner, as JSON; the organisation and the assessor are the key's."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Header
from fastapi.responses import Response
from pydantic import Field, model_validator

from contracts.envelope import Slug
from contracts.evidence_v1 import Code, Exact, Kind
from services.ingest.api.dependencies import Shared, receipt_response
from services.ingest.api.shapes import Instant, Strict
from services.ingest.use_cases.group_commit import LogBehind, NotDurable, TooBusy
from services.ingest.use_cases.link import LearnerUnknown, check_known
from services.ingest.use_cases.observe import Observed, TakeObservation, submission_of
from services.ingest.use_cases.take import MessageConflict
from services.runtime.access import Caller, Can
from services.runtime.erased import LearnerErased
from services.runtime.problems import Refusal, problems
from services.runtime.store.database import Cursor

router = APIRouter(prefix="/v1/observations", tags=["doors"])
Text = Annotated[str, Field(min_length=1, max_length=200)]


class LearnerIn(Strict):
    """A learner's id, or an identifier of a scheme."""

    id: UUID | None = None
    scheme: Slug | None = None
    value: Annotated[str | None, Field(min_length=1, max_length=320)] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.id is None) == (self.scheme is None or self.value is None):
            raise ValueError("either id, or scheme and value")
        return self


class CompetencyIn(Strict):
    """A CASE identifier or a code; the framework where a code is in several."""

    code: Code
    framework: Slug | None = None


class RatingIn(Strict):
    """A level or a score on a scale; neither when it could not be observed."""

    scale: Slug
    level: Code | None = None
    score: Exact | None = None
    observed: bool = True


class ObservationIn(Strict):
    """What was seen, of whom, when."""

    learner: LearnerIn
    competency: CompetencyIn
    rating: RatingIn
    occurred_at: Instant
    pathway: Slug
    kind: Kind = "summative"
    activity: Text | None = None
    artifact: Text | None = None
    attempt: Annotated[int | None, Field(ge=0, le=10_000)] = None
    comment: Annotated[str | None, Field(min_length=1, max_length=4000)] = None


class ObserverUnknown(Refusal):
    """The key names no person and organisation, so there is nobody whose judgement this would be."""

    status = 403


REFUSALS = problems(LearnerUnknown, LearnerErased, ObserverUnknown, MessageConflict, TooBusy, LogBehind, NotDurable)


@router.post("", status_code=202, responses=REFUSALS)
def take_observation(
    body: ObservationIn,
    key: Annotated[str, Header(alias="Idempotency-Key", pattern=r"^[\x21-\x7e]{1,200}$")],
    shared: Shared,
    caller: Annotated[Caller, Can("observations:write")],
) -> Response:
    """202 and a receipt; the same key again: 200 and the same receipt; with other content: 409."""
    if caller.person is None or caller.organisation is None:
        raise ObserverUnknown
    shared.commits.check()
    learner = body.learner.id
    if learner is not None:
        with shared.database.read() as cursor:
            check_named(cursor, caller.tenant, learner)
    observed = Observed(caller.tenant, caller.organisation, caller.person, caller.role, learner)
    submission = submission_of(
        observed, body.model_dump(mode="json"), body.occurred_at, key, shared.tags.of(caller.tenant)
    )
    return receipt_response(shared, shared.commits.do(TakeObservation(submission, shared.settle, learner)))


def check_named(cursor: Cursor, tenant: str, learner: UUID) -> None:
    """Whom the body names must be the tenant's, and still be."""
    try:
        check_known(cursor, tenant, learner)
    except LearnerUnknown:
        raise LearnerUnknown(pointer="/learner/id") from None
