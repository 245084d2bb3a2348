"""One person known as two learners: merged, and taken apart again when they are two after all, by a registrar."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field, model_validator

from services.ingest.api.dependencies import Parts, Shared, json_response
from services.ingest.api.registrars_word import Why, said_by
from services.ingest.storage import moves
from services.ingest.use_cases.group_commit import NotDurable, TooBusy
from services.ingest.use_cases.link import LearnerMerged, LearnerUnknown, check_known
from services.ingest.use_cases.merge import CorrectLink, MergeLearners, NotMerged, SameLearner, UnmergeLearner
from services.ingest.use_cases.move import Moved, finish
from services.runtime.access import Caller, Can
from services.runtime.erased import LearnerErased
from services.runtime.problems import problems

router = APIRouter(prefix="/v1/learners", tags=["learners"])


class MergeIn(Why):
    """With whom: `into` stays and this learner is known by it, or `from` is known by this one; and why."""

    into: UUID | None = None
    from_: Annotated[UUID | None, Field(alias="from")] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.into is None) == (self.from_ is None):
            raise ValueError("either into or from")
        return self


@router.get("/{learner}", responses=problems(LearnerUnknown, LearnerErased))
def get_learner(learner: UUID, shared: Shared, caller: Annotated[Caller, Can("learners:lookup")]) -> Response:
    """By which id the learner is known now, and which ids were merged into that one."""
    with shared.database.read() as cursor:
        check_known(cursor, caller.tenant, learner)
        current = moves.current_learner(cursor, learner)
        merged = moves.merged_into(cursor, current)
    return json_response({"learner": str(learner), "current": str(current), "merged": [str(each) for each in merged]})


@router.post(
    "/{learner}/merge",
    status_code=201,
    responses=problems(LearnerUnknown, LearnerMerged, SameLearner, LearnerErased, TooBusy, NotDurable),
)
def merge_learners(
    learner: UUID, body: MergeIn, shared: Shared, caller: Annotated[Caller, Can("learners:link")]
) -> Response:
    """Identifiers, enrolments and evidence move; the id that goes points to the one that stays. Again: 200."""
    gone, stays = (learner, body.into) if body.into is not None else (body.from_, learner)
    assert gone is not None, "one of both is given"
    assert stays is not None, "one of both is given"
    work = MergeLearners(shared.moving, said_by(caller, body.reason), gone, stays)
    return told(done(shared, shared.commits.do(work)))


@router.post(
    "/{learner}/unmerge",
    status_code=201,
    responses=problems(LearnerUnknown, NotMerged, LearnerErased, TooBusy, NotDurable),
)
def unmerge_learner(
    learner: UUID, body: Why, shared: Shared, caller: Annotated[Caller, Can("learners:link")]
) -> Response:
    """What came by this learner's identifiers, before the merge or since, is this learner's again."""
    work = UnmergeLearner(shared.moving, said_by(caller, body.reason), learner)
    return told(done(shared, shared.commits.do(work)))


def correct(shared: Parts, work: CorrectLink) -> Response:
    """A link that was wrong: what came by the identifier moves with it."""
    return told(done(shared, shared.commits.do(work)))


def done(shared: Parts, begun: Moved) -> Moved:
    """The move, complete."""
    return finish(shared.commits.do, shared.moving, begun)


def told(moved: Moved) -> Response:
    """201 for a new move, 200 for one that was made before."""
    body: dict[str, Any] = {"move": str(moved.move), "from": str(moved.learner), "to": str(moved.into)}
    return json_response({**body, "moved": moved.moved}, 201 if moved.new else 200)
