"""Registering sources, rotating their keys, and putting and trying the mappings that read them."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from contracts.envelope import Slug
from services.ingest.api.dependencies import Shared, json_response
from services.ingest.api.shapes import Instant, Strict
from services.ingest.formats.standard_webhooks import VerifyKey, WebhookKeyMalformed
from services.ingest.mappings import documents
from services.ingest.mappings.compiled import MappingRefused, compile_mapping
from services.ingest.storage import inbox
from services.ingest.storage.sources import KeyRow, SourceRow
from services.ingest.use_cases.register import (
    KeyNeverValid,
    MappingVersionTaken,
    NewKey,
    SourceExists,
    SourceUnknown,
    TooManyKeys,
    told,
)
from services.runtime.access import Caller, Can
from services.runtime.clock import format_instant
from services.runtime.limits import MalformedJson, read_body
from services.runtime.problems import problems

router = APIRouter(prefix="/v1/sources", tags=["sources"])


class SourceIn(Strict):
    """What sends evidence, for whom, and in which pathway learners show what it says."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$", description="Its id becomes tenant.name.")]
    organisation: Slug
    pathway: Slug
    title: Annotated[str, Field(max_length=200)] = ""
    lenient: bool | None = Field(
        default=None, description="xAPI: tolerate activity ids that are no IRI or missing, and `GroupActivity`."
    )


class KeyIn(Strict):
    """A key of the sender's (whpk_ or whsec_), or none to be given a new secret; all windows are optional."""

    key: Annotated[str | None, Field(max_length=200)] = None
    not_before: Instant | None = None
    not_after: Instant | None = None
    end_others_after_s: Annotated[int | None, Field(ge=0, le=30 * 86400)] = Field(
        default=None, description="For rotation: the keys before this one end so many seconds from now."
    )


class SampleIn(Strict):
    """A mapping and a document such as the source would send."""

    mapping: dict[str, Any]
    sample: Any


@router.post("", status_code=201, responses=problems(SourceExists))
def add_source(body: SourceIn, shared: Shared, caller: Annotated[Caller, Can("sources:manage")]) -> Response:
    """Register a source; repeating it changes nothing."""
    row = shared.sources.add(
        caller.tenant, body.name, body.organisation, body.pathway, body.title, lenient=body.lenient
    )
    return json_response(_told(row), 201)


@router.get("")
def list_sources(shared: Shared, caller: Annotated[Caller, Can("sources:manage")]) -> Response:
    """All sources of the tenant."""
    return json_response({"sources": [_told(row) for row in shared.sources.all_of(caller.tenant)]})


@router.get("/{source}", responses=problems(SourceUnknown))
def get_source(source: str, shared: Shared, caller: Annotated[Caller, Can("sources:manage")]) -> Response:
    """A source, its keys (without what they are made of), its mappings, and how all it sent ended."""
    found = shared.sources.get(source, caller.tenant)
    with shared.database.read() as cursor:
        tally = inbox.tally_of(cursor, source)
    keys = [_told_key(key) for key in shared.sources.keys_of(found)]
    versions = [
        {"version": row.version, "created_at": format_instant(row.created_at)}
        for row in shared.sources.mappings_of(found)
    ]
    return json_response({**_told(found.row), "keys": keys, "mappings": versions, "outcomes": tally})


@router.post(
    "/{source}/keys",
    status_code=201,
    responses=problems(SourceUnknown, WebhookKeyMalformed, TooManyKeys, KeyNeverValid),
)
def add_key(source: str, body: KeyIn, shared: Shared, caller: Annotated[Caller, Can("sources:manage")]) -> Response:
    """Add a key to the source's ring; a secret made here is answered once and never again."""
    found = shared.sources.get(source, caller.tenant)
    if body.key is not None:
        VerifyKey.parse(body.key)
    new = NewKey(body.key, body.not_before, body.not_after, body.end_others_after_s)
    row, secret = shared.sources.add_key(found, new)
    return json_response({**_told_key(row), **({"secret": secret} if secret else {})}, 201)


@router.post(
    "/{source}/mappings", status_code=201, responses=problems(SourceUnknown, MappingRefused, MappingVersionTaken)
)
async def put_mapping(
    source: str, request: Request, shared: Shared, caller: Annotated[Caller, Can("mappings:manage")]
) -> Response:
    """Put a version of the mapping, JSON or YAML; refused with a pointer to everything wrong with it."""
    found = shared.sources.get(source, caller.tenant)
    document = documents.load(await read_body(request, documents.BYTES_MAX))
    compile_mapping(document)
    assert isinstance(document, dict), "what compiled is an object"
    compiled = shared.sources.add_mapping(found, document)
    return json_response({"source": source, "mapping": compiled.label, "version": compiled.document.version}, 201)


@router.get("/{source}/mappings", responses=problems(SourceUnknown))
def list_mappings(source: str, shared: Shared, caller: Annotated[Caller, Can("mappings:manage")]) -> Response:
    """Every version, newest first; the first is the one in use."""
    found = shared.sources.get(source, caller.tenant)
    rows = shared.sources.mappings_of(found)
    versions = [
        {
            "version": row.version,
            "created_at": format_instant(row.created_at),
            "document": orjson.Fragment(row.document),
        }
        for row in rows
    ]
    return json_response({"mappings": versions})


@router.post("/{source}/mappings/try", responses=problems(SourceUnknown, MappingRefused, MalformedJson))
def try_mapping(
    source: str, body: SampleIn, shared: Shared, caller: Annotated[Caller, Can("mappings:manage")]
) -> Response:
    """What a mapping reads from a sample; nothing is stored."""
    found = shared.sources.get(source, caller.tenant)
    compiled = compile_mapping(body.mapping)
    readings = compiled.read(body.sample, source=found.facts, received_at=shared.clock.now())
    return json_response({"mapping": compiled.label, "readings": [told(reading) for reading in readings]})


def _told(row: SourceRow) -> dict[str, Any]:
    said = {"source": row.id, "organisation": row.organisation, "pathway": row.pathway, "title": row.title}
    return {**said, "lenient": row.lenient, "created_at": format_instant(row.created_at)}


def _told_key(key: KeyRow) -> dict[str, Any]:
    ends = format_instant(key.not_after) if key.not_after else None
    return {"key": str(key.id), "scheme": key.scheme, "not_before": format_instant(key.not_before), "not_after": ends}
