"""Frameworks and scales, put and read back."""

from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.mastery.api.services import Use, by
from services.mastery.documents.framework import to_case
from services.mastery.documents.reading import DocumentRefused, DocumentTooLarge, MalformedYaml
from services.mastery.storage.documents import Kind, Listed
from services.mastery.use_cases.put_document import VersionTaken
from services.runtime.access import Caller, Can
from services.runtime.limits import BodyTooLarge, read_body
from services.runtime.problems import Refusal, problems
from services.runtime.strict_json import MalformedJson, parse_json

router = APIRouter(prefix="/v1", tags=["documents"])

SLUG = r"^[a-z0-9][a-z0-9._-]{0,62}$"
Version = Annotated[int | None, Query(ge=1, le=999_999_999)]
Name = Annotated[str, Path(max_length=63)]
PUT_REFUSED = problems(DocumentRefused, MalformedJson, MalformedYaml, VersionTaken, BodyTooLarge, DocumentTooLarge)
READ_AS: dict[str, object] = {"application/json": {}, "application/yaml": {}}
BODY: dict[str, Any] = {"requestBody": {"required": True, "content": READ_AS}}


class DocumentUnknown(Refusal):
    """There is no such document, or not at this version."""

    status: ClassVar[int] = 404


@router.post("/frameworks", status_code=201, responses=PUT_REFUSED, openapi_extra=BODY)
async def post_framework(
    request: Request,
    caller: Annotated[Caller, Can("frameworks:manage")],
    use: Use,
    framework: Annotated[str, Query(pattern=SLUG, description="The short name policies and evidence use.")],
    version: Version = None,
) -> Listed:
    """Take in a CASE package (CFDocument, CFItems); the same package again changes nothing."""
    package = parse_json(await read_body(request))
    return await run_in_threadpool(use.put.framework, package, framework, version, by(caller))


@router.get("/frameworks/{id}", responses=problems(DocumentUnknown))
def get_framework(
    id: Name, caller: Annotated[Caller, Can("standings:read")], use: Use, version: Version = None
) -> dict[str, object]:
    """The framework as a CASE package; the latest version unless one is named."""
    document = use.documents.framework(caller.tenant, id, version or latest(use, caller, "framework", id))
    if document is None:
        raise DocumentUnknown
    return to_case(document.content)


@router.post("/scales", status_code=201, responses=PUT_REFUSED, openapi_extra=BODY)
async def post_scale(request: Request, caller: Annotated[Caller, Can("frameworks:manage")], use: Use) -> Listed:
    """Take in a scale, YAML or JSON; the same scale again changes nothing."""
    return await run_in_threadpool(use.put.scale, await read_body(request), by(caller))


@router.get("/scales/{id}", responses=problems(DocumentUnknown))
def get_scale(
    id: Name, caller: Annotated[Caller, Can("standings:read")], use: Use, version: Version = None
) -> Response:
    """The scale in its canonical form."""
    document = use.documents.scale(caller.tenant, id, version or latest(use, caller, "scale", id))
    if document is None:
        raise DocumentUnknown
    return Response(document.body, media_type="application/json", headers={"ETag": f'"{document.digest}"'})


def latest(use: Use, caller: Caller, kind: Kind, id: str) -> int:
    """The latest version of a document; 0, which no document has, when there is none."""
    versions = use.documents.versions(caller.tenant, kind, id)
    return versions[-1].version if versions else 0
