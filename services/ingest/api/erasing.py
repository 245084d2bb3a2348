"""A learner is erased at a registrar's word: nobody can read any more what was said of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from services.ingest.api.dependencies import Shared, json_response
from services.ingest.api.registrars_word import Why, said_by
from services.ingest.use_cases.erase import EraseLearner, EvidenceMoving
from services.ingest.use_cases.group_commit import NotDurable, TooBusy
from services.ingest.use_cases.link import LearnerMerged, LearnerUnknown
from services.runtime.access import Caller, Can
from services.runtime.clock import format_instant
from services.runtime.problems import problems

router = APIRouter(prefix="/v1/learners", tags=["learners"])


@router.post(
    "/{learner}/erasure",
    status_code=201,
    responses=problems(LearnerUnknown, LearnerMerged, EvidenceMoving, TooBusy, NotDurable),
)
def erase_learner(
    learner: UUID, body: Why, shared: Shared, caller: Annotated[Caller, Can("learners:erase")]
) -> Response:
    """The keys of all that was said of the learner are destroyed, also under ids merged into this one. Again: 200.

    `complete` is false while a file that came before is still being read: what it says of the learner goes after it.
    """
    erased = shared.commits.do(EraseLearner(shared.moving, said_by(caller, body.reason), learner))
    complete = erased.complete or shared.eraser.finish(erased.id)
    told = {
        "erasure": str(erased.id),
        "learner": str(learner),
        "erased_at": format_instant(erased.at),
        "events": {str(each): str(event) for each, event in erased.events.items()},
        "complete": complete,
    }
    return json_response(told, 201 if erased.new else 200)
