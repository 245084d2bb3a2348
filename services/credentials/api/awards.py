"""Awards: what waits for a person, and what that person decided."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from contracts.envelope import Slug
from services.credentials.api.dependencies import Shared, json_response
from services.credentials.domain.award import Award, Standing
from services.credentials.domain.events import Author, Decision
from services.credentials.storage.queries import PAGE_MAX, AwardRow
from services.credentials.use_cases.answer import START, WAITING
from services.credentials.use_cases.refusals import (
    AwardUnknown,
    CredentialNotSignable,
    CursorMalformed,
    NotWaitingForDecision,
)
from services.runtime.access import Caller, Can
from services.runtime.clock import format_instant, from_micros, to_micros
from services.runtime.erased import LearnerErased
from services.runtime.keys import KeyDestroyed
from services.runtime.problems import problems

router = APIRouter(prefix="/v1/awards", tags=["awards"])


class DecisionIn(BaseModel):
    """Who decided what, as whom, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Decision
    author: Annotated[str, Field(min_length=1, max_length=200)]
    role: Slug
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


@router.get("", responses=problems(CursorMalformed))
def list_awards(
    shared: Shared,
    caller: Annotated[Caller, Can("awards:read")],
    standing: Annotated[list[Standing] | None, Query(description="What waits for a person when left out.")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    after: Annotated[str | None, Query(max_length=80)] = None,
) -> Response:
    """The tenant's awards that stand so, in the order they came to; `next` continues the list.

    `erased` of them cannot be told any more, as their learners are erased.

    A learner's or guardian's key sees that learner's only.
    """
    rows = shared.tools.queries.awards(caller.tenant, standing or WAITING, _place(after), limit, caller.learner)
    awards = [_told(row, award) for row, award in shared.answers.awards(rows)]
    following = _cursor(rows[-1]) if len(rows) == limit else None
    return json_response({"awards": awards, "erased": len(rows) - len(awards), "next": following})


@router.post(
    "/{award}/decisions",
    status_code=201,
    responses=problems(AwardUnknown, NotWaitingForDecision, CredentialNotSignable, LearnerErased, KeyDestroyed),
)
def decide_award(
    award: UUID, body: DecisionIn, shared: Shared, caller: Annotated[Caller, Can("awards:decide")]
) -> Response:
    """Grant or decline a proposed award; revoke or keep a credential whose revocation is proposed."""
    author = Author(caller.person or body.author, body.role, body.reason)
    return json_response(_told(*shared.awards.decide(caller.tenant, award, body.decision, author)), 201)


def _told(row: AwardRow, award: Award) -> dict[str, object]:
    proposed = award.proposed
    assert proposed is not None
    return {
        "award": str(row.id),
        "learner": str(award.holder or row.learner),
        "standing": award.standing.value,
        "achievement": proposed.achievement,
        "achievement_digest": proposed.achievement_digest,
        "requirement": {"policy": proposed.policy, "node": proposed.node},
        "cycle": proposed.cycle,
        "met_by": str(proposed.met_by),
        "valid_until": format_instant(proposed.valid_until) if proposed.valid_until else None,
        "credential": award.issued.credential_id if award.issued else None,
        "lapse": _told_lapse(award),
        "changed_at": format_instant(row.changed_at),
    }


def _told_lapse(award: Award) -> dict[str, str] | None:
    if award.lapse is None:
        return None
    lapse = award.lapse
    return {"cause": lapse.cause, "caused_by": str(lapse.caused_by), "at": format_instant(lapse.at)}


def _cursor(row: AwardRow) -> str:
    return f"{to_micros(row.changed_at)}.{row.id.hex}"


def _place(after: str | None) -> tuple[int, bytes]:
    if after is None:
        return START
    try:
        at, award = after.split(".")
        return to_micros(from_micros(int(at))), UUID(hex=award).bytes
    except (ValueError, OverflowError):
        raise CursorMalformed from None
