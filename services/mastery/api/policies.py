"""Policies: put, read back, and activated."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.mastery.api.documents import BODY, PUT_REFUSED, DocumentUnknown, Name, Version, latest
from services.mastery.api.services import Use, by
from services.mastery.use_cases.set_policy import Activated, PolicyOfAnotherOrganisation, PolicyUnknown
from services.runtime.access import Caller, Can
from services.runtime.limits import read_body
from services.runtime.problems import problems

router = APIRouter(prefix="/v1/policies", tags=["policies"])
POLICY_REFUSED = PUT_REFUSED | problems(PolicyOfAnotherOrganisation)


class PolicyPut(BaseModel):
    """A policy's name, version and digest."""

    policy: str
    version: int
    digest: str


class ActivationIn(BaseModel):
    """Which version comes into force, and from when: else from the day the policy names, or now."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int = Field(ge=1, le=999_999_999)
    effective_from: Annotated[AwareDatetime, Field(ge=datetime.fromisoformat("1900-01-01T00:00:00Z"))] | None = None


@router.post("", status_code=201, responses=POLICY_REFUSED, openapi_extra=BODY)
async def post_policy(request: Request, caller: Annotated[Caller, Can("policies:manage")], use: Use) -> PolicyPut:
    """Put a policy, YAML or JSON; refused with pointers when it does not fit. Activating it is another call."""
    listed = await run_in_threadpool(use.set_policy.put, await read_body(request), by(caller))
    return PolicyPut(policy=listed.id, version=listed.version, digest=listed.digest)


@router.get("/{id}", responses=problems(DocumentUnknown))
def get_policy(
    id: Name, caller: Annotated[Caller, Can("standings:read")], use: Use, version: Version = None
) -> Response:
    """The policy in its canonical form, the bytes its digest is of."""
    document = use.documents.policy(caller.tenant, id, version or latest(use, caller, "policy", id))
    if document is None:
        raise DocumentUnknown
    return Response(document.body, media_type="application/json", headers={"ETag": f'"{document.digest}"'})


@router.post("/{id}/activations", status_code=201, responses=problems(PolicyUnknown, PolicyOfAnotherOrganisation))
def post_activation(
    id: Name, body: ActivationIn, caller: Annotated[Caller, Can("policies:manage")], use: Use
) -> Activated:
    """Bring a version into force; it judges from its place in the control stream on."""
    return use.set_policy.activate(id, body.version, body.effective_from, by(caller))
