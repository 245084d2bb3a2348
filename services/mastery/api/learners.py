"""Answers about one learner."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from services.mastery.api.asking import Asks, InstantRefused, VersionWithoutPolicy
from services.mastery.api.services import Use
from services.mastery.use_cases.answer import LearnerUnknown
from services.mastery.use_cases.answers import History, NextSteps, Standings, Why
from services.mastery.use_cases.history import LIMIT_MAX
from services.mastery.use_cases.set_policy import PolicyUnknown
from services.mastery.use_cases.why import NodeUnknown
from services.runtime.access import Caller, Can
from services.runtime.erased import LearnerErased
from services.runtime.keys import KeyDestroyed
from services.runtime.problems import problems

router = APIRouter(prefix="/v1/learners/{learner}", tags=["learners"])
REFUSED = problems(InstantRefused, VersionWithoutPolicy, LearnerUnknown, PolicyUnknown, LearnerErased, KeyDestroyed)
WHY_REFUSED = problems(
    InstantRefused, VersionWithoutPolicy, LearnerUnknown, PolicyUnknown, NodeUnknown, LearnerErased, KeyDestroyed
)


@router.get("/standings", responses=REFUSED)
def get_standings(asked: Asks, caller: Annotated[Caller, Can("standings:read")], use: Use) -> Standings:
    """Every determination and requirement."""
    return use.standings(asked.by(caller))


@router.get("/why/{node}", responses=WHY_REFUSED)
def get_why(
    node: Annotated[str, Path(max_length=200)], asked: Asks, caller: Annotated[Caller, Can("standings:read")], use: Use
) -> Why:
    """What was counted, what was not and by which rule, the running values, and what would satisfy it."""
    return use.why(asked.by(caller), node)


@router.get("/history", responses=REFUSED)
def get_history(
    asked: Asks,
    caller: Annotated[Caller, Can("history:read")],
    use: Use,
    after: Annotated[int, Query(ge=0, le=2**53, description="Show events after this version of the stream.")] = 0,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_MAX,
) -> History:
    """Every event in order, with where the nodes it touched stood after it."""
    return use.history(asked.by(caller), after, limit)


@router.get("/next-steps", responses=REFUSED)
def get_next_steps(asked: Asks, caller: Annotated[Caller, Can("standings:read")], use: Use) -> NextSteps:
    """Requirements that are not met, and by which leaves."""
    return use.next_steps(asked.by(caller))
