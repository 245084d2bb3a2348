"""Credentials: a learner's, and one with its proof, alone or bundled with what an offline verifier needs."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Header
from fastapi.responses import Response

from services.credentials.api.dependencies import Parts, Shared, json_response
from services.credentials.api.negotiation import negotiate
from services.credentials.domain.award import Award
from services.credentials.formats.issuer import urn
from services.credentials.storage.queries import CredentialRow
from services.credentials.use_cases.refusals import CredentialUnknown, LearnerOfAnother, MediaTypeNotOffered
from services.runtime.access import Caller, Can
from services.runtime.clock import format_instant
from services.runtime.erased import LearnerErased
from services.runtime.keys import KeyDestroyed, KeyUnknown
from services.runtime.problems import problems

router = APIRouter(prefix="/v1", tags=["credentials"])

BUNDLE = "application/vnd.wayproof.bundle+json"
OFFERED = ("application/json", "application/vc+ld+json", "application/vc", BUNDLE)


GET_REFUSED = problems(CredentialUnknown, MediaTypeNotOffered, LearnerErased, KeyDestroyed)


@router.get(
    "/learners/{learner}/credentials", responses=problems(LearnerOfAnother, KeyUnknown, LearnerErased, KeyDestroyed)
)
def list_credentials(learner: UUID, shared: Shared, caller: Annotated[Caller, Can("credentials:read")]) -> Response:
    """What was issued to the learner, the oldest first, revoked or not."""
    if caller.learner not in {None, learner}:
        raise LearnerOfAnother
    found = shared.answers.credentials_of(caller.tenant, learner)
    return json_response({"learner": str(learner), "credentials": [_told(row, award) for row, award in found]})


@router.get("/credentials/{credential}", responses=GET_REFUSED)
def get_credential(
    credential: UUID,
    shared: Shared,
    caller: Annotated[Caller, Can("credentials:read")],
    accept: Annotated[str | None, Header()] = None,
) -> Response:
    """The credential as it was signed, byte for byte; or a bundle with its issuer's DID document and status list."""
    row = shared.answers.credential(caller.tenant, urn(credential))
    if caller.learner not in {None, row.learner, row.holder}:
        raise CredentialUnknown
    media_type = negotiate(accept, OFFERED)
    content = shared.answers.content(row)
    if media_type == BUNDLE:
        content = _bundle(shared, row, content)
    return Response(content, 200, {"Vary": "Accept", "Cache-Control": "no-store"}, media_type)


def _bundle(shared: Parts, row: CredentialRow, content: bytes) -> bytes:
    members = {
        "credential": content,
        "didDocument": shared.tools.signer.did_document(row.tenant),
        "statusList": shared.status.publish(row.list_id).content,
    }
    return orjson.dumps({name: orjson.Fragment(document) for name, document in members.items()})


def _told(row: CredentialRow, award: Award) -> dict[str, object]:
    proposed, issued = award.proposed, award.issued
    assert proposed is not None
    assert issued is not None
    return {
        "credential": row.id,
        "href": f"/v1/credentials/{row.id.removeprefix('urn:uuid:')}",
        "award": str(row.award),
        "holder": str(row.holder),
        "standing": award.standing.value,
        "achievement": proposed.achievement,
        "achievement_digest": proposed.achievement_digest,
        "requirement": {"policy": proposed.policy, "node": proposed.node},
        "cycle": proposed.cycle,
        "met_by": str(proposed.met_by),
        "issued_at": format_instant(row.issued_at),
        "revoked": row.revoked_at is not None,
        "revoked_at": format_instant(row.revoked_at) if row.revoked_at else None,
        "status_list": f"{issued.issuer_url}/status/{row.list_id}",
        "status_index": row.position,
    }
