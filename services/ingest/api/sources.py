"""Registering sources, rotating their keys, and disabling them."""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from contracts.envelope import Slug
from services.ingest.api.dependencies import Shared, json_response
from services.ingest.api.shapes import Instant, Strict
from services.ingest.formats.standard_webhooks import VerifyKey, WebhookKeyMalformed
from services.ingest.storage import inbox
from services.ingest.storage.sources import KeyRow, SourceRow
from services.ingest.use_cases.register import (
    Bounds,
    KeyNeverValid,
    NewKey,
    SourceExists,
    SourceUnknown,
    TooManyKeys,
)
from services.runtime.access import Caller, Can
from services.runtime.clock import format_instant
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
    assesses: Annotated[list[Slug], Field(max_length=100)] | None = Field(
        default=None,
        description="Frameworks whose competencies it may assess; what it says of others is quarantined. "
        "When left out, every framework (or as it was); an empty list, every framework again.",
    )


class EnabledIn(Strict):
    """May the source send?"""

    enabled: bool


class KeyIn(Strict):
    """A key of the sender's (whpk_ or whsec_), or none to be given a new secret; all windows are optional."""

    key: Annotated[str | None, Field(max_length=200)] = None
    not_before: Instant | None = None
    not_after: Instant | None = None
    end_others_after_s: Annotated[int | None, Field(ge=0, le=30 * 86400)] = Field(
        default=None, description="For rotation: the keys before this one end so many seconds from now."
    )


@router.post("", status_code=201, responses=problems(SourceExists))
def add_source(body: SourceIn, shared: Shared, caller: Annotated[Caller, Can("sources:manage")]) -> Response:
    """Register a source; repeating it changes nothing but, when said, `lenient` and `assesses`."""
    assesses = None if body.assesses is None else frozenset(body.assesses)
    bounds = Bounds(body.lenient, assesses)
    row = shared.sources.add(caller.tenant, body.name, body.organisation, body.pathway, body.title, bounds)
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


@router.put("/{source}/enabled", responses=problems(SourceUnknown))
def enable_source(
    source: str, body: EnabledIn, shared: Shared, caller: Annotated[Caller, Can("sources:manage")]
) -> Response:
    """Take what a source sends, or refuse it at every door, from now on; a file taken before is settled anyway."""
    return json_response(_told(shared.sources.enable(shared.sources.get(source, caller.tenant), enabled=body.enabled)))


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


def _told(row: SourceRow) -> dict[str, Any]:
    said = {"source": row.id, "organisation": row.organisation, "pathway": row.pathway, "title": row.title}
    bounds = {"lenient": row.lenient, "assesses": None if row.assesses is None else sorted(row.assesses)}
    disabled_at = format_instant(row.disabled_at) if row.disabled_at else None
    return {**said, **bounds, "created_at": format_instant(row.created_at), "disabled_at": disabled_at}


def _told_key(key: KeyRow) -> dict[str, Any]:
    ends = format_instant(key.not_after) if key.not_after else None
    return {"key": str(key.id), "scheme": key.scheme, "not_before": format_instant(key.not_before), "not_after": ends}
