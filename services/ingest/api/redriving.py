"""Redriving what waits in quarantine, by the mapping as it is now; a dry run only says what would happen."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field, model_validator

from services.ingest.api.dependencies import Shared, json_response
from services.ingest.api.shapes import Strict
from services.ingest.storage.redrive import Chosen
from services.ingest.use_cases.group_commit import NotDurable, TooBusy
from services.ingest.use_cases.register import MappingMissing, SourceUnknown
from services.ingest.use_cases.reread import MappingVersionUnknown
from services.runtime.access import Caller, Can
from services.runtime.problems import problems

router = APIRouter(prefix="/v1/quarantine", tags=["receipts"])
ITEMS_MAX = 10_000
IDS_MAX = 1000


class RedriveIn(Strict):
    """What to redrive: everything, or by source, reason or id; a mapping version needs its source."""

    source: Annotated[str | None, Field(max_length=100)] = None
    reason: Annotated[str | None, Field(max_length=100)] = None
    ids: Annotated[tuple[UUID, ...] | None, Field(min_length=1, max_length=IDS_MAX)] = None
    mapping: Annotated[int | None, Field(ge=1, le=1_000_000, description="A version; the latest when left out.")] = None
    dry_run: bool = False
    limit: Annotated[int, Field(ge=1, le=ITEMS_MAX, description="Items in one request.")] = 1000
    after: Annotated[str | None, Field(pattern=r"^[0-9]{1,18}\.[0-9]{1,8}$", description="`next` of the last.")] = None

    @model_validator(mode="after")
    def _whose_mapping(self) -> Self:
        if self.mapping is not None and self.source is None:
            raise ValueError("a mapping version is of a source: name it")
        return self


REFUSALS = problems(SourceUnknown, MappingMissing, MappingVersionUnknown, TooBusy, NotDurable)


@router.post("/redrive", responses=REFUSALS)
def redrive(body: RedriveIn, shared: Shared, caller: Annotated[Caller, Can("quarantine:redrive")]) -> Response:
    """What became of each item, the first to arrive first; `next` when there are more: repeat with it as `after`.

    What is accepted, a duplicate, parked or superseded has left quarantine, and its receipt says `redriven`.
    """
    if body.source is not None:
        shared.sources.get(body.source, caller.tenant)
    receipt, _, item = (body.after or "0.").partition(".")
    after = (int(receipt), int(item) if item else -1)
    chosen = Chosen(caller.tenant, caller.source or body.source, body.reason, body.ids, after)
    done = shared.redrive(chosen, body.mapping, body.limit, dry_run=body.dry_run)
    items = [told for each in done.driven for told in each.answer(dry_run=body.dry_run)]
    following = None if done.next is None else f"{done.next[0]}.{done.next[1]}"
    return json_response({"dry_run": body.dry_run, "outcomes": done.counts(), "items": items, "next": following})
