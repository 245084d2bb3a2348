"""Putting the mappings that read a source, and trying one on a sample before it is used."""

import base64
import binascii
import io
from functools import partial
from typing import Annotated, Any, Self

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field, model_validator

from services.ingest.api.dependencies import Parts, Shared, json_response
from services.ingest.api.shapes import Strict
from services.ingest.formats.file_formats import NoFileFormat
from services.ingest.formats.zip_package import PackageRefused, PackageTooLarge
from services.ingest.mappings import documents
from services.ingest.mappings.compiled import CompiledMapping, MappingRefused, compile_mapping
from services.ingest.use_cases.file_rows import RowReading, sent_to
from services.ingest.use_cases.group_commit import NotDurable, TooBusy
from services.ingest.use_cases.preview import TryRows, first_rows, told, told_of_row
from services.ingest.use_cases.register import MappingMissing, MappingVersionTaken, Source, SourceUnknown
from services.runtime.access import Caller, Can
from services.runtime.clock import format_instant
from services.runtime.limits import read_body
from services.runtime.problems import Refusal, problems
from services.runtime.strict_json import MalformedJson

router = APIRouter(prefix="/v1/sources", tags=["sources"])
SAMPLE_BYTES_MAX = 1024 * 1024
ROWS_TRIED_MAX = 100


class SampleMalformed(Refusal):
    """The beginning of a file is sent in base64."""


class SampleIn(Strict):
    """A mapping, or none for the one in use, and a document as the source would send it or the beginning of a file."""

    mapping: dict[str, Any] | None = None
    sample: Any = None
    file: Annotated[
        str | None, Field(max_length=SAMPLE_BYTES_MAX * 4 // 3 + 4, description="Base64; at most 1 MiB.")
    ] = None
    charset: Annotated[str | None, Field(max_length=40, description="As in the Content-Type of a file.")] = None
    rows: Annotated[int, Field(ge=1, le=ROWS_TRIED_MAX, description="How many of the first rows of a file.")] = 20

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.file is None) == ("sample" not in self.model_fields_set):
            raise ValueError("either sample or file")
        return self


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


TRYING = problems(
    SourceUnknown, MappingRefused, MappingMissing, MalformedJson, SampleMalformed, NoFileFormat, PackageRefused,
    PackageTooLarge, TooBusy, NotDurable,
)  # fmt: skip


@router.post("/{source}/mappings/try", responses=TRYING)
def try_mapping(
    source: str, body: SampleIn, shared: Shared, caller: Annotated[Caller, Can("mappings:manage")]
) -> Response:
    """What a mapping reads from a sample, or what would become of each of a file's first rows; nothing is kept."""
    found = shared.sources.get(source, caller.tenant)
    compiled = found.reader() if body.mapping is None else compile_mapping(body.mapping)
    said = _document(shared, found, compiled, body) if body.file is None else _file(shared, found, compiled, body)
    return json_response({"mapping": compiled.label, "readings": said})


def _document(shared: Parts, source: Source, mapping: CompiledMapping, body: SampleIn) -> list[dict[str, Any]]:
    readings = mapping.read(body.sample, source=source.facts, received_at=shared.clock.now())
    return [told(reading) for reading in readings]


def _file(shared: Parts, source: Source, mapping: CompiledMapping, body: SampleIn) -> list[dict[str, Any]]:
    try:
        raw = base64.b64decode(body.file or "", validate=True)
    except binascii.Error:
        raise SampleMalformed(pointer="/file") from None
    reading = RowReading(source, mapping, shared.tags.of(source.row.tenant), shared.clock.now())
    origin, items = first_rows(
        reading, sent_to(mapping, partial(io.BytesIO, raw), body.charset and body.charset.lower()), body.rows
    )
    settled = shared.commits.do(TryRows(origin, items, shared.settle))
    return [told_of_row(item, end) for item, end in zip(items, settled, strict=True)]
