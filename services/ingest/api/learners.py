"""Who is meant: the roster, looking a learner up by an identifier, and linking another identifier."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from contracts.envelope import Slug
from services.ingest.api import merging
from services.ingest.api.dependencies import Parts, Shared, json_response
from services.ingest.api.shapes import Strict
from services.ingest.domain.claims import Identifier
from services.ingest.domain.roster import Roster, RosterEnrolment, RosterEntry
from services.ingest.formats.oneroster_roster import read_roster
from services.ingest.formats.roster_csv import RosterRefused, read_roster_csv
from services.ingest.formats.zip_package import PackageRefused
from services.ingest.storage import vault
from services.ingest.use_cases.group_commit import NotDurable, TooBusy
from services.ingest.use_cases.link import IdentifierTaken, LearnerMerged, LearnerUnknown, LinkIdentifier
from services.ingest.use_cases.merge import CorrectLink, IdentifierUnknown, SameLearner
from services.ingest.use_cases.roster import RosterResult, import_roster
from services.runtime.access import Caller, Can
from services.runtime.keys import KeyDestroyed
from services.runtime.limits import BodyTooLarge, MalformedJson, parse_json, read_body
from services.runtime.problems import InvalidRequest, faults_of, problems

router = APIRouter(prefix="/v1", tags=["learners"])
PEOPLE_MAX = 100_000
KEYS_MAX = 2_000_000
Value = Annotated[str, Field(min_length=1, max_length=320)]
Name = Annotated[str | None, Field(max_length=200)]


class EnrolmentIn(Strict):
    """From the first to the last day (inclusive) at an organisation, perhaps in a cohort."""

    organisation: Slug
    cohort: Annotated[str | None, Field(max_length=200)] = None
    begins_on: date | None = None
    ends_on: date | None = None


class PersonIn(Strict):
    """One learner: identifiers by scheme (they link), names and e-mail for the vault, enrolments."""

    identifiers: Annotated[dict[Slug, Value], Field(min_length=1, max_length=20)]
    given_name: Name = None
    family_name: Name = None
    email: Name = None
    enrolments: Annotated[tuple[EnrolmentIn, ...], Field(max_length=50)] = ()


class IdentifierIn(Strict):
    """An identifier of a scheme."""

    scheme: Slug
    value: Value


class LinkIn(IdentifierIn):
    """An identifier to link; where it meant somebody else by mistake, whom, and why it is corrected."""

    corrects: UUID | None = None
    reason: Annotated[str | None, Field(min_length=1, max_length=2000)] = None

    @model_validator(mode="after")
    def _why(self) -> Self:
        if (self.corrects is None) != (self.reason is None):
            raise ValueError("a correction names whom it corrects and the reason; a link has neither")
        return self


class LookupIn(Strict):
    """Identifiers to look up."""

    identifiers: Annotated[list[IdentifierIn], Field(min_length=1, max_length=1000)]


PEOPLE: TypeAdapter[list[PersonIn]] = TypeAdapter(list[PersonIn])


@router.post(
    "/roster", responses=problems(PackageRefused, RosterRefused, BodyTooLarge, MalformedJson, TooBusy, NotDurable)
)
async def put_roster(
    request: Request,
    shared: Shared,
    caller: Annotated[Caller, Can("roster:write")],
    organisation: Annotated[
        Slug | None, Query(description="Where a OneRoster school is enrolled, whatever its id.")
    ] = None,
    link_email: Annotated[bool, Query(description="E-mail addresses identify learners too.")] = False,
) -> Response:
    """A JSON list, CSV or OneRoster ZIP; repeating it changes nothing. What was parked for anyone in it is released."""
    raw = await read_body(request, shared.settings.file_bytes_max, timeout_s=shared.settings.file_timeout_s)
    result = await run_in_threadpool(_import, shared, caller, raw, organisation, link_email)
    return json_response(_told(result))


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
    responses=problems(LearnerUnknown, LearnerMerged, IdentifierTaken, IdentifierUnknown, SameLearner, KeyDestroyed),
)
def link_learner(
    learner: UUID, body: LinkIn, shared: Shared, caller: Annotated[Caller, Can("learners:link")]
) -> Response:
    """The identifier means this learner from now on; what was parked for it is released, in order.

    With `corrects` it meant that learner by mistake, and what came by it moves here.
    """
    identifier = Identifier(body.scheme, body.value)
    if body.corrects is not None and body.reason is not None:
        said = merging.said_by(caller, body.reason)
        return merging.correct(shared, CorrectLink(shared.moving, said, learner, body.corrects, identifier))
    work = LinkIdentifier(shared.linking(caller.tenant), learner, identifier, _teller(caller))
    linked = shared.commits.do(work)
    return json_response({"link": str(linked.link), "released": linked.released}, 201 if linked.new else 200)


def _import(shared: Parts, caller: Caller, raw: bytes, organisation: str | None, link_email: bool) -> RosterResult:
    roster = _read(raw)
    result = RosterResult(faults=[(0, fault) for fault in roster.faults])
    entries = [_adapted(entry, organisation, link_email) for entry in roster.entries if entry.role == "student"]
    return import_roster(shared.commits.do, shared.linking(caller.tenant), entries, _teller(caller), result)


def _read(raw: bytes) -> Roster:
    """By its first bytes: a ZIP, a JSON list, or CSV."""
    if raw.startswith(b"PK\x03\x04"):
        return read_roster(raw)
    if raw.lstrip()[:1] not in {b"[", b"{"}:
        return read_roster_csv(raw)
    try:
        people = PEOPLE.validate_python(parse_json(raw, keys_max=KEYS_MAX))
    except ValidationError as invalid:
        faults = faults_of([{**error, "loc": ("body", *error["loc"])} for error in invalid.errors()])
        raise InvalidRequest(pointer=faults[0].get("pointer"), errors=faults) from None
    return Roster(tuple(_entry(row, person) for row, person in enumerate(people)))


def _entry(row: int, person: PersonIn) -> RosterEntry:
    identifiers = tuple(Identifier(scheme, value) for scheme, value in person.identifiers.items())
    enrolments = tuple(_enrolment(each) for each in person.enrolments)
    names = (person.given_name, person.family_name, person.email)
    return RosterEntry(row, identifiers, "student", *names, enrolments)


def _enrolment(said: EnrolmentIn) -> RosterEnrolment:
    id_ = f"{said.organisation}|{said.cohort or ''}"
    return RosterEnrolment(id_, said.organisation, said.cohort, said.begins_on, said.ends_on)


def _adapted(entry: RosterEntry, organisation: str | None, link_email: bool) -> RosterEntry:
    identifiers = entry.identifiers
    if link_email and entry.email and not any(each.scheme == "email" for each in identifiers):
        identifiers = (*identifiers, Identifier("email", entry.email))
    enrolments = tuple(replace(each, withdrawn=each.withdrawn or entry.withdrawn) for each in entry.enrolments)
    if organisation is not None:
        enrolments = tuple(replace(each, organisation=organisation) for each in enrolments) or (
            RosterEnrolment(organisation, organisation),
        )
    return replace(entry, identifiers=identifiers, enrolments=enrolments)


def _teller(caller: Caller) -> str:
    return caller.person or caller.key_id


def _told(result: RosterResult) -> dict[str, Any]:
    counts = {"registered": result.registered, "linked": result.linked, "enrolled": result.enrolled}
    faults = [{"row": row, "reason": f.reason, "pointer": f.pointer, "detail": f.detail} for row, f in result.faults]
    learners = [str(learner) if learner else None for learner in result.learners]
    return {**counts, "released": result.released, "faults": faults, "learners": learners}
