"""Who is meant: looking a learner up by an identifier, and linking another identifier."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field, model_validator

from contracts.envelope import Slug
from services.ingest.api import merging
from services.ingest.api.dependencies import Shared, json_response
from services.ingest.api.registrars_word import said_by
from services.ingest.api.shapes import Reason, Strict
from services.ingest.domain.claims import Identifier
from services.ingest.storage import vault
from services.ingest.use_cases.link import IdentifierTaken, LearnerMerged, LearnerUnknown, LinkIdentifier
from services.ingest.use_cases.merge import CorrectLink, IdentifierUnknown, SameLearner
from services.runtime.access import Caller, Can
from services.runtime.erased import LearnerErased
from services.runtime.problems import problems

router = APIRouter(prefix="/v1", tags=["learners"])
Value = Annotated[str, Field(min_length=1, max_length=320)]


class IdentifierIn(Strict):
    """An identifier of a scheme."""

    scheme: Slug
    value: Value


class LinkIn(IdentifierIn):
    """An identifier to link; where it meant somebody else by mistake, whom, and why it is corrected."""

    corrects: UUID | None = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def _why(self) -> Self:
        if (self.corrects is None) != (self.reason is None):
            raise ValueError("a correction names whom it corrects and the reason; a link has neither")
        return self


class LookupIn(Strict):
    """Identifiers to look up."""

    identifiers: Annotated[list[IdentifierIn], Field(min_length=1, max_length=1000)]


@router.post("/learners/lookup")
def lookup_learners(body: LookupIn, shared: Shared, caller: Annotated[Caller, Can("learners:lookup")]) -> Response:
    """Which learner each identifier means, in order; null where it means nobody."""
    tags = shared.tags.of(caller.tenant)
    wanted = [tags.identifier(Identifier(each.scheme, each.value)) for each in body.identifiers]
    with shared.database.read() as cursor:
        found = vault.learners_by_tag(cursor, wanted)
    return json_response({"learners": [str(found[tag]) if tag in found else None for tag in wanted]})


@router.post(
    "/learners/{learner}/links",
    status_code=201,
    responses=problems(LearnerUnknown, LearnerMerged, IdentifierTaken, IdentifierUnknown, SameLearner, LearnerErased),
)
def link_learner(
    learner: UUID, body: LinkIn, shared: Shared, caller: Annotated[Caller, Can("learners:link")]
) -> Response:
    """The identifier means this learner from now on; what was parked for it is released, in order.

    With `corrects` it meant that learner by mistake, and what came by it moves here.
    """
    identifier = Identifier(body.scheme, body.value)
    if body.corrects is not None and body.reason is not None:
        said = said_by(caller, body.reason)
        return merging.correct(shared, CorrectLink(shared.moving, said, learner, body.corrects, identifier))
    work = LinkIdentifier(shared.linking(caller.tenant), learner, identifier, teller(caller))
    linked = shared.commits.do(work)
    return json_response({"link": str(linked.link), "released": linked.released}, 201 if linked.new else 200)


def teller(caller: Caller) -> str:
    """The person of the key, or the key."""
    return caller.person or caller.key_id
