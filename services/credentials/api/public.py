"""What the world may read without a key: status lists, DID documents, and a verdict on anyone's credential."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response

from contracts.envelope import Slug
from services.credentials.api.dependencies import Shared, json_response
from services.credentials.use_cases.refusals import IssuerUnknown, StatusListUnknown
from services.runtime.limits import BodyTooLarge, read_body
from services.runtime.problems import problems
from services.runtime.strict_json import MalformedJson, parse_json

router = APIRouter(tags=["public"])

DID_JSON = "application/did+json"
STATUS_CACHE = "public, max-age=60"


@router.get("/status/{list_id}", responses=problems(StatusListUnknown))
def get_status_list(list_id: str, shared: Shared, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """A Bitstring status list credential, signed by the issuer of the credentials it speaks of."""
    published = shared.status.publish(list_id)
    headers = {"ETag": published.etag, "Cache-Control": STATUS_CACHE}
    if if_none_match and published.etag in (tag.strip() for tag in if_none_match.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(published.content, 200, headers, "application/vc+ld+json")


@router.get("/.well-known/did.json", responses=problems(IssuerUnknown))
def get_root_did(shared: Shared) -> Response:
    """The DID document of the one tenant whose DID is the host's own."""
    root = shared.tools.signer.root_tenant
    if root is None or not shared.tools.achievements.known_tenant(root):
        raise IssuerUnknown
    return Response(shared.tools.signer.did_document(root), 200, None, DID_JSON)


@router.get("/{tenant}/did.json", responses=problems(IssuerUnknown))
def get_did(tenant: Slug, shared: Shared) -> Response:
    """The DID document of a tenant that issues here."""
    if tenant == shared.tools.signer.root_tenant or not shared.tools.achievements.known_tenant(tenant):
        raise IssuerUnknown
    return Response(shared.tools.signer.did_document(tenant), 200, None, DID_JSON)


async def _document(request: Request, shared: Shared) -> object:
    return parse_json(await read_body(request, shared.settings.document_bytes_max))


@router.post("/v1/verify", responses=problems(MalformedJson, BodyTooLarge))
def verify_credential(document: Annotated[object, Depends(_document)], shared: Shared) -> Response:
    """A verdict on a credential, or on a bundle {credential, didDocument, statusList}: nothing is fetched.

    For credentials issued here the service's own DID document and status list are used, whatever was sent along.
    """
    return json_response(shared.judge.verdict(document).as_json())
